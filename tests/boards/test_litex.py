"""The accelerator in the LiteX SoC that is generated, over its serial line: scores are the reference's."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.boards import test_axi
from tests.boards.board import Board
from tests.boards.litex_board import MISSING, installed, program
from tests.simulate.builds import locked

from rebnet.boards import find
from rebnet.boards.shells import placement_of
from rebnet.boards.shells.litex.bone import Bone
from rebnet.boards.shells.litex.host import HEADERS, Host, HostError, line_baud
from rebnet.boards.shells.uart.line import Line
from rebnet.engine.reference import run, run_mixed
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.synthesize import worker as yosys

pytestmark = pytest.mark.skipif(not installed(), reason=MISSING)
CASES = {
    "dense, two levels": (4, 0),
    "one class, one sample": (1, 0),
    "convolution, odd sizes, three levels": (8, 5),
    "on a map": (2, 9),
    "fixed levels, an image a beat": (15, 3),
}
"""Networks of the AXI shell's own tests: samples a beat, and the seed of pauses of both DMAs; 0 for none."""


class Place:
    """A simulated board, its host and the network."""

    def __init__(self, build: Path, folder: Path) -> None:
        self.network = storage.load(build)
        self.ports = json.loads((build / "ports.json").read_text())
        self.board = Board(folder / "simulator")
        self._line = Line(self.board.port, 1_000_000)
        self.host = Host(Bone(self._line), folder / "csr.json", timeout_s=20)

    def images(self, count: int) -> np.ndarray:
        shape = (count, *self.ports["s_axis"]["image"])
        return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)

    def scores(self, images: np.ndarray, levels=None) -> np.ndarray:
        if levels is None or isinstance(levels, int):
            found = run(self.network, images, levels=levels or self.network.levels)
        else:
            found = run_mixed(self.network, images, np.asarray(levels))
        return found.reshape(len(images), -1)

    def close(self) -> None:
        self._line.close()
        self.board.close()


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Place]]:
    """Makes a place for a case; its simulator is built once a session."""
    root, made = tmp_path_factory.getbasetemp(), []

    def make(case: str) -> Place:
        known = root / f"litex-{list(CASES).index(case)}"
        build = root / f"{known.name}-build"
        lanes, seed = CASES[case]
        with locked(root / f"{known.name}.lock"):
            if not (known / "simulator").exists():
                shutil.rmtree(known, ignore_errors=True)
                shutil.rmtree(build, ignore_errors=True)
                test_axi.compiled_network(build, lanes, test_axi.NETWORKS[case][1](), runtime_weights=False)
                program(build, known, seed=seed)
        made.append(Place(build, known))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_scores(place, case: str):
    """Of one image and of several batches, at every level and at levels of their own; counters and identity."""
    there = place(case)
    host, network = there.host, there.network
    assert host.network == there.ports["inputs"]["network"]
    for count in (1, 2, host.batch + 2):
        images = there.images(count)
        for m in (None, *network.served):
            assert (host.predict(images, m) == there.scores(images, m)).all()
        if len(network.served) > 1:
            own = np.random.default_rng(count).choice(network.served, count)
            assert (host.predict(images, own) == there.scores(images, own)).all()
    assert host.read("accelerator_images_in") == host.read("accelerator_images_out") > 0
    assert host.read("accelerator_cycles") > 0
    assert host.read("accelerator_error") == 0
    assert host.predict(there.images(1)[:0]).shape == (0, there.scores(there.images(1)).shape[1])


def bytes_in(there: Place, address: int, data: bytes) -> None:
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
    there.host.bus.write(address, words)


def enable(there: Place, dma: str, base: int, length: int) -> None:
    for register, value in (("enable", 0), ("base", base), ("length", length), ("enable", 1)):
        there.host.write(f"{dma}_{register}", value)


@pytest.mark.rtl
def test_levels_by_a_register_and_the_event(place):
    """Images without headers, as bytes in memory; the interrupt's event comes once a batch, and is cleared."""
    there = place("dense, two levels")
    host, base, images = there.host, 0x4000_0000, there.images(3)
    answers = base + 0x200
    host.write("ev_enable", 1)
    bytes_in(there, base, b"".join(image.tobytes() + b"\xa5\x5a\xff" for image in images))  # 9 bytes of 12
    for m in (1, 2, 0):
        host.write("accelerator_levels", m)
        enable(there, "writer", answers, 3 * 8 * host.scores)
        assert host.read("ev_pending") == 0
        enable(there, "reader", base, 3 * 12)
        while not host.read("writer_done"):
            pass
        assert host.read("ev_pending") == 1
        host.write("ev_pending", 1)
        assert host.read("ev_pending") == 0
        words = np.array(host.bus.read(answers, 6 * host.scores), dtype="<u4")
        found = words.view("<i8").reshape(3, -1)
        assert (found == there.scores(images, m or None)).all()
    assert host.read("accelerator_images_out") == 9


