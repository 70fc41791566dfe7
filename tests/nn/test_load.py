import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from rebnet.errors import FileFormatError, SchemaError
from rebnet.files import read_tensors, write_tensors
from rebnet.nn.build import build
from rebnet.nn.calibration import snap_gains
from rebnet.nn.load import MODEL_FILE, ModelMetadata, load_model, save_model
from rebnet.nn.networks import architecture
from rebnet.nn.options import Estimator, Gradient

METADATA = ModelMetadata("4x4x1 - D8 - D3", 2, 5, "blobs")


@pytest.fixture
def run(tmp_path):
    model = build(architecture(METADATA.network), METADATA.levels, METADATA.input_bits)
    snap_gains(model)
    save_model(tmp_path, model, METADATA)
    return tmp_path


def rewrite(run, change_arrays=None, **texts):
    arrays, metadata = read_tensors(run / MODEL_FILE)
    if change_arrays:
        change_arrays(arrays)
    write_tensors(run / MODEL_FILE, arrays, {key: value for key, value in (metadata | texts).items() if value})


def test_comes_back_bit_for_bit(run):
    model, metadata = load_model(run)
    assert metadata == METADATA
    assert not model.training
    assert model.norm1.sign.is_snapped
    again = run / "again"
    save_model(again, model, metadata)
    other, _ = load_model(again)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


def test_maps_come_back_bit_for_bit(tmp_path):
    text = "6x5x2 - C4:3x3+same - MP2 - DW2:2x2+same - C6%2:1x1 - D6 - D3"
    model = build(architecture(text), 3).eval()
    assert not [name for name in model.state_dict() if name.startswith(("pixels", "pad", "pool", "flatten"))]
    save_model(tmp_path, model, ModelMetadata(text, 3, 8, "blobs"))
    again, _ = load_model(tmp_path)
    images = torch.randint(0, 256, (5, 6, 5, 2), dtype=torch.uint8)
    assert torch.equal(again(images), model(images))


OLD_NAMES = {  # of 4x4x1 - D8 - D3 at M = 2, and any-level, before BatchNorm and residual sign became one module
    False: ("norm1.weight", "norm1.running_var", "sign1.log_increments", "sign1.is_snapped", "norm2.bias"),
    True: ("norm1.0.weight", "norm1.1.running_var", "sign1.0.log_increments", "sign1.1.is_snapped", "norm2.0.bias"),
}


@pytest.mark.parametrize("any_levels", [False, True])
def test_a_file_from_before_batchnorm_and_residual_sign_were_one(tmp_path, any_levels):
    metadata = replace(METADATA, any_levels=any_levels)
    model = metadata.build()
    snap_gains(model)
    save_model(tmp_path, model, metadata)
    arrays, texts = read_tensors(tmp_path / MODEL_FILE)
    old = {re.sub(r"norm(\d(?:\.\d)?)\.(norm|sign)\.", r"\2\1.", name): array for name, array in arrays.items()}
    assert set(OLD_NAMES[any_levels]) < set(old)
    assert not [name for name in old if ".norm." in name or ".sign." in name]
    texts = {key: text for key, text in texts.items() if key not in ("gradient", "estimator", "schema")}
    write_tensors(tmp_path / MODEL_FILE, old, texts)
    again, read = load_model(tmp_path)
    assert read == metadata
    assert model.state_dict().keys() == again.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("text", ["4x4x1 - D8 - D3", "6x5x2 - C4:3x3+same - MP2 - C5:2x2+same - D6 - D3"])
