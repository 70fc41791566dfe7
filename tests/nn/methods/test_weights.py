import pytest
import torch

from rebnet.methods.estimators import Clip, Identity, Polynomial
from rebnet.methods.weights import (
    Deviation,
    LearnedScale,
    MeanSize,
    PowerOfTwo,
    RealWeights,
    Stochastic,
    Weight,
)
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.methods.estimators import slope_of
from rebnet.nn.methods.weights import WeightBinarizer, hashed

torch.manual_seed(3)
LATENT = torch.randn(5, 3, 2, 2, dtype=torch.float64)


def straight(x, estimator):
    smooth = slope_of(x.detach(), estimator) * x
    return torch.where(x >= 0, 1.0, -1.0).to(x) + smooth - smooth.detach()


def size(u):
    return u.abs().mean((1, 2, 3), keepdim=True)


FORMULAS = {
    "plain": (Weight(estimator=Polynomial()), lambda w: 0.25 * straight(w, Polynomial())),
    "xnor": (Weight(scale=MeanSize()), lambda w: size(w) * straight(w, Clip())),
    "scaled": (Weight(scale=MeanSize("channel", "scaled")), lambda w: size(w).detach() * straight(w, Clip())),
    "dorefa": (
        Weight(scale=MeanSize("layer", "plain"), estimator=Identity()),
        lambda w: w + (w.abs().mean() * w.sign() - w).detach(),
    ),
    "ir-net": (
        Weight(centred=True, standardized=True, scale=PowerOfTwo()),
        lambda w: (
            0.25
            * (
                2 ** torch.log2(size((w - w.mean((1, 2, 3), keepdim=True)) / w.std((1, 2, 3), keepdim=True))).round()
            ).detach()
            * straight((w - w.mean((1, 2, 3), keepdim=True)) / w.std((1, 2, 3), keepdim=True), Clip())
        ),
    ),
    "adabin": (
        Weight(centred=True, standardized=True, scale=Deviation(), about_mean=True),
        lambda w: (
            w.std((1, 2, 3), keepdim=True)
            * straight((w - w.mean((1, 2, 3), keepdim=True)) / w.std((1, 2, 3), keepdim=True), Clip())
            + w.mean((1, 2, 3), keepdim=True)
        ),
    ),
    "about": (
        Weight(about_mean=True, estimator=Polynomial()),
        lambda w: 0.25 * straight(w, Polynomial()) + w.mean((1, 2, 3), keepdim=True),
    ),
    "about, a layer": (
        Weight(scale=MeanSize("layer"), about_mean=True),
        lambda w: w.abs().mean() * straight(w, Clip()) + w.mean((1, 2, 3), keepdim=True),
    ),
    "about, plain": (
        Weight(scale=MeanSize("layer", "plain"), about_mean=True, estimator=Identity()),
        lambda w: w + (w.abs().mean() * w.sign() - w).detach() + w.mean((1, 2, 3), keepdim=True),
    ),
    "real": (Weight(to=RealWeights()), lambda w: w),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_is_the_formula(name):
    part, formula = FORMULAS[name]
    mine, theirs = LATENT.clone().requires_grad_(), LATENT.clone().requires_grad_()
    module = WeightBinarizer(part, 5, 0.25).double()
    factors = torch.cos(torch.arange(LATENT.numel(), dtype=torch.float64)).reshape(LATENT.shape)
    made, wanted = module(mine), formula(theirs)
    torch.testing.assert_close(made, wanted)
    (made * factors).sum().backward()
    (wanted * factors).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


@pytest.mark.parametrize("per", ["layer", "channel"])
def test_a_learned_scale_learns(per):
    module = WeightBinarizer(Weight(scale=LearnedScale(per)), 5, 0.5).double()
    torch.nn.init.uniform_(module.scale, -1, 1)
    module(LATENT).sum().backward()
    signs = 0.5 * torch.where(LATENT >= 0, 1.0, -1.0).double()
    wanted = signs.sum((1, 2, 3)) if per == "channel" else signs.sum()[None]
    torch.testing.assert_close(module.scale.grad, wanted)


def test_stochastic_signs_are_drawn_by_chance_and_can_be_drawn_again():
    torch.manual_seed(0)
    module = WeightBinarizer(Weight(to=Stochastic()), 1, 1.0)
    latent = torch.full((1, 20_000), 0.5)
    first, second = module(latent), module(latent)
    assert abs((first > 0).double().mean() - 0.75) < 0.02
    assert abs((first == second).double().mean() - (0.75**2 + 0.25**2)) < 0.02
    module.step.fill_(0)
    assert torch.equal(module(latent), first)
    assert (module.eval()(latent) == 1).all()
    numbers = hashed(20_000, torch.tensor(7), torch.tensor(11))
    assert 0 <= numbers.min() <= numbers.max() < 1
    assert abs(torch.corrcoef(torch.stack([numbers[1:], numbers[:-1]]))[0, 1]) < 0.03


@pytest.mark.parametrize("part", [part for part, _ in list(FORMULAS.values())[:5]] + [Weight(scale=LearnedScale())])
def test_latents_of_which_a_plain_sign_gives_the_same(part):
    module = WeightBinarizer(part, 5, 0.25).double().eval()
    if isinstance(part.scale, LearnedScale):
        module.scale.data.copy_(torch.tensor([0.5, -1, 2, -0.1, 1]))
    weights, absorbed = module(LATENT), module.absorbed(LATENT)
    assert absorbed.abs().max() <= 1
    factors = weights / torch.where(absorbed >= 0, 1.0, -1.0).double()
    torch.testing.assert_close(factors, factors.flatten(1).mean(1).reshape(-1, 1, 1, 1).expand_as(factors))
    assert (factors > 0).all()


def test_an_output_of_one_weight_keeps_it():
    layer = BinaryLinear(1, 4)
    layer.use_method(Weight(centred=True, standardized=True, scale=Deviation()))
    assert torch.equal(layer.used_weight().sign(), layer.weight.sign())


def test_plain_layers_stay_plain():
    layer = BinaryConv2d(2, 3, 1)
    before = layer.used_weight()
    layer.use_method(Weight())
    assert layer.binarizer is None
    assert torch.equal(layer.used_weight(), before)
