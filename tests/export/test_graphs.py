"""Networks with branches: the integers are what float64 PyTorch computes, labels and features."""

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.engine.laws import laws_of
from rebnet.engine.reference import _accumulate, run
from rebnet.errors import OptionError
from rebnet.export import export
from rebnet.ir import features as ops
from rebnet.ir.network import PIXELS
from rebnet.ir.notation import parse
from rebnet.ir.ops import Dense, MaxPool
from rebnet.ir.text import to_text
from rebnet.ir.values import Feature
from rebnet.lower import lower
from rebnet.nn.any_levels import set_levels
from rebnet.nn.build import build
from rebnet.nn.calibration import calibrate
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.feature import GlobalAveragePool2d, NormFeature
from rebnet.nn.graph import INPUT, Graph, Join, Part, Sum, said_by, steps, values_of
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.two_slope import PReLU
from rebnet.nn.window import FlattenHWC, MaxPool2d
from rebnet.spec.pixels import pixel_planes

RESNET = (
    "8x8x2 - C6:3x3+same - 2{ C6:3x3+same | }+ - { C9:3x3/2+same | C9:1x1/2 }+ - { C9:3x3+same - C9:1x1 | }+ - GAP - D4"
)
TEXTS = [
    (RESNET, 2, False),
    (RESNET, 3, True),
    (RESNET, 1, False),
    ("8x8x2 - C6:3x3+same - PReLU - 2{ C6:3x3+same | }+ - RPReLU - AP3/2 - { RPReLU | }+ - D4", 2, False),
    ("6x6x2 - C5 - MP2 - RPReLU - C4:2x2 - RPReLU - D6 - PReLU - { D6 - RPReLU | D6 }+ - RPReLU - D3", 3, True),
    (
        "8x8x1 - C6:3x3+same - { MP2 - { AP2 - C6:1x1 - U2 | C6:3x3+same }+ - RPReLU - U2 | }+ - C4:3x3+same - U2x1 - "
        "C5:3x3/2+same - MP2 - U1x3 - D4",
        2,
        True,
    ),
    (
        "8x8x1 - C8:2x2/2 - PS2 - { C16:2x2/2 - PS2 - RPReLU | C64:2x2/4 - PS4 | C4:1x1 }& - C9:3x3+same "
        "- MP2 - PS3 - C4:3x3+same - GAP - PS2 - C16:1x1 - PS2 - PS2 - D3",
        2,
        True,
    ),
    ("8x8x3 - C6:3x3+same - 2{ DW:3x3+same - C6:1x1 | }+ - { DW2:3x3/2+same | C12%3:1x1/2 }+ - GAP - D4", 2, True),
    ("7x7x1 - { C5:3x3+same - MP2 | C3:2x2/2 | C4:2x2/2 }& - D6 - { D6 - D6 | }+ - D3", 2, True),
    (
        "8x8x2 - C6:3x3+same - 2{ | C4:3x3+same }& - { | C4:3x3+same - PReLU }< - { | C4:1x1 }< - MP2 - C5:1x1 "
        "- { | C3:3x3+same }& - { | C3:3x3+same }< - GAP - D4",
        2,
        True,
    ),
    (
        "6x6x2 - C4 - { { C4:3x3+same | C4:1x1 }+ | { C3:3x3+same | }& - C4:1x1 }+ - MP2/1 - AP2/1 - C5:2x2 - D3",
        4,
        False,
    ),
]


