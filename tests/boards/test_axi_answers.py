"""axi_answers: scores and labels with ties, transfers by the input's TLAST and by count, closing."""

import itertools
import random
from collections.abc import Callable

import pytest
from tests.rtl.streams import SEED, Bench, Sink, Source, case_name, moods, played

# bytes a score, classes, places
SHAPES = {"ten classes": (6, 10, 1), "one class": (1, 1, 1), "a map of three": (2, 3, 3), "wide": (8, 5, 1)}
CASES = {
    name: {"SCORE_BYTES": size, "CLASSES": classes, "PLACES": places}
    for name, (size, classes, places) in SHAPES.items()
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_axi_answers(simulate: Callable[..., None], case: str) -> None:
    simulate("axi_answers", CASES, case, bench=__name__)


class AnswerBench(Bench):
    def __init__(self, dut) -> None:
        self.scores = Source(dut.a_axis_tvalid, dut.a_axis_tready, [dut.a_axis_tdata])
        self.answers = Sink(dut.m_axis_tvalid, dut.m_axis_tready, [dut.m_axis_tdata, dut.m_axis_tlast])
        for name in ("labels", "images", "closing", "owed", "ends", "ends_valid"):
            getattr(dut, name).value = 0
        self.ends: list[int] = []
        super().__init__(dut, (self.scores, self.answers))

    async def step(self) -> None:
        """A FIFO of words of ends beside the streams: its head is there before an image's last score."""
        self.dut.ends_valid.value = int(bool(self.ends))
        self.dut.ends.value = self.ends[0] if self.ends else 0
        for agent in self.agents:
            agent.drive()
        from cocotb.triggers import FallingEdge, ReadOnly

        await ReadOnly()
        for agent in self.agents:
            agent.sample(self.cycle)
        pop = self.dut.ends_ready.value == 1
        self.cycle += 1
        await FallingEdge(self.dut.clk)
        if pop:
            self.ends.pop(0)


def draw(rng: random.Random) -> list[list[int]]:
    """The scores of an image, place by place."""
    size, classes, places = SHAPES[case_name()]
    low, high = -(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1
    ranges = {"spread": (low, high), "ties": (-1, 1), "negative": (low, low + 2), "equal": (-1, -1)}
    return [[rng.randint(*ranges[rng.choice(list(ranges))]) for _ in range(classes)] for _ in range(places)]


def beats(places: list[list[int]], labels: int) -> list[int]:
    if labels:
        return [place.index(max(place)) for place in places]
    return [score & (1 << 64) - 1 for place in places for score in place]


@played
async def answers(dut):
    bench, rng = AnswerBench(dut), random.Random(SEED)
    size = SHAPES[case_name()][0]
    await bench.start()
    for turn in range(8):
        await bench.reset()
        labels, count = turn % 2, rng.choice((0, 0, 1, 2, 3))
        dut.labels.value, dut.images.value = labels, count
        images = [draw(rng) for _ in range(6)]
        bench.ends = [rng.randrange(2) for _ in images]
        expected = []
        for number, image in enumerate(images):
            last = (number + 1) % count == 0 if count else bench.ends[number]
            words = beats(image, labels)
            expected += [(word, int(bool(last) and i == len(words) - 1)) for i, word in enumerate(words)]
        bench.answers.play(moods(rng) if turn % 3 else itertools.repeat(True))
        words = [(score & (1 << 8 * size) - 1,) for image in images for place in image for score in place]
        bench.scores.play(words, moods(rng))
        for _ in range(4000):
            if len(bench.answers.words) >= len(expected):
                break
            await bench.step()
        bench.answers.hurry()
        await bench.steps(10)
        assert bench.answers.words == expected
        assert bench.ends == []
        assert dut.unended.value == int(expected[-1][1] == 0)


@played
async def closing(dut):
    """One beat of 0 with TLAST where a transfer has begun or answers are owed, whenever that is known; else none."""
    bench, rng = AnswerBench(dut), random.Random(SEED)
    size = SHAPES[case_name()][0]
    await bench.start()
    for begun, owed_after in itertools.product((0, 1), (None, 0, 5, 30)):
        await bench.reset()
        image = draw(rng)
        words = [(score & (1 << 8 * size) - 1,) for place in image for score in place]
        bench.ends = [0]
        bench.answers.play(itertools.repeat(False))
        bench.scores.play(words[: len(words) * begun], itertools.repeat(True))
        await bench.steps(3 + rng.randrange(3))
        dut.closing.value = 1
        for cycle in range(60):
            dut.owed.value = int(owed_after == cycle and not (begun and owed_after))
            if cycle == 20:
                bench.answers.hurry()
            await bench.step()
        assert dut.closed.value == 1
        expected = int(begun or owed_after is not None)
        assert [last for _, last in bench.answers.words].count(1) == expected
        if expected:
            assert bench.answers.words[-1] == (0, 1)
        dut.closing.value = 0
