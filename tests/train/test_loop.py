import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from rebnet.errors import DatasetError, FileFormatError, NotationError, OptionError, OutputError, SchemaError
from rebnet.files import read_tensors, write_tensors
from rebnet.ir.notation import parse
from rebnet.nn.build import build
from rebnet.nn.residual import ResidualSign
from rebnet.records.training import Told
from rebnet.train import RECIPES, images, judge, load_model, loop, recipe, train
from rebnet.train.batches import calibration_pixels, split
from rebnet.train.checkpoint import CHECKPOINT_FILE
from rebnet.train.images import Images
from rebnet.train.start import load_teacher, start_from

ALL = [field.name for field in fields(Told) if field.name not in ("start_from", "teacher")]
NETWORK = "6x6x1 - D16 - D12 - D3"
MAPS = "6x6x1 - C16:3x3+same - MP2 - C12 - D16 - D3"
QUICK = replace(RECIPES["default"], batch_size=20, warmup_steps=10, shift_pixels=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(recipe.RECIPES, "blobs", QUICK)


def weights(run):
    return load_model(run)[0].state_dict()


def same(run, other):
    ours, theirs = weights(run), weights(other)
    return all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def interrupt_after(monkeypatch, epochs):
    """Let the training be killed in the middle of the epoch that follows `epochs` finished ones."""
    steps = epochs * (550 // 20) + 5
    taken = iter(range(steps))
    real = loop.take_step

    def step(*arguments, **options):
        if next(taken, None) is None:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(loop, "take_step", step)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_learns(blob_dataset, tmp_path, levels):
    record = train(NETWORK.replace("16", "32"), blob_dataset, levels, tmp_path, epochs=8, recipe="default", quiet=True)
    assert record["test_accuracy"] > 90


def test_record_and_model(blob_dataset, tmp_path):
    record = train(NETWORK, blob_dataset, 2, tmp_path, epochs=2, input_bits=4, seed=3, quiet=True)
    assert json.loads((tmp_path / "training.json").read_text()) == {"schema": 1, **record}
    assert record["network"] == NETWORK
    assert record["dataset"] == "blobs"
    assert record["recipe"]["shift_pixels"] == 1
    assert (record["levels"], record["seed"], record["epochs"], record["input_bits"]) == (2, 3, 2, 4)
    assert [entry["epoch"] for entry in record["curve"]] == [1, 2]
    assert set(record["curve"][0]) == {"epoch", "loss", "validation_accuracy", "learning_rate"}
    assert 0 <= record["validation_accuracy"] <= 100
    assert [len(gammas) for gammas in record["gammas"]] == [2, 2]
    model, metadata = load_model(tmp_path)
    assert (metadata.network, metadata.levels, metadata.input_bits) == (NETWORK, 2, 4)
    assert [model.norm1.sign.gammas.tolist(), model.norm2.sign.gammas.tolist()] == record["gammas"]
    assert sum(gamma * 2**20 for gamma in record["gammas"][0]).is_integer()
    test = Images(torch.from_numpy(blob_dataset.test_images), torch.from_numpy(blob_dataset.test_labels))
    assert judge.accuracy(model, test) == record["test_accuracy"]


def test_statistics_are_those_of_images_as_training_moves_them(blob_dataset, tmp_path):
    chosen = replace(QUICK, epochs=2, shift_pixels=2, calibration_images=150)
    train(NETWORK, blob_dataset, 2, tmp_path, recipe=chosen, quiet=True)
    model, _ = load_model(tmp_path)
    training, _ = split(blob_dataset, chosen.validation_fraction, 0)
    for moved, fits in ((chosen, True), (replace(chosen, shift_pixels=0), False)):
        sums = model.linear1(model.pixels(calibration_pixels(training, moved, 0))).double()
        assert torch.allclose(model.norm1.norm.running_mean.double(), sums.mean(0), atol=1e-5) == fits


def test_the_seed_decides_everything(blob_dataset, tmp_path):
    torch.manual_seed(1)
    train(NETWORK, blob_dataset, 2, tmp_path / "a", epochs=1, quiet=True)
    state = torch.get_rng_state()
    train(NETWORK, blob_dataset, 2, tmp_path / "b", epochs=1, quiet=True)
    train(NETWORK, blob_dataset, 2, tmp_path / "c", epochs=1, seed=1, quiet=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert same(tmp_path / "a", tmp_path / "b")
    assert not same(tmp_path / "a", tmp_path / "c")


def test_a_resumed_training_ends_in_the_same_bits(blob_dataset, tmp_path, monkeypatch):
    train(NETWORK, blob_dataset, 3, tmp_path / "whole", epochs=4, quiet=True)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            train(NETWORK, blob_dataset, 3, tmp_path / "cut", epochs=4, quiet=True)
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [CHECKPOINT_FILE]
    record = train(NETWORK, blob_dataset, 3, tmp_path / "cut", epochs=4, resume=True, quiet=True)
    assert len(record["curve"]) == 4
    assert same(tmp_path / "whole", tmp_path / "cut")
    whole, cut = ((tmp_path / run / "training.json").read_text() for run in ("whole", "cut"))
    assert whole == cut


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_training_of_maps_ends_in_the_same_bits(blob_dataset, tmp_path, monkeypatch, precision):
    monkeypatch.setitem(recipe.RECIPES, "blobs", replace(QUICK, flip=True, precision=precision))
    train(MAPS, blob_dataset, 3, tmp_path / "whole", epochs=3, quiet=True)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            train(MAPS, blob_dataset, 3, tmp_path / "cut", epochs=3, quiet=True)
    record = train(MAPS, blob_dataset, 3, tmp_path / "cut", epochs=3, resume=True, quiet=True)
    assert same(tmp_path / "whole", tmp_path / "cut")
    assert record["network"] == MAPS
    assert record["test_accuracy"] > 50


def test_training_from_a_file_ends_in_the_same_bits(blob_dataset, tmp_path, monkeypatch):
    held = train(NETWORK, blob_dataset, 2, tmp_path / "held", epochs=2, quiet=True)
    np.save(tmp_path / "images.npy", blob_dataset.train_images)
    mapped = replace(blob_dataset, train_images=np.load(tmp_path / "images.npy", mmap_mode="r"))
    monkeypatch.setattr(images, "HELD_BYTES", 0)
    assert train(NETWORK, lambda: mapped, 2, tmp_path / "mapped", epochs=2, quiet=True) == held
    assert same(tmp_path / "held", tmp_path / "mapped")


def test_resuming_from_before_a_field_existed(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    arrays, metadata = read_tensors(tmp_path / CHECKPOINT_FILE)
    settings = json.loads(metadata["settings"])
    del settings["recipe"]["flip"], settings["recipe"]["precision"]
    write_tensors(tmp_path / CHECKPOINT_FILE, arrays, metadata | {"settings": json.dumps(settings)})
    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, resume=True, quiet=True)


def test_resuming_before_the_first_checkpoint_starts(blob_dataset, tmp_path):
    assert len(train(NETWORK, blob_dataset, 1, tmp_path, epochs=1, resume=True, quiet=True)["curve"]) == 1


def test_resuming_a_finished_training_repeats_its_result(blob_dataset, tmp_path):
    first = train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    assert train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, resume=True, quiet=True) == first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": 3}, "levels = 2, this training has levels = 3"),
        ({"seed": 7}, "seed = 0, this training has seed = 7"),
        ({"epochs": 9}, "recipe.epochs = 1, this training has recipe.epochs = 9"),
        ({"width": 2}, "network = 6x6x1 - D16 - D12 - D3, this training has network = 6x6x1 - D32 - D24 - D3"),
        ({"input_bits": 2}, "input_bits = 8"),
        ({"recipe": "default"}, "recipe.batch_size = 20"),
    ],
)
def test_resuming_under_other_settings(blob_dataset, tmp_path, change, words):
    settings = {"levels": 2, "epochs": 1}
    train(NETWORK, blob_dataset, output=tmp_path, quiet=True, **settings)
    with pytest.raises(OptionError) as caught:
        train(NETWORK, blob_dataset, output=tmp_path, quiet=True, resume=True, **settings | change)
    assert words in str(caught.value)
    assert "resume with the old value, or name another --output" in str(caught.value)


