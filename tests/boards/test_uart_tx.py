"""uart_tx: a listener reads the bytes that were given; no gap where the next byte is there."""

import itertools
import random
from collections.abc import Callable

import pytest
from tests.boards.serial import Listener
from tests.rtl.streams import PATTERNS, SEED, Bench, Source, case_name, played

CASES = {"seven clocks a bit": {"BIT_CLOCKS": 7}}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_uart_tx(simulate: Callable[..., None], case: str) -> None:
    simulate("uart_tx", CASES, case, bench=__name__)


@played
async def bytes_leave(dut):
    clocks = CASES[case_name()]["BIT_CLOCKS"]
    source, listener = Source(dut.in_valid, dut.in_ready, [dut.in_data]), Listener(dut.tx, clocks)
    bench, rng = Bench(dut, (source, listener)), random.Random(SEED)
    await bench.start()
    for name, pattern in PATTERNS.items():
        await bench.reset()
        values = rng.choices(range(256), k=40)
        source.play([(value,) for value in values], pattern())
        while len(listener.received) < len(values):
            await bench.step()
        await bench.steps(30 * clocks)
        assert listener.received == values
        assert listener.times == [time + 1 for time in source.times]
        if name == "always":
            assert all(b - a == 10 * clocks for a, b in itertools.pairwise(listener.times))
