"""No converter is ever the slowest part, and every folding reaches the bound of its slowest layer."""

from itertools import product

import numpy as np
import pytest
from tests.fold.chains import KINDS, draw_chain

from rebnet.fold.timing.cycle_model import pace, run
from rebnet.fold.timing.depths import ample_depths, size_fifos
from rebnet.fold.timing.pace import Pace
from rebnet.fold.timing.process import Process
from rebnet.fold.timing.processes import _Builder
from rebnet.fold.timing.schedule import Schedule
from rebnet.stages.converter import Converter


def counted(shape: Converter, vectors: int) -> tuple[list[int], list[int]]:
    """Cycles in which words come in and go out, from a count of units as the module keeps it, cycle by cycle."""
    ins: list[int] = []
    outs: list[int] = []
    units = now = 0
    while len(outs) < vectors * shape.out_words:
        push = units < shape.ready_units and len(ins) < vectors * shape.in_words
        if units >= shape.out_units:
            outs.append(now)
            units -= shape.out_units
        if push:
            ins.append(now)
            units += shape.in_units
            if len(ins) % shape.in_words == 0:
                units -= shape.in_units - shape.last_units
                units = -(-units // shape.out_units) * shape.out_units
        now += 1
    return ins, outs


ANY = draw_chain("dense", 0)


def processes(shape: Converter) -> tuple[Process, Process]:
    """A source of words and what the converter makes of them."""
    builder = _Builder(ANY, 1, {}, changed=False)
    words = builder.add("words", np.ones(shape.in_words, np.int64), start=True)
    return words, builder.converter(shape, words)


@pytest.mark.parametrize("elements_in", range(1, 14))
def test_converters_take_or_give_a_word_every_cycle(elements_in: int) -> None:
    """Between a source and a sink that never wait, as a schedule and as a count of units."""
    for elements_out, vector in product(range(1, 14), range(1, 40)):
        shape = Converter("converter", 1, elements_in, elements_out, vector)
        own = processes(shape)
        fewest = max(shape.in_words, shape.out_words)
        assert Pace(own, fewest).solve() is None, shape
        times = Schedule([own] * 12).times
        assert tuple(list(map(int, each)) for each in times) == counted(shape, 12), shape


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(60))
def test_every_folding_reaches_its_bound(kind: str, seed: int) -> None:
    accelerator = draw_chain(kind, seed, wide=True)
    for depths in (ample_depths(accelerator), size_fifos(accelerator)):
        for m in accelerator.served:
            bound = accelerator.bound_cycles(m)
            assert pace(accelerator, m, depths) == (bound, ()), (accelerator, depths, m)
            finish = run(accelerator, [m] * 30, depths).finish
            assert finish[-1] - finish[-7] == 6 * bound, (accelerator, depths, m)
