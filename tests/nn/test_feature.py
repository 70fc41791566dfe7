"""Features in float: on their grid once there is one, averages, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.feature import AveragePool2d, GlobalAveragePool2d, NormFeature, shift_of


def test_features_lie_on_their_grid():
    torch.manual_seed(0)
    feature = NormFeature(nn.BatchNorm1d(6)).eval()
    feature.norm.running_var.uniform_(20, 30)
    feature.norm.running_mean.normal_()
    v = torch.randint(-40, 40, (500, 6)).float()
    plain = feature(v / 4)
    assert torch.equal(plain, feature.norm(v / 4))
    feature.set_grid(0.25, 4, shift_of(feature.slope(), 0.25, 4))
    values = feature(v / 4)
    assert torch.equal(values * 16, (values * 16).round())
    assert (values - plain).abs().max() < 1 / 32 + 1e-3
    assert torch.equal(feature.double()((v / 4).double()).float(), values)
    grid = feature.grid()
    assert 2**13 <= np.abs(grid.scale).max() < 2**15
    z = (v.numpy().astype(np.int64) * grid.scale + grid.bias) >> grid.shift
    assert np.array_equal(z, (values.detach().numpy() * 16).astype(np.int64))
    assert "fraction_bits=4" in str(feature)
    feature.drop_grid()
    assert not feature.is_snapped


def test_average_pools():
    maps = torch.randn(2, 3, 5, 4)
    assert torch.allclose(AveragePool2d(2, 2)(maps)[0, 0, 1, 1], maps[0, 0, 2:4, 2:4].mean())
    assert torch.allclose(GlobalAveragePool2d()(maps)[:, :, 0, 0], maps.mean((2, 3)))


def test_a_norm_feature_needs_statistics():
    with pytest.raises(OptionError, match="make it with them"):
        NormFeature(nn.BatchNorm1d(3, affine=False))
