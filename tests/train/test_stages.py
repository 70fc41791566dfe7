import json
from dataclasses import replace

import pytest
import torch

from rebnet import flow
from rebnet.errors import FileFormatError, OptionError
from rebnet.ir.notation import parse
from rebnet.nn.build import build, use_real_activations
from rebnet.records import Training, read
from rebnet.records.request import command_line
from rebnet.train import RECIPES, load_model, loop, train
from rebnet.train.again import retrain
from rebnet.train.recipe import Recipe, recipe_for, recipe_of
from rebnet.train.schedule import Stage, shared_out

NETWORK = "6x6x1 - D16 - D12 - D3"
MAPS = "6x6x1 - C4:3x3+same - C4:3x3+same - D3"
STAGES = (Stage("none", 1), Stage("activations", 2, weight_decay=1e-5), Stage("all", 2, peak_learning_rate=0.002))
QUICK = replace(RECIPES["default"], batch_size=100, warmup_steps=5, epochs=5, stages=STAGES)


def test_a_stage_is_a_training_of_its_own():
    assert [(span.first, span.last) for span in QUICK.spans] == [(0, 1), (1, 3), (3, 5)]
    assert [QUICK.span_of(epoch).stage.binary for epoch in range(5)] == [
        "none", "activations", "activations", "all", "all",
    ]  # fmt: skip
    alone = QUICK.within(QUICK.spans[1])
    assert (alone.epochs, alone.weight_decay, alone.peak_learning_rate) == (2, 1e-5, QUICK.peak_learning_rate)
    assert QUICK.within(QUICK.spans[2]).peak_learning_rate == 0.002
    plain = Recipe()
    assert plain.within(plain.spans[0]) is plain


def test_a_record_holds_them(tmp_path):
    recorded = json.loads(json.dumps(QUICK.recorded()))
    assert recorded["stages"] == [
        {"binary": "none", "epochs": 1},
        {"binary": "activations", "epochs": 2, "weight_decay": 1e-5},
        {"binary": "all", "epochs": 2, "peak_learning_rate": 0.002},
    ]
    assert recipe_of(tmp_path, recorded) == QUICK
    assert not {"stages", "optimizer", "momentum", "attention", "label_aware"} & set(Recipe().recorded())


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("all", "stages holds 'all', it must hold a list of stages"),
        ([Stage("activations", 5)], 'it must end in a stage in which "all" is binary'),
        (
            [{"binary": "some", "epochs": 5}],
            "(stage: binary holds 'some', it must hold none, activations, weights, all)",
        ),
        ([{"binary": "all", "epochs": 0}], "(stage: epochs holds 0, it must hold int and be at least 1)"),
        ([{"binary": "all", "epochs": 5, "momentum": 1}], "it must hold a list of stages ("),
        ([Stage("all", 4)], "recipe: its stages have 4 epochs, and epochs=5; let both say the same"),
    ],
)
def test_refuses(stages, said, tmp_path):
    with pytest.raises(OptionError) as caught:
        Recipe(epochs=5, stages=stages)
    assert said in str(caught.value)
    with pytest.raises(FileFormatError):
        recipe_of(tmp_path, {"epochs": 5, "stages": stages})


def test_refuses_two_words_for_one_thing():
    with pytest.raises(OptionError, match=r"real_weight_epochs and stages both say when weights are real"):
        Recipe(epochs=1, real_weight_epochs=1, stages=(Stage("all", 1),))


@pytest.mark.parametrize("rate", [0, -1, float("inf"), True, "1"])
def test_refuses_rates(rate):
    with pytest.raises(OptionError, match="stage: peak_learning_rate holds"):
        Stage("all", 1, peak_learning_rate=rate)


def test_epochs_are_shared_out():
    assert [stage.epochs for stage in shared_out(STAGES, 10)] == [2, 4, 4]
    assert [stage.epochs for stage in shared_out(STAGES, 3)] == [1, 1, 1]
    assert [stage.epochs for stage in shared_out((Stage("activations", 1), Stage("all", 99)), 4)] == [1, 3]
    assert [stage.epochs for stage in shared_out((Stage("activations", 99), Stage("all", 1)), 4)] == [3, 1]
    assert [stage.epochs for stage in recipe_for("x", QUICK, epochs=20).stages] == [4, 8, 8]
    with pytest.raises(OptionError, match="epochs=2: the recipe has 3 stages of an epoch at least; use more"):
        recipe_for("x", QUICK, epochs=2)


