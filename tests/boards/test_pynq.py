"""The driver for PYNQ, the file that is copied, against the simulated shell: scores are the reference's."""

import ast
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tests.boards import test_axi, test_axi_load
from tests.boards.pynq_board import Board, program
from tests.simulate.builds import locked

from rebnet.boards.shells.axi import pynq as shipped
from rebnet.engine.reference import run, run_mixed
from rebnet.generate.load import write_weights
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.spec.scores import labels as labels_of

CASES = {
    "dense, two levels": 0,
    "one class, one sample": 3,
    "convolution, odd sizes, three levels": 0,
    "on a map": 7,
    "fixed levels, an image a beat": 5,
}
"""Networks of the shell's own tests, and the seed of pauses on the streams."""


def driver_of(folder: Path) -> ModuleType:
    """The module of the file as it is copied."""
    (folder / "driver.py").write_text(shipped.text("driver.py"))
    spec = importlib.util.spec_from_file_location("driver", folder / "driver.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Place:
    """A board, the folder on it, and the network that runs."""

    def __init__(self, build: Path, simulator: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        folder.mkdir(exist_ok=True)
        shutil.copyfile(build / "axi" / "shell.json", folder / "shell.json")
        for name in ("network.bit", "network.hwh"):
            (folder / name).write_text("")
        self.build, self.folder, self.network = build, folder, storage.load(build)
        self.record = json.loads((folder / "shell.json").read_text())
        self.board = Board(simulator, self.record["top"], seed)
        monkeypatch.setitem(sys.modules, "pynq", self.board.pynq())
        self.driver = driver_of(folder)

    def open(self, **options):
        return self.driver.Accelerator(self.folder, **{"timeout_s": 0.4, **options})

    def images(self, count: int) -> np.ndarray:
        return images_of(self.network, count)

    def scores(self, images: np.ndarray, levels=None) -> np.ndarray:
        return scores_of(self.network, images, levels)


def images_of(network: Network, count: int) -> np.ndarray:
    image = network.input
    shape = (count, image.height, image.width, image.channels)
    return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)


def scores_of(network: Network, images: np.ndarray, levels=None) -> np.ndarray:
    """As the driver has them: the places of a map in a row."""
    if levels is None or isinstance(levels, int):
        found = run(network, images, levels=levels or network.levels)
    else:
        found = run_mixed(network, images, np.asarray(levels))
    return found.reshape(len(images), -1, network.classes) if found.ndim > 2 else found


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory, monkeypatch) -> Iterator[Callable[..., Place]]:
    """Makes a place for a case; its simulator is built once a session."""
    root, made = tmp_path_factory.getbasetemp(), []

    def make(case: str = "dense, two levels", seed: int | None = None) -> Place:
        known = root / f"pynq-{list(CASES).index(case)}"
        with locked(root / f"{known.name}.lock"):
            if not (known / "simulator").exists():
                shutil.rmtree(known, ignore_errors=True)
                shutil.rmtree(root / f"{known.name}-build", ignore_errors=True)
                test_axi.compiled(root / f"{known.name}-build", case)
                program(root / f"{known.name}-build", known)
        start = CASES[case] if seed is None else seed
        made.append(Place(root / f"{known.name}-build", known / "simulator", tmp_path / "board", monkeypatch, start))
        return made[-1]

    yield make
    for one in made:
        one.board.close()


