"""npz:FILE: what is read, and one sentence for everything that is not."""

import contextlib
import io
import os
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rebnet import datasets
from rebnet.datasets.split import fixed_order
from rebnet.errors import DatasetError

IMAGES = np.random.default_rng(1).integers(0, 256, (10, 3, 4, 1), np.uint8)
LABELS = np.arange(10) % 4


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def refuse(path: Path, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load(f"npz:{path}")


def test_signals_are_images_of_height_1(tmp_path: Path) -> None:
    signals = np.random.default_rng(2).integers(0, 256, (10, 7, 3), np.uint8)
    path = save(tmp_path / "a.npz", images=signals, labels=LABELS, test_images=signals[:4], test_labels=LABELS[:4])
    dataset = datasets.load(f"npz:{path}")
    assert dataset.image_shape == (1, 7, 3)
    np.testing.assert_array_equal(dataset.train_images[:, 0], signals)
    np.testing.assert_array_equal(dataset.test_images[:, 0], signals[:4])


@pytest.mark.parametrize("signals", [False, True])
def test_label_maps(tmp_path: Path, signals: bool) -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (10, 7, 3) if signals else (10, 6, 4, 1), np.uint8)
    labels = rng.integers(-1, 3, (10, 7) if signals else (10, 6, 4)).astype(np.int8)
    labels[0] = 2
    dataset = datasets.load(f"npz:{save(tmp_path / 'a.npz', images=images, labels=labels)}")
    assert dataset.classes == 3
    assert dataset.map_shape == ((1, 7) if signals else (6, 4))
    order = fixed_order(10)
    np.testing.assert_array_equal(dataset.test_labels.reshape(2, -1), labels[order[8:]].reshape(2, -1))


