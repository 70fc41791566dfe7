"""What a predictor takes, by kind: arrays, lists, pictures, one image, level counts, numbers of threads; and names."""

import copy
import pickle

import numpy as np
import pytest
from tests.ir.networks import exported, from_text, images_for

import rebnet
from rebnet import flow, zoo
from rebnet.engine import reference
from rebnet.engine.predictor import Predictor, instruction_sets
from rebnet.errors import DatasetError, FileFormatError, OptionError
from rebnet.files import write_record
from rebnet.ir import storage
from rebnet.lower import lower

GREY = lower(exported(1, 2, 8, (5, 4, 1), (9, 8), 3))
COLOUR = lower(from_text("6x5x3 - C4:3x3 - D4", 1, 2))
NEED = "the network random takes uint8 of shape (N, 5, 4, 1), or one image without the N"


@pytest.fixture(params=instruction_sets()[:: len(instruction_sets()) - 1])
def grey(request):
    return Predictor(GREY, 2, request.param, ("a", "b", "c"))


def test_whole_numbers_and_pictures(grey):
    pictures = pytest.importorskip("PIL.Image")
    images = images_for(GREY, 1, 6)
    expected = reference.run(GREY, images)
    drawn = [pictures.fromarray(image[..., 0]) for image in images]
    for same in (images.tolist(), tuple(images), images[..., 0], images[..., 0].tolist(), drawn, np.ma.asarray(images)):
        assert np.array_equal(grey.predict(same), expected)
    black = pictures.new("1", (4, 5), 1)
    assert np.array_equal(grey.predict(black), grey.predict(np.full((5, 4), 255, np.uint8)))
    assert grey.predict([]).shape == (0, 3)
    colour, found = Predictor(COLOUR, 1), images_for(COLOUR, 1, 2)
    picture = pictures.fromarray(found[0])
    assert np.array_equal(colour.predict(picture), reference.run(COLOUR, found[:1])[0])
    palette = picture.convert("P")
    assert np.array_equal(colour.predict(palette), colour.predict(np.asarray(palette.convert("RGB"))))


def test_one_image_gets_one_answer(grey):
    images = images_for(GREY, 2, 3)
    expected = reference.run(GREY, images, 1)
    for one in (images[0], images[0, ..., 0], images[0].tolist()):
        assert np.array_equal(grey.predict(one, np.int64(1)), expected[0])
        assert grey.labels(one, levels=1).shape == ()
        assert int(grey.labels(one, levels=1)) == expected[0].argmax()
        assert grey.names(one, levels=1) == ["abc"[expected[0].argmax()]]
    assert grey.names(images, [1, 1, 1]) == ["abc"[label] for label in expected.argmax(axis=1)]


@pytest.mark.parametrize(
    "levels", [np.int64(1), np.uint8(1), np.asarray(1), np.array([1, 1]), [1, 1], (1, np.int32(1))]
)
def test_levels_of_any_type_that_is_whole(grey, levels):
    images = images_for(GREY, 3, 2)
    assert np.array_equal(grey.predict(images, levels), reference.run(GREY, images, 1))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (True, "=True for 2 images"),
        (2.0, "=2.0 for 2 images"),
        ("2", "='2' for 2 images"),
        ([[1], [1, 2]], " of shape (2,) for 2 images"),
        ([1, 1, 1], " of shape (3,) for 2 images"),
        ([True, True], " of shape (2,) for 2 images"),
    ],
)
def test_levels_that_are_no_whole_numbers(grey, levels, said):
    with pytest.raises(OptionError) as refusal:
        grey.predict(images_for(GREY, 3, 2), levels)
    assert str(refusal.value) == f"levels{said}; give one whole number for all, or one for each image"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((5, 4, 3), np.uint8), f"images are uint8 of shape (5, 4, 3); {NEED}"),
        (np.zeros((2, 1, 5, 4), np.uint8), f"images are uint8 of shape (2, 1, 5, 4); {NEED}"),
        (np.zeros((2, 5, 4, 1)), f"images are float64 of shape (2, 5, 4, 1); {NEED}"),
        (np.zeros((2, 5, 4, 1), np.int64), f"images are int64 of shape (2, 5, 4, 1); {NEED}"),
        ([[0.5] * 4] * 5, f"images are float64 of shape (5, 4); {NEED}"),
        ("x", f"images are <U1 of shape (); {NEED}"),
        (None, f"images are object of shape (); {NEED}"),
        ([[-1] * 4] * 5, "images hold numbers from -1 to -1; the network random takes pixels of 0 to 255"),
        ([[256] * 4] * 5, "images hold numbers from 256 to 256; the network random takes pixels of 0 to 255"),
    ],
)
def test_images_that_do_not_fit(grey, images, message):
    with pytest.raises(DatasetError) as refusal:
        grey.predict(images)
    assert str(refusal.value) == message