def test_the_file_stands_alone():
    """Python 3.8 reads it, and it imports the standard library, numpy and pynq."""
    for name in ("driver.py", "validate.py"):
        tree = ast.parse(shipped.text(name), feature_version=(3, 8))
        names = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        outside = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
        assert outside == {"numpy", "pynq" if name == "driver.py" else "driver"}


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_scores_and_labels(place, case: str):
    """Of one image, of a batch and of several transfers, at every level, at levels of their own; then labels."""
    there = place(case)
    network = there.network
    several = len(network.served) > 1
    with there.open(batch=3) as accelerator:
        assert accelerator.network == there.record["network"]
        assert there.board.programmed == [(str(there.folder / "network.bit"), True)]
        for count in (1, 3, 8):
            images = there.images(count)
            for m in (None, *network.served):
                expected = there.scores(images, m)
                found = accelerator.predict(images, m)
                assert found.dtype == np.int64
                assert found.shape == expected.shape
                assert (found == expected).all()
                assert (accelerator.labels(images, m) == labels_of(expected)).all()
            if several:
                own = np.random.default_rng(count).choice(network.served, count)
                assert (accelerator.predict(images, own) == there.scores(images, own)).all()
                assert (accelerator.labels(images, own) == labels_of(there.scores(images, own))).all()
        one = there.images(1)[0]
        assert (accelerator.predict(one) == there.scores(one[None])[0]).all()
        flat = one[..., 0] if one.shape[2] == 1 else one
        assert (accelerator.labels(flat) == labels_of(there.scores(one[None]))[0]).all()
        assert accelerator.predict(there.images(2)[:0]).shape == (0, *there.scores(there.images(2)).shape[1:])
    assert all(buffer.freed for buffer in there.board.buffers)
    assert len(there.board.buffers) == 4  # two of each side, over all calls
    with pytest.raises(there.driver.DriverError, match=r"^the accelerator is closed; make another$"):
        accelerator.predict(there.images(1))


@pytest.mark.rtl
def test_transfers_end_below_the_length_register(place):
    there = place()
    there.board.names["axi_dma_0"]["parameters"]["c_sg_length_width"] = "7"
    there.board.length_bits = 7
    images = there.images(11)
    with there.open() as accelerator:
        assert accelerator.batch == 127 // 32
        assert (accelerator.predict(images) == there.scores(images)).all()
    assert there.board.transfers == [36, 36, 36, 24]
    there.board.names["axi_dma_0"]["parameters"]["c_sg_length_width"] = "4"
    with pytest.raises(there.driver.DriverError, match=r"^axi_dma_0: its length register has 4 bits, too few for one"):
        there.open()


@pytest.mark.rtl
def test_a_transfer_that_stands_still(place):
    """Either side: a sentence, a reset, and the next call is right."""
    there = place("convolution, odd sizes, three levels")
    images, still = there.images(5), r"^a transfer of 2 images stands still: nothing came in 0.4 s \(DMA 0x"
    with there.open(batch=2) as accelerator:
        for side in ("stuck", "deaf"):
            setattr(there.board, side, True)
            with pytest.raises(there.driver.DriverError, match=still):
                accelerator.predict(images, 1)
            setattr(there.board, side, False)
            own = [1, 3, 2, 2, 1]
            assert (accelerator.predict(images, own) == there.scores(images, own)).all()
        assert (accelerator.labels(images, 2) == labels_of(there.scores(images, 2))).all()


@pytest.mark.rtl
def test_errors_of_the_dma(place):
    there = place()
    images = there.images(2)
    with there.open() as accelerator:
        there.board.unmapped = True
        with pytest.raises(there.driver.DriverError, match=r"^the DMA's \w+ stopped with errors \(status 0x00000041\)"):
            accelerator.predict(images)
        there.board.unmapped = False
        assert (accelerator.predict(images) == there.scores(images)).all()
        write = accelerator._shell.write
        accelerator._shell.write = lambda address, data: write(
            address, 1 if address == there.record["registers"]["IMAGES"] else data
        )
        with pytest.raises(there.driver.DriverError, match=r"^32 bytes of answers came, and 64 were due: a transfer"):
            accelerator.predict(images)
        accelerator._shell.write = write
        accelerator.reset()
        assert (accelerator.predict(images) == there.scores(images)).all()


@pytest.mark.rtl
def test_another_bitstream(place):
    there = place()
    at, record = there.record["registers"], there.record
    for said, sentence in (
        ({at["MAGIC"]: 7}, r"^no shell of rebnet is there: its first register says 0x00000007; check"),
        ({at["VERSION"]: 2 << 16}, r"^the shell's registers are version 2\.0, and this driver knows 1; take"),
        ({at["CLASSES"]: 99}, r"^another accelerator is loaded: its CLASSES is 99, and shell\.json says 4; copy"),
        ({at["NETWORK"] + 28: 5}, rf"^another network runs: {record['network'][:16]}…, and {record['network'][:16]}…"),
        ({at["NETWORK"]: 5}, rf"^another network runs: 00000005{record['network'][8:16]}…, and .* is expected; copy"),
    ):
        there.board.said = said
        with pytest.raises(there.driver.DriverError, match=sentence):
            there.open()
    there.board.said = {}
    with there.open(download=False):
        assert there.board.programmed[-1][1] is False


