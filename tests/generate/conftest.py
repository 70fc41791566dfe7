"""Golden text: `REFRESH_GOLDEN=1 pytest tests/generate` writes it anew; `git diff` then shows what changed."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.ir.networks import exported

from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower

FOLDER = Path(__file__).parents[1] / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """`golden(name, text)`: equal to tests/golden/NAME, or a unified diff."""

    def check(name: str, text: str) -> None:
        path = FOLDER / name
        if os.environ.get("REFRESH_GOLDEN"):
            path.write_text(text)
        diff = difflib.unified_diff(
            path.read_text().splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm=""
        )
        difference = "\n".join(diff)
        if difference:
            pytest.fail(f"{difference}\nif this is meant: REFRESH_GOLDEN=1 pytest tests/generate", pytrace=False)

    return check


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build with RTL, of two dense layers and two levels."""
    storage.save(lower(exported(1, 2, 8, (4, 2, 1), (6, 5), 4)), tmp_path / "build")
    fold(tmp_path / "build")
    generate(tmp_path / "build")
    return tmp_path / "build"
