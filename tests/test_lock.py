"""The locks: they hold all that is required, agree with the constraints, and pip refuses any other file."""

import os
import subprocess
import sys
import tomllib
import zipfile
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def tool(name):
    spec = spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = sys.modules[name] = module_from_spec(spec)  # `licences` imports `lock`
    spec.loader.exec_module(module)
    return module


lock = tool("lock")
licences = tool("licences")
LOCKED = {name: lock.read((ROOT / name).read_text()) for name in (lock.LOCK, lock.CPU_LOCK, lock.INDEX_LOCK)}
VERSIONS = lock.pinned((ROOT / lock.CONSTRAINTS).read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def direct():
    """Every requirement that pyproject.toml states and `make install` meets."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
    lines += [line for extra in extras if extra not in ("all", "benchmark", "sweep") for line in extras[extra]]
    return [Requirement(line) for line in lines]


def everything():
    """The names of these and of all that they require in turn, as far as it is installed."""
    left = [(r.name, frozenset(r.extras)) for r in direct()]
    seen = set()
    while left:
        item = left.pop()
        if item in seen:
            continue
        seen.add(item)
        try:
            lines = distribution(item[0]).requires or ()
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, lines):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *item[1])):
                left.append((requirement.name, frozenset(requirement.extras)))
    return {canonicalize_name(name) for name, _ in seen}


def test_everything_that_is_required_is_locked_at_a_version_that_is_allowed():
    entries = LOCKED[lock.LOCK] | LOCKED[lock.INDEX_LOCK]
    assert everything() - entries.keys() == set()
    assert [str(r) for r in direct() if entries[canonicalize_name(r.name)].version not in r.specifier] == []


def test_locks_and_constraints_agree():
    locked = {name: entry.version for name, entry in LOCKED[lock.LOCK].items()}
    assert locked == {name: VERSIONS.get(name) for name in locked}
    assert LOCKED[lock.INDEX_LOCK]["torch"].version == VERSIONS["torch"]
    assert {n: e.version for n, e in LOCKED[lock.CPU_LOCK].items()} == {"torch": VERSIONS["torch"] + "+cpu"}


@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_is_what_its_entries_print(name):
    assert (ROOT / name).read_text() == lock.HEADS[name] + "".join(f"{entry}\n" for entry in LOCKED[name].values())
    assert all(len(digest) == 64 for entry in LOCKED[name].values() for digest in entry.hashes)


RESOLVED = """\
# made by uv
Some_Tool==2.0 \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via rebnet (pyproject.toml)
torch==1.0 \\
    --hash=sha256:cc
    # via rebnet (pyproject.toml)
gpu-library==3 ; sys_platform == 'linux' \\
    --hash=sha256:dd
    # via torch
colours==4 ; sys_platform == 'win32' \\
    --hash=sha256:ee
    # via some-tool
"""


def test_what_is_resolved_is_split_into_locks():
    locks = lock.split(lock.read(RESOLVED), {"some-tool": "2.0", "torch": "1.0"})
    assert {name: "".join(f"{e}\n" for e in entries.values()) for name, entries in locks.items()} == {
        lock.LOCK: "some-tool==2.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n",
        lock.INDEX_LOCK: "gpu-library==3 ; sys_platform == 'linux' \\\n    --hash=sha256:dd\n"
        "torch==1.0 \\\n    --hash=sha256:cc\n",
    }


def test_what_no_constraint_names_is_refused():
    with pytest.raises(ValueError, match=r"^some-tool==2.0, required by rebnet \(pyproject.toml\), is not in"):
        lock.split(lock.read(RESOLVED), {"torch": "1.0"})


def test_a_line_without_a_hash_is_refused():
    with pytest.raises(ValueError, match=r"^'some-tool==2.0' is not NAME==VERSION with SHA-256 hashes$"):
        lock.read("some-tool==2.0\n")


def test_hashes_stay_while_the_version_stays():
    old = lock.read("a==1 --hash=sha256:aa\nb==1 --hash=sha256:bb\n")
    new = lock.read("a==1 --hash=sha256:cc\nb==2 --hash=sha256:dd\n")
    assert {n: e.hashes for n, e in lock.with_old(new, old).items()} == {"a": {"aa", "cc"}, "b": {"dd"}}


def printed(*arguments):
    """What `make` would run, whatever make this test runs in."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    }
    command = ["make", "-n", "-B", f"BIN={Path(sys.executable).parent}", "install", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_only_an_empty_lock_installs_without_hashes():
    lines = [line for line in printed().splitlines() if "/pip install" in line]
    assert [("--require-hashes" in line, "-e ." in line) for line in lines] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert "--no-deps --no-build-isolation -e ." in lines[-1]
    assert "--require-hashes" not in printed("LOCK=")
    assert "-c constraints.txt" in printed("LOCK=")


def test_a_file_with_another_hash_is_refused(tmp_path):
    wheel = tmp_path / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("tiny_thing.py", "")
        file.writestr("tiny_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        file.writestr(
            "tiny_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    listed = tmp_path / "tiny.lock"
    line = next(
        line for line in printed(f"LOCK={listed}").splitlines() if str(listed) in line and "/pip install" in line
    )

    def install(digest):
        listed.write_text(f"{lock.Entry('tiny-thing', '1.0', '', frozenset({digest}))}\n")
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
        environment = os.environ | offline | {"PIP_TARGET": str(tmp_path / "target")}
        return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)

    refused = install("0" * 64)
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert refused.stderr.endswith("'make install LOCK=' takes the same versions unchecked\n")
    assert not (tmp_path / "target").exists()
    assert install(sha256(wheel.read_bytes()).hexdigest()).returncode == 0
    assert (tmp_path / "target" / "tiny_thing.py").is_file()


def test_the_page_of_licences_lists_what_is_locked():
    page = (ROOT / "docs" / "reference" / "licences.md").read_text()
    assert page.startswith(licences.HEAD)
    rows = dict(zip(licences.names(), page.removeprefix(licences.HEAD).splitlines(keepends=True), strict=True))
    for name, row in rows.items():
        try:
            assert row == licences.row(name)
        except PackageNotFoundError:
            assert row.startswith(f"| {name} | ")
