"""The door between torch and integers: the same outputs on both sides, and what does not fit through."""

import copy
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.engine import predictor, reference
from rebnet.engine.real import run_real
from rebnet.errors import FileFormatError, OptionError, VerifyError
from rebnet.export import export, export_run
from rebnet.ir.notation import Folding, parse
from rebnet.ir.ops import Conv, MaxPool
from rebnet.lower import lower
from rebnet.nn.any_levels import PerLevel, level_counts, set_levels
from rebnet.nn.build import build
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.load import ModelMetadata, save_model
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC, PadLowest
from rebnet.spec.window import Window

TEXT = "4x3x2 - D11(2,5) - D7 - D4(3,7,2)"
IMAGES = np.random.default_rng(0).integers(0, 256, (500, 4, 3, 2), dtype=np.uint8)


def model(levels=2, bits=8, snapped=True, text=TEXT, images=IMAGES, any_levels=False):
    """A network with BatchNorms of both signs (not behind pools), and factors on the grid of gains where `snapped`."""
    torch.manual_seed(levels)
    made = build(parse(text), levels, bits, any_levels=any_levels)
    for before, module in pairwise(made):
        if isinstance(module, NormSign):
            nn.init.uniform_(module.norm.weight, 0 if isinstance(before, nn.MaxPool2d) else -1.5, 1.5)
            nn.init.normal_(module.norm.bias, 0, 0.3)
    if snapped:
        snap_gains(made)
    recalibrate(made, images)
    return made.eval()


