"""Weights in planes: the float layer against the integers, what trains, and what goes from run to run."""

import numpy as np
import pytest
import torch

from rebnet.engine.packed import PackedEngine
from rebnet.engine.real import run_real
from rebnet.errors import OptionError
from rebnet.export import export
from rebnet.ir.architecture import ONE_BIT, Weights
from rebnet.ir.notation import parse
from rebnet.lower import lower
from rebnet.nn.build import build
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.planes import WeightPlanes
from rebnet.train.recipe import Recipe, recipe_of, with_options

KINDS = [*(Weights("w", bits) for bits in range(2, 9)), Weights("t", 2), *(Weights("r", n) for n in (2, 3, 8))]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_planes_and_values(kind):
    torch.manual_seed(0)
    planes, latent = WeightPlanes(kind), torch.randn(5, 40) / 7
    planes.snap_()
    signs, value = planes.signs(latent), planes.quantized(latent).detach()
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    gains = torch.tensor(planes.gains, dtype=torch.float32)
    assert torch.equal(value, torch.tensordot(gains, signs, dims=1) * planes.unit)
    order = latent.flatten().argsort()
    if kind.kind != "r":
        assert (value.flatten()[order].diff() >= 0).all()  # a larger latent weight is never a smaller weight
    error = (latent / latent.square().mean().sqrt() - value * (latent * value).mean() / value.square().mean() * 7).abs()
    assert float(error.mean()) < 0.6  # far from a sign's, whatever the kind


def test_codes_are_the_nearest_odd_integers():
    latent = torch.tensor([[-2.0, -0.6, -0.1, 0.1, 0.6, 2.0, 1.0, -1.0]])
    planes = WeightPlanes(Weights("w", 2))
    size = float(latent.square().mean().sqrt())
    nearest = [min((-3, -1, 1, 3), key=lambda odd: abs(odd - x / size / (0.9957 / 2))) for x in latent[0].tolist()]
    assert planes.quantized(latent)[0].tolist() == nearest
    ternary = WeightPlanes(Weights("t", 2)).quantized(latent)[0].tolist()
    least = 0.7 * float(latent.abs().mean())
    assert ternary == [2.0 if x >= least else -2.0 if x < -least else 0.0 for x in latent[0].tolist()]


def test_gradients():
    latent = torch.randn(3, 6, requires_grad=True)
    planes = WeightPlanes(Weights("r", 2))
    grown = torch.randn(3, 6)
    (planes.quantized(latent) * grown).sum().backward()
    assert latent.grad is not None
    assert torch.allclose(latent.grad, grown * float(planes.factors.detach().sum()))
    first, second = (float((grown * signs).sum()) for signs in planes.signs(latent))
    d = planes.log_increments.detach().exp()
    assert planes.log_increments.grad is not None
    expected = torch.tensor([first * float(d[0]), (first + second) * float(d[1])])
    assert torch.allclose(planes.log_increments.grad, expected, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize(
    "text",
    [
        "7x6x2 - C5w8:3x3 - MP2 - C4t:2x2 - D6r3 - D3w2",
        "5x5x1 - D7w3 - D6t - D4r2",
        "6x6x1 - C4r2:3x3+same - D3",
        "1x1x1 - D1w5 - D2t",
        "6x6x3 - C4w4 - { C4t:3x3+same | }+ - GAP - D3w8",
    ],
)
def test_float_and_integer_labels(text, levels):
    torch.manual_seed(levels)
    described = parse(text)
    images = np.random.default_rng(0).integers(0, 256, (60, *described.image)).astype(np.uint8)
    model = build(described, levels, input_bits=3)
    model(torch.from_numpy(images)).sum().backward()
    network = export(model, images=images)
    assert [Weights.of(layer.op.weights.gains).planes for layer in network.layers] == [
        layer.weights.planes for layer in described.weighted
    ]
    real, integer = run_real(network, images, precision=np.float64), PackedEngine(lower(network)).run(images)
    assert np.array_equal(real.argmax(1), integer.argmax(1))


def test_planes_that_count_no_whole_numbers_are_refused():
    model = build(parse("3x3x1 - D4r2 - D2"), 1)
    with pytest.raises(OptionError, match="the planes of the weights of layer_1 count no whole numbers yet; give"):
        export(model)


def test_one_bit_has_no_planes():
    assert BinaryLinear(3, 2).planes is None
    assert list(BinaryLinear(3, 2).state_dict()) == ["weight"]
    assert BinaryLinear(3, 2, ONE_BIT).scale == BinaryLinear(3, 2).scale


def test_a_recipe_says_how_many_bits_in_one_word(tmp_path):
    network = parse("8x8x1 - C4 - C5t - D6 - D3")
    recipe = Recipe(first_weight_bits=8, last_weight_bits=2)
    assert str(recipe.applied(network)) == "8x8x1 - C4w8 - C5t - D6 - D3w2"
    assert str(Recipe(weight_bits=3).applied(network)) == "8x8x1 - C4w3 - C5t - D6w3 - D3w3"
    assert Recipe().applied(network) == network
    assert "weight_bits" not in Recipe().recorded()
    assert recipe_of(tmp_path, recipe.recorded()) == recipe
    with pytest.raises(OptionError, match="recipe: first_weight_bits holds 9, it must be at most 8"):
        Recipe(first_weight_bits=9)
    assert with_options("mnist", None, None, None, None) is None
    chosen = with_options("mnist", None, None, 8, None)
    assert isinstance(chosen, Recipe)
    assert (chosen.first_weight_bits, chosen.shift_pixels) == (8, 1)