@pytest.mark.rtl
@pytest.mark.parametrize("words", [1, 2, 4, 5])
def test_a_batch_that_stops(place, words: int):
    """Within a header, an image or a batch: nobody waits for ever, a reset forgets it, and what follows is right."""
    there = place("convolution, odd sizes, three levels")
    host, images = there.host, there.images(2)
    host.write("accelerator_control", HEADERS)
    enable(there, "writer", 0x4000_0200, 64)
    enable(there, "reader", 0x4000_0000, 4 * words)
    assert host.read("writer_done") == 0
    host.reset()
    for register in ("accelerator_images_in", "accelerator_images_out", "accelerator_cycles", "reader_offset"):
        assert host.read(register) == 0
    assert (host.predict(images) == there.scores(images)).all()
    host._timeout_s = 0.2
    start = host._start
    host._start = lambda dma, base, length: None if dma == "reader" else start(dma, base, length)
    with pytest.raises(HostError, match=r"^2 images came out in 0\.2 s; it was reset, try again$"):
        host.predict(images)
    host._start, host._timeout_s = start, 20
    assert (host.predict(images, [1, 3]) == there.scores(images, [1, 3])).all()
    with pytest.raises(HostError, match=r"^images are float64, \(7, 5, 3\) each; the SoC takes uint8"):
        host.predict(images.astype(float))
    for wrong in ([1, 2, 3], [1.5, 2.0], 1.9, -1, "2"):
        with pytest.raises(HostError, match=r"^levels=.*: give one whole number, or one for each of 2 images$"):
            host.predict(images, wrong)
    with pytest.raises(HostError, match=r"csr\.json: has no 'rebnet_nothing'; name the csr\.json of the SoC that has"):
        host.read("nothing")
    for none in (images.tolist(), None, np.uint8(3)):
        with pytest.raises(HostError, match=r"^images are a \w+; the SoC takes an array, uint8, an image a row$"):
            host.predict(none)


def test_a_csr_that_is_none(tmp_path: Path):
    for text in (None, "", "[]", "{}", '{"constants": []}', '{"constants": {"rebnet_baud": "fast"}}'):
        if text is not None:
            (tmp_path / "csr.json").write_text(text)
        with pytest.raises(HostError, match=r"csr\.json: "):
            line_baud(tmp_path / "csr.json")
        with pytest.raises(HostError, match=r"csr\.json: .*; name the csr\.json"):
            Host(None, tmp_path / "csr.json")  # type: ignore[arg-type]


def yosys_reads(gateware: Path) -> None:
    """Yosys finds every module and memory image by LiteX's own script, and no wire is driven twice."""
    script = next(gateware.glob("*.ys")).read_text().splitlines()
    reads = [line for line in script if line.startswith(("read_", "verilog_defaults"))]
    cells = "read_verilog -lib -specify +/ecp5/cells_sim.v +/ecp5/cells_bb.v"
    check = ["hierarchy -check -top " + next(gateware.glob("*.ys")).stem, "proc", "check -assert"]
    (gateware / "check.ys").write_text("\n".join([cells, *reads, *check, ""]))
    command = [sys.executable, "-P", yosys.__file__, "check.ys"]
    done = subprocess.run(command, cwd=gateware, check=False, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.rtl
def test_streams_for_a_soc_of_ones_own(tmp_path: Path):
    """The module by itself elaborates; so does the target of a board, at the pins of the serial shell's."""
    build = tmp_path / "build"
    test_axi.compiled_network(build, 4, test_axi.NETWORKS["dense, two levels"][1](), runtime_weights=False)
    generate(build, target="litex")
    folder = build / "litex"
    script = """
from litex.build.generic_platform import GenericPlatform
from rebnet.boards.shells.litex import gateware
made = gateware().RebnetAccelerator(GenericPlatform("none", [], name="x"), FOLDER)
assert (made.image_words, made.scores) == (3, 4)
"""
    command = [sys.executable, "-c", script.replace("FOLDER", repr(str(build)))]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    for board in ("ulx3s-85", "colorlight-i5"):
        done = subprocess.run(
            [sys.executable, "target.py", "--board", board], cwd=folder, check=False, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        gateware = folder / "build" / board / "gateware"
        assert (gateware / "mem").is_dir()
        own = next(gateware.glob("*.lpf")).read_text()
        sites = set(re.findall(r'SITE "(\w+)"', own))
        assert sites <= set(re.findall(r'SITE "(\w+)"', placement_of(find(board)).pins.read_text()))
        assert len(sites) == len(re.findall("LOCATE", own)) == (4 if board == "ulx3s-85" else 3)
        assert "rtl/accelerator.sv" in next(gateware.glob("*.ys")).read_text()
        yosys_reads(gateware)
    few = [sys.executable, "target.py", "--ram-kib", "0"]
    done = subprocess.run(few, cwd=folder, check=False, text=True, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.endswith("--ram-kib 0: one image and its scores take 48 bytes; give more\n")
    spaced = shutil.copytree(folder, tmp_path / "a folder's [name]", ignore=shutil.ignore_patterns("build"))
    for words, sentence in (
        (("--build",), "Yosys cannot read from a folder with blanks or quotes in its name; move it to another"),
        (("--baud", "0"), "--clock-mhz 50, --baud 0: must be above 0"),
        (("--clock-mhz", "nan"), "--clock-mhz nan, --baud 1000000: must be above 0"),
    ):
        asked = [sys.executable, "target.py", *words]
        done = subprocess.run(asked, cwd=spaced, check=False, text=True, capture_output=True)
        assert done.returncode == 2
        assert done.stderr.endswith(f"{sentence}\n")
    assert not (spaced / "build").exists()
