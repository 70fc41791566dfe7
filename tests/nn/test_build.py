import math

import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.build import build
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.networks import architecture
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.pixels import PixelInput
from rebnet.nn.window import MaxPool2d

TINY = architecture("4x4x1 - D8 - D6 - D3")
PAIRS = architecture("8x8x3 - C4:3x3+same - DW:3x3+same - C6%2:1x1 - DW2:3x3/2 - D3")
MAPS = architecture("9x7x2 - C4:3x3/2+same - C5:2x2+same - MP2/1 - C6:2x2+same - MP2 - D8 - D3")


def test_modules_in_order():
    model = build(TINY, 2, input_bits=3, gradient="paper")
    assert [type(module) for module in model] == [PixelInput, *3 * [BinaryLinear, NormSign]]
    assert [name for name, _ in model.named_children()][:4] == ["pixels", "linear1", "norm1", "linear2"]
    assert (model.pixels.bits, model.norm1.sign.levels, model.norm1.sign.gradient) == (3, 2, "paper")
    assert model.norm3.sign is None
    assert (model.linear1.in_features, model.linear2.in_features, model.linear3.out_features) == (16, 8, 3)


def test_modules_of_convolutions_in_order():
    model = build(MAPS, 2, input_bits=3)
    assert [name for name, _ in model.named_children()] == [
        *("pixels", "pad1", "conv1", "norm1", "conv2", "pool2", "norm2", "conv3", "pool3", "norm3", "flatten"),
        *("linear4", "norm4", "linear5", "norm5"),
    ]
    assert not model.pixels.flat
    assert [type(model.conv1), type(model.norm1.norm), type(model.pool2)] == [BinaryConv2d, nn.BatchNorm2d, MaxPool2d]
    assert (model.pad1.lowest, model.norm1.pad.lowest, model.norm2.pad.lowest) == (-1, -math.inf, -math.inf)
    assert model.norm3.pad is None
    assert (str(model.pad1.window), str(model.conv1.window)) == ("3x3/2+same", "3x3/2")
    assert (str(model.pool2), str(model.pool3)) == ("MaxPool2d(2x2)", "MaxPool2d(2x2/2)")
    assert (model.conv2.in_channels, model.linear4.in_features) == (4, 2 * 1 * 6)


def test_every_map_has_the_shape_of_the_text():
    model, x = build(MAPS, 2), torch.randint(0, 256, (3, 9, 7, 2), dtype=torch.uint8)
    shapes = []
    for name, module in model.named_children():
        x = module(x)
        if name.startswith(("conv", "pool", "linear")):
            shapes.append((*x.shape[2:], x.shape[1]) if x.ndim == 4 else (1, 1, x.shape[1]))
    assert tuple(shapes) == MAPS.shapes[1:]


def test_groups():
    model = build(PAIRS, 2)
    convolutions = [module for module in model.modules() if isinstance(module, BinaryConv2d)]
    assert [(one.in_channels, one.out_channels, one.groups) for one in convolutions] == [
        (3, 4, 1), (4, 4, 4), (4, 6, 2), (6, 12, 6),
    ]  # fmt: skip
    assert str(convolutions[1]) == "BinaryConv2d(4, 4, 3x3, groups=4, scale=0.25)"


def test_the_float_network():
    model = build(MAPS, 0)
    assert [name for name, _ in model.named_children()][:8] == [
        *("pixels", "pad1", "conv1", "norm1", "pad2", "sign1", "conv2", "pool2"),
    ]
    assert (type(model.sign1), model.norm1.sign, model.norm1.pad) == (nn.ReLU, None, None)


@pytest.mark.parametrize("network", [TINY, MAPS, PAIRS])
def test_trains_every_parameter(network):
    model = build(network, 3)
    model(torch.randint(0, 256, (7, *network.shapes[0]), dtype=torch.uint8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("network", [TINY, MAPS, PAIRS])
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's compiler's own
def test_compiles_without_graph_breaks(network):
    model = build(network, 3)
    images = torch.randint(0, 256, (7, *network.shapes[0]), dtype=torch.uint8)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(images), model(images))


@pytest.mark.parametrize("levels", [-1, 9])
def test_refuses_levels(levels):
    with pytest.raises(OptionError, match=f"levels={levels}: a network has 1 to 8"):
        build(TINY, levels)


def test_refuses_input_bits():
    with pytest.raises(OptionError, match="input_bits=0"):
        build(TINY, 1, input_bits=0)


def test_refuses_levels_even_without_hidden_layers():
    with pytest.raises(OptionError, match="levels=9"):
        build(architecture("4x4x1 - D3"), 9)
