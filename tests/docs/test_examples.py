"""The examples run, as a user would run them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT


@pytest.mark.rtl
def test_own_network(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "own_network.py"), str(tmp_path / "own")]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    accuracy = float(lines[0].split()[2])
    assert accuracy > 90
    assert lines[1].startswith("accelerator: one image every 96 cycles")
    if shutil.which("g++"):
        assert lines[2] == "RTL: 0 mismatches, 96.0 cycles per image"
