"""The command line as a user calls it, and builds of a small network."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.simulate.builds import build, compiled, ready, run_folder, shared, simulated

from rebnet.cli import main, signals

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]


@pytest.fixture
def rebnet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`rebnet(*arguments)`: exit code, stdout and stderr of the real command line; no data sets but those named."""
    monkeypatch.delenv("REBNET_DATA_DIR", raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rebnet", *map(str, arguments)])
        monkeypatch.setattr(signals, "heed", lambda: None)  # the signals are the test runner's
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """`start(*arguments, NAME=value)`: the command line in a process of its own, with these environment variables.

    It heeds Ctrl-C also where the test runner itself was started in the background and ignores it.
    """
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from rebnet.cli import main; main()"

    def call(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    return call


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def refuse(rebnet: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Callable[..., None]:
    """`refuse(message, *arguments)`: exit code 2, exactly this message, nothing printed, no file changed."""

    def check(message: str, *arguments: object) -> None:
        before = files_in(tmp_path)
        code, out, err = rebnet(*arguments)
        assert err.strip()[-len(message) - 8 :] == f"rebnet: {message}"
        assert "Traceback" not in err
        assert (code, out) == (2, "")
        assert files_in(tmp_path) == before

    return check