def test_damaged_checkpoints(blob_dataset, tmp_path):
    def resume():
        train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, resume=True, quiet=True)

    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    path = tmp_path / CHECKPOINT_FILE
    arrays, metadata = read_tensors(path)
    write_tensors(path, arrays, metadata | {"schema": "0"})
    with pytest.raises(SchemaError):
        resume()
    write_tensors(path, arrays, metadata | {"curve": "[["})
    with pytest.raises(FileFormatError, match="hold no settings, epoch and curve"):
        resume()
    write_tensors(path, {name: array for name, array in arrays.items() if name != "optimizer.0.step"}, metadata)
    with pytest.raises(FileFormatError, match=r"tensor '0\.step' is missing"):
        resume()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileFormatError, match="not a readable safetensors file"):
        resume()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"levels": -1}, OptionError, "levels=-1"),
        ({"levels": 9}, OptionError, "levels=9"),
        ({"seed": -1}, OptionError, "seed=-1: a seed is a whole number, 0 or more"),
        ({"gain_bits": 1}, OptionError, "gain_bits=1: the gains of 2 levels need 2 to 16 bits; use 2 to 16"),
        ({"gain_bits": 17}, OptionError, "gain_bits=17"),
        ({"input_bits": 9}, OptionError, "input_bits=9"),
        ({"epochs": 0}, OptionError, "epochs=0"),
        ({"width": 0}, OptionError, "width=0"),
        ({"recipe": "none"}, OptionError, "recipe='none'"),
        ({"device": "tpu"}, OptionError, "device='tpu': no such device; use auto, cpu or cuda"),
        ({"network": "arch-1"}, DatasetError, "images are 6x6x1, the network takes 28x28x1"),
        ({"network": "arch-7"}, NotationError, "arch-7"),
    ],
)
def test_refusals_leave_nothing_behind(blob_dataset, tmp_path, change, error, words):
    settings = {"network": NETWORK, "dataset": blob_dataset, "levels": 2, "quiet": True}
    with pytest.raises(error) as caught:
        train(output=tmp_path / "run", **settings | change)
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_output_that_is_a_file(blob_dataset, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError):
        train(NETWORK, blob_dataset, 2, tmp_path / "run", quiet=True)


