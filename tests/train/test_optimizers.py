from dataclasses import replace

import pytest
import torch

from rebnet.errors import OptionError
from rebnet.files import read_tensors
from rebnet.ir.notation import parse
from rebnet.nn.build import build
from rebnet.train import RECIPES, load_model, train
from rebnet.train.checkpoint import CHECKPOINT_FILE
from rebnet.train.optimizers import fresh_states, make_optimizer
from rebnet.train.optimizers.bop import Bop
from rebnet.train.recipe import Recipe

NETWORK = "6x6x1 - D16 - D12 - D3"
QUICK = replace(RECIPES["default"], batch_size=50, warmup_steps=5, epochs=3)


def signs_of(model):
    return {name: one for name, one in model.named_parameters() if name.startswith("linear")}


def steps_of(model, optimizer, gradients):
    """The parameters after each step of given gradients, which optimizers may drop."""
    found = []
    for step in gradients:
        for name, parameter in model.named_parameters():
            parameter.grad = step[name].clone()
        optimizer.step()
        found.append({name: one.detach().clone() for name, one in model.named_parameters()})
    return found


def gradients_of(model, count, scale=1.0):
    random = torch.Generator().manual_seed(1)
    return [
        {name: scale * torch.randn(one.shape, generator=random) for name, one in model.named_parameters()}
        for _ in range(count)
    ]


def test_gradient_descent_by_its_formula():
    model = build(parse(NETWORK), 2)
    recipe = Recipe(optimizer="sgd", peak_learning_rate=0.1, momentum=0.8, weight_decay=0.01, gamma_rate=0.5)
    at = {name: one.detach().clone() for name, one in model.named_parameters()}
    moments = {name: torch.zeros_like(one) for name, one in at.items()}
    optimizer = make_optimizer(model, recipe)
    for group in optimizer.param_groups:
        group["lr"] = 0.1 * group["factor"]
    gradients = gradients_of(model, 3)
    for found, step in zip(steps_of(model, optimizer, gradients), gradients, strict=True):
        for name, before in at.items():
            decay = 0.01 if name.startswith("linear") else 0.0
            moments[name] = 0.8 * moments[name] + step[name] + decay * before
            at[name] = before - (0.05 if "log_increments" in name else 0.1) * moments[name]
            torch.testing.assert_close(found[name], at[name])


def test_bop_by_algorithm_1():
    model = build(parse(NETWORK), 1)
    recipe = Recipe(optimizer="bop", flip_rate=0.25, flip_threshold=0.05, peak_learning_rate=0.01)
    optimizer = make_optimizer(model, recipe)
    assert isinstance(optimizer, Bop)
    weights = {name: one.detach().clone() for name, one in signs_of(model).items()}
    assert all((one.abs() == 1).all() for one in weights.values())
    moments = {name: torch.zeros_like(one) for name, one in weights.items()}
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * group["factor"]
    gradients, turned = gradients_of(model, 4, 0.1), 0
    for found, step in zip(steps_of(model, optimizer, gradients), gradients, strict=True):
        for name, before in weights.items():
            moments[name] = (1 - 0.25) * moments[name] + 0.25 * step[name]
            turns = (moments[name].abs() > 0.05) & (torch.sign(moments[name]) == torch.sign(before))
            weights[name] = torch.where(turns, -before, before)
            turned += int(turns.sum())
            assert torch.equal(found[name], weights[name])
    assert turned > 0