def outputs(module, images=IMAGES):
    with torch.no_grad():
        return module(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("bits", [1, 8])
def test_the_same_outputs(levels, bits):
    made = model(levels, bits)
    foldings = [layer.folding for layer in parse(TEXT).layers]
    network = export(made, "toy", foldings=foldings)
    assert (network.levels, network.input.bits, network.name) == (levels, bits, "toy")
    assert [layer.op.folding for layer in network.layers] == [Folding(2, 5), None, Folding(3, 7, 2)]
    real, wanted = run_real(network, IMAGES), outputs(made)
    assert np.allclose(real, wanted, atol=1e-4)
    assert np.array_equal(real.argmax(1), wanted.argmax(1))


MAPS = np.random.default_rng(1).integers(0, 256, (200, 8, 7, 2), dtype=np.uint8)
CONVOLUTIONS = (
    "8x7x2 - C5(2,9) - C6 - D7(3,7,2) - D4",
    "8x7x2 - C5:3x3+same - C6:2x2/2+same - MP2 - D4",  # a padded first layer
    "8x7x2 - C5:2x2 - MP3/2 - C6:3x3+same - C3:4x4+same - D4",  # pool, then padding, before one residual sign
    "8x7x2 - C5:5x5/3+same - C3:1x1 - D6 - D4",
    "8x7x2 - C64:2x2/2 - MP2/1 - C65:2x2+same - D4",
    "8x7x2 - DW3(3,7):3x3+same - MP2 - C9%3(3,2):1x1 - DW:2x2 - D4",  # depthwise on pixels, groups behind a pool
)


@pytest.mark.parametrize("text", CONVOLUTIONS)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_same_outputs_of_convolutions(levels, text):
    made = model(levels, 8 if levels > 1 else 1, text=text, images=MAPS)
    weighted = parse(text).weighted
    network = export(made, "toy", foldings=[layer.folding for layer in weighted])
    assert [layer.op.folding for layer in network.layers] == [layer.folding for layer in weighted]
    windows = [layer.window for layer in parse(text).layers if hasattr(layer, "window")]
    assert [op.window for op in network.ops if isinstance(op, Conv | MaxPool)] == windows
    real, wanted = run_real(network, MAPS), outputs(made, MAPS)
    assert np.allclose(real, wanted, atol=1e-4)
    assert np.array_equal(real.argmax(1), wanted.argmax(1))
    integer = lower(network)
    assert np.array_equal(predictor.run(integer, MAPS[:20]), reference.run(integer, MAPS[:20]))
    agree = reference.run(integer, MAPS).argmax(1) == wanted.argmax(1)
    assert agree.mean() >= (0.95 if levels > 1 else 0.99)


def test_weights_stand_in_the_order_of_a_window():
    """Kernel row, kernel column, channel; one weight after another is the only +1."""
    for row, column, channel in np.ndindex(2, 2, 3):
        conv = BinaryConv2d(3, 1, 2)
        with torch.no_grad():
            conv.weight.fill_(-0.5)
            conv.weight[0, channel, row, column] = 0.5
        flat = nn.Sequential(FlattenHWC(), BinaryLinear(4, 2), nn.BatchNorm1d(2))
        pixels = PixelInput(3, 3, 3, 8, flat=False)
        network = export(nn.Sequential(pixels, conv, nn.BatchNorm2d(1), ResidualSign(1), *flat))
        (place,) = np.flatnonzero(network.layers[0].op.weights.bits[0])
        assert place == 6 * row + 3 * column + channel


def test_a_dense_layer_takes_a_map_in_its_stream_s_order():
    made = model(2, text=CONVOLUTIONS[0], images=MAPS)
    rows = export(made).layers[2].op.weights.bits
    assert np.array_equal(rows, made.linear3.binary_weight.numpy() > 0)


def test_images_snap_and_leave_a_convolution_alone():
    made = model(2, snapped=False, text=CONVOLUTIONS[2], images=MAPS)
    before = copy.deepcopy(made.state_dict())
    network = export(made, images=MAPS)
    assert all(torch.equal(tensor, made.state_dict()[name]) for name, tensor in before.items())
    snap_gains(made)
    recalibrate(made, MAPS)
    assert network == export(made)


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
    factors = tuple(made.norm1.sign.gammas.tolist())
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
        "toy: module 1 is a Linear; use PixelInput, BinaryLinear, BinaryConv2d, NormSign, BatchNorm1d, BatchNorm2d, "
        "MaxPool2d, PadLowest, FlattenHWC, Upsample2d, DepthToSpace2d and ResidualSign, in a Graph also NormFeature, "
        "AveragePool2d, GlobalAveragePool2d, PReLU, RPReLU, Sum and Join (Dropout and Identity are passed over), or "
        "give it a method `operations` (rebnet.nn.operations)",
        nn.Sequential(pixels, nn.Linear(24, 4), norm),
    )
    refuse(
        OptionError,
        "toy: module 2, BatchNorm1d: keeps no running statistics; make it with them",
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


PIXELS, CONV, NORM = PixelInput(6, 6, 2, 8, flat=False), BinaryConv2d(2, 4, 3), nn.BatchNorm2d(4)
SAME = Window(3, 1, same=True)
MISPLACED = (
    "stands neither behind PixelInput with lowest=-1 nor directly before a ResidualSign with lowest=-inf, so the "
    "border is not the lowest code; move it there"
)
TAKEN = (
    "its map was padded for 3x3+same, and only the BinaryConv2d of that window takes a padded map; pool before "
    "padding, and pad for that convolution alone"
)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ((PadLowest(SAME), CONV, NORM), f"1, PadLowest with lowest=-inf: {MISPLACED}"),
        ((PadLowest(SAME, 0.0), CONV, NORM), f"1, PadLowest with lowest=0.0: {MISPLACED}"),
        ((CONV, PadLowest(SAME), NORM, ResidualSign(1)), f"2, PadLowest with lowest=-inf: {MISPLACED}"),
        ((CONV, NORM, PadLowest(SAME, -1.0), ResidualSign(1)), f"3, PadLowest with lowest=-1.0: {MISPLACED}"),
        ((CONV, NORM, ResidualSign(1), PadLowest(SAME), CONV), f"4, PadLowest with lowest=-inf: {MISPLACED}"),
        (
            (CONV, NORM, PadLowest(SAME), nn.MaxPool2d(2), ResidualSign(1)),
            f"3, PadLowest with lowest=-inf: {MISPLACED}",
        ),
        (
            (CONV, NORM, PadLowest(SAME), PadLowest(SAME), ResidualSign(1)),
            f"3, PadLowest with lowest=-inf: {MISPLACED}",
        ),
        ((CONV, NORM, PadLowest(SAME)), f"3, PadLowest with lowest=-inf: {MISPLACED}"),
        ((CONV, NORM, PadLowest(SAME), ResidualSign(1), nn.MaxPool2d(2)), f"5, MaxPool2d: {TAKEN}"),
        (
            (CONV, NORM, PadLowest(SAME), ResidualSign(1), FlattenHWC(), BinaryLinear(144, 3)),
            f"6, BinaryLinear: {TAKEN}",
        ),
        (
            (CONV, NORM, PadLowest(SAME), ResidualSign(1), BinaryConv2d(4, 2, 5)),
            "5, BinaryConv2d: its window is 5x5, its map was padded for 3x3+same; make them the same",
        ),
        (
            (PadLowest(Window(3, 2, same=True), -1.0), CONV),
            "2, BinaryConv2d: its window is 3x3, its map was padded for 3x3/2+same; make them the same",
        ),
        *(
            ((CONV, NORM, pool), f"3, {pool}: a pool is undilated and floors; make it so")
            for pool in (
                nn.MaxPool2d(2, ceil_mode=True),
                nn.MaxPool2d(2, dilation=2),
                nn.MaxPool2d((2, 3), dilation=(1, 2)),
            )
        ),
        (
            (CONV, nn.BatchNorm2d(4, track_running_stats=False)),
            "2, BatchNorm2d: keeps no running statistics; make it with them",
        ),
        (
            (CONV, NORM, ResidualSign(1), nn.Flatten(), BinaryLinear(64, 2)),
            "4, Flatten: puts one channel's whole map after the other; hardware streams all channels of a pixel "
            "together, so use rebnet.nn.window.FlattenHWC",
        ),
    ],
)
def test_convolutions_that_are_no_network(modules, message):
    refuse(OptionError, f"toy: module {message}", nn.Sequential(PIXELS, *modules))


