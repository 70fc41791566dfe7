"""Class by class: counts, confusions, wrong images, and their pictures."""

import hashlib
import struct
import zlib

import numpy as np
import pytest

from rebnet import flow
from rebnet.datasets import Dataset
from rebnet.evaluate.mistakes import MAX_CONFUSIONS, MAX_WRONG, mistakes, png, write_pictures
from rebnet.files import read_json


def dataset(labels, classes=3, names=()):
    labels = np.asarray(labels, dtype=np.int64)
    images = np.zeros((len(labels), 2, 3, 1), dtype=np.uint8)
    return Dataset("made", classes, images, labels, images, labels, class_names=names)


SCORES = np.asarray([[9, 1, 0], [5, 2, 1], [7, 0, 0], [0, 0, 8], [0, 3, 9]])
LABELS = [0, 1, 1, 0, 2]


def test_counts_by_class():
    found = mistakes(dataset(LABELS), SCORES, SCORES.argmax(axis=1))
    assert found == {
        "classes": 3,
        "class_names": [],
        "class_images": [2, 2, 1],
        "class_correct": [1, 0, 1],
        "confusions": [
            {"label": 1, "prediction": 0, "images": 2},
            {"label": 0, "prediction": 2, "images": 1},
        ],
        "confusions_left_out": 0,
        "wrong": [
            {"index": 3, "label": 0, "prediction": 2, "lead": 8},
            {"index": 2, "label": 1, "prediction": 0, "lead": 7},
            {"index": 1, "label": 1, "prediction": 0, "lead": 3},
        ],
    }


def test_places_of_label_maps():
    """By hand: class 1 is right at one place and taken at another, nobody has class 3, and one place is not judged."""
    labels = np.asarray([[[0, 0, 1], [1, 2, -1]]])
    images = np.zeros((1, 2, 3, 1), dtype=np.uint8)
    predictions = np.asarray([[[0, 1, 1], [0, 2, 2]]])
    found = mistakes(
        Dataset("made", 4, images, labels, images, labels), np.eye(4, dtype=np.int64)[predictions], predictions
    )
    assert found == {
        "classes": 4,
        "class_names": [],
        "class_images": [2, 2, 1, 0],
        "class_correct": [1, 1, 1, 0],
        "class_iou": [33.3333, 33.3333, 100.0, None],
        "mean_iou": 55.5555,
        "confusions": [{"label": 0, "prediction": 1, "images": 1}, {"label": 1, "prediction": 0, "images": 1}],
        "confusions_left_out": 0,
    }


@pytest.mark.parametrize(
    ("classes", "names", "shown"),
    [(3, ("cat", "<dog>", "cow"), ["cat", "<dog>", "cow"]), (2, ("a", "b"), ["a", "b", "2"])],
)
def test_names_of_classes_where_there_are_some(classes, names, shown):
    found = mistakes(dataset([0, 1, 1, 0, 1], classes, names), SCORES, SCORES.argmax(axis=1))
    assert found["class_names"] == shown


def test_many_classes_keep_the_record_small():
    draw = np.random.default_rng(1)
    scores = draw.integers(0, 99, (6000, 1000))
    labels = draw.integers(0, 1000, 6000)
    found = mistakes(dataset(labels, classes=1000), scores, scores.argmax(axis=1))
    assert len(found["confusions"]) == MAX_CONFUSIONS
    assert len(found["wrong"]) == MAX_WRONG
    wrong = sum(pair["images"] for pair in found["confusions"]) + found["confusions_left_out"]
    assert wrong == 6000 - sum(found["class_correct"]) == int((scores.argmax(axis=1) != labels).sum())
    counts = [pair["images"] for pair in found["confusions"]]
    assert counts == sorted(counts, reverse=True)
    leads = [one["lead"] for one in found["wrong"]]
    assert leads == sorted(leads, reverse=True)


def decoded(data):
    """Pixels of a PNG that no line filters."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, packed = 8, b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(name + body)
        if name == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", body[:10])
        packed += body if name == b"IDAT" else b""
        place += 12 + length
    assert bits == 8
    lines = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, {0: 1, 2: 3}[colour])


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (64, 2, 1)])
def test_pixels_come_back_from_a_png(shape):
    pixels = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(decoded(png(pixels)), pixels)


@pytest.mark.parametrize(
    ("shape", "tile"),
    [((8, 8, 1), (8, 8, 1)), ((32, 32, 3), (32, 32, 3)), ((224, 224, 3), (56, 56, 3)), ((1, 784, 1), (1, 60, 1)),
     ((4, 4, 6), (4, 4, 1))],
)  # fmt: skip
def test_pictures_are_small_whatever_the_images_are(tmp_path, shape, tile):
    images = np.random.default_rng(3).integers(0, 256, (9, *shape), dtype=np.uint8)
    told = write_pictures(tmp_path, images, [8, 0, 1, 2, 3, 4, 5])
    data = (tmp_path / told["file"]).read_bytes()
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert (told["columns"], told["height"], told["width"]) == (6, tile[0], tile[1])
    sheet = decoded(data)
    assert sheet.shape == (2 * tile[0], 6 * tile[1], tile[2])
    if shape == tile:
        assert np.array_equal(sheet[: tile[0], : tile[1]], images[8])
        assert np.array_equal(sheet[tile[0] :, : tile[1]], images[5])
    assert (sheet[tile[0] :, tile[1] :] == 255).all()


def test_a_picture_of_an_older_evaluation_does_not_stay(tmp_path):
    images = np.zeros((1, 2, 2, 1), dtype=np.uint8)
    write_pictures(tmp_path, images, [0])
    assert write_pictures(tmp_path, images, []) is None
    assert list(tmp_path.iterdir()) == []


def test_the_verb_keeps_them(build):
    record = flow.evaluate(build, "digits")
    assert {"schema": 1, **record} == read_json(build / "evaluation.json")
    assert sum(record["class_images"]) == record["images"]
    assert round(100 * sum(record["class_correct"]) / record["images"], 4) == record["accuracy"]
    data = (build / "evaluation.png").read_bytes()
    assert hashlib.sha256(data).hexdigest() == record["pictures"]["sha256"]
