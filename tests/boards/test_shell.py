"""shell: bytes to beats, scores to bytes and a label; silence, and a host that is too fast."""

import itertools
import random
from collections.abc import Callable

import pytest
from tests.boards.serial import Listener, Sender
from tests.rtl.streams import SEED, Bench, Sink, Source, case_name, moods, played

# samples, bytes a beat, classes, bytes a score, whether scores are sent
SHAPES = {
    "last beat not full": (13, 4, 10, 6, 1),
    "an image in a beat, label alone": (3, 8, 3, 2, 0),
    "one sample, labels of two bytes": (1, 1, 300, 1, 0),
}
BIT_CLOCKS, TIMEOUT = 4, 500
IDENTITY = int.from_bytes(bytes(range(1, 57)), "little")
CASES = {
    name: {
        "SAMPLES": samples,
        "P": per_beat,
        "CLASSES": classes,
        "SCORE_BYTES": score_bytes,
        "SCORES": scores,
        "BIT_CLOCKS": BIT_CLOCKS,
        "RX_DEPTH": 4,
        "TIMEOUT": TIMEOUT,
        "IDENTITY": f"448'h{IDENTITY:x}",
    }
    for name, (samples, per_beat, classes, score_bytes, scores) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_shell(simulate: Callable[..., None], case: str) -> None:
    simulate("shell", CASES, case, bench=__name__)


class ShellBench(Bench):
    """The shell between a host's serial line and an accelerator's streams."""

    def __init__(self, dut) -> None:
        self.sender, self.listener = Sender(dut.rx, BIT_CLOCKS), Listener(dut.tx, BIT_CLOCKS)
        self.beats = Sink(dut.s_axis_tvalid, dut.s_axis_tready, [dut.s_axis_tuser, dut.s_axis_tdata, dut.s_axis_tlast])
        self.scores = Source(dut.m_axis_tvalid, dut.m_axis_tready, [dut.m_axis_tdata, dut.m_axis_tlast])
        super().__init__(dut, (self.sender, self.listener, self.beats, self.scores))

    async def until(self, done: Callable[[], bool]) -> None:
        for _ in range(400_000):
            if done():
                return
            await self.step()
        raise AssertionError("nothing moved any more")


def draw_image(rng: random.Random) -> tuple[list[int], list[tuple[int, int, int]]]:
    """An image's bytes on the line, and its beats (tuser, tdata, tlast)."""
    samples, per_beat, *_ = SHAPES[case_name()]
    levels, pixels = rng.randrange(255), rng.choices(range(256), k=samples)
    words = [pixels[i : i + per_beat] for i in range(0, samples, per_beat)]
    beats = [
        (levels & 15 if i == 0 else 0, int.from_bytes(bytes(word), "little"), int(i == len(words) - 1))
        for i, word in enumerate(words)
    ]
    return [levels, *pixels], beats


def draw_scores(rng: random.Random) -> tuple[list[tuple[int, int]], list[int]]:
    """An image's scores as beats (tdata, tlast), and the bytes that answer."""
    *_, classes, size, send = SHAPES[case_name()]
    kind = rng.choice(("spread", "ties", "negative"))
    low, high = -(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1
    ranges = {"spread": (low, high), "ties": (-1, 1), "negative": (low, low + 2)}
    scores = [rng.randint(*ranges[kind]) for _ in range(classes)]
    words = [score.to_bytes(size, "little", signed=True) for score in scores]
    label = scores.index(max(scores)).to_bytes(2 if classes > 256 else 1, "little")
    beats = [(int.from_bytes(word, "little"), int(i == classes - 1)) for i, word in enumerate(words)]
    return beats, [*(b"".join(words) if send else b""), *label]


@played
async def images_in_answers_out(dut):
    """Both ways at once, the accelerator willing and not."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    for backpressure in (itertools.repeat(True), moods(rng), itertools.cycle((False,) * 20 + (True,))):
        await bench.reset()
        images = [draw_image(rng) for _ in range(4)]
        answers = [draw_scores(rng) for _ in range(3)]
        bench.beats.play(backpressure)
        bench.sender.play([(rng.choice((0, 0, 50)), byte) for line, _ in images for byte in line])
        bench.scores.play([beat for beats, _ in answers for beat in beats], moods(rng))
        expected = [beat for _, beats in images for beat in beats]
        reply = [byte for _, line in answers for byte in line]
        await bench.until(lambda r=reply: bench.sender.done and len(bench.listener.received) == len(r))
        await bench.steps(100)
        assert bench.beats.words == expected
        assert bench.listener.received == reply
        assert (dut.overflow.value, dut.receiving.value) == (0, 0)


@played
async def silence(dut):
    """Half an image and then nothing: one cycle of restart after TIMEOUT, and the next image is whole."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    line, beats = draw_image(rng)
    bench.beats.play(itertools.repeat(True))
    bench.sender.play([(0, byte) for byte in line[:-1]])
    await bench.until(lambda: bench.sender.done)
    await bench.steps(3 * BIT_CLOCKS)
    assert dut.receiving.value == 1
    pulses = []
    for cycle in range(TIMEOUT + 20):
        await bench.step()
        if dut.restart.value == 1:
            pulses.append(cycle)
    assert len(pulses) == 1
    assert TIMEOUT - 4 * BIT_CLOCKS < pulses[0] < TIMEOUT
    assert dut.receiving.value == 0
    bench.beats.play(itertools.repeat(True))
    bench.sender.play([(0, byte) for byte in line])
    await bench.until(lambda: bench.sender.done)
    await bench.steps(20)
    assert bench.beats.words == beats


@played
async def a_slow_host_is_waited_for(dut):
    """Pauses just below TIMEOUT between bytes, and any pause between images, restart nothing."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    images = [draw_image(rng) for _ in range(2)]
    bench.beats.play(itertools.repeat(True))
    pauses = [TIMEOUT - 12 * BIT_CLOCKS if i else 3 * TIMEOUT for line, _ in images for i in range(len(line))]
    bench.sender.play(list(zip(pauses, [byte for line, _ in images for byte in line], strict=True)))
    while not bench.sender.done:
        await bench.step()
        assert dut.restart.value == 0
    await bench.steps(20)
    assert bench.beats.words == [beat for _, beats in images for beat in beats]


@played
async def overflow(dut):
    """Bytes that an accelerator never takes: overflow says so, until the next reset."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    lines = [byte for _ in range(12) for byte in draw_image(rng)[0]]
    bench.sender.play([(0, byte) for byte in lines])
    await bench.until(lambda: bench.sender.done)
    await bench.steps(3 * BIT_CLOCKS)
    assert dut.overflow.value == 1
    await bench.reset()
    await bench.steps(2)
    assert dut.overflow.value == 0


@played
async def who_are_you(dut):
    """The byte 255 in the place of levels: 56 bytes, before, between or behind answers, and inside of none."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    identity = list(range(1, 57))
    for gap in (0, 40, 300, 1200):
        await bench.reset()
        (image, beats), answers = draw_image(rng), [draw_scores(rng) for _ in range(2)]
        bench.beats.play(itertools.repeat(True))
        bench.sender.play([(gap, 255)])
        bench.scores.play([beat for beats, _ in answers for beat in beats], moods(rng))
        parts = [reply for _, reply in answers]
        size = len(identity) + sum(map(len, parts))
        await bench.until(lambda size=size: bench.sender.done and len(bench.listener.received) == size)
        orders = [[*parts[:i], identity, *parts[i:]] for i in range(3)]
        assert bench.listener.received in [list(itertools.chain(*order)) for order in orders]
        bench.sender.play([(0, byte) for byte in image])
        await bench.until(lambda beats=beats: len(bench.beats.words) == len(beats))
        assert bench.beats.words == beats
        assert (dut.overflow.value, dut.receiving.value) == (0, 0)


@played
async def who_are_you_after_a_loss(dut):
    """Bit 1 of byte 5 says that bytes were lost, once."""
    bench, rng = ShellBench(dut), random.Random(SEED)
    await bench.start()
    line = draw_image(rng)[0]
    while dut.overflow.value != 1:
        bench.sender.play([(0, byte) for byte in line])
        await bench.until(lambda: bench.sender.done)
        await bench.steps(3 * BIT_CLOCKS)
    bench.beats.play(itertools.repeat(True))
    await bench.steps(TIMEOUT + 100 * BIT_CLOCKS)
    bench.listener.rest()
    bench.sender.play([(0, 255)])
    await bench.until(lambda: len(bench.listener.received) == 56)
    assert bench.listener.received == [*range(1, 6), 6 | 2, *range(7, 57)]
    assert dut.overflow.value == 0
    bench.listener.rest()
    bench.sender.play([(100, 255)])
    await bench.until(lambda: len(bench.listener.received) == 56)
    assert bench.listener.received == [*range(1, 57)]
