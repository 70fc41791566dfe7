"""ImageNet's layout on small made pictures: pixels, classes, the cache of decoded pictures, refusals."""

import errno
import fcntl
import os
import re
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rebnet import datasets
from rebnet.datasets import Dataset, decoded, imagenet
from rebnet.datasets.picture import read_picture
from rebnet.errors import DatasetError, MissingExtraError, OptionError, OutputError

RESIZE, CROP = 16, 12


def picture(seed: int, width: int = 20, height: int = 16, mode: str = "RGB") -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(small).resize((width, height)).convert(mode)


def put(path: Path, image: Image.Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=95)
    return path


@pytest.fixture
def toy_dir(tmp_path: Path) -> Path:
    """Two classes of 3 and 2 training pictures and one test picture each, beside things to ignore."""
    for seed, name in enumerate(("b/2.JPEG", "b/10.JPEG", "b/1.jpg", "a/x.jpeg", "a/y.JPEG")):
        put(tmp_path / "imagenet" / "train" / name, picture(seed, 20 + seed, 24 - seed))
    for seed, name in enumerate(("a/v.JPEG", "b/w.JPEG"), 10):
        put(tmp_path / "imagenet" / "val" / name, picture(seed))
    (tmp_path / "imagenet" / "train" / "a" / "notes.txt").write_text("ignored")
    (tmp_path / "imagenet" / "train" / ".hidden").mkdir()
    (tmp_path / "imagenet" / "val" / "a" / "._v.JPEG").write_text("ignored")
    return tmp_path


def load(folder: Path) -> Dataset:
    return imagenet.load(folder, resize=RESIZE, crop=CROP, cache=folder / "cache")


def cached(folder: Path) -> list[str]:
    """Names in the cache, without their hashes."""
    return sorted(re.sub("-[0-9a-f]{16}", "", path.name) for path in (folder / "cache" / "imagenet").iterdir())


def refuse(folder: Path, message: str, error: type[Exception] = DatasetError) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        load(folder)


def test_order_labels_and_pixels(toy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy = load(toy_dir)
    assert repr(toy) == "Dataset('imagenet', 2 classes, 12×12×3, 5 training and 2 test images)"
    assert toy.train_labels.tolist() == [0, 0, 1, 1, 1]
    assert toy.test_labels.tolist() == [0, 1]
    for name, image in zip(("a/x.jpeg", "a/y.JPEG", "b/1.jpg", "b/10.JPEG", "b/2.JPEG"), toy.train_images, strict=True):
        np.testing.assert_array_equal(image, read_picture(toy_dir / "imagenet/train" / name, RESIZE, CROP))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "imagenet: decoding train" in printed.err
    assert cached(toy_dir) == ["train.npy", "val.npy"]


def test_images_stay_on_disk(toy_dir: Path) -> None:
    images = load(toy_dir).train_images
    assert isinstance(images.base, np.memmap)
    assert not images.flags.writeable


def test_decodes_once(toy_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    first = load(toy_dir)
    capsys.readouterr()
    monkeypatch.setattr(imagenet, "read_picture", lambda *_, **__: pytest.fail("decoded again"))
    second = load(toy_dir)
    np.testing.assert_array_equal(second.train_images, first.train_images)
    np.testing.assert_array_equal(second.test_images, first.test_images)
    assert capsys.readouterr().err == ""
    moved = toy_dir / "moved"
    moved.mkdir()
    (toy_dir / "imagenet").rename(moved / "imagenet")
    (toy_dir / "cache").rename(moved / "cache")
    np.testing.assert_array_equal(load(moved).train_images, first.train_images)


def test_default_size(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda name: toy_dir / name)
    assert datasets.load("imagenet", toy_dir).image_shape == (224, 224, 3)
    assert len(list((toy_dir / "rebnet" / "imagenet").iterdir())) == 2


def test_other_pictures_and_settings_make_other_files(toy_dir: Path) -> None:
    first = load(toy_dir)
    before = first.train_images.copy()
    path = put(toy_dir / "imagenet/train/a/x.jpeg", picture(99, 40, 40))
    second = load(toy_dir)
    np.testing.assert_array_equal(second.train_images[0], read_picture(path, RESIZE, CROP))
    np.testing.assert_array_equal(second.train_images[1:], before[1:])
    np.testing.assert_array_equal(first.train_images, before)
    put(toy_dir / "imagenet/train/a/z.jpeg", picture(98))
    assert len(load(toy_dir).train_images) == 6
    assert imagenet.load(toy_dir, resize=8, crop=8, cache=toy_dir / "cache").image_shape == (8, 8, 3)
    assert cached(toy_dir) == ["train.npy"] * 4 + ["val.npy"] * 2


def test_cut_off_cache_is_replaced(toy_dir: Path) -> None:
    before = load(toy_dir).train_images.copy()
    (path,) = (toy_dir / "cache" / "imagenet").glob("train-*.npy")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])
    np.testing.assert_array_equal(load(toy_dir).train_images, before)


