"""The reference engine against the same network in plain Python integers, one image and one bit at a time."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import exported, from_text, images_for, random_images, random_text, tiny, tiny_conv
from tests.spec.draw_windows import axis_starts

from rebnet.engine import reference
from rebnet.engine.reference import check_images, run, run_mixed, served_index
from rebnet.errors import DatasetError, OptionError
from rebnet.ir.ops import Conv, MaxPool, Scores, Threshold
from rebnet.lower import lower
from rebnet.lower.assign_gains import assign_gains


def plain_scores(network, image, levels):
    """Scores of one image at `levels` levels, as the design's text says it."""
    bits, index = network.input.bits, network.served.index(levels)
    maps = [
        [[[(int(sample) >> (7 - plane)) & 1 for plane in range(bits)] for sample in pixel] for pixel in row]
        for row in image
    ]  # [row][column][channel][level]
    reach = 0
    for op in network.ops:
        if isinstance(op, Threshold):
            constants = list(zip(op.thresholds[index].tolist(), op.steps[index].tolist(), strict=True))
            maps = [
                [
                    [plain_code((a << op.shift) - t, steps) for a, (t, steps) in zip(pixel, constants, strict=True)]
                    for pixel in row
                ]
                for row in maps
            ]
        elif isinstance(op, MaxPool):
            channels = range(len(maps[0][0]))
            maps = [
                [[max(pixel[channel] for pixel in window) for channel in channels] for window in row]
                for row in plain_windows(maps, op.window)
            ]  # lists of bits compare as the codes do
        elif isinstance(op, Scores):
            (((*sums,),),) = maps
            scale, bias = op.scale[index].tolist(), op.bias[index].tolist()
            return [s * (2 * total - reach) + b for s, b, total in zip(scale, bias, sums, strict=True)]
        else:
            gains = op.gains[index]
            reach = op.weights.columns * sum(gains) * sum(op.weights.gains)
            windows = plain_windows(maps, op.window) if isinstance(op, Conv) else [[[p for row in maps for p in row]]]
            vectors = [[[code for pixel in window for code in pixel] for window in row] for row in windows]
            planes, counts = op.weights.planes.astype(int).transpose(1, 0, 2).tolist(), op.weights.gains
            maps = [[[plain_sums(row, vector, gains, counts) for row in planes] for vector in v] for v in vectors]
    raise AssertionError


def plain_sums(planes, codes, gains, counts):
    return sum(count * plain_sum(weights, codes, gains) for count, weights in zip(counts, planes, strict=True))


def plain_sum(weights, codes, gains):
    total = 0
    for weight, bits in zip(weights, codes, strict=True):
        total += sum(gain for gain, bit in zip(gains, bits, strict=True) if bit == weight)
    return total


def plain_windows(maps, window):
    """The pixels of every window, row by row; outside the map, pixels of the lowest code."""
    border = [[0] * len(maps[0][0][0])] * len(maps[0][0])
    starts = [axis_starts(window, axis, size) for axis, size in enumerate((len(maps), len(maps[0])))]

    def pixel(row, column):
        inside = 0 <= row < len(maps) and 0 <= column < len(maps[0])
        return maps[row][column] if inside else border

    rows, columns = map(range, window.kernel)
    return [[[pixel(y + i, x + j) for i in rows for j in columns] for x in starts[1]] for y in starts[0]]


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


@pytest.mark.parametrize("seed", range(25))
def test_convolutions_equal_plain_integers(seed):
    rng = np.random.default_rng(seed)
    levels, bits = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    network = lower(from_text(random_text(rng, (1, 2, 4), 8), seed, levels, bits, 0.1, bool(rng.integers(2))))
    images = images_for(network, seed, 3)
    for m in range(1, levels + 1):
        assert run(network, images, m).tolist() == [plain_scores(network, one, m) for one in images]


@pytest.mark.parametrize(
    "text",
    [
        "5x6x2 - C3 - D4",
        "5x6x2 - C3+same - D4",
        "5x6x2 - C3:2x2+same - C2:4x4/3+same - D4",
        "6x6x1 - C3:2x2/4 - MP2/1 - D4",
        "7x5x1 - C3 - MP2 - C2:1x1 - D3 - D4",
        "5x5x3 - C3:5x5 - D4",
        "1x1x3 - C3:1x1 - D4",
    ],
)
def test_windows_of_every_kind(text):
    network = lower(from_text(text.replace("C3+same", "C3:3x3+same"), 1, 2, 3))
    images = images_for(network, 2, 4)
    for m in (1, 2):
        assert run(network, images, m).tolist() == [plain_scores(network, one, m) for one in images]


def test_convolutions_at_levels_of_their_own_and_in_batches(monkeypatch):
    network = lower(from_text("6x6x2 - C5:3x3+same - MP2 - C4:2x2 - D3", levels=3))
    images = images_for(network, 1, 40)
    levels = np.random.default_rng(6).integers(1, 4, 40)
    whole = run_mixed(network, images, levels)
    monkeypatch.setattr(reference, "_BATCH_ELEMENTS", 36 * 18 * 8 * 7)  # seven images' windows
    done = []
    assert np.array_equal(run_mixed(network, images, levels), whole)
    run(network, images, progress=done.append)
    assert done == [7, 7, 7, 7, 7, 5]


@pytest.mark.parametrize(
    ("text", "levels", "largest"),
    [
        ("2x3x1 - D6 - D4", 2, 6 * 8),  # small networks take 1000 images at a time
        ("40x40x3 - C64 - MP2 - C64 - D10", 2, 38 * 38 * 64 * 8),  # the accumulators of the first layer
        ("40x40x1 - C128 - MP2 - C8 - D10", 8, 17 * 17 * 9 * 128 * 8),  # the windows of the second
        ("32x32x64 - D10", 1, 32 * 32 * 64 * 8),
        ("50x50x64 - C2:9x9+same - D2", 1, 1 << 24),  # one image is too large, and is taken alone
    ],
)
def test_images_at_a_time(text, levels, largest):
    assert reference.batch_size(from_text(text, levels=levels)) == min(1000, (1 << 24) // largest)


def test_convolutions_of_no_images():
    network = lower(tiny_conv())
    assert run(network, images_for(network, 0, 0)).shape == (0, 2)


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
        (tiny_conv(), "Conv: lower the network before running it"),
        (assign_gains(exported()), "BatchNorm: lower the network before running it"),
        (
            replace(lower(tiny()), nodes=lower(tiny()).nodes[:1]),
            "tiny: ends without scores; lower the network before running it",
        ),
    ],
)
def test_networks_that_are_not_lowered(network, message):
    image = network.input
    with pytest.raises(OptionError) as refusal:
        run(network, random_images(0, 2, (image.height, image.width, image.channels)))
    assert str(refusal.value) == message
