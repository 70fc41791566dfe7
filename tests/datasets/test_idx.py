"""The IDX reader on small files, and the real MNIST where it is at hand."""

import contextlib
import gzip
import hashlib
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from rebnet import datasets
from rebnet.datasets.idx import IdxFile, IdxSource, load_source, read_idx
from rebnet.errors import DatasetError

PIXELS = np.random.default_rng(2).integers(0, 256, (6, 3, 4), np.uint8)


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def refuse(path: Path, shape: tuple[int, ...], message: str) -> None:
    whole = f"{path}: {message}; replace {path.name} by the published file"
    with pytest.raises(DatasetError, match=f"^{re.escape(whole)}$"):
        read_idx(path, shape)


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_plain_and_gzipped(tmp_path: Path, name: str, packed: bool) -> None:
    content = idx(PIXELS)
    path = put(tmp_path / name, gzip.compress(content) if packed else content)
    array = read_idx(path, (6, 3, 4))
    np.testing.assert_array_equal(array, PIXELS)
    assert array.flags.writeable


GOOD = idx(PIXELS)
RULE = "an IDX file of bytes with 3 axes begins with 0x00000803"
DAMAGES = {
    "wrong type": (b"\0\0\x0d\x03" + GOOD[4:], f"begins with 0x00000d03, {RULE}"),
    "labels instead": (idx(PIXELS[0, 0]), f"begins with 0x00000801, {RULE}"),
    "a web page": (b"<!DOCTYPE html>", f"begins with 0x3c21444f, {RULE}"),
    "empty": (b"", f"begins with nothing, {RULE}"),
    "half a header": (GOOD[:10], "ends after 10 bytes, the header takes 16"),
    "wrong count": (idx(PIXELS[:5]), "header says 5×3×4, it must say 6×3×4"),
    "truncated": (GOOD[:-2], "holds 70 bytes, its header says 6×3×4 = 72"),
    "too long": (GOOD + b"\0", "holds more than the 72 bytes of 6×3×4 that its header says"),
    "gzip cut": (gzip.compress(GOOD)[:-20], "the gzip data end early, the file is truncated"),
    "gzip without its trailer": (gzip.compress(GOOD)[:-4], "the gzip data end early, the file is truncated"),
    "gzip of a truncated file": (gzip.compress(GOOD[:-1]), "holds 71 bytes, its header says 6×3×4 = 72"),
    "gzip checksum": (
        gzip.compress(GOOD)[:-8] + b"\0\0\0\0" + gzip.compress(GOOD)[-4:],
        f"cannot be read (CRC check failed 0x0 != {hex(zlib.crc32(GOOD))})",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damage(tmp_path: Path, case: str) -> None:
    content, message = DAMAGES[case]
    refuse(put(tmp_path / "images", content), (6, 3, 4), message)


def test_every_flipped_byte_of_a_gzip_file(tmp_path: Path) -> None:
    """No damage ends in another exception than DatasetError, and none gives other pixels."""
    good = gzip.compress(GOOD)
    path = tmp_path / "images.gz"
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0xFF
        path.write_bytes(bad)
        with contextlib.suppress(DatasetError):
            np.testing.assert_array_equal(read_idx(path, (6, 3, 4)), PIXELS)


def test_missing(tmp_path: Path) -> None:
    refuse(tmp_path / "none", (1,), "cannot be read (No such file or directory)")


TOY = IdxSource(
    name="toy",
    classes=3,
    mirrors=(),
    train_images=IdxFile("train-images", "", (4, 3, 4), 10**6),
    train_labels=IdxFile("train-labels", "", (4,), 10**6),
    test_images=IdxFile("test-images", "", (2, 3, 4), 10**6),
    test_labels=IdxFile("test-labels", "", (2,), 10**6),
)


@pytest.fixture
def toy_dir(tmp_path: Path) -> Path:
    put(tmp_path / "toy" / "train-images.gz", gzip.compress(idx(PIXELS[:4])))
    put(tmp_path / "toy" / "train-labels", idx(np.array([0, 1, 2, 1], np.uint8)))
    put(tmp_path / "toy" / "test-images", idx(PIXELS[4:]))
    put(tmp_path / "toy" / "test-labels.gz", gzip.compress(idx(np.array([2, 0], np.uint8)), 1))
    return tmp_path


def test_data_dir(toy_dir: Path) -> None:
    toy = load_source(TOY, toy_dir)
    assert repr(toy) == "Dataset('toy', 3 classes, 3×4×1, 4 training and 2 test images)"
    np.testing.assert_array_equal(toy.train_images, PIXELS[:4, :, :, None])
    np.testing.assert_array_equal(toy.test_images, PIXELS[4:, :, :, None])
    assert toy.train_labels.tolist() == [0, 1, 2, 1]
    assert toy.test_labels.tolist() == [2, 0]


def test_label_out_of_range_names_the_file(toy_dir: Path) -> None:
    path = put(toy_dir / "toy" / "train-labels", idx(np.array([0, 1, 3, 1], np.uint8)))
    message = f"{path}: labels[2] is 3, labels must be 0 to 2; number the classes from 0"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        load_source(TOY, toy_dir)


def test_incomplete_folder(toy_dir: Path) -> None:
    (toy_dir / "toy" / "test-images").unlink()
    folder = toy_dir / "toy"
    message = (
        f"{folder}/test-images[.gz]: no such file, {folder} must hold all four files of toy; "
        "add it, or leave out --data-dir to download them"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        load_source(TOY, toy_dir)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_no_such_data_dir(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "none"
    message = (
        f"{folder}: no such folder, --data-dir must name one that holds {name}/; "
        "correct it, or leave it out to download the files"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load(name, folder)


@pytest.mark.data("mnist")
def test_real_mnist(data_dir: Path) -> None:
    mnist = datasets.load("mnist", data_dir)
    assert repr(mnist) == "Dataset('mnist', 10 classes, 28×28×1, 60000 training and 10000 test images)"
    assert mnist.train_labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    header = bytes((0, 0, 8, 3)) + struct.pack(">3I", 10_000, 28, 28)
    published = "2646ac647ad5339dbf082846283269ea"
    assert hashlib.md5(header + mnist.test_images.tobytes()).hexdigest() == published


@pytest.mark.data("fashion-mnist")
def test_real_fashion_mnist(data_dir: Path) -> None:
    fashion = datasets.load("fashion-mnist", data_dir)
    assert repr(fashion) == "Dataset('fashion-mnist', 10 classes, 28×28×1, 60000 training and 10000 test images)"
    assert np.bincount(fashion.train_labels).tolist() == [6000] * 10
