"""Cycles of a text are those of the accelerator that the compiler makes from it."""

import pytest
from tests.ir.networks import from_text

from rebnet import records, zoo
from rebnet.fold import samples_per_beat
from rebnet.fold.search.choose import choose
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.ir import storage
from rebnet.ir.notation import parse
from rebnet.nn.networks.arch_3 import TEXT as ARCH_3
from rebnet.stages.accelerator import accelerator_of

TEXTS = (
    "8x8x1 - D12(5,16) - D9(2,5) - D10(3,4)",
    "8x8x3 - C5(5,27,3) - MP2 - C7(3,11,2):2x2/2 - D8(8,7,1) - D4(1,8)",
    "9x9x1 - D2(2,81) - D3(3,2)",
    "6x6x2 - C4(1,3):3x3+same - D10(2,9)",
)


def compiled(network):
    foldings = choose(network, "paper", None)
    serial = accelerator_of(network, foldings, 1)
    return accelerator_of(network, foldings, samples_per_beat(serial)).bound_cycles(network.levels)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("text", TEXTS)
def test_texts(text, levels):
    network = from_text(text, levels=levels)
    assert bound_cycles(parse(text), levels, network.input.bits) == compiled(network)


@pytest.mark.parametrize("name", zoo.OF_THE_PAPER)
def test_zoo(name):
    network = storage.load(zoo.folder(name))
    text = records.read_any(zoo.folder(name) / "training.json")["network"]
    assert bound_cycles(parse(text), network.levels, network.input.bits) == compiled(network)


def test_arch_3():
    assert bound_cycles(parse(ARCH_3), 1, 8) == 185_856


def test_an_open_folding():
    assert bound_cycles(parse("8x8x1 - D12(5,16) - D10"), 1, 8) is None
