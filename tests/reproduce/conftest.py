"""Records of trainings that nobody ran."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rebnet.files import write_record
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.reproduce.published import NETWORKS
from rebnet.reproduce.records import Run, read_run
from rebnet.reproduce.target import Reproduction

TRAINING = {
    "network": NETWORKS["mnist"][1],
    "dataset": "mnist",
    "levels": 2,
    "input_bits": 8,
    "seed": 3,
    "epochs": 2,
    "curve": [{"epoch": 1, "validation_accuracy": 90.5}, {"epoch": 2, "validation_accuracy": 96}],
    "test_accuracy": 97.25,
    "validation_accuracy": 97.5,
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """`folder(name, **changes)`: a folder with a training.json."""

    def make(name: str, **changes: object) -> Path:
        write_record(tmp_path / name / "training.json", {**TRAINING, **changes})
        return tmp_path / name

    return make


@pytest.fixture
def run(folder: Callable[..., Path]) -> Callable[..., Run]:
    """`run(name, **changes)`: what is read from such a folder."""
    return lambda name, **changes: read_run(folder(name, **changes), bound_cycles)


def panels(made: Reproduction) -> list[Axes]:
    """The panels of its picture."""
    canvas = Figure()
    made.draw(canvas)
    return canvas.axes


def lines(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Points of every line with a name."""
    named = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    return {str(line.get_label()): list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in named}