def test_progress_goes_to_stderr(blob_dataset, tmp_path, capsys):
    train(NETWORK, blob_dataset, 1, tmp_path, epochs=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "validation" in captured.err


def test_starts_from_a_run_of_fewer_levels(blob_dataset, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    train(NETWORK, blob_dataset, 1, one, epochs=2, quiet=True)
    record = train(NETWORK, blob_dataset, 2, two, epochs=1, start=one, quiet=True)
    known = {"network": NETWORK, "dataset": "blobs", "levels": 1, "seed": 0, "epochs": 2}
    assert known.items() <= record["start_from"].items()
    whole = json.loads((one / "training.json").read_text())
    assert record["start_from"] == {key: whole[key] for key in ALL}
    three = train(NETWORK, blob_dataset, 3, tmp_path / "three", epochs=1, start=two, quiet=True)
    assert three["start_from"]["start_from"] == record["start_from"]
    again = train(NETWORK, blob_dataset, 2, two, epochs=1, start=one, resume=True, quiet=True)
    assert again == record
    with pytest.raises(OptionError, match=r"start_from.network = 6x6x1 .*, this training has .* = None"):
        train(NETWORK, blob_dataset, 2, two, epochs=1, resume=True, quiet=True)


def test_takes_weights_norms_and_factors(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 2, tmp_path, epochs=1, quiet=True)
    trained, _ = load_model(tmp_path)
    model = build(parse(NETWORK), 3)
    start_from(model, parse(NETWORK), 8, tmp_path, "training.json")
    assert torch.equal(model.linear2.weight, trained.linear2.weight)
    assert torch.equal(model.norm1.norm.running_mean, trained.norm1.norm.running_mean)
    first, second = trained.norm1.sign.gammas.tolist()
    assert model.norm1.sign.gammas.tolist() == pytest.approx([first, second, second / 2])


def test_one_level_takes_its_own_set_of_an_any_level_run(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 3, tmp_path, epochs=1, any_levels=True, quiet=True)
    trained, _ = load_model(tmp_path)
    for levels in (1, 2, 3):
        model = build(parse(NETWORK), levels)
        start_from(model, parse(NETWORK), 8, tmp_path, "training.json")
        assert torch.equal(model.linear2.weight, trained.linear2.weight)
        assert torch.equal(model.norm1.norm.running_mean, trained.norm1[levels - 1].norm.running_mean)
        if levels > 1:
            assert model.norm1.sign.gammas.tolist() == pytest.approx(
                trained.norm1[levels - 1].sign.gammas.tolist(), rel=1e-3
            )


@pytest.mark.parametrize(
    ("network", "levels", "words"),
    [
        (NETWORK, 1, "has 2 levels, this training has 1; start from a run of at most as many, or from an any"),
        (MAPS, 2, "start from a run of the same network"),
    ],
)
def test_cannot_start_from_another_network(blob_dataset, tmp_path, network, levels, words):
    train(NETWORK, blob_dataset, 2, tmp_path / "two", epochs=1, quiet=True)
    with pytest.raises(OptionError, match=words):
        train(network, blob_dataset, levels, tmp_path / "other", start=tmp_path / "two", quiet=True)
    assert not (tmp_path / "other").exists()


def test_real_weights_first(blob_dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(recipe.RECIPES, "blobs", replace(QUICK, real_weight_epochs=1))
    seen = []
    real = loop.take_step

    def step(model, *arguments, **options):
        seen.append(model.linear1.real)
        return real(model, *arguments, **options)

    monkeypatch.setattr(loop, "take_step", step)
    train(NETWORK, blob_dataset, 1, tmp_path, epochs=2, quiet=True)
    assert seen == [True] * 27 + [False] * 27


def test_a_float_network_teaches_and_starts(blob_dataset, tmp_path):
    """It learns what it is shown, every weight is used as it is, and a binary network learns from it."""
    known = train(MAPS, blob_dataset, 0, tmp_path / "float", epochs=4, recipe="default", quiet=True)
    assert known["test_accuracy"] > 90
    assert (known["levels"], known["gammas"]) == (0, [])
    model, _ = load_model(tmp_path / "float")
    assert not any(isinstance(module, ResidualSign) for module in model)
    model.conv1.weight.data.mul_(1.01)  # signs stay: only a network of real weights notices
    again, _ = load_model(tmp_path / "float")
    images = torch.from_numpy(blob_dataset.test_images)
    assert not torch.equal(model.conv1(model.pixels(images)), again.conv1(again.pixels(images)))
    record = train(
        MAPS, blob_dataset, 2, tmp_path / "two", epochs=1, teacher=tmp_path / "float", start=tmp_path / "float",
        recipe=replace(RECIPES["default"], peak_learning_rate=1e-9), quiet=True,
    )  # fmt: skip
    assert record["teacher"]["levels"] == record["start_from"]["levels"] == 0
    started, _ = load_model(tmp_path / "two")
    torch.testing.assert_close(started.conv1.weight, again.conv1.weight, atol=1e-6, rtol=0)


def test_a_float_network_has_no_levels_to_choose(blob_dataset, tmp_path):
    with pytest.raises(OptionError, match="a float network has no levels"):
        train(NETWORK, blob_dataset, 0, tmp_path / "float", any_levels=True, quiet=True)


def test_a_network_without_activations_has_none_either(blob_dataset, tmp_path):
    with pytest.raises(OptionError, match="a network of one layer has no activations, so no levels; leave it out"):
        train("6x6x1 - D3", blob_dataset, 2, tmp_path / "one", any_levels=True, quiet=True)
    assert not (tmp_path / "one").exists()


def test_learns_from_a_teacher(blob_dataset, tmp_path):
    """With labels that say nothing, only the teacher can have taught it."""
    wrong = replace(blob_dataset, train_labels=np.roll(blob_dataset.train_labels, 1))
    known = train(NETWORK, blob_dataset, 3, tmp_path / "teacher", epochs=8, recipe="default", quiet=True)
    assert known["test_accuracy"] > 90
    only = replace(RECIPES["default"], distillation=1.0)
    record = train(
        NETWORK, wrong, 2, tmp_path / "ours", epochs=8, recipe=only, teacher=tmp_path / "teacher", quiet=True
    )
    assert record["test_accuracy"] > 85
    told = {"network": NETWORK, "dataset": "blobs", "levels": 3, "seed": 0, "epochs": 8}
    assert told.items() <= record["teacher"].items()
    assert record["teacher"] == {key: known[key] for key in ALL}


def test_a_teacher_of_other_images(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 2, tmp_path / "teacher", epochs=1, quiet=True)
    with pytest.raises(OptionError, match="take a run with images of the same shape and as many classes"):
        load_teacher(tmp_path / "teacher", parse("6x6x2 - D3"))
    with pytest.raises(FileFormatError, match="is not a finished training"):
        train(NETWORK, blob_dataset, 2, tmp_path / "ours", teacher=tmp_path / "nothing", quiet=True)
    assert not (tmp_path / "ours").exists()


def test_an_any_level_network_starts_from_a_plain_one(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 3, tmp_path, epochs=1, quiet=True)
    trained, _ = load_model(tmp_path)
    model = build(parse(NETWORK), 3, any_levels=True)
    start_from(model, parse(NETWORK), 8, tmp_path, "training.json")
    gammas = trained.norm2.sign.gammas.tolist()
    for m in (1, 2, 3):
        assert model.norm2[m - 1].sign.gammas.tolist() == pytest.approx(gammas[:m])
        assert torch.equal(model.norm1[m - 1].norm.running_var, trained.norm1.norm.running_var)


def test_a_single_factor_says_nothing(blob_dataset, tmp_path):
    train(NETWORK, blob_dataset, 1, tmp_path, epochs=1, quiet=True)
    model = build(parse(NETWORK), 2)
    start_from(model, parse(NETWORK), 8, tmp_path, "training.json")
    assert model.norm1.sign.gammas.tolist() == pytest.approx([2 / 3, 1 / 3])