def test_lists_of_several_lengths(grey):
    with pytest.raises(
        DatasetError, match=r"^images are a list that is no array \(.*\); give uint8 images, N x height"
    ):
        grey.predict([[1], [1, 2]])


@pytest.mark.parametrize("threads", ["2", 1.5, True, np.float64(1)])
def test_threads_that_are_no_whole_number(threads):
    with pytest.raises(OptionError) as refusal:
        Predictor(GREY, threads)
    assert str(refusal.value) == f"threads={threads!r}: is no whole number; use 1 to 1024"
    assert Predictor(GREY, np.int32(2)).threads == 2


def test_copies_are_made_through_the_network(grey):
    images = images_for(GREY, 4, 3)
    for again in (pickle.loads(pickle.dumps(grey)), copy.deepcopy(grey), copy.copy(grey)):
        assert (again.threads, again.instruction_set, again.classes) == (2, grey.instruction_set, ("a", "b", "c"))
        assert np.array_equal(again.predict(images), grey.predict(images))


def test_as_many_names_as_classes():
    assert Predictor(GREY, 1).classes == ("0", "1", "2")
    with pytest.raises(OptionError, match=r"^2 names of classes, the network random has 3; give one for each$"):
        Predictor(GREY, 1, classes=("a", "b"))


def test_load_from_the_zoo():
    predictor = rebnet.load("zoo:mnist-arch-1-m1", threads=1)
    network = lower(storage.load(zoo.folder("mnist-arch-1-m1")))
    images = images_for(network, 1, 4)
    assert np.array_equal(predictor.predict(images), reference.run(network, images))
    assert predictor.classes == tuple("0123456789")
    with pytest.raises(OptionError, match=r"^network 'zoo:none' is not in the zoo; use zoo:mnist-arch-1-m1, "):
        rebnet.load("zoo:none")


def test_class_names_go_from_a_data_set_to_a_predictor(tmp_path):
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 3, 3, 1), dtype=np.uint8), np.arange(40) % 3
    np.savez(tmp_path / "own.npz", images=images, labels=labels, class_names=np.array(["nut", "bolt [x]", "größer"]))
    flow.train("3x3x1 - D4 - D3", f"npz:{tmp_path}/own.npz", 1, tmp_path / "run", epochs=1, quiet=True)
    flow.compile(tmp_path / "run", tmp_path / "build", until="lower")
    assert rebnet.load(tmp_path / "build").classes == ("nut", "bolt [x]", "größer")


def test_a_training_that_names_another_number_of_classes(tmp_path):
    storage.save(GREY, tmp_path)
    training = {"network": "x", "dataset": "npz:x.npz", "levels": 2, "test_accuracy": 1.0}
    write_record(tmp_path / "training.json", training)
    assert rebnet.load(tmp_path).classes == ("0", "1", "2")
    write_record(tmp_path / "training.json", training | {"class_names": ["a", "b"]})
    with pytest.raises(FileFormatError) as refusal:
        rebnet.load(tmp_path)
    assert str(refusal.value) == (
        f"{tmp_path}/training.json: key 'class_names' holds 2 names, the network has 3 outputs; compile it again from "
        "its run"
    )


def test_version():
    assert rebnet.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="module 'rebnet' has no attribute 'nothing'"):
        rebnet.nothing  # noqa: B018
