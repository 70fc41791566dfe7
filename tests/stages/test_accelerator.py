"""The chain of a network: windows and pools never hold up the layers they feed, and are no wider than that takes."""

import math

import numpy as np
import pytest
from tests.networks.draw import draw_conv_network, draw_foldings, draw_network

from rebnet.ir.ops import Conv, MaxPool
from rebnet.stages.accelerator import Accelerator, accelerator_of, layer_bound
from rebnet.stages.converter import Converter
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.window import WindowUnit


def draw_chain(seed: int) -> tuple[Accelerator, int]:
    """The chain of a random network with convolutions, and the number of its convolutions and pools."""
    rng = np.random.default_rng([seed, 3])
    network = draw_conv_network(rng, seed)
    windows = sum(isinstance(op, Conv | MaxPool) for op in network.ops)
    return accelerator_of(network, draw_foldings(rng, network), 2 ** int(rng.integers(0, 6))), windows


def legal_words(unit: WindowUnit) -> list[int]:
    return [word for word in range(1, unit.channels_in + 1) if unit.channels_in % word == 0]


def like(unit: WindowUnit, word: int, reads: int, writes: int) -> WindowUnit:
    return WindowUnit(
        unit.name, unit.window, unit.height, unit.width, unit.channels_in, unit.planes, unit.pool, word, reads, writes
    )


@pytest.mark.parametrize("seed", range(300))
def test_windows_and_pools_keep_up(seed: int) -> None:
    accelerator, windows = draw_chain(seed)
    pace = layer_bound(accelerator.layers, accelerator.served)
    units = [stage for stage in accelerator.stages if isinstance(stage, WindowUnit)]
    layers = {layer.name: layer for layer in accelerator.layers}
    assert len(units) == windows
    for unit in units:
        assert unit.channels_in % unit.word == 0
        assert unit.map_writes <= pace
        assert unit.read_cycles <= pace
        vector = min(layers[unit.name].vector_cycles(m) for m in accelerator.served)
        assert unit.pool or unit.beats <= vector

        def keeps_up(other: WindowUnit, vector: int = vector) -> bool:
            return other.map_writes <= pace and (other.read_cycles <= pace if other.pool else other.beats <= vector)

        narrower = [like(unit, word, 1, 1) for word in legal_words(unit) if word < unit.word]
        narrower += [like(unit, unit.word, reads, unit.writes) for reads in range(1, unit.reads)]
        narrower += [like(unit, unit.word, unit.reads, unit.writes // 2)] if unit.writes > 1 else []
        assert not any(keeps_up(other) for other in narrower), unit


@pytest.mark.parametrize("seed", range(300))
def test_every_stage_takes_the_words_of_the_one_before(seed: int) -> None:
    accelerator, _ = draw_chain(seed)
    elements, planes, total = accelerator.samples_per_beat, accelerator.layers[0].levels_in, accelerator.samples
    for stage in accelerator.stages:
        match stage:
            case Converter():
                assert (stage.elements_in, stage.planes) == (elements, planes)
                elements = stage.elements_out
            case WindowUnit():
                assert (stage.word * stage.writes, stage.planes) == (elements, planes)
                assert stage.height * stage.width * stage.channels_in == total
                elements = stage.word * (1 if stage.pool else stage.reads)
                total = math.prod(stage.out_shape) * stage.channels_in * (1 if stage.pool else stage.window.area)
            case Mvtu():
                assert (stage.simd, stage.levels_in) == (elements, planes)
                assert stage.vectors * stage.cols == total
                elements, planes, total = stage.drain, stage.levels_out, stage.vectors * stage.rows
    assert total == accelerator.beats_out
    names = [buffer.name for buffer in accelerator.buffers]
    assert len(set(names)) == len(names)


def test_a_dense_chain_has_no_windows() -> None:
    for seed in range(50):
        rng = np.random.default_rng([seed, 4])
        network = draw_network(rng, seed)
        accelerator = accelerator_of(network, draw_foldings(rng, network), 1)
        kinds = [type(stage) for stage in accelerator.stages]
        assert kinds == [Converter, Mvtu] * len(accelerator.layers)