def test_convolutions_out_of_order():
    refuse(
        VerifyError,
        "toy, operation 3, ResidualSign: stands after MaxPool, where BatchNorm, MultiThreshold, Rescale, Upsample, "
        "DepthToSpace may stand",
        nn.Sequential(PIXELS, CONV, nn.MaxPool2d(2), ResidualSign(1)),
    )
    refuse(
        VerifyError,
        "toy, operation 4, MaxPool: stands after MaxPool, where ResidualSign, Upsample, DepthToSpace may stand",
        nn.Sequential(PIXELS, CONV, NORM, nn.MaxPool2d(2), nn.MaxPool2d(2), ResidualSign(1)),
    )
    refuse(
        VerifyError,
        "toy, operation 5, MaxPool: stands after ResidualSign, where Dense, Upsample, "
        "DepthToSpace, Join, Stack may stand",
        nn.Sequential(PIXELS, CONV, NORM, nn.MaxPool2d(2), ResidualSign(1), nn.MaxPool2d(2)),
    )
    refuse(
        VerifyError,
        "toy, operation 3, BatchNorm: ends the network; it must read a layer with weights, dense or a convolution",
        nn.Sequential(PIXELS, CONV, nn.MaxPool2d(2), NORM),
    )


def test_a_run(tmp_path):
    made = model(2)
    save_model(tmp_path, made, ModelMetadata(TEXT, 2, 8, "npz:own.npz"))
    network = export_run(tmp_path)
    assert network.name == "npz-m2"
    assert network.layers[2].op.folding == Folding(3, 7, 2)
    assert np.array_equal(run_real(network, IMAGES), run_real(export(made), IMAGES))


def test_a_float_run_has_nothing_to_export(tmp_path):
    model = build(parse("4x4x1 - D6 - D3"), 0)
    save_model(tmp_path, model, ModelMetadata("4x4x1 - D6 - D3", 0, 8, "digits"))
    with pytest.raises(OptionError, match="holds a float network, which has no 1-bit weights; train with --levels 1"):
        export_run(tmp_path)


def test_no_run(tmp_path):
    message = (
        f"{tmp_path}/model.safetensors: no such file, so {tmp_path} is not a finished training; run 'rebnet train' "
        f"with --output {tmp_path}, and --resume if it was interrupted"
    )
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        export_run(tmp_path)


@pytest.mark.parametrize("text", [TEXT, *CONVOLUTIONS[:3]])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_same_outputs_of_an_any_level_network(levels, text):
    images = IMAGES if text is TEXT else MAPS
    made = model(levels, text=text, images=images, snapped=False, any_levels=True)
    for parameter in (one for name, one in made.named_parameters() if name.endswith("log_increments")):
        nn.init.uniform_(parameter, -3, -1)
    norms = [one for one in made.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    before = copy.deepcopy(made.state_dict())
    network = export(made, images=images)
    assert all(torch.equal(tensor, made.state_dict()[name]) for name, tensor in before.items())
    snap_gains(made)
    recalibrate(made, images)
    assert network == export(made)
    integer = lower(network)
    assert integer.served == tuple(level_counts(made)) == tuple(range(1, levels + 1))
    for m in integer.served:
        set_levels(made, m)
        real, wanted = run_real(network, images, m), outputs(made, images)
        assert np.allclose(real, wanted, atol=1e-4)
        assert np.array_equal(real.argmax(1), wanted.argmax(1))
        scores = reference.run(integer, images, m)
        assert np.array_equal(predictor.run(integer, images, m), scores)
        assert (scores.argmax(1) == wanted.argmax(1)).mean() >= (0.95 if m > 1 else 0.99)


def per_level(*modules):
    return PerLevel(modules)


@pytest.mark.parametrize(
    "modules",
    [
        (per_level(nn.BatchNorm1d(4), nn.BatchNorm1d(4, eps=1e-3)), per_level(ResidualSign(1), ResidualSign(2))),
        (per_level(nn.BatchNorm1d(4), nn.Identity()), per_level(ResidualSign(1), ResidualSign(2))),
        (per_level(nn.BatchNorm1d(4), nn.BatchNorm1d(4)), per_level(nn.BatchNorm1d(4), ResidualSign(2))),
    ],
)
def test_modules_per_level_that_do_not_belong_together(modules):
    with pytest.raises(OptionError, match=r"PerLevel|is a Identity"):
        export(nn.Sequential(PixelInput(1, 1, 4), BinaryLinear(4, 4), *modules, BinaryLinear(4, 2), nn.BatchNorm1d(2)))


def test_signs_per_level_in_another_order():
    signs = per_level(ResidualSign(2), ResidualSign(2))
    made = nn.Sequential(PixelInput(1, 1, 4), BinaryLinear(4, 4), nn.BatchNorm1d(4), signs, BinaryLinear(4, 2), NORM2)
    snap_gains(made)
    with pytest.raises(VerifyError, match="has 2 factors; there must be 1, one a level"):
        export(made)


NORM2 = nn.BatchNorm1d(2)
