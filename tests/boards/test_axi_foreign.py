"""The AXI shell under a master and streams that others wrote: cocotbext-axi, where it is installed.

It is no requirement of the project: what it requires in turn brings a licence that nothing else here has.
"""

import importlib.util
import itertools
import random
from pathlib import Path

import pytest
from tests.boards.test_axi import NETWORKS, Host, playable
from tests.rtl.bench import play
from tests.rtl.streams import SEED, played

CASE = "dense, two levels"


@pytest.mark.rtl
def test_axi_foreign(passed: Path | None, tmp_path: Path) -> None:
    if importlib.util.find_spec("cocotbext") is None:
        pytest.skip("cocotbext-axi is not installed; install it with: pip install --no-deps cocotbext-axi cocotb-bus")
    assert CASE in NETWORKS
    top, texts, sources = playable(tmp_path / "compiled", CASE)
    said = play(tmp_path, passed, top, {CASE: "case_0"}, texts, __name__, sources=sources)
    assert said == {CASE: ""}


@played
async def registers_and_frames(dut):
    """Frames of images at levels of their own, under pauses of both streams, beside reads and refused writes."""
    from cocotb.clock import Clock
    from cocotb.triggers import ClockCycles
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink, AxiStreamSource

    dut.aclk.value = 0
    dut.aresetn.value = 0
    Clock(dut.aclk, 2, "ns").start()
    host, rng = Host(dut), random.Random(SEED)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, reset_active_level=False)
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, dut.aresetn, reset_active_level=False)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, reset_active_level=False)
    source.set_pause_generator(rng.random() < 0.3 for _ in itertools.count())
    sink.set_pause_generator(rng.random() < 0.4 for _ in itertools.count())
    await ClockCycles(dut.aclk, 4)
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 60)
    address, beat = host.record["registers"], host.record["s_axis"]["tdata_bits"] // 8
    for name, value in host.record["facts"].items():
        assert await master.read_dword(address[name]) == value
    assert await master.read_dword(address["STATUS"]) == host.record["bits"]["STATUS.IDLE"]
    await master.write_dword(address["MODE"], host.record["bits"]["MODE.HEADERS"])
    for _ in range(6):
        numbers = rng.choices(range(len(host.traffic["images"])), k=rng.randrange(1, 6))
        levels = [rng.randrange(16) for _ in numbers]
        pairs = list(zip(numbers, levels, strict=True))
        frame = b"".join(word.to_bytes(beat, "little") for n, m in pairs for word in host.words(n, m))
        await source.send(frame)
        for wrong in (0xA0, 0xFFC, address["CLASSES"]):
            assert (await master.write(wrong, bytes(4))).resp == AxiResp.SLVERR
        assert (await master.write(address["ENABLE"], b"\x01")).resp == AxiResp.SLVERR  # one strobe of four
        assert (await master.read(0xA0, 4)).resp == AxiResp.SLVERR
        answer = bytes((await sink.recv()).tdata)
        expected = [score for n, m in pairs for score in host.expected(n, m, labels=False)]
        assert answer == b"".join(score.to_bytes(8, "little") for score in expected)
    assert sink.empty()
