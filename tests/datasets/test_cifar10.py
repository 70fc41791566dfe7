"""CIFAR-10 on small files, its archive, and the real one where it is at hand."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from rebnet import datasets
from rebnet.datasets import cifar10
from rebnet.datasets.cifar10 import FOLDER, CifarFile, CifarSource, extract, load_source, read_records
from rebnet.errors import DatasetError, OutputError

IMAGES = np.random.default_rng(4).integers(0, 256, (9, 32, 32, 3), np.uint8)
LABELS = np.array([0, 9, 3, 1, 2, 4, 5, 8, 7], np.uint8)
NAMES = ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")


def records(images: np.ndarray, labels: np.ndarray) -> bytes:
    return b"".join(
        bytes([label]) + image[:, :, 0].tobytes() + image[:, :, 1].tobytes() + image[:, :, 2].tobytes()
        for image, label in zip(images, labels, strict=True)
    )


CONTENTS = {name: records(IMAGES[3 * i : 3 * i + 3], LABELS[3 * i : 3 * i + 3]) for i, name in enumerate(NAMES)}


def source(md5: str = "") -> CifarSource:
    files = [CifarFile(name, hashlib.md5(content).hexdigest()) for name, content in CONTENTS.items()]
    return CifarSource("cifar-10-binary.tar.gz", md5, 10**6, (), tuple(files[:-1]), files[-1], 3)


def put(folder: Path) -> Path:
    (folder / FOLDER).mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / FOLDER / name).write_bytes(content)
    return folder / FOLDER


def refuse(path: Path, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_source(source(), path.parents[1])


def test_data_dir(tmp_path: Path) -> None:
    put(tmp_path)
    toy = load_source(source(), tmp_path)
    assert repr(toy) == "Dataset('cifar10', 10 classes, 32×32×3, 6 training and 3 test images)"
    np.testing.assert_array_equal(toy.train_images, IMAGES[:6])
    np.testing.assert_array_equal(toy.test_images, IMAGES[6:])
    np.testing.assert_array_equal(toy.train_labels, LABELS[:6])
    np.testing.assert_array_equal(toy.test_labels, LABELS[6:])
    for array in (toy.train_images, toy.test_images, toy.train_labels, toy.test_labels):
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_truncated(tmp_path: Path) -> None:
    path = put(tmp_path) / NAMES[1]
    path.write_bytes(CONTENTS[NAMES[1]][:-1])
    refuse(path, f"holds 9218 bytes, 3 records of 3073 bytes are 9219; replace {path.name} by the published file")


def test_too_long(tmp_path: Path) -> None:
    path = put(tmp_path) / NAMES[2]
    path.write_bytes(CONTENTS[NAMES[2]] + b"\0")
    refuse(path, f"holds 9220 bytes, 3 records of 3073 bytes are 9219; replace {path.name} by the published file")


def test_label_out_of_range(tmp_path: Path) -> None:
    path = put(tmp_path) / NAMES[0]
    path.write_bytes(records(IMAGES[:3], np.array([0, 1, 10], np.uint8)))
    refuse(path, "the label of record 2 is 10, labels must be 0 to 9; replace data_batch_1.bin by the published file")


def test_incomplete_folder(tmp_path: Path) -> None:
    folder = put(tmp_path)
    (folder / NAMES[2]).unlink()
    refuse(
        folder / NAMES[2],
        f"no such file, {folder} must hold all six files of cifar10; add it, or leave out --data-dir to download them",
    )


def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "none.bin"
    message = f"{path}: cannot be read (No such file or directory); replace none.bin by the published file"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        read_records(path, 3)


def test_no_such_data_dir(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    message = (
        f"{folder}: no such folder, --data-dir must name one that holds cifar-10-batches-bin/; "
        "correct it, or leave it out to download the files"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load("cifar10", folder)


def pack(path: Path, members: dict[str, bytes | str]) -> Path:
    """Write an archive; a member that is text is a symbolic link to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
                continue
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


PUBLISHED: dict[str, bytes | str] = {f"{FOLDER}/{name}": content for name, content in CONTENTS.items()}


def cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand in for the download; return the archives that it was asked for."""
    asked: list[Path] = []

    def fetch(
        name: str, file: str, md5: str, size: int, mirrors: tuple[str, ...], where: Path | None, layout: str
    ) -> Path:
        assert (md5, size, mirrors, layout, where) == ("m", 10**6, (), FOLDER, cache)
        asked.append(pack(cache / name / file, PUBLISHED))
        return asked[-1]

    monkeypatch.setattr(cifar10, "fetch", fetch)
    return asked


def test_downloads_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = cached(tmp_path / "cache", monkeypatch)
    for _ in range(2):
        toy = load_source(source("m"), tmp_path, tmp_path / "cache")
        np.testing.assert_array_equal(toy.test_images, IMAGES[6:])
    assert asked == [tmp_path / "cache" / "cifar10" / "cifar-10-binary.tar.gz"]
    left = sorted(path.relative_to(tmp_path / "cache") for path in tmp_path.rglob("*") if path.is_file())
    assert left == [Path("cifar10") / FOLDER / name for name in NAMES]


def test_damaged_cache_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = cached(tmp_path, monkeypatch)
    load_source(source("m"), None, tmp_path)
    path = tmp_path / "cifar10" / FOLDER / NAMES[0]
    path.write_bytes(CONTENTS[NAMES[1]])
    toy = load_source(source("m"), None, tmp_path)
    np.testing.assert_array_equal(toy.train_images, IMAGES[:6])
    assert len(asked) == 2


def test_only_published_members_are_unpacked(tmp_path: Path) -> None:
    strange: dict[str, bytes | str] = {
        f"{FOLDER}/../../evil": b"evil",
        "/evil": b"evil",
        NAMES[0]: b"evil",
        f"./{FOLDER}/{NAMES[0]}": b"evil",
        f"{FOLDER}/readme.html": b"read me",
        f"{FOLDER}/link": "/etc/passwd",
    }
    folder = tmp_path / "a" / "b" / FOLDER
    extract(pack(tmp_path / "x.tar.gz", strange | PUBLISHED), source(), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "x.tar.gz"]


ARCHIVES: dict[str, tuple[dict[str, bytes | str], str]] = {
    "a link in place of a file": (
        PUBLISHED | {f"{FOLDER}/{NAMES[1]}": "/etc/passwd"},
        f"{FOLDER}/data_batch_2.bin is not in the archive",
    ),
    "a file lacks": (
        {name: content for name, content in PUBLISHED.items() if "test" not in name},
        f"{FOLDER}/test_batch.bin is not in the archive",
    ),
    "another file": (
        PUBLISHED | {f"{FOLDER}/{NAMES[0]}": b"evil"},
        f"{FOLDER}/data_batch_1.bin is not the published file",
    ),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archive_refusal(tmp_path: Path, case: str) -> None:
    members, reason = ARCHIVES[case]
    path = pack(tmp_path / "x.tar.gz", members)
    message = f"{path}: {reason}; replace x.tar.gz by the published file"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        extract(path, source(), tmp_path / FOLDER)


@pytest.mark.parametrize(
    ("keep", "reason"), [(0, "empty file"), (-200, "Compressed file ended before the end-of-stream marker was reached")]
)
def test_archive_cut_off(tmp_path: Path, keep: int, reason: str) -> None:
    path = pack(tmp_path / "x.tar.gz", PUBLISHED)
    path.write_bytes(path.read_bytes()[:keep])
    message = f"{path}: cannot be unpacked ({reason}); replace x.tar.gz by the published file"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        extract(path, source(), tmp_path / FOLDER)


def test_cache_is_a_file(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    message = (
        f"{tmp_path}/{FOLDER}: data_batch_1.bin cannot be written to the cache (file exists); "
        "make room or change its permissions, or name a folder that holds the data set with --data-dir"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        extract(pack(tmp_path / "x.tar.gz", PUBLISHED), source(), tmp_path / FOLDER)


@pytest.mark.data("cifar10")
def test_real_cifar10(data_dir: Path) -> None:
    cifar = datasets.load("cifar10", data_dir)
    assert repr(cifar) == "Dataset('cifar10', 10 classes, 32×32×3, 50000 training and 10000 test images)"
    assert cifar.train_labels[:8].tolist() == [6, 9, 9, 4, 1, 1, 2, 7]
    assert cifar.train_images[0, 0, :2].tolist() == [[59, 62, 63], [43, 46, 45]]
    assert np.bincount(cifar.train_labels).tolist() == [5000] * 10
    content = records(cifar.test_images, cifar.test_labels.astype(np.uint8))
    assert hashlib.md5(content).hexdigest() == cifar10.SOURCE.test.md5
