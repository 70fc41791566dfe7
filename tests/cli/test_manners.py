"""What all verbs share: --json, --quiet, --verbose, --version, completion, and help that comes at once."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rebnet.cli.app import SHARED, app
from rebnet.cli.common import speak
from rebnet.processes import child


def document(out: str):
    """The one JSON document that is all of stdout."""
    return json.loads(out)


def test_json(rebnet, build, run_folder, tmp_path):
    for verb in (
        ("compile", run_folder, "--output", tmp_path / "out"),
        ("evaluate", build, "--dataset", "digits"),
        ("generate", build, "--target", "c"),
        ("report", build),
        ("reproduce", "figure9", "--output", tmp_path / "figure"),
        ("list", "zoo"),
    ):
        plain = rebnet(*verb)
        code, out, _ = rebnet(*verb, "--json")
        assert (code, plain[0]) == (0, 0)
        assert document(out)
        with pytest.raises(json.JSONDecodeError):
            document(plain[1])
    assert document(rebnet("evaluate", build, "--dataset", "digits", "--json")[1])["images"] == 360
    folding = json.loads((tmp_path / "out" / "folding.json").read_text())
    weights = json.loads((tmp_path / "out" / "network.json").read_text())["weight_bytes"]
    again = document(rebnet("compile", run_folder, "--output", tmp_path / "out", "--json")[1])
    assert again == {"weight_bytes": weights, **folding}


def test_json_of_a_refusal(rebnet, tmp_path):
    code, out, err = rebnet("report", tmp_path, "--json")
    assert (code, out) == (2, "")
    assert err == f"rebnet: {tmp_path}: holds no network.json; name a folder that 'rebnet compile' made\n"


def test_quiet(rebnet, build, run_folder, tmp_path):
    assert rebnet("evaluate", build, "--dataset", "digits")[2].startswith("evaluating\n")
    code, out, err = rebnet("evaluate", build, "--dataset", "digits", "-q")
    assert (code, err) == (0, "")
    assert "accuracy" in out
    code, out, err = rebnet("compile", run_folder, "--output", tmp_path / "out", "--quiet")
    assert (code, err) == (0, "")
    code, out, err = rebnet("compile", tmp_path / "none", "--output", tmp_path / "out", "--quiet")
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_quiet_and_verbose(rebnet):
    message = "rebnet: --quiet and --verbose: say the opposite; leave one out\n"
    assert rebnet("list", "boards", "-q", "-v") == (2, "", message)


def test_a_manner_lasts_for_one_verb(rebnet, build):
    assert rebnet("evaluate", build, "--dataset", "digits", "--json", "-q")[2] == ""
    assert rebnet("evaluate", build, "--dataset", "digits")[2].startswith("evaluating\n")


def test_every_verb_takes_them():
    for command in app.registered_commands:
        assert set(SHARED) <= set(command.callback.__signature__.parameters), command.name


def test_version(rebnet):
    from importlib.metadata import version

    assert rebnet("--version") == (0, f"rebnet {version('rebnet')}\n", "")


def completed(words: str) -> set[str]:
    """What a shell is told for the last of these words."""
    ended = subprocess.run(
        [sys.executable, "-m", "rebnet"], capture_output=True, text=True, check=False,
        env={**os.environ, "_REBNET_COMPLETE": "complete_bash", "COMP_WORDS": words,
             "COMP_CWORD": str(len(words.split(" ")) - 1)},
    )  # fmt: skip
    assert ended.stderr == ""
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("rebnet re", {"retrain", "report", "reproduce"}),
        ("rebnet compile --board ulx3s-8", {"ulx3s-85"}),
        ("rebnet evaluate x --dataset mn", {"mnist"}),
        ("rebnet list par", {"parts"}),
    ],
)
def test_completion(words, found):
    assert completed(words) == found


_MODULES = """
import sys
import tempfile
sys.argv = ["rebnet", *sys.argv[1:]]
from rebnet.cli import main
try:
    main()
