"""Named modules that read each other: order, names, nests, and what they say; features on their grid."""

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.ir.notation import parse
from rebnet.nn.build import build
from rebnet.nn.calibration import HELD_BYTES, calibrate, recalibrate
from rebnet.nn.graph import INPUT, Graph, Join, Part, Sum, steps
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.window import PadLowest

TEXT = "6x6x1 - C4:3x3+same - { C4:3x3+same | }+ - { C5:3x3/2+same | C5:1x1/2 }+ - GAP - D3"


def images(count=40):
    return np.random.default_rng(0).integers(0, 256, (count, 6, 6, 1), dtype=np.uint8)


def test_parts_read_what_they_name():
    graph = Graph(
        Part("one", nn.Linear(3, 3)),
        Part("two", nn.Linear(3, 3), (INPUT,)),
        Part("sum", Sum(), ("one", "two", INPUT)),
        Part("both", Join(), ("sum", INPUT)),
    )
    x = torch.randn(5, 3)
    assert torch.equal(graph(x), torch.cat([graph.one(x) + graph.two(x) + x, x], 1))
    assert list(graph.state_dict()) == ["one.weight", "one.bias", "two.weight", "two.bias"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            [Part("a", nn.Identity()), Part("a", nn.Identity())],
            "part 'a': the name is taken; give each part one of its own",
        ),
        ([Part(INPUT, nn.Identity())], "part 'input': the name is taken; give each part one of its own"),
        (
            [Part("a", nn.Identity()), Part("b", Sum(), ("a", "c")), Part("c", nn.Identity())],
            "part 'b': reads 'c', which does not stand in front of it; it may read input, a",
        ),
        (
            [Part("a", nn.Identity()), Part("b", nn.Identity(), (INPUT,))],
            "part 'a': is read by nothing and is not the last; leave it out",
        ),
    ],
)
def test_refused_parts(parts, message):
    with pytest.raises(OptionError) as refusal:
        Graph(*parts)
    assert str(refusal.value) == message


def test_steps_of_a_nest():
    inner = Graph(Part("left", nn.ReLU()), Part("sum", Sum(), ("left", INPUT)))
    flow = steps(nn.Sequential(nn.Sequential(nn.Identity(), nn.Tanh()), nn.Sequential(), inner, nn.Softmax(1)))
    assert [(step.path, step.of) for step in flow] == [
        ("0.0", (-1,)), ("0.1", (0,)), ("2.left", (1,)), ("2.sum", (2, 1)), ("3", (3,)),
    ]  # fmt: skip


def test_a_shared_code_is_padded_for_each_reader():
    model = build(parse(TEXT), 2)
    assert model.sources["pad3"] == model.sources["conv4"] == ("sign2",)
    assert isinstance(model.sign2, NormSign)
    assert isinstance(model.pad3, PadLowest)
    assert not list(model.pad3.parameters())
    values = model.pad3(model.sign2(torch.randn(2, 4, 6, 6)))
    assert values.shape == (2, 4, 7, 7)
    assert torch.allclose(values[:, :, -1], -model.sign2.sign.gammas.sum())
    values.sum().backward()
    assert model.sign2.sign.log_increments.grad.abs().min() > 0


def test_names_of_a_float_network_are_those_of_the_binary_one():
    names = [{name for name, _ in build(parse(TEXT), levels).named_children()} for levels in (0, 2)]
    assert names[1] <= names[0]


def test_statistics_are_those_of_what_each_batchnorm_reads(monkeypatch):
    """Held in memory or computed again, in batches or at once."""
    torch.manual_seed(0)
    model = build(parse(TEXT), 2)
    calibrate(model, images())
    read = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _, inputs, name=name: read.update({name: inputs[0].double()}))
    model(torch.from_numpy(images()))
    norms = {name: module for name, module in model.named_modules() if name in read}
    for name, norm in norms.items():
        axes = [axis for axis in range(read[name].ndim) if axis != 1]
        assert torch.allclose(norm.running_mean.double(), read[name].mean(axes), atol=1e-6), name
        assert torch.allclose(norm.running_var.double(), read[name].var(axes, correction=0), rtol=1e-5), name
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert HELD_BYTES > 0
    monkeypatch.setattr("rebnet.nn.calibration.HELD_BYTES", 0)
    recalibrate(model, images(), batch_size=7)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor.double(), before[name].double(), rtol=1e-5, atol=1e-6), name