def test_goes_on_where_it_was(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged picture stops it; a replaced one is decoded, and no other a second time."""
    monkeypatch.setattr(decoded, "BLOCK_PICTURES", 2)
    path = toy_dir / "imagenet/train/b/1.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(DatasetError, match=r"1\.jpg: not a readable picture"):
        load(toy_dir)
    assert cached(toy_dir) == ["train.lock", "train.partial.npy", "train.progress"]

    seen: list[str] = []

    def spy(path: Path, resize: int, crop: int) -> np.ndarray:
        seen.append(f"{path.parent.name}/{path.name}")
        return read_picture(path, resize, crop)

    monkeypatch.setattr(imagenet, "read_picture", spy)
    path.write_bytes(whole)
    toy = load(toy_dir)
    assert sorted(seen) == ["a/v.JPEG", "b/1.jpg", "b/2.JPEG", "b/w.JPEG"]
    for name, image in zip(("a/x.jpeg", "a/y.JPEG", "b/1.jpg", "b/10.JPEG", "b/2.JPEG"), toy.train_images, strict=True):
        np.testing.assert_array_equal(image, read_picture(toy_dir / "imagenet/train" / name, RESIZE, CROP))
    assert cached(toy_dir) == ["train.npy", "val.npy"]


def test_a_cache_whose_header_does_not_close_is_replaced(toy_dir: Path) -> None:
    whole = load(toy_dir).train_images.copy()
    path = next((toy_dir / "cache" / "imagenet").glob("train-*.npy"))
    data = path.read_bytes()
    path.write_bytes(data[:10] + b"(" * 118 + data[128:])
    np.testing.assert_array_equal(load(toy_dir).train_images, whole)


@pytest.mark.parametrize("damage", ["*.partial.npy", "*.progress"])
def test_damaged_progress_begins_anew(toy_dir: Path, damage: str) -> None:
    path = toy_dir / "imagenet/train/b/1.jpg"
    whole = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(DatasetError):
        load(toy_dir)
    (state,) = (toy_dir / "cache" / "imagenet").glob(damage)
    state.write_bytes(state.read_bytes()[:-8])
    path.write_bytes(whole)
    toy = load(toy_dir)
    np.testing.assert_array_equal(toy.train_images[0], read_picture(path.parents[1] / "a/x.jpeg", RESIZE, CROP))


def test_interrupt_keeps_what_is_done(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded, "BLOCK_PICTURES", 2)

    def stop(path: Path, resize: int, crop: int) -> np.ndarray:
        if path.name == "10.JPEG":
            raise KeyboardInterrupt
        return read_picture(path, resize, crop)

    monkeypatch.setattr(imagenet, "read_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        load(toy_dir)
    (progress,) = (toy_dir / "cache" / "imagenet").glob("*.progress")
    assert (np.fromfile(progress, np.int64) > 0).tolist() == [True, True, False, False, False]


MODES = {
    "grey": (picture(1, mode="L"), "JPEG"),
    "CMYK": (picture(1, mode="CMYK"), "JPEG"),
    "PNG named JPEG": (picture(1), "PNG"),
    "palette": (picture(1).quantize(200), "PNG"),
    "transparent": (picture(1, mode="RGBA"), "PNG"),
    "grey with transparency": (picture(1, mode="LA"), "PNG"),
}


@pytest.mark.parametrize("case", MODES)
def test_everything_becomes_rgb(tmp_path: Path, case: str) -> None:
    image, kind = MODES[case]
    image.save(tmp_path / "p.JPEG", kind)
    pixels = read_picture(tmp_path / "p.JPEG", RESIZE, CROP)
    wanted = picture(1, mode="L").convert("RGB") if "grey" in case else picture(1)
    assert pixels.dtype == np.uint8
    error = pixels.astype(int) - np.asarray(wanted)[2:14, 4:16]
    assert np.abs(error).mean() < 8  # losses of JPEG and of the palette


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture(1).quantize(8).save(tmp_path / "p.png", transparency=b"\x00\x80")
    assert read_picture(tmp_path / "p.png", RESIZE, CROP).shape == (12, 12, 3)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (300, 300), (90, 400), (257, 256), (31, 30)])
def test_resize_and_crop(tmp_path: Path, width: int, height: int) -> None:
    """The published rule, spelled out: shorter side, bilinear, then the middle."""
    image = picture(2, width, height)
    image.save(tmp_path / "p.png")
    scaled = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    left, top = round((scaled[0] - 224) / 2), round((scaled[1] - 224) / 2)
    wanted = np.asarray(image.resize(scaled, Image.Resampling.BILINEAR))[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png", 256, 224), wanted)


def damaged(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "p.JPEG"
    path.write_bytes(content)
    message = f"{path}: not a readable picture ({reason}); replace it by the published file, what is decoded is kept"
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        read_picture(path, RESIZE, CROP)


def test_damaged_pictures(tmp_path: Path) -> None:
    whole = put(tmp_path / "p.JPEG", picture(1, 64, 64)).read_bytes()
    damaged(b"", "no JPEG or PNG data", tmp_path)
    damaged(b"<!DOCTYPE html>", "no JPEG or PNG data", tmp_path)
    damaged(b"GIF89a" + bytes(100), "no JPEG or PNG data", tmp_path)
    damaged(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no JPEG or PNG data", tmp_path)
    path = tmp_path / "p.JPEG"
    path.write_bytes(whole[:-50])
    with pytest.raises(
        DatasetError, match=r"not a readable picture \(image file is truncated \(\d+ bytes not processed\)\); "
    ):
        read_picture(path, RESIZE, CROP)


def test_every_flipped_byte(tmp_path: Path) -> None:
    """No damage ends in another exception than DatasetError."""
    path = tmp_path / "p.JPEG"
    for kind in ("JPEG", "PNG"):
        picture(1).save(path, kind)
        good = path.read_bytes()
        for position in range(0, len(good), 2):
            bad = bytearray(good)
            bad[position] ^= 0xFF
            path.write_bytes(bad)
            try:
                assert read_picture(path, RESIZE, CROP).shape == (12, 12, 3)
            except DatasetError:
                continue


def test_missing_picture(tmp_path: Path) -> None:
    message = (
        f"{tmp_path}/none.JPEG: not a readable picture (No such file or directory); "
        "replace it by the published file, what is decoded is kept"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        read_picture(tmp_path / "none.JPEG", RESIZE, CROP)


WAY_OUT = "put the pictures into DIR/imagenet/train/CLASS/ and DIR/imagenet/val/CLASS/ and name DIR with --data-dir"


def test_is_never_downloaded() -> None:
    message = (
        "data set imagenet is not downloaded, because it is given only to those who register; "
        f"get it from https://image-net.org, {WAY_OUT}"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        datasets.load("imagenet")


@pytest.mark.parametrize("part", ["train", "val"])
def test_part_is_missing(toy_dir: Path, part: str) -> None:
    path = toy_dir / "imagenet" / part
    shutil.rmtree(path)
    refuse(toy_dir, f"{path}: no such folder, imagenet is read from train/ and val/; {WAY_OUT}")


def test_no_such_data_dir(tmp_path: Path) -> None:
    path = tmp_path / "none"
    refuse(path, f"{path}/imagenet/train: no such folder, imagenet is read from train/ and val/; {WAY_OUT}")


def test_pictures_without_class_folders(toy_dir: Path) -> None:
    path = toy_dir / "imagenet" / "val"
    shutil.rmtree(path)
    put(path / "ILSVRC2012_val_00000001.JPEG", picture(1))
    refuse(toy_dir, f"{path}: holds no class folders, pictures must lie in one folder a class; sort them so")


def test_class_missing_in_val(toy_dir: Path) -> None:
    shutil.rmtree(toy_dir / "imagenet/val/b")
    refuse(
        toy_dir,
        f"{toy_dir}/imagenet/val: class folder 'b' of train/ is missing, both parts must hold the same classes; "
        "add it, or remove it from train/",
    )


def test_classes_missing_in_train(toy_dir: Path) -> None:
    for name in "cde":
        put(toy_dir / "imagenet/val" / name / "1.JPEG", picture(1))
    refuse(
        toy_dir,
        f"{toy_dir}/imagenet/train: class folder 'c' and 2 more of val/ is missing, both parts must hold "
        "the same classes; add it, or remove it from val/",
    )


def test_class_without_pictures(toy_dir: Path) -> None:
    (toy_dir / "imagenet/val/a/v.JPEG").unlink()
    refuse(
        toy_dir,
        f"{toy_dir}/imagenet/val/a: holds no pictures, whose names end in .jpeg, .jpg, .png; "
        "add some, or remove the class from train/ and val/",
    )


def test_dangling_link(toy_dir: Path) -> None:
    path = toy_dir / "imagenet/val/a/link.JPEG"
    path.symlink_to("nowhere")
    refuse(toy_dir, f"{path}: cannot be read (No such file or directory); replace it by the published file")


def test_a_pipe_with_the_name_of_a_picture(toy_dir: Path) -> None:
    path = toy_dir / "imagenet/val/a/pipe.JPEG"
    os.mkfifo(path)
    refuse(toy_dir, f"{path}: is no file, pictures must be; remove it")


def test_sides_that_differ_too_much(tmp_path: Path) -> None:
    """Two kilobytes of picture would take gigabytes once the shorter side is resized."""
    path = tmp_path / "p.png"
    Image.new("L", (1, 60_000)).save(path)
    message = (
        f"{path}: not a readable picture (its sides of 1 and 60000 pixels differ too much); "
        "replace it by the published file, what is decoded is kept"
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        read_picture(path, 256, 224)


def test_folder_that_cannot_be_listed(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(_: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "scandir", scandir)
    refuse(toy_dir, f"{toy_dir}/imagenet/train: cannot be read (Permission denied); change its permissions")


@pytest.mark.parametrize(("resize", "crop"), [(10, 11), (10, 0)])
def test_crop_out_of_range(toy_dir: Path, resize: int, crop: int) -> None:
    message = (
        f"data set imagenet: crop={crop} with resize={resize}, a crop must be 1 to resize; use resize=256, crop=224"
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        imagenet.load(toy_dir, resize=resize, crop=crop)


def test_pillow_missing(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    refuse(
        toy_dir,
        "data set imagenet consists of pictures and Pillow, which reads them, is not installed; "
        "run pip install 'rebnet[data]'",
        MissingExtraError,
    )


def test_pooch_missing(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    message = (
        "data set imagenet is kept in the cache folder and pooch, which knows where that is, is not installed; "
        "run pip install 'rebnet[data]'"
    )
    with pytest.raises(MissingExtraError, match=f"^{re.escape(message)}$"):
        datasets.load("imagenet", toy_dir)


def test_no_room(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(5 * 12 * 12 * 3 - 1))
    refuse(
        toy_dir,
        f"{toy_dir}/cache/imagenet: the decoded pictures of imagenet/train take another 0.0 GB and 0.0 GB are free; "
        "make room, or let XDG_CACHE_HOME name a folder on a larger disk",
        OutputError,
    )


def unwritable(folder: Path, reason: str) -> str:
    return (
        f"{folder}/cache/imagenet: the decoded pictures of imagenet/train cannot be written ({reason}); "
        "make room or change its permissions, or let XDG_CACHE_HOME name another folder"
    )


def test_disk_full(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    refuse(toy_dir, unwritable(toy_dir, "no space left on device"), OutputError)


def test_cache_is_a_file(toy_dir: Path) -> None:
    (toy_dir / "cache").write_text("in the way")
    refuse(toy_dir, unwritable(toy_dir, "not a directory"), OutputError)


def test_another_process_is_decoding(toy_dir: Path) -> None:
    path = toy_dir / "imagenet/train/b/1.jpg"
    whole = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(DatasetError):
        load(toy_dir)
    path.write_bytes(whole)
    (lock,) = (toy_dir / "cache" / "imagenet").glob("*.lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refuse(
            toy_dir,
            f"{lock}: another process is decoding the pictures of imagenet/train; "
            "run it again when that one has finished",
            OutputError,
        )
    assert len(load(toy_dir).train_images) == 5