except SystemExit:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["--version"],
        ["list", "boards"],
        ["compile", "x", "--until", "never"],
        ["nothing"],
    ],
    ids=" ".join,
)
def test_help_and_wrong_usage_import_next_to_nothing(arguments, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", _MODULES, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    modules = set(ended.stderr.split())
    assert "rebnet.cli.app" in modules
    assert not {"numpy", "torch", "safetensors", "matplotlib", "scipy", "pooch"} & modules


def test_a_file_is_not_a_folder(refuse, tmp_path):
    (tmp_path / "file").write_text("mine")
    refuse(
        f"{tmp_path}/file: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
        "zoo:mnist-arch-1-m1",
        "compile", tmp_path / "file", "--output", tmp_path / "out",
    )  # fmt: skip


def test_homes(refuse, rebnet, run_folder, tmp_path, monkeypatch):
    """`~` in any path, as `--output=~/x` and `npz:~/x`, which no shell expands."""
    unknown = "~nosuchuser/x: there is no such user; write the whole path of what is here under this name"
    refuse(unknown, "compile", run_folder, "--output", "~nosuchuser/x")
    refuse(unknown, "compile", "~nosuchuser/x", "--output", tmp_path / "out")
    refuse(unknown, "evaluate", "~nosuchuser/x", "--dataset", "digits")
    refuse(unknown, "evaluate", run_folder, "--dataset", "digits", "--data-dir", "~nosuchuser/x")
    refuse(unknown, "evaluate", run_folder, "--dataset", "npz:~nosuchuser/x")
    refuse(unknown, "report", run_folder, "--output", "~nosuchuser/x")
    refuse(unknown, "generate", run_folder, "--target", "c", "--output", "~nosuchuser/x")
    refuse(unknown, "reproduce", "figure9", "--output", "~nosuchuser/x")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert rebnet("compile", run_folder, "--output", "~/build")[0] == 0
    assert (tmp_path / "home" / "build" / "network.json").is_file()
    assert rebnet("evaluate", "~/build", "--dataset", "digits")[0] == 0


def test_paths_that_no_system_takes(refuse, run_folder, tmp_path):
    long = "/".join(["d" * 200] * 25)
    message = f"{'d' * 30}… (5024 characters): is longer than the system takes; use a shorter path"
    refuse(message, "compile", run_folder, "--output", long)
    refuse(message, "evaluate", long, "--dataset", "digits")
    refuse(message, "evaluate", run_folder, "--dataset", f"npz:{long}")
    name = tmp_path / ("n" * 256)
    shown = f"{str(name)[:30]}… ({len(str(name))} characters)"
    refuse(f"{shown}: is longer than the system takes; use a shorter path", "compile", run_folder, "--output", name)


def test_an_output_that_is_a_link(rebnet, run_folder, tmp_path):
    """What it names gets the build, be it there, an older build, or not there yet."""
    disk, link = tmp_path / "disk" / "big", tmp_path / "out"
    link.symlink_to(disk)
    for _ in range(2):
        assert rebnet("compile", run_folder, "--output", link)[0] == 0
        assert link.readlink() == disk
        assert (disk / "ports.json").is_file()
    assert [path.name for path in disk.parent.iterdir()] == ["big"]
    page = tmp_path / "page.html"
    page.symlink_to(tmp_path / "disk" / "page.html")
    assert rebnet("report", disk, "--output", page)[0] == 0
    assert page.is_symlink()
    assert (tmp_path / "disk" / "page.html").is_file()


def test_a_link_to_what_is_no_build(refuse, run_folder, tmp_path):
    folder, link = tmp_path / "thesis", tmp_path / "out"
    folder.mkdir()
    (folder / "chapter").write_text("mine")
    link.symlink_to(folder)
    message = f"{folder}: holds files but no build, and would be replaced; name another --output"
    refuse(message, "compile", run_folder, "--output", link)


@pytest.mark.parametrize(
    ("mask", "file", "folder"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775), (0o022, 0o644, 0o755)]
)
def test_the_umask_is_kept(rebnet, run_folder, tmp_path, mask, file, folder):
    out = tmp_path / "out"
    before = os.umask(mask)
    try:
        assert rebnet("compile", run_folder, "--output", out)[0] == 0
        assert rebnet("evaluate", out, "--dataset", "digits")[0] == 0
        assert rebnet("generate", out, "--target", "c")[0] == 0
        assert rebnet("report", out)[0] == 0
    finally:
        os.umask(before)
    paths = [out, *out.rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_file()} == {oct(file)}
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_dir()} == {oct(folder)}


def test_places_that_hold_too_much(refuse, run_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("mine")
    rule = "is the current folder or holds it, and would be replaced; name another --output"
    for place in ("/", Path.cwd(), Path.cwd().parent):
        refuse(f"{place}: {rule}", "compile", run_folder, "--output", place)
    message = f"{tmp_path}/home: holds files but no build, and would be replaced; name another --output"
    refuse(message, "compile", run_folder, "--output", "~")


def test_a_build_that_cannot_be_written_is_refused_first(refuse, build, monkeypatch):
    def full(**_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr("rebnet.datasets.load", None)  # not reached
    message = f"{build}: no permission to write here; name another --output or change its permissions"
    refuse(message, "evaluate", build, "--dataset", "digits")
    refuse(message, "simulate", build, "--dataset", "digits")
    refuse(message, "synthesize", build, "--part", "xc7s50")


def test_verbose_shows_what_runs(capfd):
    speak(json=False, quiet=False, verbose=True)
    with child(["true", "a b"]) as process:
        process.wait()
    assert capfd.readouterr().err == "running: true 'a b'\n"
    speak(json=False, quiet=False, verbose=False)
    with child(["true"]) as process:
        process.wait()
    assert capfd.readouterr() == ("", "")
