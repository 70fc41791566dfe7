"""PReLU and RPReLU in float: the papers' formulas and gradients, and the law once there is a grid."""

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.stored import stored
from rebnet.nn.two_slope import PReLU, RPReLU, two_slope
from rebnet.spec import two_slope as law


def stirred(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.2, 0.7)
    return module


@pytest.mark.parametrize("shape", [(40, 3), (6, 3, 4, 5)])
def test_the_formula_and_its_gradient(shape):
    """RPReLU of ReActNet, written with a where, differentiated by torch."""
    torch.manual_seed(1)
    x, weights = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    beta, gamma, zeta = (torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(3))
    b, g, z = (numbers.reshape(-1, *[1] * (len(shape) - 2)) for numbers in (beta, gamma, zeta))
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    paper = torch.where(one > g, one - g + z, b * (one - g) + z)
    ours = two_slope(other, beta, -gamma, zeta)
    assert torch.allclose(ours, paper, rtol=0, atol=1e-14)
    wanted = torch.autograd.grad((paper * weights).sum(), (one, beta, gamma, zeta))
    found = torch.autograd.grad((ours * weights).sum(), (other, beta, gamma, zeta))
    assert all(torch.allclose(left, right, rtol=0, atol=1e-12) for left, right in zip(found, wanted, strict=True))


def test_prelu_is_torchs():
    ours, theirs = PReLU(3), nn.PReLU(3)
    x = torch.randn(5, 3, 2, 2)
    assert torch.equal(ours(x), theirs(x))
    assert stored(x) is x


@pytest.mark.parametrize("kind", [PReLU, RPReLU])
@pytest.mark.parametrize("unit", [1 / 32, 1 / (9 * 8), 4.0])
def test_the_law_on_a_grid(kind, unit):
    module = stirred(kind(5)).eval()
    z = torch.arange(-300, 300).repeat_interleave(5).reshape(-1, 5)
    plain = module(z * unit)
    module.set_grid(unit)
    found = module.double()((z * unit).double())
    before, after = (numbers.detach() for numbers in module.shifts)
    wanted = law.two_slope(
        z.numpy(),
        np.rint(module.slope.detach().numpy() * 2.0 ** int(module.shift)).astype(np.int64),
        *(np.rint(numbers.numpy() / unit).astype(np.int64) for numbers in (before, after)),
        int(module.shift),
    )
    assert np.array_equal(np.rint(found.detach().numpy() / unit), wanted)
    assert (found - plain).abs().max() < (
        2.5 + 2 * float(module.slope.detach().abs().max())
    ) * unit + 300 * unit * 2.0**-13
    assert "shift=" in str(module)
    module.drop_grid()
    assert torch.equal(module.train()(z.double() * unit), module.eval()(z.double() * unit))


def test_a_slope_beyond_16_bits_is_refused():
    module = PReLU(2)
    nn.init.constant_(module.slope, 40000.0)
    with pytest.raises(OptionError, match=r"PReLU: a slope of 40000 takes more than 16 bits; train it again"):
        module.set_grid(1.0)