@pytest.mark.parametrize("any_levels", [False, True])
@pytest.mark.parametrize("estimator", get_args(Estimator))
@pytest.mark.parametrize("gradient", get_args(Gradient))
@pytest.mark.parametrize("input_bits", [1, 8])
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_every_model_comes_back_from_its_own_record(
    tmp_path, text, levels, input_bits, gradient, estimator, any_levels
):
    if levels == 0 and any_levels:
        return  # refused by build
    metadata = ModelMetadata(text, levels, input_bits, "blobs", any_levels, gradient, estimator)
    model = metadata.build().eval()
    save_model(tmp_path, model, metadata)
    again, read = load_model(tmp_path)
    assert read == metadata
    assert repr(again) == repr(model)  # kinds, names and options of all modules
    assert ("estimator=" + repr(estimator) in repr(again)) == (levels > 0)
    assert again.state_dict().keys() == model.state_dict().keys()
    images = torch.randint(0, 256, (3, *architecture(text).shapes[0]), dtype=torch.uint8)
    for mode in (True, False):
        gradients = []
        for one in (model.train(mode), again.train(mode)):
            one.zero_grad()
            one(images).square().sum().backward()
            gradients.append([parameter.grad for parameter in one.parameters() if parameter.grad is not None])
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(*gradients, strict=True))


def test_missing(tmp_path):
    with pytest.raises(FileFormatError, match="is not a finished training; run 'rebnet train' with --output"):
        load_model(tmp_path)


def test_corrupt(run):
    data = (run / MODEL_FILE).read_bytes()
    (run / MODEL_FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileFormatError, match="not a readable safetensors file"):
        load_model(run)


def test_other_schema(run):
    rewrite(run, schema="99")
    with pytest.raises(SchemaError, match="schema version 99"):
        load_model(run)


def drop(arrays):
    del arrays["linear1.weight"]


def add(arrays):
    arrays["linear9.weight"] = np.zeros(3, np.float32)


def transpose(arrays):
    arrays["linear1.weight"] = arrays["linear1.weight"].T


def double(arrays):
    arrays["linear1.weight"] = arrays["linear1.weight"].astype(np.float64)


def spoil(arrays):
    arrays["norm1.norm.running_var"][0] = np.nan


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop, "tensor 'linear1.weight' is missing"),
        (add, "tensor 'linear9.weight' belongs to no part"),
        (transpose, r"shape \(16, 8\), the network needs torch.float32 of shape \(8, 16\)"),
        (double, "torch.float64"),
        (spoil, "not finite"),
    ],
)
def test_wrong_tensors(run, change, reason):
    rewrite(run, change)
    with pytest.raises(FileFormatError, match=reason):
        load_model(run)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"network": ""}, "metadata key 'network' is missing"),
        ({"levels": "two"}, "metadata key 'levels' holds 'two', not a number"),
        ({"levels": "12"}, "describe no network .levels=12"),
        ({"gradient": "ste"}, "metadata key 'gradient' holds 'ste', not chain or paper; train it again"),
        ({"estimator": "none"}, "metadata key 'estimator' holds 'none', not clip or polynomial or ede; train it again"),
        ({"network": "4x4x1 - Q8"}, "describe no network"),
    ],
)
def test_wrong_metadata(run, texts, reason):
    rewrite(run, **texts)
    with pytest.raises(FileFormatError, match=reason):
        load_model(run)


def test_an_any_level_network_comes_back_bit_for_bit(tmp_path):
    text = "6x5x2 - C4:3x3+same - MP2 - D6 - D3"
    model = build(architecture(text), 3, any_levels=True).eval()
    save_model(tmp_path, model, ModelMetadata(text, 3, 8, "blobs", any_levels=True))
    again, metadata = load_model(tmp_path)
    assert metadata.any_levels
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_a_file_from_before_any_level_networks(run):
    rewrite(run, any_levels="")  # leaves the key out
    assert not load_model(run)[1].any_levels


def test_what_any_levels_may_hold(run):
    rewrite(run, any_levels="maybe")
    with pytest.raises(FileFormatError, match="key 'any_levels' holds 'maybe', not True or False; train it again"):
        load_model(run)


def test_a_text_that_asks_for_more_than_the_file_holds(run):
    """256 GB in a file of some KiB are refused by their shapes, before any memory is asked for."""
    rewrite(run, network="4x4x1 - D1000000 - D1000 - D3")
    with pytest.raises(FileFormatError, match=r"tensor 'linear1\.weight' is .* the network needs"):
        load_model(run)
    rewrite(run, network="4x4x1 - D1000000 - D64000 - D3")
    with pytest.raises(FileFormatError, match="the network has 64016000000 weights up to here"):
        load_model(run)
