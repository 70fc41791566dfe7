"""Trainings of networks that serve every level count: what a step runs at, what it learns, what is recorded."""

import json
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from rebnet.errors import OptionError
from rebnet.files import read_tensors, write_tensors
from rebnet.nn.any_levels import set_levels
from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.train import RECIPES, judge, load_model, loop, recipe, step, train
from rebnet.train.any_levels import drawn_sets, level_sets
from rebnet.train.batches import Images
from rebnet.train.checkpoint import CHECKPOINT_FILE
from rebnet.train.losses.levels import levels_loss
from rebnet.train.losses.scores import score_loss
from rebnet.train.recipe import Recipe

NETWORK = "6x6x1 - D24 - D16 - D3"
QUICK = replace(RECIPES["default"], batch_size=20, warmup_steps=10)
SAMPLE = Recipe(any_levels="sample")


@pytest.fixture
def sampling(monkeypatch):
    monkeypatch.setitem(recipe.RECIPES, "sampling", replace(QUICK, any_levels="sample"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(recipe.RECIPES, "blobs", QUICK)


def network(levels, any_levels=True):
    return build(architecture("4x4x1 - D8 - D3"), levels, any_levels=any_levels)


def test_level_counts_of_a_step():
    assert level_sets(network(3), Recipe()) == [(1, 2, 3)]
    assert level_sets(network(4), SAMPLE) == [(1, 4), (2, 4), (3, 4)]
    assert level_sets(network(2), SAMPLE) == [(1, 2)]
    assert level_sets(network(1), SAMPLE) == [(1,)]
    assert (
        level_sets(network(3, any_levels=False), Recipe()) == level_sets(network(3, any_levels=False), SAMPLE) == [(3,)]
    )


def test_the_seed_and_the_epoch_draw():
    sets = level_sets(network(4), SAMPLE)
    drawn = drawn_sets(sets, 300, 5, 2)
    assert drawn == drawn_sets(sets, 300, 5, 2)
    assert drawn != drawn_sets(sets, 300, 6, 2)
    assert drawn != drawn_sets(sets, 300, 5, 3)
    assert all(70 < drawn.count(one) < 130 for one in sets)


def test_fewer_levels_learn_from_all_levels():
    random = torch.Generator().manual_seed(0)
    one, two, three = (torch.randn(5, 4, generator=random, requires_grad=True) for _ in range(3))
    labels = torch.tensor([0, 3, 1, 2, 2])
    loss = levels_loss([one, two, three], labels, Recipe())
    soft = three.detach().softmax(1)
    distances = [-(soft * scores.log_softmax(1)).sum(1).mean() for scores in (one, two)]
    torch.testing.assert_close(loss, (functional.cross_entropy(three, labels) + sum(distances)) / 3)
    loss.backward()
    alone = three.detach().clone().requires_grad_()
    functional.cross_entropy(alone, labels).backward()
    torch.testing.assert_close(three.grad, alone.grad / 3)  # the distances move fewer levels alone


def test_squared_hinge_gives_every_level_count_the_labels():
    hinge, labels = Recipe(loss="squared_hinge"), torch.tensor([1, 0])
    one, two = torch.tensor([[0.5, 1.0], [2.0, -1.0]]), torch.tensor([[0.0, 1.0], [1.0, -3.0]])
    wanted = (score_loss(one, labels, hinge) + score_loss(two, labels, hinge)) / 2
    assert levels_loss([one, two], labels, hinge) == wanted


def test_one_graph_is_compiled_for_every_set(monkeypatch):
    asked = []

    def compiler(function, dynamic, options):
        def compiled(pixels, labels, levels):
            asked.append(levels)
            return function(pixels, labels, levels)

        return compiled

    monkeypatch.setattr(torch, "compile", compiler)
    monkeypatch.setattr(step.shutil, "which", lambda name: name)
    batch = Images(torch.zeros(4, 4, 4, 1, dtype=torch.uint8), torch.tensor([0, 1, 2, 0]))
    step.make_loss(network(3), SAMPLE, step.COMPILE_FROM_STEPS, batch)
    assert asked == [(1, 3), (2, 3)]


def test_record_and_model(blob_dataset, tmp_path):
    record = train(NETWORK, blob_dataset, 3, tmp_path, epochs=8, any_levels=True, quiet=True)
    assert json.loads((tmp_path / "training.json").read_text()) == {"schema": 1, **record}
    assert (record["levels"], record["any_levels"]) == (3, True)
    model, metadata = load_model(tmp_path)
    assert metadata.any_levels
    test = Images(torch.from_numpy(blob_dataset.test_images), torch.from_numpy(blob_dataset.test_labels))
    found = []
    for m in (1, 2, 3):
        set_levels(model, m)
        found.append(judge.accuracy(model, test))
    assert record["test_accuracies"] == found
    assert min(found) > 85
    assert record["test_accuracy"] == found[-1]
    for entry in (record, *record["curve"]):
        assert entry["validation_accuracy"] == entry["validation_accuracies"][2]
        assert len(entry["validation_accuracies"]) == 3
    assert record["gammas"] == [[one.sign.gammas.tolist() for one in norm] for norm in (model.norm1, model.norm2)]


def test_other_records_have_no_accuracies_of_fewer_levels(blob_dataset, tmp_path):
    record = train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    assert record["any_levels"] is False
    assert not [key for entry in (record, *record["curve"]) for key in entry if key.endswith("accuracies")]
    assert not load_model(tmp_path)[1].any_levels


@pytest.mark.parametrize("name", ["blobs", "sampling"])
def test_a_resumed_training_ends_in_the_same_bits(blob_dataset, tmp_path, monkeypatch, sampling, name):
    settings = {"levels": 3, "epochs": 3, "recipe": name, "any_levels": True, "quiet": True}
    train(NETWORK, blob_dataset, output=tmp_path / "whole", **settings)
    taken = iter(range(550 // 20 + 5))
    real = loop.take_step

    def interrupted(*arguments, **options):
        if next(taken, None) is None:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "take_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(NETWORK, blob_dataset, output=tmp_path / "cut", **settings)
    train(NETWORK, blob_dataset, output=tmp_path / "cut", resume=True, **settings)
    for file in ("model.safetensors", "training.json", CHECKPOINT_FILE):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()


def test_resuming_where_a_level_count_was_never_drawn(blob_dataset, tmp_path, monkeypatch, cut_after):
    """An epoch of one step: at most two of eight level counts have moved, the others begin with their first step."""
    monkeypatch.setitem(recipe.RECIPES, "once", replace(QUICK, any_levels="sample", batch_size=550))
    settings = {"levels": 8, "epochs": 2, "recipe": "once", "any_levels": True, "quiet": True}
    train(NETWORK, blob_dataset, output=tmp_path / "whole", **settings)
    with cut_after(1):
        train(NETWORK, blob_dataset, output=tmp_path / "cut", **settings)
    train(NETWORK, blob_dataset, output=tmp_path / "cut", resume=True, **settings)
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "cut" / "model.safetensors"
    ).read_bytes()


def test_resuming_as_another_kind_of_network(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    with pytest.raises(OptionError, match="was made with any_levels = False, this training has any_levels = True; "):
        train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, any_levels=True, resume=True, quiet=True)


def test_resuming_from_before_any_level_networks(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    arrays, metadata = read_tensors(tmp_path / CHECKPOINT_FILE)
    settings = json.loads(metadata["settings"])
    del settings["any_levels"], settings["recipe"]["any_levels"]
    write_tensors(tmp_path / CHECKPOINT_FILE, arrays, metadata | {"settings": json.dumps(settings)})
    again = train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, resume=True, quiet=True)
    assert again["recipe"] == replace(QUICK, epochs=1).recorded()
