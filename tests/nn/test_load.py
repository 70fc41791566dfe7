import numpy as np
import pytest
import torch

from rebnet.errors import FileFormatError, SchemaError
from rebnet.files import read_tensors, write_tensors
from rebnet.nn.build import build
from rebnet.nn.calibration import snap_gains
from rebnet.nn.load import MODEL_FILE, ModelMetadata, load_model, save_model
from rebnet.nn.networks import architecture

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
    assert model.sign1.is_snapped
    again = run / "again"
    save_model(again, model, metadata)
    other, _ = load_model(again)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


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
    arrays["norm1.running_var"][0] = np.nan


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
        ({"network": "4x4x1 - Q8"}, "describe no network"),
    ],
)
def test_wrong_metadata(run, texts, reason):
    rewrite(run, **texts)
    with pytest.raises(FileFormatError, match=reason):
        load_model(run)
