"""SVHN on small files that scipy writes, and the real one where it is at hand."""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from rebnet import datasets
from rebnet.datasets.svhn import SvhnFile, SvhnSource, load_source, read_mat
from rebnet.errors import DatasetError

IMAGES = np.random.default_rng(5).integers(0, 256, (6, 32, 32, 3), np.uint8)
LABELS = np.array([1, 0, 9, 2, 0, 5])


def published(start: int, end: int) -> dict[str, np.ndarray]:
    y = np.where(LABELS == 0, 10, LABELS)[start:end, None]
    return {"X": IMAGES[start:end].transpose(1, 2, 3, 0), "y": y.astype(np.uint8)}


def put(path: Path, compressed: bool = True, **variables: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    savemat(path, variables, do_compression=compressed)
    return path


@pytest.fixture
def toy_dir(tmp_path: Path) -> Path:
    put(tmp_path / "svhn" / "train_32x32.mat", **published(0, 2))
    put(tmp_path / "svhn" / "extra_32x32.mat", compressed=False, **published(2, 5))
    put(tmp_path / "svhn" / "test_32x32.mat", **published(5, 6))
    return tmp_path


def toy_source(toy_dir: Path) -> SvhnSource:
    files = [
        SvhnFile(name, hashlib.md5((toy_dir / "svhn" / name).read_bytes()).hexdigest(), count, 10**6)
        for name, count in (("train_32x32.mat", 2), ("extra_32x32.mat", 3), ("test_32x32.mat", 1))
    ]
    return SvhnSource((), tuple(files[:2]), files[2])


def test_data_dir(toy_dir: Path) -> None:
    toy = load_source(toy_source(toy_dir), toy_dir)
    assert repr(toy) == "Dataset('svhn', 10 classes, 32×32×3, 5 training and 1 test images)"
    np.testing.assert_array_equal(toy.train_images, IMAGES[:5])
    np.testing.assert_array_equal(toy.test_images, IMAGES[5:])
    np.testing.assert_array_equal(toy.train_labels, LABELS[:5])
    np.testing.assert_array_equal(toy.test_labels, LABELS[5:])
    for array in (toy.train_images, toy.test_images, toy.train_labels, toy.test_labels):
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_labels_may_be_float(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mat", X=published(0, 3)["X"], y=np.array([[10.0], [1.0], [9.0]]))
    assert read_mat(path, 3)[1].tolist() == [0, 1, 9]


GOOD = published(0, 3)
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no X": ({"y": GOOD["y"]}, "variable X is missing, X and y are required"),
    "no y": ({"X": GOOD["X"]}, "variable y is missing, X and y are required"),
    "float X": (GOOD | {"X": GOOD["X"] / 255}, "X holds float64, it must hold uint8"),
    "cells": (
        GOOD | {"y": np.array([[1], ["a"], [2]], object)},
        "y holds object, it must hold uint8 or float64",
    ),
    "struct": (GOOD | {"X": {"a": 1}}, "X holds [('a', 'O')], it must hold uint8"),
    "text": (GOOD | {"y": "abc"}, "y holds <U3, it must hold uint8 or float64"),
    "too few images": (GOOD | {"X": GOOD["X"][..., :2]}, "X is 32×32×3×2, it must be 32×32×3×3"),
    "images first": (GOOD | {"X": IMAGES[:3]}, "X is 3×32×32×3, it must be 32×32×3×3"),
    "one image": (GOOD | {"X": IMAGES[0]}, "X is 32×32×3, it must be 32×32×3×3"),
    "labels in a row": (GOOD | {"y": GOOD["y"].T}, "y is 1×3, it must be 3×1"),
    "digit 0 as 0": (
        GOOD | {"y": np.array([[1], [0], [9]], np.uint8)},
        "y[1] is 0, labels must be 1 to 10, and 10 is digit 0",
    ),
    "half a label": (
        GOOD | {"y": np.array([[1], [2], [2.5]])},
        "y[2] is 2.5, labels must be 1 to 10, and 10 is digit 0",
    ),
}


def refuse(path: Path, message: str) -> None:
    whole = f"{path}: {message}; replace {path.name} by the published file"
    with pytest.raises(DatasetError, match=f"^{re.escape(whole)}$"):
        read_mat(path, 3)


@pytest.mark.parametrize("case", VARIABLES)
def test_variable_refusal(tmp_path: Path, case: str) -> None:
    variables, message = VARIABLES[case]
    refuse(put(tmp_path / "a.mat", **variables), message)


def test_other_variables_are_not_read(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mat", **GOOD, note=np.array([1, "a"], object))
    np.testing.assert_array_equal(read_mat(path, 3)[0], IMAGES[:3])


def test_missing(tmp_path: Path) -> None:
    refuse(tmp_path / "none.mat", "cannot be read (No such file or directory)")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"")
    refuse(path, "not a readable MATLAB file (Mat file appears to be truncated)")


def test_version_7_3(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n")
    refuse(path, "a MATLAB file of version 7.3, the published one is of version 5")


@pytest.mark.parametrize("position", [0, 124, 126, 140, 200, 3000, -1])
def test_damage(toy_dir: Path, position: int) -> None:
    """Nothing but the published bytes reaches scipy, which some of these would crash."""
    source = toy_source(toy_dir)
    path = toy_dir / "svhn" / "extra_32x32.mat"
    bad = bytearray(path.read_bytes())
    bad[position] ^= 0xFF
    path.write_bytes(bad)
    message = (
        f"{path}: md5 is {hashlib.md5(bad).hexdigest()}, that of the published file is {source.train[1].md5}; "
        "replace extra_32x32.mat by the published file"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        load_source(source, toy_dir)


def test_incomplete_folder(toy_dir: Path) -> None:
    folder, source = toy_dir / "svhn", toy_source(toy_dir)
    (folder / "extra_32x32.mat").unlink()
    message = (
        f"{folder}/extra_32x32.mat: no such file, {folder} must hold all three files of svhn; "
        "add it, or leave out --data-dir to download them"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        load_source(source, toy_dir)


def test_no_such_data_dir(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    message = (
        f"{folder}: no such folder, --data-dir must name one that holds svhn/; "
        "correct it, or leave it out to download the files"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load("svhn", folder)


@pytest.mark.data("svhn")
def test_real_svhn(data_dir: Path) -> None:
    svhn = datasets.load("svhn", data_dir)
    assert repr(svhn) == "Dataset('svhn', 10 classes, 32×32×3, 604388 training and 26032 test images)"
    assert np.bincount(svhn.test_labels).tolist() == [1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595]
