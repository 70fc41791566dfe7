"""The real engine against the same network written out in double precision, one image at a time."""

import numpy as np
import pytest
from tests.ir.networks import exported, random_images, tiny

from rebnet.engine.real import run_real
from rebnet.errors import DatasetError, OptionError
from rebnet.ir.ops import BatchNorm, Dense
from rebnet.lower import lower


def plain_outputs(network, image, levels):
    peak = 2**network.input.bits - 1
    x = [2 * (int(sample) >> (8 - network.input.bits)) / peak - 1 for sample in image.ravel()]
    for op in network.ops:
        if isinstance(op, Dense):
            x = [
                sum(op.scale * value if bit else -op.scale * value for bit, value in zip(row, x, strict=True))
                for row in op.weights.bits
            ]
        elif isinstance(op, BatchNorm):
            parameters = zip(x, op.mean, op.variance, op.weight, op.bias, strict=True)
            x = [(v - m) / (s + op.epsilon) ** 0.5 * w + b for v, m, s, w, b in parameters]
        else:
            x = [greedy(value, op.gammas[:levels]) for value in x]
    return x


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


def test_batches():
    network, images = exported(), random_images(4, 2345)
    result = run_real(network, images)
    assert result.shape == (2345, 4)
    np.testing.assert_allclose(result[999:1001], run_real(network, images[999:1001]), rtol=1e-5, atol=1e-5)


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
