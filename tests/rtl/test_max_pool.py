"""max_pool against spec.pool: the largest codes of every window, out of maps that come in by rows."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rebnet.spec.window import Window

from .lines import Shape, gapless, schedule
from .streams import SEED, bench_of, case_name, played

OUT_DEPTH = 4
MAPS = 4

# At the least depth unless they say otherwise.
SHAPES = {
    "2x2/2": Shape(Window(2, 2), 6, 8, 4, 2, pool=True),
    "2x2/2, whole windows, odd map, four writes": Shape(Window(2, 2), 5, 7, 3, 3, 3, reads=4, writes=4, pool=True),
    "3x3/2, two of nine at a time, parts": Shape(Window(3, 2), 7, 9, 6, 2, planes=4, reads=2, pool=True),
    "3x3, whole windows of parts": Shape(Window(3, 1), 4, 5, 4, 1, reads=9, pool=True),
    "2x2/3, rows and columns that no window needs": Shape(Window(2, 3), 7, 6, 3, 3, planes=3, writes=2, pool=True),
    "1x1 of parts": Shape(Window(1, 1), 2, 3, 6, 2, pool=True),
    "1x3/1x2, a signal": Shape(Window((1, 3), (1, 2)), 1, 10, 4, 2, pool=True),
    "3x3/2, padded": Shape(Window(3, 2, pads=1), 6, 7, 4, 2, planes=3, reads=2, pool=True),
    "2x3, padded behind and before": Shape(Window((2, 3), pads=((0, 1), (2, 0))), 4, 5, 2, 2, reads=6, pool=True),
    "one window, one plane": Shape(Window(4, 1), 4, 4, 2, 2, planes=1, reads=5, pool=True),
}
SHAPES["3x3/2, room for maps"] = replace(SHAPES["3x3/2, two of nine at a time, parts"], extra=None)
CASES = {name: shape.parameters for name, shape in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_max_pool(simulate: Callable[..., None], case: str) -> None:
    simulate("max_pool", CASES, case)


@played
async def full_speed(dut):
    """Every word goes in and out in the cycle that the model says; a reader that is the slower side never rests."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    await bench.full_speed(shape.traffic(np.random.default_rng(SEED), MAPS))
    writes, reads = schedule(shape, MAPS)
    assert bench.source.times == writes
    results = [cycle for cycle, beat in zip(reads, itertools.cycle(shape.beats), strict=False) if beat.last]
    assert bench.sink.times == [cycle + 3 for cycle in results]
    if shape.extra is None and len(shape.beats) >= shape.map_writes:
        assert gapless(reads[len(shape.beats) :])


@played
async def promised_places(dut):
    """Nobody reads: as much goes in as there is room for, and comes out whole afterwards."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    traffic = shape.traffic(np.random.default_rng(SEED + 1), MAPS)
    beats = list(itertools.accumulate(beat.last for beat in shape.beats * MAPS))
    writes, _ = schedule(shape, MAPS, sum(results <= OUT_DEPTH for results in beats))
    bench.source.play(traffic.words, itertools.repeat(True))
    bench.sink.play(itertools.repeat(False))
    await bench.steps(writes[-1] + 50)
    assert bench.source.times == writes
    await bench.reset()
    blocked = itertools.chain(itertools.repeat(False, writes[-1] + 50), itertools.repeat(True))
    await bench.play(traffic, itertools.repeat(True), blocked)


@played
async def stress(dut):
    shape, bench, rng = SHAPES[case_name()], bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: shape.traffic(rng, 5))
