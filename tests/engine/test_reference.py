"""The reference engine against the same network in plain Python integers, one image and one bit at a time."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import exported, random_images, tiny

from rebnet.engine.reference import check_images, run, run_mixed, served_index
from rebnet.errors import DatasetError, OptionError
from rebnet.lower import lower
from rebnet.lower.assign_gains import assign_gains


def plain_scores(network, image, levels):
    """Scores of one image at `levels` levels, as the design's text says it."""
    bits, index = network.input.bits, network.served.index(levels)
    codes = [[(int(sample) >> (7 - plane)) & 1 for plane in range(bits)] for sample in image.ravel()]
    for dense, after in zip(network.ops[::2], network.ops[1::2], strict=True):
        gains = dense.gains[index]
        sums = []
        for row in dense.weights.bits.astype(int).tolist():
            total = 0
            for weight, bit_list in zip(row, codes, strict=True):
                total += sum(gain for gain, bit in zip(gains, bit_list, strict=True) if bit == weight)
            sums.append(total)
        if after is network.ops[-1]:
            reach = len(codes) * sum(gains)
            scale, bias = after.scale[index].tolist(), after.bias[index].tolist()
            return [s * (2 * total - reach) + b for s, b, total in zip(scale, bias, sums, strict=True)]
        codes = [
            plain_code(total - t, steps)
            for total, t, steps in zip(sums, after.thresholds[index].tolist(), after.steps[index].tolist(), strict=True)
        ]
    raise AssertionError


def plain_code(residual, steps):
    bits = [int(residual >= 0)]
    for step in steps:
        residual += -step if bits[-1] else step
        bits.append(int(residual >= 0))
    return bits


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [1, 5, 8])
def test_scores_equal_plain_integers(levels, bits):
    image = (3, 5, 2)
    network = lower(exported(levels + bits, levels, bits, image, hidden=(17, 9), classes=5, dead=0.1))
    images = random_images(bits, 12, image)
    for m in range(1, levels + 1):
        expected = [plain_scores(network, one, m) for one in images]
        assert run(network, images, m).tolist() == expected
    assert run(network, images).tolist() == expected  # M is the default


def test_one_layer_is_a_network():
    network, images = lower(exported(hidden=())), random_images(3, 10)
    assert run(network, images).tolist() == [plain_scores(network, one, 2) for one in images]


def test_fixed_levels():
    network, images = lower(exported(levels=3), fixed_levels=True), random_images(3, 10)
    assert run(network, images).tolist() == [plain_scores(network, one, 3) for one in images]


def test_batches_and_progress():
    network, images, done = lower(exported()), random_images(4, 2345), []
    result = run(network, images, progress=done.append)
    assert done == [1000, 1000, 345]
    assert np.array_equal(result[999:1001], run(network, images[999:1001]))
    assert np.array_equal(result[-1:], run(network, images[-1:]))


def test_no_images():
    network = lower(exported())
    none = random_images(0, 0)
    assert run(network, none).shape == (0, 4)
    assert run_mixed(network, none, np.zeros(0, dtype=np.int64)).shape == (0, 4)


def test_neighbours_may_run_at_different_levels():
    network, images = lower(exported(levels=3)), random_images(5, 30)
    levels = np.random.default_rng(6).integers(1, 4, 30)
    result = run_mixed(network, images, levels)
    for one, m, row in zip(images, levels, result, strict=True):
        assert run(network, one[None], int(m))[0].tolist() == row.tolist()


def test_served_index():
    network = lower(exported(levels=3))
    assert [served_index(network, levels) for levels in (1, 2, 3, None)] == [0, 1, 2, 2]
    assert served_index(lower(exported(levels=3), fixed_levels=True), 3) == 0


@pytest.mark.parametrize("levels", [0, 4, -1])
def test_levels_that_are_not_served(levels):
    with pytest.raises(OptionError) as refusal:
        run(lower(exported(levels=3)), random_images(0, 1), levels)
    assert str(refusal.value) == f"levels={levels}: this network serves 1, 2, 3; choose one of these"


def test_levels_that_were_dropped():
    with pytest.raises(OptionError) as refusal:
        run(lower(exported(levels=3), fixed_levels=True), random_images(0, 1), 2)
    assert str(refusal.value) == "levels=2: this network serves 3; choose one of these"


def test_not_one_level_count_per_image():
    with pytest.raises(OptionError) as refusal:
        run_mixed(lower(exported()), random_images(0, 3), np.asarray([1, 2]))
    assert str(refusal.value) == "levels of shape (2,) for 3 images; give one level count per image"


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (random_images(0, 3, (3, 2, 1)), "uint8 of shape (3, 2, 1)"),
        (random_images(0, 3).astype(np.float32), "float32 of shape (2, 3, 1)"),
        (random_images(0, 3)[..., 0], "uint8 of shape (2, 3)"),
        (random_images(0, 3)[0], "uint8 of shape (3, 1)"),
    ],
)
def test_images_that_do_not_fit(images, found):
    network = lower(exported())
    message = (
        f"images are {found}; the network random takes uint8 of shape (2, 3, 1); choose the data set it was trained on"
    )
    for refuse in (
        lambda: check_images(network, images),
        lambda: run(network, images),
        lambda: run_mixed(network, images, np.ones(len(images), dtype=np.int64)),
    ):
        with pytest.raises(DatasetError) as refusal:
            refuse()
        assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (exported(), "Dense: lower the network before running it"),
        (assign_gains(exported()), "BatchNorm: lower the network before running it"),
        (
            replace(lower(tiny()), ops=lower(tiny()).ops[:1]),
            "tiny: ends without scores; lower the network before running it",
        ),
    ],
)
def test_networks_that_are_not_lowered(network, message):
    image = network.input
    with pytest.raises(OptionError) as refusal:
        run(network, random_images(0, 2, (image.height, image.width, image.channels)))
    assert str(refusal.value) == message