def images(shape, count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def stirred(model, seed=0):
    """BatchNorms with weights and offsets as after a training."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.3), nn.init.uniform_(module.weight, 0.3, 2)
        if isinstance(module, PReLU):
            for parameter in module.parameters():
                nn.init.normal_(parameter, 0.2, 0.6)
    return model


def integers(network, pixels, index):
    """Every value of a lowered network."""
    values, laws = {PIXELS: pixel_planes(pixels, network.input.bits)}, laws_of(network)
    for node in network.nodes:
        inputs = [values[source] for source in network.sources(node)]
        dense = isinstance(node.op, Dense)
        values[node.name] = (
            _accumulate(node, *inputs, node.op.gains[index]) if dense else laws[node.name](index, inputs)
        )
    return values


def equal(model, exported, lowered, pixels, m):
    """How many features were compared, all of them equal, and the labels too."""
    index = lowered.served.index(m)
    found = integers(lowered, pixels, index)
    peak = 2**exported.input.bits - 1
    values = (2.0 * (pixels >> (8 - exported.input.bits)) - peak) / peak
    values = torch.from_numpy(values)
    flow = steps(model.double())
    first = values.flatten(1) if flow[0].module.flat else values.permute(0, 3, 1, 2)
    with torch.no_grad():
        real = values_of(flow, {0: first})
    said, compared = said_by(flow, "network"), 0
    for name, (*_, module) in said.origins.items():
        feature = lowered.values.get(name)
        numbers = [n for n, step in enumerate(flow) if module in step.module.modules()]
        if not isinstance(feature, Feature) or not isinstance(exported.values[name], Feature):
            continue
        before = exported.before(exported.by_name[name])
        rescaled = isinstance(exported.by_name[name].op, ops.Rescale)
        pooled = rescaled and isinstance(before.op, MaxPool | ops.Moved)  # which lowering puts behind the rescale
        z = found[before.name if pooled else name]
        wanted = real[numbers[0]].numpy()
        wanted = wanted.transpose(0, 2, 3, 1) if wanted.ndim == 4 else wanted[:, None, None]
        assert np.array_equal(np.rint(wanted / float(feature.unit)), z), name
        assert np.allclose(wanted, z * float(feature.unit), rtol=0, atol=1e-12)
        compared += 1
    assert np.array_equal(real[len(flow) - 1].numpy().argmax(1), run(lowered, pixels, m).argmax(1))
    return compared


@pytest.mark.parametrize(("text", "levels", "any_levels"), TEXTS)
def test_float64_is_the_integers(text, levels, any_levels):
    described = parse(text)
    model = stirred(build(described, levels, any_levels=any_levels))
    calibrate(model, images(described.image, 30))
    exported = export(model)
    lowered = lower(exported)
    pixels = images(described.image, 30, seed=1)
    for m in lowered.served if any_levels else (levels,):
        if any_levels:
            set_levels(model, m)
        assert equal(model, exported, lowered, pixels, m) > 4


def hand_written(levels):
    """A fork, sums of codes and of features, joined codes of one sign, a Sequential and a Graph inside of it."""
    torch.manual_seed(0)
    sign = ResidualSign(levels)

    def norm_sign():
        return NormSign(nn.BatchNorm2d(5), ResidualSign(levels))

    inner = Graph(
        Part("code", norm_sign()),
        Part("conv", BinaryConv2d(5, 5, 1)),
        Part("norm", NormFeature(nn.BatchNorm2d(5))),
        Part("sum", Sum(), ("norm", INPUT)),
    )
    return Graph(
        Part("pixels", PixelInput(6, 6, 2, flat=False)),
        Part("conv", BinaryConv2d(2, 5, 3)),
        Part("code", norm_sign()),
        Part("left", nn.Sequential(BinaryConv2d(5, 5, 1), norm_sign(), nn.Identity())),
        Part("stack", Sum(), ("left", "code")),
        Part("right", nn.Sequential(BinaryConv2d(5, 5, 1), NormFeature(nn.BatchNorm2d(5)))),
        Part("one", nn.Sequential(nn.BatchNorm2d(5), sign)),
        Part("two", sign, ("right",)),
        Part("joined", Join(), ("one", "two")),
        Part("conv2", BinaryConv2d(10, 5, 1)),
        Part("feature", NormFeature(nn.BatchNorm2d(5))),
        Part("again", inner),
        Part("added", Sum(), ("again", "feature", "right")),
        Part("pool", MaxPool2d(2, 2)),
        Part("mean", GlobalAveragePool2d()),
        Part("last", nn.Sequential(norm_sign(), FlattenHWC(), BinaryLinear(5, 3), nn.BatchNorm1d(3))),
    )


@pytest.mark.parametrize("levels", [1, 2])
def test_a_module_that_no_text_says(levels):
    model = hand_written(levels)
    stirred(model)
    calibrate(model, images((6, 6, 2), 60))
    exported = export(model, "mine")
    kinds = {type(op) for op in exported.ops}
    assert {ops.Add, ops.Join, ops.Rescale, ops.Stack, ops.SumPool} <= kinds
    assert equal(model, exported, lower(exported), images((6, 6, 2), 90, seed=1), levels) >= 4
    assert "stack" in to_text(exported)


def test_export_calibrates_a_copy():
    model = hand_written(2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    exported = export(model, "mine", images=images((6, 6, 2), 60), feature_bits=4)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    calibrate(model, images((6, 6, 2), 60), feature_bits=4)
    assert export(model, "mine") == exported
    assert {op.fraction_bits for op in exported.ops if isinstance(op, ops.Rescale)} == {4}


def test_features_without_a_grid_are_refused():
    model = hand_written(1)
    with pytest.raises(OptionError) as refusal:
        export(model, "mine")
    assert str(refusal.value) == (
        "mine: the NormFeature behind layer_3 has no grid, or one of other sums; give export training images, so that "
        "it can snap features and recalibrate BatchNorm"
    )


@pytest.mark.parametrize("unit", [None, 0.25])
def test_slopes_without_a_grid_are_refused(unit):
    """None, or one of features in another unit."""
    model = build(parse("4x4x1 - C3 - RPReLU - D2"), 1)
    calibrate(model, images((4, 4, 1), 20))
    bend = next(module for module in model.modules() if isinstance(module, PReLU))
    bend.drop_grid() if unit is None else bend.set_grid(unit)
    with pytest.raises(OptionError) as refusal:
        export(model, "mine")
    assert str(refusal.value) == (
        "mine: the RPReLU layer_1_two_slope has no grid, or one of other features; give export training images, so "
        "that it can snap features and recalibrate BatchNorm"
    )
    assert export(model, "mine", images=images((4, 4, 1), 20)).nodes
