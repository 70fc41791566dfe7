import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rebnet.errors import OptionError
from rebnet.nn.residual import ResidualSign, residual_sign, sign, straight_through_sign, surrogate, surrogate_slope
from rebnet.spec import residual as spec

SPECIAL = [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1.0, -1.0, math.inf, -math.inf, 3.4e38, -3.4e38]


def ladder(levels):
    return torch.tensor([2.0 ** (levels - i - 1) / (2**levels - 1) for i in range(levels)])


def by_hand(x, gammas):
    """Signs and residuals of one number, in plain Python."""
    signs, residuals, residual = [], [], x
    for gamma in gammas:
        s = 1.0 if residual >= 0 else -1.0
        residuals.append(residual)
        signs.append(s)
        residual -= gamma * s
    return signs, residuals


def gradients(x, gammas, mode):
    """de/dx and de/dgamma_j of one number, by the two definitions written out as recursions."""
    signs, residuals = by_hand(x, gammas)
    levels = len(gammas)
    passed = [1.0 if abs(r) <= 1 else 0.0 for r in residuals]
    if mode == "paper":
        return sum(g * p for g, p in zip(gammas, passed, strict=True)), signs
    slope_x, residual_x = 0.0, 1.0
    for i in range(levels):
        slope_x += gammas[i] * passed[i] * residual_x
        residual_x -= gammas[i] * passed[i] * residual_x
    slope_gammas = []
    for j in range(levels):
        slope, residual_g = 0.0, 0.0
        for i in range(levels):
            step = (signs[i] if i == j else 0.0) + gammas[i] * passed[i] * residual_g
            slope += step
            residual_g -= step
        slope_gammas.append(slope)
    return slope_x, slope_gammas


@pytest.mark.parametrize("value", SPECIAL)
def test_sign_has_two_values(value):
    x = torch.tensor(value)
    expected = 1.0 if value >= 0 else -1.0
    assert sign(x).item() == expected
    assert straight_through_sign(x).item() == expected


@given(st.floats(width=32, allow_nan=False))
def test_straight_through_forward_is_exact(value):
    assert straight_through_sign(torch.tensor(value)).item() == (1.0 if value >= 0 else -1.0)


def test_straight_through_gradient_is_clipped_inclusively():
    x = torch.tensor([-1.5, -1.0, -0.3, -0.0, 0.0, 1.0, 1.0001, math.inf], requires_grad=True)
    straight_through_sign(x).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("levels", range(1, 9))
def test_starts_from_evenly_spaced_levels(levels):
    torch.testing.assert_close(ResidualSign(levels).gammas.detach(), ladder(levels), rtol=1e-5, atol=0)


@given(st.lists(st.floats(-6, 3), min_size=2, max_size=8))
def test_any_parameters_give_super_increasing_factors(log_increments):
    module = ResidualSign(len(log_increments))
    with torch.no_grad():
        module.log_increments.copy_(torch.tensor(log_increments))
    gammas = module.gammas.tolist()
    assert all(gammas[i] > sum(gammas[i + 1 :]) for i in range(len(gammas)))


@pytest.mark.parametrize("levels", [1, 2, 3, 8])
@pytest.mark.parametrize("mode", ["chain", "paper"])
@given(values=st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20))
def test_forward_is_algorithm_1(levels, mode, values):
    gammas = [2.0 ** (levels - i) / 256 for i in range(levels)]
    encoded = residual_sign(torch.tensor(values), torch.tensor(gammas), mode)
    for value, e in zip(values, encoded.tolist(), strict=True):
        signs, _ = by_hand(value, gammas)
        assert e == sum(g * s for g, s in zip(gammas, signs, strict=True))


@pytest.mark.parametrize("levels", range(1, 9))
def test_value_is_that_of_the_specification(levels):
    gammas = [2.0 ** (levels - i) / 256 for i in range(levels)]
    values = np.arange(-600, 601) / 512
    expected = spec.decode(spec.encode(values, gammas), gammas)
    assert residual_sign(torch.from_numpy(values), torch.tensor(gammas)).tolist() == expected.tolist()


