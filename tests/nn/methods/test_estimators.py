import pytest
import torch

from rebnet.methods.estimators import ESTIMATORS, Clip, Ede, Iee
from rebnet.nn.methods.estimators import EstimatedSign, slope_of, surrogate_of


@pytest.mark.parametrize("t", [0.05, 0.7, 3.0])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_slopes_are_those_of_the_functions(estimator, t):
    x = torch.linspace(-3.02, 3.01, 200, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(surrogate_of(x, estimator, t).sum(), x)
    torch.testing.assert_close(slope, slope_of(x.detach(), estimator, t))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_signs_are_exact_and_gradients_are_slopes(estimator):
    x = torch.tensor([-100.0, -1.5, -0.4, -0.0, 0.0, 0.3, 1.0, 90.0], requires_grad=True)
    module = EstimatedSign(estimator)
    module.set_progress(0.4)
    y = module(x)
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1, 1]
    weights = torch.arange(1.0, 9)
    (y * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights * slope_of(x.detach(), estimator, module.sharpness))
    assert x.grad.isfinite().all()


def test_sharpness_follows_the_schedule():
    for estimator, ends in ((Ede(), (0.1, 10)), (Iee(), (0.01, 10)), (Clip(), (1, 1))):
        module = EstimatedSign(estimator)
        assert module.sharpness.item() == pytest.approx(ends[0])
        module.set_progress(1)
        assert module.sharpness.item() == pytest.approx(ends[1])


def test_iee_of_activations_is_at_least_as_sharp_as_one():
    x = torch.linspace(-2, 2, 9)
    assert torch.equal(slope_of(x, Iee(least=1), 0.01), slope_of(x, Iee(), 1.0))