def test_what_bop_does_not_turn_is_adam_s():
    torch.manual_seed(0)
    models = [build(parse(NETWORK.replace("D12", "D12w2")), 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    gradients = gradients_of(models[0], 3)
    found = [
        steps_of(model, make_optimizer(model, Recipe(optimizer=name)), gradients)[-1]
        for model, name in zip(models, ("adam", "bop"), strict=True)
    ]
    same = {name for name in found[0] if torch.equal(found[0][name], found[1][name])}
    assert set(found[0]) - same == {"linear1.weight", "linear3.weight"}


def test_bop_s_rate_falls_as_the_learning_rate_does():
    recipe = Recipe(optimizer="bop", flip_rate=1e-3, peak_learning_rate=0.02)
    group = make_optimizer(build(parse(NETWORK), 1), recipe).param_groups[0]
    assert group["turns"]
    assert 0.5 * recipe.peak_learning_rate * group["factor"] == pytest.approx(0.5e-3)


def test_real_weights_have_no_signs_to_turn():
    optimizer = make_optimizer(build(parse(NETWORK), 1), Recipe(optimizer="bop"), real_weights=True)
    assert type(optimizer) is torch.optim.Adam


def test_weights_decay_in_latent_weights_alone():
    model = build(parse(NETWORK), 2)
    optimizer = make_optimizer(model, Recipe(weight_decay=0.1))
    decays = {id(one): group["weight_decay"] for group in optimizer.param_groups for one in group["params"]}
    assert {name for name, one in model.named_parameters() if decays[id(one)] == 0.1} == set(signs_of(model))
    assert len(make_optimizer(model, Recipe()).param_groups) == 2


@pytest.mark.parametrize("name", ["adam", "sgd", "bop"])
def test_a_fresh_state_is_what_a_first_step_begins_with(name):
    model = build(parse(NETWORK), 2)
    optimizer = make_optimizer(model, Recipe(optimizer=name))
    fresh = fresh_states(optimizer)
    steps_of(model, optimizer, gradients_of(model, 1))
    states = optimizer.state_dict()["state"]
    assert [set(states[index]) for index in range(len(fresh))] == [set(state) for state in fresh]
    assert all((tensor == 0).all() for state in fresh for tensor in state.values())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"optimizer": "adagrad"}, "optimizer holds 'adagrad', it must hold adam, sgd, bop"),
        ({"momentum": 1.0}, "momentum holds 1.0, it must be 0 to below 1"),
        ({"flip_rate": 0}, "flip_rate holds 0, it must be above 0 and finite"),
        (
            {"optimizer": "bop", "real_weight_epochs": 2},
            'optimizer="bop" turns signs, and has none in real_weight_epochs; use a stage of "activations"',
        ),
        (
            {"optimizer": "bop", "weight_decay": 0.1},
            'optimizer="bop" turns signs, which cannot decay; use weight_decay=0',
        ),
    ],
)
def test_refuses(fields, said):
    with pytest.raises(OptionError) as caught:
        Recipe(**fields)
    assert str(caught.value) == f"recipe: {said}"


@pytest.mark.parametrize("name", ["sgd", "bop"])
def test_learns_and_resumes_in_the_same_bits(blob_dataset, tmp_path, cut_after, name):
    recipe = replace(QUICK, optimizer=name, peak_learning_rate={"sgd": 0.3, "bop": 5e-3}[name], flip_rate=1e-2)
    whole = train(NETWORK, blob_dataset, 2, tmp_path / "whole", recipe=recipe, quiet=True)
    assert whole["test_accuracy"] > 60
    assert whole["recipe"]["optimizer"] == name
    with cut_after(1):
        train(NETWORK, blob_dataset, 2, tmp_path / "cut", recipe=recipe, quiet=True)
    moment = {"sgd": "momentum_buffer", "bop": "momentum"}[name]
    assert any(key.endswith(moment) for key in read_tensors(tmp_path / "cut" / CHECKPOINT_FILE)[0])
    other = replace(recipe, optimizer="adam")
    with pytest.raises(OptionError, match=f"was made with recipe.optimizer = {name}, this training has recipe.optimi"):
        train(NETWORK, blob_dataset, 2, tmp_path / "cut", recipe=other, resume=True, quiet=True)
    train(NETWORK, blob_dataset, 2, tmp_path / "cut", recipe=recipe, resume=True, quiet=True)
    ours, theirs = (load_model(tmp_path / run)[0].state_dict() for run in ("whole", "cut"))
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    if name == "bop":
        assert all((one.abs() == 1).all() for one in signs_of(load_model(tmp_path / "whole")[0]).values())
