"""Depth to space in float: torch's pixel shuffle, with its gradient; and torch's own is read by export."""

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.errors import VerifyError
from rebnet.ir.features import DepthToSpace
from rebnet.nn.depth_to_space import DepthToSpace2d
from rebnet.nn.networks import architecture
from rebnet.nn.operations import says
from rebnet.nn.pixels import PixelInput
from rebnet.spec.depth_to_space import depth_to_space


@pytest.mark.parametrize(("block", "shape"), [(2, (2, 12, 4, 5)), (3, (1, 9, 1, 2)), (4, (2, 16, 3, 1))])
def test_it_is_torchs_and_the_law(block, shape):
    torch.manual_seed(0)
    x = torch.randn(shape, requires_grad=True)
    ours, theirs = DepthToSpace2d(block)(x), nn.PixelShuffle(block)(x)
    assert torch.equal(ours, theirs)
    law = depth_to_space(x.detach().numpy().transpose(0, 2, 3, 1), block)
    assert np.array_equal(ours.detach().numpy().transpose(0, 2, 3, 1), law)
    weights = torch.randn_like(ours)
    (gradient,) = torch.autograd.grad((ours * weights).sum(), x)
    assert torch.equal(gradient, nn.PixelUnshuffle(block)(weights))
    assert str(DepthToSpace2d(block)) == f"DepthToSpace2d({block})"


@pytest.mark.parametrize("module", [DepthToSpace2d(2), nn.PixelShuffle(2)])
def test_what_it_says(module):
    said = says(module, PixelInput(4, 3, 8, flat=False).said("here"))
    assert said.ops == (DepthToSpace(2),)
    assert said.shape == (8, 6, 2)
    with pytest.raises(VerifyError, match=r"reads 6 channels; blocks of 2x2 take a multiple of 4"):
        assert says(module, PixelInput(4, 3, 6, flat=False).said("here")).shape


def test_rb_net_s_reshaped_point_wise_convolution_keeps_the_map():
    """Places to channels, a 1x1 convolution and back: a convolution of kernel and stride 2, and back."""
    torch.manual_seed(0)
    x, weights = torch.randn(2, 3, 6, 4, dtype=torch.float64), torch.randn(12, 3, 2, 2, dtype=torch.float64).sign()
    reshaped = nn.functional.conv2d(nn.PixelUnshuffle(2)(x), weights.reshape(12, 12, 1, 1))
    ours = DepthToSpace2d(2)(nn.functional.conv2d(x, weights, stride=2))
    assert ours.shape == x.shape
    assert torch.allclose(ours, nn.PixelShuffle(2)(reshaped), rtol=0, atol=1e-12)
    whole, reshaped_layer = architecture("6x4x12 - C12:3x3+same - D2"), architecture("6x4x12 - C48:2x2/2 - PS2 - D2")
    products = [described.places[0].weights * described.shapes[1].positions for described in (whole, reshaped_layer)]
    assert products[0] / products[1] == 2.25
    assert reshaped_layer.shapes[2] == (6, 4, 12)