@pytest.mark.rtl
def test_what_is_refused(place):
    """Before anything moves; each sentence says the way out."""
    there = place()
    images = there.images(3)
    with there.open() as accelerator:
        for wrong, levels, sentence in (
            (images.astype(int), None, r"^images of int64: bytes from 0 to 255 are taken; give uint8$"),
            (images[:, :2], None, r"^images of shape \(3, 2, 3, 1\): the network takes \(N, 3, 3, 1\)$"),
            (images, 3, r"^levels=3: the network runs at 1, 2; give one of these$"),
            (images, [1, 2, 0], r"^levels=0: the network runs at 1, 2"),
            (images, [1, 2], r"^levels=\[1, 2\]: give one whole number, or one for each of 3 images$"),
            (images, 1.0, r"^levels=1\.0: give one whole number"),
            (images, [[1], [1, 2]], r"^levels: are no array \(.*; give all of one shape$"),
            ([images, images[0]], None, r"^images: are no array \(.*; give all of one shape$"),
        ):
            with pytest.raises(there.driver.InputError, match=sentence):
                accelerator.predict(wrong, levels)
        assert accelerator.predict(images[:0], []).shape == (0, 4)
        assert there.board.transfers == []
        for wrong in (2.5, "3", None):
            with pytest.raises(there.driver.InputError, match=r"^images=.*: at least one is needed to measure a speed"):
                accelerator.throughput(wrong)
        with pytest.raises(there.driver.InputError, match="takes no weights at run time; make one with rebnet compile"):
            accelerator.load("weights.bin")
    wrong = ({"batch": 0}, {"batch": 1.5}, {"batch": "8"}, {"timeout_s": 0.0}, {"timeout_s": "3"}, {"timeout_s": None})
    for options in wrong:
        with pytest.raises(there.driver.InputError, match="must be above 0, and batch a whole number; give others"):
            there.open(**options)
    with pytest.raises(there.driver.DriverError, match=r"^the block design has 0 blocks for AXI DMA, among acc"):
        there.open(dma="nothing")
    there.board.names["second"] = there.board.names["axi_dma_0"]
    with pytest.raises(there.driver.DriverError, match=r"^the block design has 2 blocks for AXI DMA"):
        there.open()
    there.open(dma="second").close()
    for name in ("other.bit", "other.hwh"):
        (there.folder / name).write_text("")
    with pytest.raises(
        there.driver.DriverError, match=r"holds network\.bit, other\.bit of \*\.bit; copy one there, or"
    ):
        there.open(dma="second")
    there.open(dma="second", bitstream="other.bit").close()
    assert there.board.programmed[-1] == (str(there.folder / "other.bit"), True)
    (there.folder / "other.bit").unlink()
    whole = (there.folder / "shell.json").read_text()
    for key in ("top", "address_bits", "network", "levels", "s_axis", "m_axis", "registers", "bits", "facts"):
        left = {other: value for other, value in there.record.items() if other != key}
        (there.folder / "shell.json").write_text(json.dumps(left))
        with pytest.raises(there.driver.InputError, match=rf"shell\.json: is damaged \(it has no '{key}'\); copy it"):
            there.open(dma="second")
    (there.folder / "shell.json").write_text(whole)
    (there.folder / "network.hwh").unlink()
    with pytest.raises(there.driver.DriverError, match=r"network\.hwh: is missing; pynq needs a \.bit and its \.hwh"):
        there.open(dma="second")
    (there.folder / "network.bit").unlink()
    with pytest.raises(there.driver.DriverError, match=r"holds none of \*\.bit; copy one there, or name it with"):
        there.open()
    (there.folder / "shell.json").write_text("{")
    with pytest.raises(there.driver.InputError, match=r"shell\.json: is damaged"):
        there.open()


@pytest.mark.rtl
def test_how_fast_and_how_many_watts(place):
    there = place()
    with there.open() as accelerator:
        with pytest.raises(there.driver.InputError, match=r"^images=0: at least one is needed to measure a speed"):
            accelerator.throughput(0)
        found = accelerator.throughput(20, 1)
        assert set(found) == {
            "images", "seconds", "images_per_s", "in_mb_per_s", "out_mb_per_s", "cycles_per_image", "clock_mhz",
        }  # fmt: skip
        assert found["images"] == 20
        assert 0 < found["cycles_per_image"] < 1000
        assert accelerator.power() == {}
        there.board.rails = {
            "5V": SimpleNamespace(power=SimpleNamespace(value=2.5)),
            "12V": SimpleNamespace(power=None),
        }
        assert accelerator.power() == {"5V": 2.5}


