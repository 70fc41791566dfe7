"""stream_fork: a word goes to all users, in the cycle in which all of them are ready."""

import random
from collections.abc import Callable

import pytest
from cocotb.triggers import ReadOnly, Timer

from .streams import SEED, case_name, played

CASES = {
    "two": {"WIDTH": 7, "OUTS": 2},
    "one, one bit": {"WIDTH": 1, "OUTS": 1},
    "five": {"WIDTH": 70, "OUTS": 5, "LEVEL_WIDTH": 3},
}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_stream_fork(simulate: Callable[..., None], case: str) -> None:
    simulate("stream_fork", CASES, case)


@played
async def every_handshake(dut):
    """All that users and source can say to each other; no user sees a word that another one does not take."""
    rng, outs = random.Random(SEED), CASES[case_name()]["OUTS"]
    for ready in range(1 << outs):
        for valid in (0, 1):
            data, levels = rng.getrandbits(len(dut.in_data)), rng.getrandbits(len(dut.in_levels))
            dut.in_valid.value, dut.in_data.value, dut.in_levels.value = valid, data, levels
            dut.out_ready.value = ready
            await ReadOnly()
            everyone = ready == (1 << outs) - 1
            assert dut.in_ready.value == everyone
            assert int(dut.out_valid.value) == (ready if everyone and valid else 0)
            assert (int(dut.out_data.value), int(dut.out_levels.value)) == (data, levels)
            await Timer(1, "ns")
