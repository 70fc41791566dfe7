"""S is what `train --width` was given."""

import pytest

from rebnet.ir.notation import parse
from rebnet.nn.networks import architecture, widen
from rebnet.reproduce.widths import scale


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.75, 1, 1.1, 1.5, 2, 3])
@pytest.mark.parametrize("name", ["arch-1", "arch-2", "arch-3"])
def test_the_factor_comes_back(name, factor):
    assert scale(widen(architecture(name), factor), architecture(name)) == factor


@pytest.mark.parametrize(
    "text",
    [
        "28x28x1 - D16 - D20 - D10",  # hidden layers grow differently
        "28x28x1 - D16 - D10",
        "28x28x1 - D16 - D16 - D9",
        "14x14x1 - D16 - D16 - D10",
        "28x28x1 - C16 - D16 - D10",
    ],
)
def test_another_network(text):
    assert scale(parse(text), parse("28x28x1 - D8(2,4) - D8 - D10")) is None


def test_other_windows():
    assert scale(parse("8x8x1 - C8:5x5 - D4"), parse("8x8x1 - C8 - D4")) is None


def test_no_hidden_layer():
    assert scale(parse("8x8x1 - D10"), parse("8x8x1 - D10(2,2)")) == 1