@pytest.mark.rtl
def test_weights_at_run_time(tmp_path: Path, monkeypatch):
    """Networks come and go, a damaged load is told, and the first network comes back."""
    samples, make = test_axi_load.NETWORKS["convolution, odd sizes, three levels"]
    networks = [make(seed) for seed in (1, 2)]
    build = tmp_path / "build"
    test_axi.compiled_network(build, samples, networks[0], runtime_weights=True)
    simulator = program(build, tmp_path / "simulated")
    for number, network in enumerate(networks):
        storage.save(network, tmp_path / f"{number}")
        write_weights(build, tmp_path / f"{number}", tmp_path / f"words{number}")
    there = Place(build, simulator, tmp_path / "board", monkeypatch, 3)
    images = there.images(7)
    try:
        with there.open(batch=4) as accelerator:
            assert (accelerator.predict(images) == there.scores(images)).all()
            for number in (1, 0, 1):
                accelerator.load(tmp_path / f"words{number}" / "weights.bin")
                own = [1, 2, 3, 3, 2, 1, 2]
                expected = scores_of(networks[number], images, own)
                assert (accelerator.predict(images, own) == expected).all()
            write, lost = there.board.shell_write, []

            def drop(address: int, data: int) -> None:
                if address == there.record["registers"]["LOAD_DATA"] and not lost:
                    lost.append(data)
                    return
                write(address, data)

            accelerator._shell.write = drop
            with pytest.raises(there.driver.DriverError, match="the words that arrived are not those that were sent"):
                accelerator.load(tmp_path / "words0" / "weights.bin")
            assert accelerator.network == "0" * 64
            with pytest.raises(there.driver.DriverError, match="a load of weights has not ended well"):
                accelerator.predict(images)
            accelerator.load(tmp_path / "words0" / "weights.bin")
            assert (accelerator.predict(images) == scores_of(networks[0], images)).all()
            damaged = tmp_path / "words1" / "weights.bin"
            damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x99")
            with pytest.raises(there.driver.InputError, match=r"weights\.bin: is not what weights\.bin was; copy it"):
                accelerator.load(damaged)
            record = json.loads((tmp_path / "words0" / "weights.json").read_text())
            for wrong in (".", ""):
                with pytest.raises(there.driver.InputError, match=r"^\.: cannot be read \(Is a directory\)"):
                    accelerator.load(wrong)
            for key in record:
                left = {other: value for other, value in record.items() if other != key}
                (tmp_path / "words0" / "weights.json").write_text(json.dumps(left))
                if key in ("schema", "words", "checksum", "file", "shape", "network"):
                    with pytest.raises(there.driver.InputError, match=r"weights\.json: is "):
                        accelerator.load(tmp_path / "words0" / "weights.bin")
            (tmp_path / "words0" / "weights.json").write_text(json.dumps(record | {"shape": "00000001"}))
            with pytest.raises(there.driver.InputError, match="is of networks of shape 00000001, and the bitstream's"):
                accelerator.load(tmp_path / "words0" / "weights.bin")
            assert (accelerator.predict(images) == scores_of(networks[0], images)).all()
        write_weights(build, tmp_path / "1", tmp_path / "words1")
        with there.open(weights=tmp_path / "words1" / "weights.bin") as accelerator:
            assert (accelerator.predict(images) == scores_of(networks[1], images)).all()
    finally:
        there.board.close()


def test_without_pynq(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynq", None)
    driver = driver_of(tmp_path)
    (tmp_path / "shell.json").write_text(json.dumps({"schema": 1, **dict.fromkeys(driver._SHELL_KEYS)}))
    with pytest.raises(driver.DriverError, match=r"pynq cannot be imported .* run this on a board with PYNQ"):
        driver.Accelerator(tmp_path)
    with pytest.raises(driver.InputError, match=r"shell\.json: cannot be read \(No such file or directory\); copy it"):
        driver.Accelerator(tmp_path / "nowhere")
