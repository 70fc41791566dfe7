"""The real engine against the same network written out in double precision, one image at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.ir.graphs import exact_values, random_graph
from tests.ir.networks import (
    exported,
    from_text,
    images_for,
    random_images,
    random_text,
    tiny,
    tiny_conv,
    with_own_sets,
)
from tests.spec.draw_windows import axis_starts

from rebnet.engine.real import _grain, run_real
from rebnet.errors import DatasetError, OptionError
from rebnet.ir.ops import BatchNorm, Conv, Dense, MaxPool, ResidualSign
from rebnet.lower import lower


def plain_outputs(network, image, levels):
    peak = 2**network.input.bits - 1
    maps = 2 * (image.astype(int) >> (8 - network.input.bits)) / peak - 1
    lowest = -1.0
    for op in network.ops:
        if isinstance(op, Dense) and not isinstance(op, Conv):
            maps = maps.reshape(1, 1, -1)
        if isinstance(op, Conv | MaxPool):
            spots = plain_windows(maps, op.window, lowest if isinstance(op, Conv) else -math.inf)
            flat = isinstance(op, Conv)
            maps = [[window.ravel() if flat else window.max(axis=(0, 1)) for window in row] for row in spots]
        if not isinstance(op, MaxPool):
            maps = [[plain_pixel(op, list(pixel), levels) for pixel in row] for row in maps]
        if not isinstance(op, Dense | MaxPool | BatchNorm):
            lowest = -sum(factors_of(op, levels))
        maps = np.asarray(maps)
    return maps.ravel().tolist()


def plain_windows(maps, window, lowest):
    """Every window, (rows, columns, channels), cut out of a larger map of the lowest value."""
    (height, width, channels), (rows, columns) = maps.shape, window.kernel
    large = np.full((height + 2 * rows, width + 2 * columns, channels), lowest)
    large[rows : rows + height, columns : columns + width] = maps
    return [
        [large[rows + y : 2 * rows + y, columns + x : 2 * columns + x] for x in axis_starts(window, 1, width)]
        for y in axis_starts(window, 0, height)
    ]


def plain_pixel(op, x, levels):
    if isinstance(op, Dense):
        return [
            sum(op.scale * value * weight for weight, value in zip(row, x, strict=True)) for row in op.weights.values
        ]
    if isinstance(op, BatchNorm):
        arrays = (op.mean, op.variance, op.weight, op.bias)
        own = [array if array.ndim == 1 else array[(levels or len(array)) - 1] for array in arrays]
        parameters = zip(x, *own, strict=True)
        return [(v - m) / (s + op.epsilon) ** 0.5 * w + b for v, m, s, w, b in parameters]
    return [greedy(value, factors_of(op, levels)) for value in x]


def factors_of(op, levels):
    if op.fewer and levels and levels <= len(op.fewer):
        return op.fewer[levels - 1].gammas
    return op.gammas[:levels]


def greedy(x, gammas):
    value = 0.0
    for gamma in gammas:
        value += gamma if x - value >= 0 else -gamma
    return value


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("bits", [1, 5, 8])
def test_outputs_equal_plain_arithmetic(levels, bits):
    network, images = exported(levels * bits, levels, bits), random_images(bits, 40)
    for m in (None, *range(1, levels + 1)):
        expected = np.asarray([plain_outputs(network, one, m) for one in images])
        actual = run_real(network, images, m)
        assert actual.dtype == np.float32
        close = np.isclose(actual, expected, rtol=1e-4, atol=1e-4).all(axis=1)
        assert close.mean() >= 0.95  # rounding to single precision may move a value across a boundary


def test_convolutions_equal_plain_arithmetic():
    close = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        levels, bits = int(rng.integers(1, 4)), int(rng.integers(1, 9))
        network = from_text(random_text(rng, (1, 2, 4), 8), seed, levels, bits, 0.1, bool(rng.integers(2)))
        images = images_for(network, seed, 6)
        for m in (None, *range(1, levels + 1)):
            expected = np.asarray([plain_outputs(network, one, m) for one in images])
            close.append(np.isclose(run_real(network, images, m), expected, rtol=1e-4, atol=1e-4).all(axis=1))
    assert np.concatenate(close).mean() >= 0.95  # rounding to single precision may move a value across a boundary


def test_convolutions_of_no_images():
    network = tiny_conv()
    assert run_real(network, images_for(network, 0, 0)).shape == (0, 2)


def test_batches():
    network, images = exported(), random_images(4, 2345)
    result = run_real(network, images)
    assert result.shape == (2345, 4)
    np.testing.assert_allclose(result[999:1001], run_real(network, images[999:1001]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_outputs_depend_on_nothing_but_the_image(levels, monkeypatch):
    """Sums are exact, so neither batches, blocks, threads nor a BLAS that adds in another order change a bit."""
    network = from_text("9x8x2 - C70:3x3+same - MP2 - C9:2x2 - D30 - D4", levels, levels)
    images = images_for(network, 1, 70)
    whole = run_real(network, images)
    assert np.array_equal(np.concatenate([run_real(network, image[None]) for image in images]), whole)
    monkeypatch.setattr("rebnet.engine.real._BLOCK_ELEMENTS", 1 << 14)
    monkeypatch.setattr("rebnet.engine.real._BATCH", 11)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    seen = []
    assert np.array_equal(run_real(network, images, progress=seen.append), whole)
    assert seen == [11] * 6 + [4]
    assert np.array_equal(run_real(network, images[:, ::-1][:, ::-1]), whole)


@pytest.mark.parametrize("seed", range(8))
def test_sums_in_single_precision_are_those_in_double(seed, monkeypatch):
    """Double precision's outputs are the same bit for bit, of factors on a grid and on none."""
    rng = np.random.default_rng(seed)
    levels, bits = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    text = random_text(rng, (1, 2, 4), 8)
    networks = [random_graph(seed), from_text(text, seed, levels, bits, 0.1, bool(rng.integers(2)))]
    networks.append(of_odd_factors(networks[1]))
    for network in networks:
        images = images_for(network, seed, 9)
        fast = run_real(network, images, precision=np.float64)
        with monkeypatch.context() as patch:
            patch.setattr("rebnet.engine.real._SINGLE", 0)
            assert np.array_equal(run_real(network, images, precision=np.float64).view(np.int64), fast.view(np.int64))


