"""No converter is ever the slowest part, and every folding reaches the bound of its slowest layer."""

import itertools
import math

import numpy as np
import pytest

from networks.draw import draw_foldings, draw_network
from rebnet.fold import samples_per_beat
from rebnet.fold.cycle_model import ConverterState, keeps_pace
from rebnet.fold.depths import full_depths, size_fifos
from rebnet.rtl.geometry import Converter, accelerator_of


def cycles_per_vector(shape: Converter, vectors: int = 40, skip: int = 10) -> float:
    """Cycles per vector of one converter between a source and a sink that never wait."""
    state, outputs, finish = ConverterState(shape), 0, []
    per_vector = math.ceil(shape.vector / shape.elements_out)
    for cycle in itertools.count():
        pop, push = state.valid(), state.ready(1)
        state.tick(push, pop, 1)
        outputs += pop
        if pop and outputs % per_vector == 0:
            finish.append(cycle)
        if len(finish) == vectors:
            return (finish[-1] - finish[skip]) / (vectors - 1 - skip)
    raise AssertionError


@pytest.mark.parametrize("elements_in", range(1, 14))
def test_converters_take_or_give_a_word_every_cycle(elements_in: int) -> None:
    for elements_out, vector in itertools.product(range(1, 14), range(1, 40)):
        fewest = max(math.ceil(vector / elements_in), math.ceil(vector / elements_out))
        shape = Converter(elements_in, elements_out, vector)
        assert cycles_per_vector(shape) == fewest, shape


@pytest.mark.parametrize("seed", range(40))
def test_every_folding_reaches_its_bound(seed: int) -> None:
    rng = np.random.default_rng([seed, 7])
    network = draw_network(rng, seed)
    foldings = draw_foldings(rng, network)
    accelerator = accelerator_of(network, foldings, samples_per_beat(accelerator_of(network, foldings, 1)))
    for depths in (full_depths(accelerator), size_fifos(accelerator)):
        for m in network.served:
            assert keeps_pace(accelerator, m, depths, accelerator.bound_cycles(m)), (accelerator, depths, m)
