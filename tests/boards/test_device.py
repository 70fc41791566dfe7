"""Shell and accelerator together: bytes of images in on a serial line, scores and labels out, as the law has them."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.boards.conftest import SHELL
from tests.boards.serial import Listener, Sender
from tests.ir.networks import exported
from tests.rtl.bench import bundle, play
from tests.rtl.streams import Bench, played

from rebnet.boards.shells.uart import device_text
from rebnet.boards.shells.uart.identity import QUESTION, Identity
from rebnet.engine.reference import run_mixed
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.records import Ports, read

BIT_CLOCKS = 4
SHAPE, LEVELS = (3, 3, 1), 2
CASES = {"scores and label": True, "label alone": False}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_device(passed: Path | None, tmp_path: Path, case: str) -> None:
    network, build = lower(exported(1, LEVELS, 8, SHAPE, (6, 5), 4)), tmp_path / "compiled"
    storage.save(network, build)
    fold(build)
    generate(build)
    ports = read(build / Ports.FILE, Ports)

    images = np.random.default_rng(1).integers(0, 256, (6, *SHAPE), dtype=np.uint8)
    levels = np.array([2, 1, 0, 2, 15, 1])
    scores = run_mixed(network, images, np.where((levels == 0) | (levels > LEVELS), LEVELS, levels))
    size = ports["m_axis"]["tdata_bits"] // 8
    traffic = {
        "images": [[int(m), *map(int, image.ravel())] for m, image in zip(levels, images, strict=True)],
        "identity": list(Identity.of(ports, scores=CASES[case]).data),
        "answers": [
            [
                *b"".join(int(score).to_bytes(size, "little", signed=True) for score in row if CASES[case]),
                int(np.argmax(row)),
            ]
            for row in scores
        ],
    }
    assert len({answer[-1] for answer in traffic["answers"]}) > 1
    memories = {file: (build / file).read_text() for file in ports["memories"]}
    texts = {
        "bundle.sv": bundle("device", {case: {"BIT_CLOCKS": BIT_CLOCKS, "TIMEOUT": 100_000}}, lambda case: {})[0],
        "accelerator.sv": (build / "rtl" / "accelerator.sv").read_text(),
        "device.sv": device_text(ports, scores=CASES[case]),
        "traffic.json": json.dumps(traffic),
    }
    said = play(tmp_path, passed, "device", {case: "case_0"}, texts | memories, __name__, sources=SHELL)
    assert said == {case: ""}


@played
async def images_in_answers_out(dut):
    """One image at a time, as a host that waits; then two at once."""
    traffic = json.loads(Path("traffic.json").read_text())
    sender, listener = Sender(dut.rx, BIT_CLOCKS), Listener(dut.tx, BIT_CLOCKS)
    bench = Bench(dut, (sender, listener))
    await bench.start()
    expected: list[int] = []
    for first, last in ((0, 1), (1, 2), (2, 4), (4, 6)):
        sender.play([(0, byte) for image in traffic["images"][first:last] for byte in image])
        expected += [byte for answer in traffic["answers"][first:last] for byte in answer]
        for _ in range(20_000):
            await bench.step()
            if len(listener.received) >= len(expected):
                break
        await bench.steps(30 * BIT_CLOCKS)
        assert listener.received == expected
    sender.play([(0, QUESTION[0])])
    for _ in range(20_000):
        await bench.step()
    assert listener.received[len(expected) :] == traffic["identity"]
    assert dut.overflow.value == 0
    assert dut.error_tlast.value == 0