def of_odd_factors(network):
    """The network with factors of 53 bits, of which float32 holds no sum."""
    return network.with_ops(
        replace(op, gammas=tuple(gamma * (1 + 3**-9) for gamma in op.gammas)) if isinstance(op, ResidualSign) else op
        for op in network.ops
    )


@pytest.mark.parametrize(
    ("numbers", "grain"), [((1.0,), 1.0), ((0.75, 2.0), 0.25), ((-6.0, 0.0), 2.0), ((), 1.0), ((1 / 3,), 2.0**-54)]
)
def test_grain(numbers, grain):
    assert _grain(numbers) == grain


def test_zero_is_positive_and_never_minus_zero():
    """A value that BatchNorm makes -0 or that a level leaves at 0 counts as positive."""
    network = tiny()
    for zero in (0.0, -0.0):
        ops = [
            replace(op, weight=0 * op.weight, bias=np.full_like(op.bias, zero)) if isinstance(op, BatchNorm) else op
            for op in network.ops
        ]
        expected = np.asarray([plain_outputs(network.with_ops(tuple(ops)), np.zeros((1, 1, 2), np.uint8), None)])
        assert np.array_equal(run_real(network.with_ops(tuple(ops)), np.zeros((1, 1, 1, 2), np.uint8)), expected)


def test_no_images():
    assert run_real(exported(), random_images(0, 0)).shape == (0, 4)


@pytest.mark.parametrize("levels", [0, 3, -1])
def test_levels_that_the_network_does_not_have(levels):
    with pytest.raises(OptionError) as refusal:
        run_real(exported(), random_images(0, 1), levels)
    assert str(refusal.value) == f"levels={levels}: this network has 2; choose 1 to 2"


def test_images_that_do_not_fit():
    with pytest.raises(
        DatasetError, match=r"^images are uint8 of shape \(2, 3, 2\); the network random takes uint8 of "
    ):
        run_real(exported(), random_images(0, 1, (2, 3, 2)))


def test_a_lowered_network():
    with pytest.raises(OptionError) as refusal:
        run_real(lower(tiny()), random_images(0, 1, (1, 1, 2)))
    assert str(refusal.value) == "Threshold is not a real operation; run the exported network, not the lowered one"


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_an_any_level_network_runs_with_the_numbers_for_m(levels):
    network, images = with_own_sets(exported(levels, levels), levels), random_images(levels, 40)
    for m in (None, *range(1, levels + 1)):
        expected = np.asarray([plain_outputs(network, one, m) for one in images])
        close = np.isclose(run_real(network, images, m), expected, rtol=1e-4, atol=1e-4).all(axis=1)
        assert close.mean() >= 0.95  # rounding to single precision may move a value across a boundary


@pytest.mark.parametrize("seed", range(12))
def test_networks_with_branches(seed):
    network = random_graph(seed)
    images = images_for(network, seed, 7)
    for m in range(1, network.levels + 1):
        wanted = exact_values(network, images, m)[network.answers[0].name].reshape(7, *network.scores_shape)
        assert np.allclose(run_real(network, images, m, precision=np.float64), wanted, rtol=1e-9, atol=1e-9)
