"""Studies of the tests."""

from pathlib import Path

from rebnet.flow.points import known
from rebnet.sweep.study import Study, read_study

NETWORK = "8x8x1 - D16(8,16) - D10(2,8)"


def study(folder: Path, text: str) -> Study:
    """The study that a text is."""
    path = folder / "study.toml"
    path.write_text(text)
    return read_study(path, known())
