"""sliding_window against spec.window: windows of every kernel, stride and padding, out of maps that come in by rows."""

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
    "3x3 same": Shape(Window(3, 1, same=True), 5, 7, 4, 2, reads=1),
    "3x3, four of nine a word": Shape(Window(3, 1), 7, 6, 3, 3, planes=3, reads=4),
    "3x3/2 same, whole windows, two writes": Shape(Window(3, 2, same=True), 5, 7, 2, 2, reads=9, writes=2),
    "2x2/3, rows and columns that no window needs": Shape(Window(2, 3), 7, 9, 3, 1, planes=1),
    "4x4/3 same, two a word, four writes": Shape(Window(4, 3, same=True), 7, 5, 3, 3, planes=4, reads=2, writes=4),
    "5x5/2 same, seven a word": Shape(Window(5, 2, same=True), 6, 9, 2, 2, reads=7, extra=1),
    "5x5 same on one pixel": Shape(Window(5, 1, same=True), 1, 1, 3, 3, reads=6),
    "3x3 same on one pixel": Shape(Window(3, 1, same=True), 1, 1, 4, 2, planes=3),
    "1x1 on one pixel": Shape(Window(1, 1), 1, 1, 2, 2, extra=None),
    "1x1": Shape(Window(1, 1), 3, 5, 4, 2),
    "1x1/2 same, rows that no window needs": Shape(Window(1, 2, same=True), 4, 6, 3, 3, writes=4),
    "1x5/1x2, a signal": Shape(Window((1, 5), (1, 2), pads=((0, 0), (2, 2))), 1, 13, 4, 2),
    "4x2/3x1, rows and columns padded unlike, five of eight": Shape(
        Window((4, 2), (3, 1), pads=((3, 1), (0, 1))), 6, 5, 2, 2, reads=5, writes=2
    ),
    "2x3/1x4 same": Shape(Window((2, 3), (1, 4), same=True), 4, 9, 3, 3, reads=4),
    "3x3 same, a channel at a time": Shape(Window(3, 1, same=True), 5, 4, 4, 1, sides=1),
    "3x3, two channels side by side, four of nine a word": Shape(Window(3, 1), 5, 6, 4, 2, planes=3, reads=4, sides=2),
    "2x3/2x1 same, groups of two side by side": Shape(
        Window((2, 3), (2, 1), same=True), 5, 4, 6, 6, reads=2, writes=2, sides=3
    ),
    "3x3/2 same, groups of three by turns, room for maps": Shape(
        Window(3, 2, same=True), 6, 7, 6, 3, planes=3, reads=9, extra=None, sides=1
    ),
    "11x11/4": Shape(Window(11, 4), 16, 19, 1, 1, planes=1, reads=11),
}
GENEROUS = ("3x3 same", "3x3, four of nine a word", "4x4/3 same, two a word, four writes")
SHAPES |= {f"{name}, room for maps": replace(SHAPES[name], extra=None) for name in GENEROUS}
CASES = {name: shape.parameters for name, shape in SHAPES.items()}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_sliding_window(simulate: Callable[..., None], case: str) -> None:
    simulate("sliding_window", CASES, case)


@played
async def full_speed(dut):
    """Every word goes in and out in the cycle that the model says; a reader that is the slower side never rests."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    await bench.full_speed(shape.traffic(np.random.default_rng(SEED), MAPS))
    writes, reads = schedule(shape, MAPS)
    assert bench.source.times == writes
    assert bench.sink.times == [cycle + 2 for cycle in reads]
    if shape.extra is None and len(shape.beats) >= shape.map_writes:
        second = len(shape.beats)
        assert gapless(bench.sink.times[second:])


@played
async def promised_places(dut):
    """Nobody reads: as much goes in as there is room for, and comes out whole afterwards."""
    shape, bench = SHAPES[case_name()], bench_of(dut)
    await bench.start()
    traffic = shape.traffic(np.random.default_rng(SEED + 1), MAPS)
    writes, _ = schedule(shape, MAPS, OUT_DEPTH)
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


@pytest.mark.parametrize("case", CASES)
def test_the_least_depth_is_the_least(case: str) -> None:
    shape = replace(SHAPES[case], extra=0)
    assert len(schedule(shape, 2)[1]) == 2 * len(shape.beats)
    if shape.depth > shape.writes:
        assert len(schedule(replace(shape, extra=-shape.writes), 2)[1]) < 2 * len(shape.beats)
