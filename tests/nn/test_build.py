import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.build import build
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.networks import architecture
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign

TINY = architecture("4x4x1 - D8 - D6 - D3")


def test_modules_in_order():
    model = build(TINY, 2, input_bits=3, gradient="paper")
    layer = [BinaryLinear, nn.BatchNorm1d, ResidualSign]
    assert [type(module) for module in model] == [PixelInput, *layer, *layer, BinaryLinear, nn.BatchNorm1d]
    assert [name for name, _ in model.named_children()][:4] == ["pixels", "linear1", "norm1", "sign1"]
    assert (model.pixels.bits, model.sign1.levels, model.sign1.gradient) == (3, 2, "paper")
    assert (model.linear1.in_features, model.linear2.in_features, model.linear3.out_features) == (16, 8, 3)


def test_trains_every_parameter():
    model = build(TINY, 3)
    model(torch.randint(0, 256, (7, 4, 4, 1), dtype=torch.uint8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_compiles_without_graph_breaks():
    model = build(TINY, 3)
    images = torch.randint(0, 256, (7, 4, 4, 1), dtype=torch.uint8)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(images), model(images))


@pytest.mark.parametrize("levels", [0, 9])
def test_refuses_levels(levels):
    with pytest.raises(OptionError, match=f"levels={levels}: a network has 1 to 8"):
        build(TINY, levels)


def test_refuses_input_bits():
    with pytest.raises(OptionError, match="input_bits=0"):
        build(TINY, 1, input_bits=0)


def test_refuses_levels_even_without_hidden_layers():
    with pytest.raises(OptionError, match="levels=0"):
        build(architecture("4x4x1 - D3"), 0)
