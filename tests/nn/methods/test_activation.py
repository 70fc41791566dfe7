import pytest
import torch

from rebnet.methods.activations import Activation, Dynamic, Learned, Uniform
from rebnet.methods.estimators import Clip, Ede, Polynomial, Swish
from rebnet.nn.methods.activation import MethodSign, sign_of
from rebnet.nn.methods.estimators import slope_of
from rebnet.nn.residual import ResidualSign

X = torch.linspace(-1.7, 1.9, 2 * 3 * 4 * 5, dtype=torch.float64).reshape(2, 4, 3, 5).transpose(2, 3).contiguous()


def straight(x, estimator):
    """A sign whose gradient is the slope, by plain autograd."""
    smooth = slope_of(x.detach(), estimator) * x
    return torch.where(x >= 0, 1.0, -1.0).to(x) + smooth - smooth.detach()


def test_plain_activations_are_plain_residual_signs():
    for estimator, name in ((Clip(), "clip"), (Polynomial(), "polynomial"), (Ede(), "ede")):
        made = sign_of(Activation(estimator=estimator), 2, 4)
        assert (type(made), made.estimator) == (ResidualSign, name)
    assert isinstance(sign_of(Activation(estimator=Swish()), 2, 4), MethodSign)


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("gradient", ["chain", "paper"])
@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("about", [False, True])
def test_is_the_formula(levels, gradient, per, about):
    part = Activation(
        threshold=Learned(per, 0.2), scale=Learned("layer", 0.7), about_threshold=about, estimator=Polynomial()
    )
    module = MethodSign(part, levels, 4, gradient).double()
    torch.nn.init.uniform_(module.threshold, -0.3, 0.3)
    x = X.clone().requires_grad_()
    y = module(x)
    weights = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)
    (y * weights).sum().backward()

    z, t = X.clone().requires_grad_(), module.threshold.detach().clone().requires_grad_()
    a, d = (one.detach().clone().requires_grad_() for one in (module.raw_scale, module.log_increments))
    gammas = (module.mixing * d.exp()).sum(1)
    offset = t.reshape(-1, 1, 1)
    rest, code = (z - offset) / a, 0
    for gamma in gammas:
        step = gamma * straight(rest, Polynomial())
        code, rest = code + step, rest - (step if gradient == "chain" else step.detach())
    wanted = a * code + (offset if about else 0)
    torch.testing.assert_close(y, wanted)
    (wanted * weights).sum().backward()
    for mine, theirs in ((x, z), (module.threshold, t), (module.raw_scale, a), (module.log_increments, d)):
        torch.testing.assert_close(mine.grad, theirs.grad)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_evenly_spaced_levels_round_between_0_and_1(bits):
    part = Activation(Uniform(), threshold=0.5, scale=0.5, about_threshold=True)
    module = MethodSign(part, bits, 4).double()
    x = (X + 1e-4).requires_grad_()
    y = module(x)
    most = 2**bits - 1
    torch.testing.assert_close(y, torch.floor(x.clamp(0, 1) * most + 0.5) / most)
    y.sum().backward()
    torch.testing.assert_close(x.grad, ((x >= 0) & (x <= 1)).double())
    assert module.log_increments.grad is None


def test_thresholds_of_each_image():
    torch.manual_seed(0)
    module = MethodSign(Activation(threshold=Dynamic(2)), 1, 4).double()
    assert torch.equal(module(X), torch.where(X >= 0, 1.0, -1.0).double())
    torch.nn.init.normal_(module.dynamic.widen.weight)
    hidden = torch.relu(X.mean((2, 3)) @ module.dynamic.reduce.weight.T + module.dynamic.reduce.bias)
    thresholds = hidden @ module.dynamic.widen.weight.T
    assert torch.equal(module(X), torch.where(X - thresholds[:, :, None, None] >= 0, 1.0, -1.0).double())
    vectors = X[:, :, 0, 0]
    assert module(vectors).shape == vectors.shape