@pytest.mark.parametrize("training", [True, False])
def test_real_activations_are_tanh(training):
    torch.manual_seed(0)
    model = build(parse(MAPS), 2).train(training)
    use_real_activations(model, True)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(5, 4, 6, 6, generator=random).requires_grad_()
    y = model.norm1(x)
    y.square().sum().backward()
    plain = x.detach().clone().requires_grad_()
    mean = plain.mean((0, 2, 3), keepdim=True) if training else torch.zeros(1, 4, 1, 1)
    variance = plain.var((0, 2, 3), unbiased=False, keepdim=True) if training else torch.ones(1, 4, 1, 1)
    z = (plain - mean) / torch.sqrt(variance + model.norm1.norm.eps)
    wanted = torch.nn.functional.pad(torch.tanh(z), (1, 1, 1, 1), value=-1.0)
    wanted.square().sum().backward()
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(x.grad, plain.grad, rtol=1e-4, atol=1e-5)
    use_real_activations(model, False)
    assert model.norm1(x).unique().numel() == 4


def seen(monkeypatch):
    """What is real in each epoch, and with what the optimizer was made."""
    found = []
    real = loop.take_step

    def step(model, optimizer, *arguments, **options):
        signs = [module.real for module in model.modules() if hasattr(module, "gammas") and hasattr(module, "real")]
        rows = (signs[0], model.linear1.real, max(group["weight_decay"] for group in optimizer.param_groups))
        if not found or found[-1] != rows:
            found.append(rows)
        return real(model, optimizer, *arguments, **options)

    monkeypatch.setattr(loop, "take_step", step)
    return found


@pytest.mark.parametrize("cut_at", [2, 3])
def test_resumed_within_and_between_stages(blob_dataset, tmp_path, monkeypatch, cut_after, cut_at):
    with monkeypatch.context() as patch:
        found = seen(patch)
        whole = train(NETWORK, blob_dataset, 2, tmp_path / "whole", recipe=QUICK, quiet=True)
    assert found == [(True, True, 0.0), (False, True, 1e-5), (False, False, 0.0)]
    rates = [entry["learning_rate"] for entry in whole["curve"]]
    assert rates[0] < rates[1] > rates[2] < rates[3] < 0.002
    with cut_after(cut_at):
        train(NETWORK, blob_dataset, 2, tmp_path / "cut", recipe=QUICK, quiet=True)
    train(NETWORK, blob_dataset, 2, tmp_path / "cut", recipe=QUICK, resume=True, quiet=True)
    ours, theirs = (load_model(tmp_path / run)[0].state_dict() for run in ("whole", "cut"))
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    assert (tmp_path / "whole" / "training.json").read_text() == (tmp_path / "cut" / "training.json").read_text()


def test_a_record_tells_that_they_were_asked_for(tmp_path):
    chosen = replace(QUICK, epochs=2, stages=(Stage("activations", 1), Stage("all", 1)))
    flow.train("8x8x1 - D4 - D10", "digits", 1, tmp_path, recipe=chosen, quiet=True)
    record = read(tmp_path / "training.json", Training)
    assert record.request.options["recipe"]["stages"] == [
        {"binary": "activations", "epochs": 1},
        {"binary": "all", "epochs": 1},
    ]
    assert "from Python only" in command_line(record.request, "runs/x")


def test_trained_again_from_the_record(blob_dataset, tmp_path):
    chosen = replace(QUICK, epochs=2, optimizer="bop", stages=(Stage("activations", 1), Stage("all", 1)))
    train(NETWORK, blob_dataset, 1, tmp_path / "run", recipe=chosen, quiet=True)
    retrain(tmp_path / "run", lambda name: blob_dataset, tmp_path / "again", quiet=True)
    ours, theirs = (load_model(tmp_path / run)[0].state_dict() for run in ("run", "again"))
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
