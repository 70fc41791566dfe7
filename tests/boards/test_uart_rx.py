"""uart_rx: bytes as they were sent, by clocks that differ a little; noise and breaks are no bytes."""

import random
from collections.abc import Callable

import pytest
from tests.boards.serial import Sender
from tests.rtl.streams import SEED, Bench, case_name, played

CASES = {"four clocks a bit": {"BIT_CLOCKS": 4}, "an odd number": {"BIT_CLOCKS": 27}}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_uart_rx(simulate: Callable[..., None], case: str) -> None:
    simulate("uart_rx", CASES, case, bench=__name__)


class Taken:
    """Collects what comes out."""

    def __init__(self, dut) -> None:
        self._dut = dut
        self.rest()

    def rest(self) -> None:
        self.received: list[int] = []

    def drive(self) -> None:
        """It cannot hold anything up."""

    def sample(self, cycle: int) -> None:
        if self._dut.out_valid.value == 1:
            self.received.append(int(self._dut.out_data.value))


async def bench_of(dut, bit_clocks: float) -> tuple[Bench, Sender, Taken]:
    sender, taken = Sender(dut.rx, bit_clocks), Taken(dut)
    bench = Bench(dut, (sender, taken))
    await bench.start()
    return bench, sender, taken


async def send(bench: Bench, sender: Sender, traffic: list[tuple[int, int]]) -> None:
    sender.play(traffic)
    while not sender.done:
        await bench.step()
    await bench.steps(4 * CASES[case_name()]["BIT_CLOCKS"])


@played
async def bytes_arrive(dut):
    """All 256, without a gap, and with gaps of any length."""
    bench, sender, taken = await bench_of(dut, CASES[case_name()]["BIT_CLOCKS"])
    rng = random.Random(SEED)
    for gap in (lambda: 0, lambda: rng.randrange(60)):
        values = rng.sample(range(256), 256)
        taken.rest()
        await send(bench, sender, [(gap(), value) for value in values])
        assert taken.received == values


@played
async def clocks_differ(dut):
    """A sender that is 3 % fast or slow, where a bit has cycles enough to tell."""
    clocks = CASES[case_name()]["BIT_CLOCKS"]
    for factor in (0.97, 1.03) if clocks > 10 else (1.0,):
        bench, sender, taken = await bench_of(dut, clocks * factor)
        values = random.Random(SEED).choices(range(256), k=100)
        await send(bench, sender, [(0, value) for value in values])
        assert taken.received == values


@played
async def no_bytes(dut):
    """A glitch shorter than half a bit, a byte whose stop bit is low, a long break; the next byte is one again."""
    clocks = CASES[case_name()]["BIT_CLOCKS"]
    bench, sender, taken = await bench_of(dut, clocks)
    for low in (1, clocks // 2 - 1, 12 * clocks):
        dut.rx.value = 0
        for _ in range(low):
            await bench_step_without(bench)
        dut.rx.value = 1
        for _ in range(12 * clocks):
            await bench_step_without(bench)
        assert taken.received == []
    sender.stop = 0
    await send(bench, sender, [(0, 0xA5)])
    await bench.steps(12 * clocks)
    assert taken.received == []
    sender.stop = 1
    await send(bench, sender, [(0, 0x5A)])
    assert taken.received == [0x5A]


async def bench_step_without(bench: Bench) -> None:
    """A cycle in which the test itself drives the line."""
    sender, taken = bench.agents
    bench.agents = (taken,)
    await bench.step()
    bench.agents = (sender, taken)