@pytest.mark.parametrize("mode", ["chain", "paper"])
@pytest.mark.parametrize("gammas", [[0.8], [0.7, 0.25], [0.6, 0.3, 0.1], [2.5, 1.5, 0.5]])
def test_gradients_are_the_definition(gammas, mode):
    gammas = torch.tensor(gammas, dtype=torch.float64, requires_grad=True)
    x = torch.linspace(-3.1, 3.1, 41, dtype=torch.float64).requires_grad_()
    weights = torch.linspace(0.5, 1.5, 41, dtype=torch.float64)
    (weights * residual_sign(x, gammas, mode)).sum().backward()
    by_value = [gradients(value, gammas.tolist(), mode) for value in x.tolist()]
    expected_x = [w * slope for w, (slope, _) in zip(weights.tolist(), by_value, strict=True)]
    expected_g = [
        sum(w * slopes[j] for w, (_, slopes) in zip(weights.tolist(), by_value, strict=True))
        for j in range(len(gammas))
    ]
    torch.testing.assert_close(x.grad.tolist(), expected_x)
    torch.testing.assert_close(gammas.grad.tolist(), expected_g)


def test_two_levels_in_closed_form():
    gammas = torch.tensor([0.75, 0.25], requires_grad=True)
    x = torch.tensor([0.5], requires_grad=True)
    residual_sign(x, gammas, "chain").backward()
    # de/dx = g1 + g2 (1 - g1); de/dg1 = s1 + g2 (-s1), with s = (+1, -1); de/dg2 = s2
    assert x.grad.item() == 0.75 + 0.25 * (1 - 0.75)
    assert gammas.grad.tolist() == [1 - 0.25, -1.0]
    x.grad, gammas.grad = None, None
    residual_sign(x, gammas, "paper").backward()
    assert x.grad.item() == 1.0
    assert gammas.grad.tolist() == [1.0, -1.0]


def test_paper_and_chain_agree_at_one_level():
    x = torch.linspace(-2, 2, 9)
    results = []
    for mode in ("chain", "paper"):
        y = x.clone().requires_grad_()
        gammas = torch.tensor([0.4], requires_grad=True)
        residual_sign(y, gammas, mode).square().sum().backward()
        results.append((y.grad.tolist(), gammas.grad.tolist()))
    assert results[0] == results[1]


def test_snapped_factors_are_exact_and_saved():
    gammas = [170 / 2**8, 60 / 2**8, 25 / 2**8]
    module = ResidualSign(3)
    module.set_gammas(gammas)
    assert module.gammas.tolist() == gammas
    again = ResidualSign(3)
    again.load_state_dict(module.state_dict())
    assert again.gammas.tolist() == gammas
    assert again(torch.tensor([10.0])).item() == sum(gammas)


@pytest.mark.parametrize(
    ("gammas", "reason"),
    [([1.0], "1 factors for 2 levels"), ([1.0, -0.5], "at least 0"), ([0.1, 0.05], "exact in torch.float32")],
)
def test_set_gammas_refuses(gammas, reason):
    with pytest.raises(OptionError, match=reason):
        ResidualSign(2).set_gammas(gammas)


@pytest.mark.parametrize("levels", [0, 9, -1, True, 2.0])
def test_refuses_levels(levels):
    with pytest.raises(OptionError) as caught:
        ResidualSign(levels)
    assert str(caught.value) == f"levels={levels}: a network has 1 to 8 residual levels; use 1 to 8"


def test_refuses_gradient():
    with pytest.raises(OptionError, match="use 'chain' or 'paper'"):
        ResidualSign(2, "ste")


@pytest.mark.parametrize("mode", ["chain", "paper"])
def test_compiles_without_graph_breaks(mode):
    module = ResidualSign(3, mode)
    x = torch.randn(5, 7)
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), module(x), rtol=0, atol=0)


def test_repr_shows_the_factors():
    assert (
        repr(ResidualSign(2)) == "ResidualSign(levels=2, gradient='chain', estimator='clip', gammas=(0.6667, 0.3333))"
    )


@pytest.mark.parametrize(("estimator", "sharpness"), [("clip", 1.0), ("polynomial", 1.0), ("ede", 0.4), ("ede", 3.0)])
def test_slopes_of_surrogates(estimator, sharpness):
    x = torch.linspace(-1.5, 1.5, 101, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(surrogate(x, estimator, sharpness).sum(), x)
    torch.testing.assert_close(slope, surrogate_slope(x.detach(), estimator, sharpness))


def test_slopes_at_chosen_places():
    x = torch.tensor([-2.0, -0.5, 0.0, 0.25])
    assert surrogate_slope(x, "clip").tolist() == [0, 1, 1, 1]
    assert surrogate_slope(x, "polynomial").tolist() == [0, 1, 2, 1.5]
    assert surrogate_slope(x, "ede", 0.1)[2].item() == pytest.approx(1)  # k t = 10 * 0.1
    assert surrogate_slope(x, "ede", 5.0)[2].item() == pytest.approx(5)


def test_refuses_estimator():
    with pytest.raises(OptionError, match="estimator='identity'"):
        ResidualSign(2, estimator="identity")
