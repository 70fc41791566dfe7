"""The door between torch and integers: the same outputs on both sides, and what does not fit through."""

import copy
import re

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.engine.real import run_real
from rebnet.errors import FileFormatError, OptionError, VerifyError
from rebnet.export import export, export_run
from rebnet.ir.notation import Folding, parse
from rebnet.nn.build import build
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.load import ModelMetadata, save_model
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign

TEXT = "4x3x2 - D11(2,5) - D7 - D4(3,7,2)"
IMAGES = np.random.default_rng(0).integers(0, 256, (500, 4, 3, 2), dtype=np.uint8)


def model(levels=2, bits=8, snapped=True):
    """A network with BatchNorms of both signs, and factors on the grid of gains where `snapped`."""
    torch.manual_seed(levels)
    made = build(parse(TEXT), levels, bits)
    for module in made:
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    if snapped:
        snap_gains(made)
    recalibrate(made, IMAGES)
    return made.eval()


def outputs(module):
    with torch.no_grad():
        return module(torch.from_numpy(IMAGES)).numpy()


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("bits", [1, 8])
def test_the_same_outputs(levels, bits):
    made = model(levels, bits)
    foldings = [layer.folding for layer in parse(TEXT).layers]
    network = export(made, "toy", foldings=foldings)
    assert (network.levels, network.input.bits, network.name) == (levels, bits, "toy")
    assert [dense.folding for dense in network.dense] == [Folding(2, 5), None, Folding(3, 7, 2)]
    real, wanted = run_real(network, IMAGES), outputs(made)
    assert np.allclose(real, wanted, atol=1e-4)
    assert np.array_equal(real.argmax(1), wanted.argmax(1))


def test_dropout_and_identity_are_passed_over():
    made = model()
    padded = nn.Sequential(made[0], nn.Identity(), *made[1:3], nn.Dropout(0.5), *made[3:]).eval()
    assert export(padded) == export(made)


def test_images_snap_and_leave_the_module_alone():
    made = model(2, snapped=False)
    before = copy.deepcopy(made.state_dict())
    network = export(made, images=IMAGES)
    assert all(torch.equal(tensor, made.state_dict()[name]) for name, tensor in before.items())
    snap_gains(made)
    recalibrate(made, IMAGES)
    assert network == export(made)
    real, wanted = run_real(network, IMAGES), outputs(made)
    assert np.allclose(real, wanted, atol=1e-4)
    assert np.array_equal(real.argmax(1), wanted.argmax(1))


def refuse(error, message, made, **options):
    with pytest.raises(error) as caught:
        export(made, "toy", **options)
    assert str(caught.value) == message


def test_factors_off_the_grid():
    made = model(2, snapped=False)
    factors = tuple(made.sign1.gammas.tolist())
    refuse(
        OptionError,
        f"toy: factors {factors} are no integer gains over a power of two; give export training images, so that it "
        "can snap them and recalibrate BatchNorm",
        made,
    )


def test_modules_that_are_no_network():
    pixels, linear, norm = PixelInput(4, 3, 2, 8), BinaryLinear(24, 4), nn.BatchNorm1d(4)
    first = "the first module must be rebnet.nn.pixels.PixelInput"
    refuse(OptionError, f"toy: starts with nothing; {first}", nn.Sequential())
    refuse(OptionError, f"toy: starts with BinaryLinear; {first}", nn.Sequential(linear, norm))
    refuse(
        OptionError,
        "toy: module 2 is a Linear; use PixelInput, BinaryLinear, BinaryConv2d, BatchNorm1d, BatchNorm2d, MaxPool2d, "
        "PadLowest, FlattenHWC and ResidualSign (Dropout and Identity are passed over)",
        nn.Sequential(pixels, nn.Linear(24, 4), norm),
    )
    refuse(
        OptionError,
        "toy: module 3, BatchNorm1d, keeps no running statistics; make it with them",
        nn.Sequential(pixels, linear, nn.BatchNorm1d(4, track_running_stats=False)),
    )
    refuse(
        OptionError,
        "toy: residual signs of [1, 2] levels; give all of them the same number",
        nn.Sequential(pixels, linear, norm, ResidualSign(1), BinaryLinear(4, 4), nn.BatchNorm1d(4), ResidualSign(2)),
    )


def test_modules_out_of_order():
    pixels, linear, norm = PixelInput(4, 3, 2, 8), BinaryLinear(24, 4), nn.BatchNorm1d(4)
    refuse(
        VerifyError,
        "toy, operation 1, BatchNorm: stands at the start, where Dense may stand",
        nn.Sequential(pixels, norm, linear),
    )
    refuse(
        VerifyError,
        "toy, operation 1, Dense: ends the network; the last operation must be BatchNorm, Affine or Scores",
        nn.Sequential(pixels, linear),
    )
    refuse(
        VerifyError,
        "toy, operation 4, Dense layer_2: has 5 columns, its input has 4 values",
        nn.Sequential(pixels, linear, norm, ResidualSign(1), BinaryLinear(5, 2), nn.BatchNorm1d(2)),
    )


def test_a_run(tmp_path):
    made = model(2)
    save_model(tmp_path, made, ModelMetadata(TEXT, 2, 8, "npz:own.npz"))
    network = export_run(tmp_path)
    assert network.name == "npz-m2"
    assert network.dense[2].folding == Folding(3, 7, 2)
    assert np.array_equal(run_real(network, IMAGES), run_real(export(made), IMAGES))


def test_no_run(tmp_path):
    message = (
        f"{tmp_path}/model.safetensors: no such file, so {tmp_path} is not a finished training; run 'rebnet train' "
        f"with --output {tmp_path}, and --resume if it was interrupted"
    )
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        export_run(tmp_path)
