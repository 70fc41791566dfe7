"""A simulator is built the same whatever the names of folders and the user's environment are, by two at once too."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from rebnet.generate.rtl import TOP_NAME, generated
from rebnet.simulate.build import build_simulator

pytestmark = pytest.mark.rtl
MISLEADING = {
    "VERILATOR_ROOT": "/nowhere",
    "MAKEFLAGS": "n",
    "CXXFLAGS": "--no-such-flag",
    "CPATH": "/nowhere",
    "GCC_EXEC_PREFIX": "/nowhere/",
    "COMPILER_PATH": "/nowhere",
    "LIBRARY_PATH": "/nowhere",
    "LD_LIBRARY_PATH": "/nowhere",
    "DEPENDENCIES_OUTPUT": "dependencies",
    "PERL5LIB": "/nowhere",
    "PYTHONHOME": "/nowhere",
}


def test_any_path_any_environment_and_two_at_once(compiled, tmp_path, monkeypatch):
    place = tmp_path / "a b#c$(d)'e\";touch f;`g`"
    (place / "tmp").mkdir(parents=True)
    (place / "bin").mkdir()
    for tool in ("g++", "as", "ld"):  # no make, perl, python or shell
        (place / "bin" / tool).symlink_to(shutil.which(tool))
    for name, value in {**MISLEADING, "PATH": str(place / "bin"), "TMPDIR": str(place / "tmp")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    sources = generated(compiled).sources
    with ThreadPoolExecutor(2) as pool:
        ways = [pool.submit(build_simulator, place / "cache", sources, TOP_NAME, optimize="-O0") for _ in range(2)]
        first, second = (way.result() for way in ways)
    assert first == second
    assert first.parent == place / "cache"
    assert list((place / "tmp").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [place.name]
    stopped = subprocess.run([first], capture_output=True, text=True, check=False)
    assert "--images" not in stopped.stdout  # it starts, and misses its options
    monkeypatch.setattr("rebnet.simulate.build.compile_units", None)
    assert build_simulator(place / "cache", sources, TOP_NAME, optimize="-O0") == first


def test_what_was_built_for_a_quicker_run_serves_too(tmp_path, monkeypatch):
    def compiled(tools, folder, place, optimize, **options):
        (place / "simulator").write_text(optimize)

    monkeypatch.setattr("rebnet.simulate.build.verilate", lambda *options: None)
    monkeypatch.setattr("rebnet.simulate.build.compile_units", compiled)
    asked = ("-O0", "-Og", "-O0", "-O3", "-Og")
    built = [build_simulator(tmp_path / "cache", {"a.sv": ""}, "a", optimize=way).read_text() for way in asked]
    assert built == ["-O0", "-Og", "-Og", "-O3", "-O3"]
