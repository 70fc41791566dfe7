import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.spec.draw_windows import any_windows, enlarged
from torch import nn
from torch.nn import functional

from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC, MaxPool2d, PadLowest
from rebnet.spec import residual as spec
from rebnet.spec.pixels import pixel_planes
from rebnet.spec.pool import max_pool
from rebnet.spec.window import Window, windows

WINDOWS = [
    Window(*numbers, same=True)
    for numbers in [(1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (5, 1), (1, 3), (11, 4), ((1, 5), (1, 2)), ((4, 2), (1, 3))]
]
WINDOWS += [Window(3, pads=1), Window((3, 4), (2, 1), pads=((2, 0), (0, 3)))]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_windows_are_those_of_the_specification(window, levels):
    gammas = [2.0 ** (levels - i) / 256 for i in range(levels)]
    residual = ResidualSign(levels)
    residual.set_gammas(gammas)
    x = torch.randn(2, 3, 7, 10) / 64
    layer = BinaryConv2d(3, 4, window.kernel, window.stride)
    planes = spec.encode(x.permute(0, 2, 3, 1).double().numpy(), gammas)
    vectors = torch.from_numpy(spec.decode(windows(planes, window), gammas)).float()
    expected = layer.scale * (vectors @ layer.binary_weight.permute(0, 2, 3, 1).flatten(1).T)
    made = nn.Sequential(PadLowest(window), residual, layer)(x)
    assert made.shape[2:] == window.output(7, 10)
    assert torch.equal(made, expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_pixels_are_padded_with_the_darkest(bits):
    images = torch.randint(0, 256, (2, 5, 4, 3), dtype=torch.uint8)
    window = Window(3, 2, same=True)
    model = nn.Sequential(
        PixelInput(5, 4, 3, bits, flat=False), PadLowest(window, lowest=-1.0), BinaryConv2d(3, 2, 3, 2)
    )
    planes = windows(pixel_planes(images.numpy(), bits), window)
    gains = 2.0 ** np.arange(bits - 1, -1, -1) / (2**bits - 1)
    vectors = torch.from_numpy(spec.decode(planes, gains)).float()
    expected = model[2].scale * (vectors @ model[2].binary_weight.permute(0, 2, 3, 1).flatten(1).T)
    torch.testing.assert_close(model(images), expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize("mode", ["chain", "paper"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_border_is_the_lowest_code_and_trains_its_factors(mode, dtype):
    residual = ResidualSign(3, mode)
    x = torch.zeros(1, 1, 2, 2, dtype=dtype, requires_grad=True)
    encoded = residual(PadLowest(Window(2, 1, same=True))(x))
    border = torch.ones(3, 3, dtype=torch.bool)
    border[:2, :2] = False  # one row and one column behind, none before
    lowest = -residual.gammas.sum()
    torch.testing.assert_close(encoded[0, 0, border], lowest.to(dtype).expand(5), rtol=1e-2, atol=0)
    slopes = torch.autograd.grad(encoded[0, 0, border].float().sum(), [x, residual.log_increments])
    assert slopes[0].abs().sum() == 0
    expected = torch.autograd.grad(5 * lowest, residual.log_increments)[0] if dtype == torch.float32 else slopes[1]
    torch.testing.assert_close(slopes[1], expected)
    assert (slopes[1] < 0).all()


def test_gradient_passes_through_the_inner_map():
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    padded = PadLowest(Window(4, 1, same=True))(x)
    assert padded.shape == (2, 3, 7, 8)
    assert torch.equal(padded[:, :, 1:5, 1:6], x)
    assert padded[:, :, 0].max() == -math.inf
    padded[:, :, 1:5, 1:6].sum().backward()
    assert (x.grad == 1).all()


def test_flattens_in_the_order_height_width_channel():
    maps = torch.arange(24).reshape(1, 2, 3, 4)
    by_hand = [maps[0, c, h, w].item() for h in range(3) for w in range(4) for c in range(2)]
    assert FlattenHWC()(maps).tolist() == [by_hand]


def test_repr():
    assert repr(PadLowest(Window(3, 2, same=True), -1.0)) == "PadLowest(3x3/2+same, lowest=-1.0)"


POOLS = [(1, 1), (2, 2), (3, 2), (2, 3), (5, 1), ((1, 3), (1, 3)), ((3, 2), (1, 2))]


@pytest.mark.parametrize(("kernel", "stride"), POOLS)
def test_pool_and_its_gradient_are_those_of_torch(kernel, stride):
    x = torch.randn(2, 3, 7, 10, requires_grad=True)
    expected = functional.max_pool2d(x, kernel, stride)
    made = MaxPool2d(kernel, stride)(x)
    assert torch.equal(made, expected)
    weights = torch.randn_like(made)
    slopes = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (made, expected)]
    torch.testing.assert_close(slopes[0], slopes[1])


@pytest.mark.parametrize("kernel", [2, 3])
def test_pools_of_whole_blocks(kernel):
    x = torch.randn(2, 3, 6, 12, requires_grad=True)
    expected, made = functional.max_pool2d(x, kernel), MaxPool2d(kernel, kernel)(x)
    assert torch.equal(made, expected)
    weights = torch.randn_like(made)
    slopes = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (made, expected)]
    torch.testing.assert_close(slopes[0], slopes[1])
    with torch.no_grad():
        assert torch.equal(MaxPool2d(kernel, kernel)(x), expected)


@pytest.mark.parametrize(("kernel", "stride", "pads"), [(3, 2, (1, 1)), ((2, 5), (2, 5), (1, 2))])
def test_padded_pools_are_those_of_torch(kernel, stride, pads):
    x = torch.randn(2, 3, 7, 10) - 9
    assert torch.equal(MaxPool2d(kernel, stride, pads=pads)(x), functional.max_pool2d(x, kernel, stride, pads))


@given(any_windows(4, 3), st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
def test_a_pool_of_signs_is_that_of_the_specification(window, height, width, seed):
    height, width = enlarged(window, height, width)
    planes = np.random.default_rng(seed).random((1, 2, height, width, 3)) < 0.5
    x = torch.from_numpy(2.0 * planes[0] - 1).permute(0, 3, 1, 2)
    pooled = MaxPool2d(window.kernel, window.stride, window.same, window.pads)(x)
    assert np.array_equal(pooled.permute(0, 2, 3, 1).numpy() > 0, max_pool(planes, window)[0])


def test_ties_share_the_gradient():
    x = torch.tensor([[[[1.0, 1.0], [0.0, 1.0]]]], requires_grad=True)
    (slope,) = torch.autograd.grad(MaxPool2d(2, 2)(x).sum(), x)
    torch.testing.assert_close(slope, torch.tensor([[[[1.0, 1.0], [0.0, 1.0]]]]) / 3)
