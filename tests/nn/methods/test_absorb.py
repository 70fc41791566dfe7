"""Every method by name: it learns, comes back, and what costs nothing is exported as a plain network."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.engine.reference import run
from rebnet.errors import OptionError
from rebnet.export import export, export_run
from rebnet.lower import lower
from rebnet.methods import METHODS
from rebnet.nn.build import build
from rebnet.nn.calibration import calibrate, recalibrate
from rebnet.nn.load import ModelMetadata, load_model, save_model
from rebnet.nn.methods.absorb import absorb_, has_method
from rebnet.nn.methods.activation import MethodSign
from rebnet.nn.methods.in_float import is_in_float
from rebnet.nn.networks import architecture
from rebnet.nn.pixels import PixelInput
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import Recipe
from rebnet.train.step import sharpen_, take_step

CHAIN = "6x5x2 - C4:3x3+same - MP2 - C6:2x2+same - D5 - D3"
BRANCHES = "6x6x1 - C3:3x3+same - { C3:3x3+same | }+ - { C4:3x3/2+same | C4:1x1/2 }+ - GAP - D3"
IN_HARDWARE = [name for name, method in METHODS.items() if not method.refusal]
IN_FLOAT = [name for name, method in METHODS.items() if method.refusal]


@pytest.fixture(autouse=True)
def one_thread():
    """Threads only wait for each other in networks as small as these."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def made(name, text, levels=1, any_levels=False, seed=0):
    """A model of random numbers where a method has some, and images."""
    torch.manual_seed(seed)
    described = METHODS[name].applied(architecture(text))
    model = build(described, levels, any_levels=any_levels, method=METHODS[name])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.3), nn.init.uniform_(module.weight, 0.3, 2)
        if isinstance(module, MethodSign):
            for key in ("threshold", "raw_scale"):
                number = getattr(module, key, None)
                if isinstance(number, nn.Parameter):
                    nn.init.uniform_(number, *((0.5, 1.5) if key == "raw_scale" else (-0.4, 0.4)))
    images = torch.randint(0, 256, (40, *described.image), dtype=torch.uint8)
    return model, images, described


@pytest.mark.parametrize("name", METHODS)
def test_learns_and_comes_back_from_its_record(name, tmp_path):
    model, images, described = made(name, BRANCHES)
    labels = images.float().mean((1, 2, 3)).argsort().argsort() * 3 // 40
    recipe = Recipe(method=name, peak_learning_rate=0.02)
    optimizer, losses = make_optimizer(model, recipe), []
    model.train()
    for step in range(8):
        sharpen_(model, step / 8)
        loss = take_step(
            model, optimizer, lambda x, y, _: nn.functional.cross_entropy(model(x), y), Images(images, labels), 0.02
        )
        losses.append(float(loss))
    assert min(losses[-3:]) < losses[0] - 0.05
    calibrate(model, images)
    assert not model.training
    metadata = ModelMetadata(str(described), 1, 8, "blobs", method=name)
    save_model(tmp_path, model, metadata)
    again, read = load_model(tmp_path)
    assert read == metadata
    assert torch.equal(again(images), model(images))
    if name in IN_FLOAT:
        with pytest.raises(OptionError) as caught:
            export_run(tmp_path)
        assert str(caught.value) == f"{tmp_path}: {METHODS[name].refusal}"


CASES = [(name, *case) for name in IN_HARDWARE for case in ((CHAIN, 1, False), (BRANCHES, 2, False))]
CASES += [(name, CHAIN, 3, True) for name in ("dorefa-net", "ir-net", "adabin-centred")]


@pytest.mark.parametrize(("name", "text", "levels", "any_levels"), CASES)
def test_absorbed_it_is_a_plain_network_of_equal_scores_and_codes(name, text, levels, any_levels):
    model, images, described = made(name, text, levels, any_levels, seed=levels)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = 1e-12
    plain = deepcopy(model)
    recalibrate(model, images)
    absorb_(plain)
    recalibrate(plain, images)
    assert not has_method(plain)
    rebnet = build(described, levels, any_levels=any_levels, method=METHODS[name].at_inference)
    assert {key: value.shape for key, value in plain.state_dict().items()} == {
        key: value.shape for key, value in rebnet.state_dict().items()
    }
    scores, wanted = plain(images), model(images)
    assert (torch.isclose(scores, wanted, rtol=1e-3, atol=1e-3).all(1)).double().mean() > 0.9  # but for ties in float32

    calibrate(model, images)
    lowered = lower(export(model))
    for module in model.double().modules():
        if isinstance(module, PixelInput):
            module.register_forward_hook(lambda *given: given[-1].double())
    integers = run(lowered, images.numpy())
    assert np.array_equal(np.asarray(integers).reshape(40, -1).argmax(1), model(images).argmax(1).numpy())


@pytest.mark.parametrize("name", IN_FLOAT)
def test_what_stays_in_float_says_so_when_it_is_exported(name):
    model, images, _ = made(name, BRANCHES)
    assert is_in_float(model)
    with pytest.raises(OptionError, match="which hardware does not have; "):
        export(model, images=images.numpy())


def test_export_of_a_method_asks_for_images_and_absorbs_with_them():
    model, images, _ = made("reactnet", BRANCHES)
    with pytest.raises(OptionError, match="give export training images, so that it can move"):
        export(model)
    signs = [module for module in model.modules() if isinstance(module, MethodSign)]
    network = export(model, images=images.numpy())
    assert signs
    assert [module for module in model.modules() if isinstance(module, MethodSign)] == signs
    calibrate(model, images)
    assert network.by_name.keys() == export(model).by_name.keys()


def test_borders_are_the_lowest_codes_in_training_and_behind():
    model, images, _ = made("adabin-centred", "6x6x1 - C3:3x3+same - { C4:3x3+same | C4:2x2/1+same }+ - D3")
    first = next(module for module in model.modules() if isinstance(module, MethodSign))
    lowest = float(first.offset.detach() - first.gammas.detach().sum())
    for training in (True, False):
        model.train(training)
        seen = []
        for module in (model.conv2, model.conv3):
            module.register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(inputs[0]))
        model(images)
        assert all(torch.allclose(one[:, :, -1, -1], torch.tensor(lowest)) for one in seen)


@pytest.mark.parametrize("levels", [1, 2])
def test_parallel_codes_are_a_sum_of_signs_with_thresholds_of_their_own(levels):
    model, images, _ = made("ie-net", "6x6x1 - C3:3x3+same - { C4:3x3+same | C4:1x1 }& - D3", levels)
    model.train()
    seen = {}
    for name in ("norm1", "sign1", "sign1_2", "codes1", "pad2"):
        module = getattr(model, name, None)
        if module is not None:
            module.register_forward_hook(lambda _, __, values, name=name: seen.update({name: values}))
    model(images)
    first, second = model.sign1, model.sign1_2
    assert torch.allclose(second.sign.gammas / first.sign.gammas, torch.tensor(0.125))
    assert torch.equal(seen["codes1"], seen["sign1"] + seen["sign1_2"])
    lowest = -(first.sign.gammas.sum() + second.sign.gammas.sum()).detach()
    assert torch.allclose(seen["pad2"][:, :, -1, -1], lowest)
    assert len(np.unique(np.round(seen["codes1"].detach().numpy(), 4))) > 2**levels
