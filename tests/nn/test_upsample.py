"""Upsampling in float: torch's own to the nearest, with its gradient; and torch's own is read by export."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from rebnet.errors import OptionError
from rebnet.ir.features import Upsample
from rebnet.nn.operations import says
from rebnet.nn.pixels import PixelInput
from rebnet.nn.upsample import Upsample2d
from rebnet.spec.upsample import Factors


@pytest.mark.parametrize("factors", [(2, 2), (1, 3), (4, 1)])
def test_it_is_torchs(factors):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    ours, theirs = Upsample2d(*factors)(x), functional.interpolate(x, scale_factor=factors, mode="nearest")
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    wanted, found = (torch.autograd.grad((each * weights).sum(), x)[0] for each in (theirs, ours))
    assert torch.allclose(found, wanted, rtol=0, atol=1e-5)
    assert str(Factors(*factors)) in str(Upsample2d(*factors))


@pytest.mark.parametrize("module", [Upsample2d(2, 3), nn.Upsample(scale_factor=(2, 3)), nn.Upsample(scale_factor=2)])
def test_what_it_says(module):
    said = says(module, PixelInput(4, 4, 1, flat=False).said("here"))
    columns = 2 if getattr(module, "scale_factor", None) == 2 else 3
    assert said.ops == (Upsample(Factors(2, columns)),)
    assert said.shape == (8, 4 * columns, 1)


@pytest.mark.parametrize("options", [{"size": 8}, {"scale_factor": 1.5}, {"scale_factor": 2, "mode": "bilinear"}])
def test_other_upsampling_is_refused(options):
    with pytest.raises(OptionError, match=r"repeats by whole factors to the nearest; give a scale_factor and mode='ne"):
        says(nn.Upsample(**options), PixelInput(4, 4, 1, flat=False).said("here"))
