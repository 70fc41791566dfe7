"""Trainings of methods: recorded, gone on with bit for bit, started from each other, retrained."""

from dataclasses import replace

import pytest
import torch

from rebnet.errors import FileFormatError, OptionError
from rebnet.ir.notation import parse
from rebnet.methods import METHODS
from rebnet.nn.load import load_model
from rebnet.train import train
from rebnet.train.again import retrain
from rebnet.train.recipe import Recipe, recipe_for, recipe_of, with_options

QUICK = Recipe(epochs=2, batch_size=100, warmup_steps=3, calibration_images=100)
NETWORK = "6x6x1 - C3:3x3+same - MP2 - D8 - D3"


def of(name, **changes):
    return replace(with_options("blobs", QUICK, method=name), **changes)


@pytest.mark.parametrize("name", ["binary-connect-stochastic", "reactnet", "ie-net"])
def test_a_training_is_recorded_gone_on_with_and_done_again(name, blob_dataset, tmp_path, monkeypatch):
    record = train(NETWORK, blob_dataset, 1, tmp_path / "whole", recipe=of(name), quiet=True)
    assert record["recipe"]["method"] == name
    model, metadata = load_model(tmp_path / "whole")
    assert metadata.method == name
    assert metadata.network == record["network"] == str(METHODS[name].applied(parse(NETWORK)))

    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rebnet.train.loop.save_checkpoint", after(2, end))
        with pytest.raises(KeyboardInterrupt):
            train(NETWORK, blob_dataset, 1, tmp_path / "cut", recipe=of(name), quiet=True)
    train(NETWORK, blob_dataset, 1, tmp_path / "cut", recipe=of(name), resume=True, quiet=True)
    again, _ = load_model(tmp_path / "cut")
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    if name == "reactnet":
        retrain(tmp_path / "whole", lambda _: blob_dataset, tmp_path / "again", quiet=True)
        assert load_model(tmp_path / "again")[1] == metadata


def after(calls, end):
    """`save_checkpoint`, which ends the training in the place of that call."""
    from rebnet.train.checkpoint import save_checkpoint

    count = iter(range(1, calls))

    def saved(*arguments):
        if next(count, None) is None:
            end()
        save_checkpoint(*arguments)

    return saved


def test_a_training_starts_from_a_run_of_another_method(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 1, tmp_path / "one", recipe=of("bnn", epochs=1), quiet=True)
    for name in ("xnor-net-plus-plus-channels", "xnor-net-plus-plus"):
        record = train(
            NETWORK, blob_dataset, 2, tmp_path / name, recipe=of(name, epochs=1), start=tmp_path / "one", quiet=True
        )
        assert record["start_from"]["recipe"]["method"] == "bnn"


def test_signs_start_from_real_activations_and_these_from_signs(blob_dataset, tmp_path):
    text, last = "6x6x1 - C3:3x3+same - { C3:3x3+same | }+ - D5 - D3", None
    for name in ("binary-connect", "xnor-net", "binary-connect"):
        run = tmp_path / f"{name}-{last}"
        train(text, blob_dataset, 1, run, recipe=of(name, epochs=1), start=last and tmp_path / last, quiet=True)
        last = run.name
    record = train(text, blob_dataset, 0, tmp_path / "float", recipe=QUICK, quiet=True)
    assert record["levels"] == 0
    train(text, blob_dataset, 1, tmp_path / "k", recipe=of("xnor-net", epochs=1), start=tmp_path / "float", quiet=True)


def test_a_method_brings_its_loss_and_leaves_what_is_given():
    assert recipe_for("mnist", with_options("mnist", None, method="bnn")).loss == "squared_hinge"
    assert with_options("mnist", None) is None
    chosen = with_options("mnist", None, first=8, method="ir-net")
    assert (chosen.method, chosen.first_weight_bits, chosen.sharpens) == ("ir-net", 8, True)
    assert not Recipe().sharpens
    assert "method" not in Recipe().recorded()


def test_refusals(tmp_path):
    with pytest.raises(OptionError, match="recipe: method holds 'x', it must hold rebnet, binary-connect"):
        Recipe(method="x")
    with pytest.raises(FileFormatError, match=r"recipe\.method holds 'x', it must hold rebnet"):
        recipe_of(tmp_path / "training.json", {"method": "x"})
    with pytest.raises(OptionError, match='"bop" has no latent weights, of which method ir-net measures the size'):
        Recipe(method="ir-net", optimizer="bop")
    Recipe(method="bnn", optimizer="bop")
