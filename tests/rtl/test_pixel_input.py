"""pixel_input against spec.pixels: bytes become planes, TUSER becomes the levels of a whole image."""

from collections.abc import Callable

import cocotb
import numpy as np
import pytest

from rebnet.rtl.geometry import PIXEL_DEPTH
from rebnet.spec.pixels import pixel_planes

from .bench import PATTERNS, SEED, Sink, Source, StreamBench, Traffic, case_name, join, to_word

# samples, samples a beat, bits, levels, levels at run time
SHAPES = {
    "bytes": (12, 4, 8, 3, 1),
    "four bits, last beat not full": (13, 4, 4, 2, 1),
    "one bit, one sample a beat, fixed levels": (5, 1, 1, 3, 0),
    "image in one beat": (3, 8, 5, 15, 1),
}
CASES = {
    name: {
        "SAMPLES": samples,
        "P": per_beat,
        "BITS": bits,
        "LEVELS": levels,
        "LEVEL_WIDTH": levels.bit_length(),
        "USER_WIDTH": 4,
        "RUNTIME_LEVELS": runtime,
    }
    for name, (samples, per_beat, bits, levels, runtime) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_pixel_input(simulate: Callable[..., None], case: str) -> None:
    simulate("pixel_input", CASES[case], case)


def bench_of(dut) -> StreamBench:
    return StreamBench(
        dut,
        Source(dut.s_axis_tvalid, dut.s_axis_tready, [dut.s_axis_tdata, dut.s_axis_tuser]),
        Sink(dut.out_valid, dut.out_ready, [dut.out_data, dut.out_levels]),
    )


def traffic(rng: np.random.Generator, images: int) -> Traffic:
    samples, per_beat, bits, levels, runtime = SHAPES[case_name()]
    words, expected = [], []
    for index in range(images):
        user = index % 16
        meant = user if runtime and 1 <= user <= levels else levels
        pixels = rng.integers(0, 256, -(-samples // per_beat) * per_beat, dtype=np.uint8)
        for first in range(0, samples, per_beat):
            beat = pixels[first : first + per_beat]
            # TUSER counts on the first beat only.
            words.append((join(beat, 8), user if first == 0 else int(rng.integers(16))))
            expected.append((to_word(pixel_planes(beat, bits)), meant))
    return Traffic(words, expected)


@cocotb.test()
async def full_speed(dut):
    """One beat per cycle, at the output a cycle later."""
    bench = bench_of(dut)
    await bench.start()
    beats = traffic(np.random.default_rng(SEED), 40)
    await bench.full_speed(beats)
    assert bench.source.times == list(range(len(beats.words)))
    assert bench.sink.times == [time + 1 for time in bench.source.times]


@cocotb.test()
async def places(dut):
    """The register slice takes PIXEL_DEPTH beats that nobody wants."""
    bench = bench_of(dut)
    await bench.start()
    bench.source.play(traffic(np.random.default_rng(SEED), 8).words, PATTERNS["always"]())
    await bench.steps(20)
    assert len(bench.source.times) == PIXEL_DEPTH


@cocotb.test()
async def patterns(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng, 18))


@cocotb.test()
async def stress(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 60))