@pytest.mark.parametrize(
    ("images", "targets", "shape"),
    [
        ((10, 3, 4, 1), (10,), (10, 1)),
        ((10, 3, 4, 1), (10, 2), (10, 2)),
        ((10, 3, 4, 1), (10, 3, 2, 2), (10, 3, 2, 2)),
        ((10, 7, 3), (10, 7, 2), (10, 1, 7, 2)),
    ],
)
def test_targets(tmp_path: Path, images: tuple[int, ...], targets: tuple[int, ...], shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(4).integers(-9, 9, targets)
    path = save(tmp_path / "a.npz", images=np.zeros(images, np.uint8), targets=values)
    dataset = datasets.load(f"npz:{path}")
    assert dataset.regression
    assert (dataset.classes, dataset.map_shape) == (shape[-1], shape[1:-1])
    assert dataset.test_labels.dtype == np.float64
    np.testing.assert_array_equal(dataset.test_labels, values.reshape(shape)[fixed_order(10)[8:]])
    assert f"{shape[-1]} values" in repr(dataset)


def test_split_when_no_test_arrays(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", images=IMAGES, labels=LABELS.astype(np.uint8), note=np.zeros(3))
    dataset = datasets.load(f"npz:{path}")
    order = fixed_order(10)
    assert dataset.name == f"npz:{path}"
    assert dataset.classes == 4
    np.testing.assert_array_equal(dataset.train_images, IMAGES[order[:8]])
    np.testing.assert_array_equal(dataset.train_labels, LABELS[order[:8]])
    np.testing.assert_array_equal(dataset.test_images, IMAGES[order[8:]])
    np.testing.assert_array_equal(dataset.test_labels, LABELS[order[8:]])


def test_own_test_arrays(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.npz", images=IMAGES, labels=LABELS, test_images=IMAGES[:3], test_labels=np.array([0, 6, 1])
    )
    dataset = datasets.load(f"npz:{path}")
    assert dataset.classes == 7
    np.testing.assert_array_equal(dataset.train_images, IMAGES)
    np.testing.assert_array_equal(dataset.test_images, IMAGES[:3])


def test_two_images_are_enough(tmp_path: Path) -> None:
    dataset = datasets.load(f"npz:{save(tmp_path / 'a.npz', images=IMAGES[:2], labels=LABELS[:2])}")
    assert (len(dataset.train_images), len(dataset.test_images)) == (1, 1)


def test_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    assert datasets.load("npz:~/a.npz").classes == 4


CONTENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no channels": (
        {"images": IMAGES[:, 0, :, 0], "labels": LABELS},
        "images has shape (10, 4), images must be N×H×W×C; reshape them to these four axes",
    ),
    "float images": (
        {"images": IMAGES / 255, "labels": LABELS},
        "images has dtype float64, images must be uint8; "
        "scale the pixels to 0 to 255 and convert them with images.astype('uint8')",
    ),
    "float labels": (
        {"images": IMAGES, "labels": LABELS / 1},
        "labels has dtype float64, labels must be integers; "
        "number the classes from 0 and convert them with labels.astype('int64')",
    ),
    "one-hot labels": (
        {"images": IMAGES, "labels": np.eye(10, dtype=int)},
        "labels has shape (10, 10), labels must have one axis, or be label maps, N×H×W; give one class "
        "number an image, or one for each place",
    ),
    "missing labels": (
        {"images": IMAGES, "classes": 4},
        "key 'labels' is missing, the file holds classes, images; images and labels are required, "
        "add it with numpy.savez",
    ),
    "missing test labels": (
        {"images": IMAGES, "labels": LABELS, "test_images": IMAGES},
        "key 'test_labels' is missing, the file holds images, labels, test_images; "
        "test_images and test_labels come together or not at all, add it with numpy.savez",
    ),
    "labels and targets": (
        {"images": IMAGES, "labels": LABELS, "targets": LABELS},
        "holds labels and targets; keep the ones that are to be learned",
    ),
    "texts as targets": (
        {"images": IMAGES, "targets": LABELS.astype(str)},
        "targets has dtype <U21, targets must be numbers; write floats",
    ),
    "a target that is no number": (
        {"images": IMAGES, "targets": np.where(LABELS == 2, np.nan, 1.0)},
        "targets[2, 0] is no finite number; leave such images out",
    ),
    "targets beyond float32": (
        {"images": IMAGES, "targets": LABELS * 1e200},
        "targets are as large as 3e+200, targets may be 1e+30 at most; choose a larger unit",
    ),
    "no targets of each image": (
        {"images": IMAGES, "targets": np.zeros((10, 0))},
        "targets is float64 of shape (10, 0), targets must be float64 of shape N×1, or N×H×W×1 on a map",
    ),
    "targets on a map without the axis of the values": (
        {"images": IMAGES, "targets": np.zeros((10, 3, 4))},
        "targets has shape (10, 3, 4), targets on a map are N×H×W×K; add the axis of the K values with "
        "targets[..., None]",
    ),
    "targets of a single place": (
        {"images": IMAGES, "targets": np.zeros((10, 1, 1, 2))},
        "targets are maps of a single place, which is one set of values an image; write targets.reshape(-1, 2)",
    ),
    "labels of a single place": (
        {"images": IMAGES, "labels": LABELS[:, None, None]},
        "labels are maps of a single place, which is one label an image; write labels.reshape(-1)",
    ),
    "no place that is judged": (
        {"images": IMAGES, "labels": np.full((10, 3, 4), -1)},
        "labels judge no place, all are -1; label some of them",
    ),
    "targets of other images": (
        {"images": IMAGES, "targets": LABELS[:9]},
        "targets holds 9 targets for 10 images, the counts must be equal; give each image its own",
    ),
    "no test targets": (
        {"images": IMAGES, "targets": LABELS, "test_images": IMAGES},
        "key 'test_targets' is missing, the file holds images, targets, test_images; "
        "test_images and test_targets come together or not at all, add it with numpy.savez",
    ),
    "negative label": (
        {"images": IMAGES, "labels": LABELS - 1},
        "labels[0] is -1, labels must be 0 to 65535; number the classes from 0",
    ),
    "label beyond 64 bits": (
        {"images": IMAGES, "labels": np.full(10, 2**64 - 1, np.uint64)},
        "labels[0] is 18446744073709551615, labels must be 0 to 65535; number the classes from 0",
    ),
    "count mismatch": (
        {"images": IMAGES, "labels": LABELS[:9]},
        "labels holds 9 labels for 10 images, the counts must be equal; give one label an image",
    ),
    "object labels": (
        {"images": IMAGES, "labels": np.array([None] * 10)},
        "labels is an array of Python objects, only plain integers are read because objects can run code; "
        "convert it with labels.astype and save it again",
    ),
    "one image": (
        {"images": IMAGES[:1], "labels": LABELS[:1]},
        "images holds 1 image, at least 2 are needed to split off a test part; "
        "add images, or test_images and test_labels",
    ),
    "test images of another size": (
        {"images": IMAGES, "labels": LABELS, "test_images": IMAGES[:, :2], "test_labels": LABELS},
        "test_images are 2×4×1 and images are 3×4×1, height, width and channels must be equal; bring them to one size",
    ),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_content_refusal(tmp_path: Path, case: str) -> None:
    arrays, message = CONTENTS[case]
    path = save(tmp_path / "a.npz", **arrays)
    refuse(path, f"{path}: {message}")


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    refuse(path, f"{path}: no such file; write the path of an existing .npz file after npz:")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    refuse(
        path,
        f"{path}: not a zip archive, as every .npz file must be; "
        "write it with numpy.savez(FILE, images=..., labels=...)",
    )


def test_truncated_zip(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DatasetError, match="not a zip archive"):
        datasets.load(f"npz:{path}")


def test_every_flipped_byte_is_one_sentence_or_harmless(tmp_path: Path) -> None:
    """No damage ends in another exception than DatasetError."""
    path = save(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    good = path.read_bytes()
    for position in range(0, len(good), 3):
        bad = bytearray(good)
        bad[position] ^= 0xFF
        path.write_bytes(bad)
        with contextlib.suppress(DatasetError):
            datasets.load(f"npz:{path}")


def test_damaged_member(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    path.write_bytes(path.read_bytes().replace(IMAGES.tobytes(), IMAGES.tobytes()[::-1]))
    refuse(path, f"{path}: images is damaged (Bad CRC-32 for file 'images.npy'); write the file again")


def with_header(path: Path, header: str, data: bytes = bytes(16)) -> Path:
    """An npz file whose images have this header, which numpy wrote for nobody."""
    text = header.encode().ljust(117) + b"\n"
    labels = io.BytesIO()
    np.save(labels, np.zeros(1, np.int64))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data)
        archive.writestr("labels.npy", labels.getvalue())
    return path


@pytest.mark.parametrize(
    "header",
    [
        "(" * 60,
        "'''",
        "[" * 100,
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 4, 4, 1), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 4, 4, 1), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4, 4, 1), }",
        "{'descr': '|V99999999999', 'fortran_order': False, 'shape': (1,), }",
        "1",
    ],
)
def test_headers_that_numpy_never_wrote(tmp_path: Path, header: str) -> None:
    path = with_header(tmp_path / "a.npz", header)
    with pytest.raises(DatasetError, match=r"^" + re.escape(str(path)) + r": images .+; ") as refusal:
        datasets.load(f"npz:{path}")
    assert "\n" not in str(refusal.value)


def test_more_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.zeros((2, 100, 100, 1), np.uint8), labels=np.zeros(2, np.int64))
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4}[name])
    with pytest.raises(DatasetError) as refusal:
        datasets.load(f"npz:{path}")
    assert str(refusal.value) == (
        f"{path}: images unpacks to 20,128 bytes, this computer has 16,384 bytes of memory; write fewer images"
    )


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(DatasetError, match="no such file"):
        datasets.load(f"npz:{tmp_path / 'a.npz'}")
