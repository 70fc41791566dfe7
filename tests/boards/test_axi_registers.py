"""axi_registers: flags that rise while they are cleared, both orders of a write's halves, reads and writes at once."""

import random
from collections.abc import Callable

import pytest
from tests.boards.lite import OKAY, SLVERR, Access, Lite
from tests.rtl.streams import SEED, Bench, played

from rebnet.boards.shells.axi.registers import BY_NAME, REGISTERS

CASES = {"defaults": {"FACTS": "2048'h" + "5" * 512}}
EVENTS = ("image_out", "transfer_out", "short_transfer", "reset_done")
INPUTS = ("is_idle", "resetting", "error_tlast", "levels_now", "image_in", "busy", "stall_in", "stall_out", *EVENTS)


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_axi_registers(simulate: Callable[..., None], case: str) -> None:
    simulate("axi_registers", CASES, case, bench=__name__)


class RegisterBench(Bench):
    def __init__(self, dut) -> None:
        self.lite = Lite(dut, SEED)
        for name in INPUTS:
            getattr(dut, name).value = 0
        dut.is_idle.value = 1
        super().__init__(dut, (self.lite,))

    async def access(self, name: str, data: int | None = None) -> Access:
        access = Access(BY_NAME[name].address, data)
        (self.lite.reads if data is None else self.lite.writes).append(access)
        for _ in range(1000):
            if access.done:
                return access
            await self.step()
        raise AssertionError("no answer")


@played
async def flags_that_rise_while_they_are_cleared(dut):
    """In whatever cycle something happens, it is seen: by who clears the flags, or by who reads them afterwards."""
    bench = RegisterBench(dut)
    bench.lite.patience = 1.0
    await bench.start()
    for flag, event in enumerate(EVENTS):
        for offset in range(12):
            await bench.access("INTERRUPTS", 15)
            clearing = Access(BY_NAME["INTERRUPTS"].address, 15)
            bench.lite.writes.append(clearing)
            written = None
            for cycle in range(14):
                getattr(dut, event).value = int(cycle == offset)
                if written is None and dut.s_axi_bvalid.value == 1:
                    written = cycle - 1  # the edge behind the cycle in which both halves were there
                await bench.step()
            assert clearing.done
            assert written is not None
            assert 0 < written < 11
            expected = 1 << flag if offset >= written else 0
            assert (await bench.access("INTERRUPTS")).read == expected, (event, offset, written)


@played
async def counters(dut):
    """Each counts its own cycles; the upper half of the cycles is that of the lower; clearing wins."""
    bench, rng = RegisterBench(dut), random.Random(SEED)
    await bench.start()
    names = {"image_in": "IMAGES_IN", "image_out": "IMAGES_OUT", "stall_in": "STALLS_IN", "stall_out": "STALLS_OUT"}
    names["busy"] = "CYCLES"
    await bench.access("CONTROL", 4)
    await bench.steps(4)
    counted = dict.fromkeys(names, 0)
    for _ in range(300):
        for signal in names:
            value = int(rng.random() < 0.5)
            getattr(dut, signal).value = value
            counted[signal] += value
        await bench.step()
    for signal in names:
        getattr(dut, signal).value = 0
    for signal, name in names.items():
        assert (await bench.access(name)).read == counted[signal]
    dut.cycles_q.value = 0x0000_0007_FFFF_FFFF
    await bench.step()
    assert (await bench.access("CYCLES")).read == 0xFFFF_FFFF
    dut.busy.value = 1
    await bench.step()
    dut.busy.value = 0
    await bench.step()
    assert (await bench.access("CYCLES_HIGH")).read == 7
    assert (await bench.access("CYCLES")).read == 0
    assert (await bench.access("CYCLES_HIGH")).read == 8


@played
async def every_address(dut):
    """Read and written: only registers answer with OKAY, facts come from FACTS, and nothing else has changed."""
    bench, rng = RegisterBench(dut), random.Random(SEED)
    bench.lite.patience = 1.0
    await bench.start()
    readable = {r.index + i: r for r in REGISTERS for i in range(r.words)}
    done: list[Access] = []
    addresses = [*range(0, 4 * 70), *rng.sample(range(4 * 70, 4096), 200)]
    for address in addresses:
        register = readable.get(address // 4) if address % 4 == 0 else None
        read = Access(address)
        expected = SLVERR if register is None else OKAY

        def check(access: Access, expected=expected, register=register) -> None:
            assert access.response == expected, access
            if register is None:
                assert access.read == 0
            elif register.fact:
                assert access.read == 0x5555_5555
            done.append(access)

        read.then = check
        bench.lite.reads.append(read)
        if register is None or not register.writable:
            write = Access(address, rng.getrandbits(32))
            write.then = done.append
            bench.lite.writes.append(write)
    while not bench.lite.done:
        await bench.step()
    assert all(access.response == SLVERR for access in done if access.data is not None)
    assert len(done) > len(addresses)
    for name in ("MODE", "ENABLE", "LEVELS", "IMAGES", "INTERRUPTS"):
        assert (await bench.access(name)).read == 0
