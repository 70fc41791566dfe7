"""Outside tools that tests write themselves: programs on PATH, and Yosys replaced by a function."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rebnet.files import file_hash, write_record
from rebnet.records import RESOURCES
from rebnet.synthesize import child, yosys


def write_tool(folder: Path, name: str, code: str) -> None:
    """A program `name` in `folder` that runs Python `code`."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(0o755)


def use_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Programs of `folder` alone are found."""
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", str(folder))


def replace_yosys(monkeypatch: pytest.MonkeyPatch, error: str = "") -> list[Sequence[str]]:
    """Yosys that does nothing, or fails; returns the list of the commands that it gets."""
    seen: list[Sequence[str]] = []

    def run(commands: Sequence[str], folder: Path, *, cwd: Path, **options: object) -> None:
        seen.append(commands)
        assert folder.is_absolute()  # the child runs elsewhere
        sources = next(line for line in commands if line.startswith("read_verilog -sv")).split()[3:]
        assert [name for name in sources if not (cwd / name).is_file()] == []
        (folder / yosys.LOG).write_text(f"ERROR: {error}\n" if error else "fine\n")
        if error:
            raise child.ChildFailedError(error)
        (cwd / "device.json").write_text("{}")

    monkeypatch.setattr(yosys, "run", run)
    monkeypatch.setattr(yosys, "version", lambda: "Yosys 0")
    return seen


def write_synthesis(build: Path, board: str, **changes: object) -> None:
    """What `rebnet synthesize` leaves before place and route."""
    counts = dict.fromkeys(RESOURCES, 1)
    record = {
        "part": board, "board": board, "tool": "Yosys 1", "fits": True, "shortages": [], "boards_that_fit": [board],
        "total": counts, "device": counts, **changes,
    }  # fmt: skip
    write_record(build / "synthesis.json", {"inputs": {"ports": file_hash(build / "ports.json")}, **record})


def tree(folder: Path) -> set[str]:
    """Names of everything in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def read(build: Path) -> dict:
    return json.loads((build / "synthesis.json").read_text())
