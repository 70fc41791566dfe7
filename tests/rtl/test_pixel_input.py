"""pixel_input against spec.pixels: bytes become planes, TUSER becomes an image's levels, TLAST watches the count."""

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

from rebnet.ir.ops import PixelInput
from rebnet.spec.pixels import pixel_planes
from rebnet.stages.ends import PIXEL_DEPTH, Pixels

from .streams import PATTERNS, SEED, Sink, Source, StreamBench, Traffic, case_name, join, moods, played, to_word

# samples, samples a beat, bits, levels, levels at run time
SHAPES = {
    "bytes": (12, 4, 8, 3, 1),
    "four bits, last beat not full": (13, 4, 4, 2, 1),
    "one bit, one sample a beat, fixed levels": (5, 1, 1, 3, 0),
    "image in one beat": (3, 8, 5, 15, 1),
    "three bits from a table": (7, 2, 3, 2, 0),
    "eight bits from a table, last beat not full": (5, 4, 8, 2, 1),
}


def image_of(name: str) -> PixelInput:
    """The image of a shape, with random codes where it says that there is a table."""
    samples, _, bits, *_ = SHAPES[name]
    codes = np.random.default_rng(SEED).integers(0, 1 << bits, 256)
    return PixelInput(1, 1, samples, bits, tuple(codes.tolist()) if "table" in name else None)


def table_of(name: str) -> dict[str, int | str]:
    """The parameters of its table."""
    parameters = Pixels(1, 1, image_of(name).bits, 1, 1, 1, image_of(name).table).module({}).parameters
    return {key: parameters[key] for key in ("TABLED", "TABLE") if key in parameters}


CASES = {
    name: {
        "SAMPLES": samples,
        "P": per_beat,
        "BITS": bits,
        "LEVELS": levels,
        "LEVEL_WIDTH": levels.bit_length(),
        "USER_WIDTH": 4,
        "RUNTIME_LEVELS": runtime,
        **table_of(name),
    }
    for name, (samples, per_beat, bits, levels, runtime) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_pixel_input(simulate: Callable[..., None], case: str) -> None:
    simulate("pixel_input", CASES, case)


def beats_an_image() -> int:
    samples, per_beat, *_ = SHAPES[case_name()]
    return -(-samples // per_beat)


class CountingSource(Source):
    """A source that knows from its own beats what error_tlast is in every cycle."""

    def __init__(self, dut) -> None:
        self._dut = dut
        super().__init__(dut.s_axis_tvalid, dut.s_axis_tready, [dut.s_axis_tdata, dut.s_axis_tuser, dut.s_axis_tlast])

    def rest(self) -> None:
        super().rest()
        self.count, self.seen, self.wrong = 0, False, False

    def sample(self, cycle: int) -> None:
        assert self._dut.error_tlast.value == self.wrong, f"cycle {cycle}"
        before = len(self.times)
        super().sample(cycle)
        if len(self.times) == before:
            return
        ends, last = bool(self._words[before][2]), self.count == beats_an_image() - 1
        self.wrong |= (ends and not last) or (last and self.seen and not ends)
        self.seen |= ends
        self.count = 0 if last else self.count + 1


def bench_of(dut) -> StreamBench:
    return StreamBench(
        dut,
        CountingSource(dut),
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
            words.append((join(beat, 8), user if first == 0 else int(rng.integers(16)), first + per_beat >= samples))
            expected.append((to_word(pixel_planes(image_of(case_name()).taken(beat), bits)), meant))
    return Traffic(words, expected)


@played
async def full_speed(dut):
    """One beat per cycle, at the output a cycle later."""
    bench = bench_of(dut)
    await bench.start()
    beats = traffic(np.random.default_rng(SEED), 40)
    await bench.full_speed(beats)
    assert bench.source.times == list(range(len(beats.words)))
    assert bench.sink.times == [time + 1 for time in bench.source.times]


@played
async def places(dut):
    """The register slice takes PIXEL_DEPTH beats that nobody wants."""
    bench = bench_of(dut)
    await bench.start()
    bench.source.play(traffic(np.random.default_rng(SEED), 8).words, PATTERNS["always"]())
    await bench.steps(20)
    assert len(bench.source.times) == PIXEL_DEPTH


@played
async def patterns(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.patterns(lambda: traffic(rng, 18))


@played
async def stress(dut):
    bench, rng = bench_of(dut), np.random.default_rng(SEED)
    await bench.start()
    await bench.stress(lambda: traffic(rng, 60))


def lose(words, place):
    return [*words[:place], *words[place + 1 :]]


def double(words, place):
    return [*words[: place + 1], *words[place:]]


def ends(words, place, last):
    return [(*word[:2], int(last)) if number == place else word for number, word in enumerate(words)]


# What is done to the beats of ten images, b an image: whether error_tlast says so, for more beats than one and for one.
FAULTS = {
    "none": (lambda words, b: words, (False, False)),
    "tlast never comes": (lambda words, b: [(*word[:2], 0) for word in words], (False, False)),
    "no tlast in the first image": (lambda words, b: ends(words, b - 1, last=False), (False, False)),
    "an image without tlast": (lambda words, b: ends(words, 4 * b - 1, last=False), (True, True)),
    "tlast too early": (lambda words, b: ends(words, 3 * b, last=True), (True, False)),
    "tlast too early in the first image": (lambda words, b: ends(words, 0, last=True), (True, False)),
    "a beat lost": (lambda words, b: lose(words, 5 * b), (True, False)),
    "a beat lost in the first image": (lambda words, b: lose(words, 0), (True, False)),
    "the last beat lost": (lambda words, b: lose(words, 6 * b - 1), (True, False)),
    "a beat too many": (lambda words, b: double(words, 5 * b), (True, False)),
}


@played
async def tlast_and_the_count(dut):
    """Lost and surplus beats are told, under stalls on both sides, until the reset; beats go on as counted."""
    bench, rng, stalls = bench_of(dut), np.random.default_rng(SEED), random.Random(SEED)
    await bench.start()
    b = beats_an_image()
    for (name, (spoil, told)), stalled in itertools.product(FAULTS.items(), (False, True)):
        await bench.reset()
        words = spoil(traffic(rng, 10).words, b)
        bench.source.play(words, moods(stalls) if stalled else PATTERNS["always"]())
        bench.sink.play(moods(stalls) if stalled else PATTERNS["always"]())
        while len(bench.source.times) < len(words):
            await bench.step()
        await bench.steps(3)
        assert dut.error_tlast.value == told[b == 1], name
        assert len(bench.sink.words) == len(words) or stalled
    await bench.reset()
    await bench.steps(1)
    assert dut.error_tlast.value == 0
