from dataclasses import replace

import numpy as np
import pytest
import torch

from rebnet.engine.reference import run
from rebnet.errors import FoldingError, NotationError, OptionError
from rebnet.export import export
from rebnet.ir.architecture import ConvText
from rebnet.lower import lower
from rebnet.nn.build import build
from rebnet.nn.calibration import calibrate
from rebnet.nn.graph import steps, values_of
from rebnet.nn.networks import NETWORKS, architecture, widen
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import Recipe
from rebnet.train.step import make_loss, take_step


def test_arch_1_is_table_1():
    assert str(architecture("arch-1")) == "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"


def test_arch_2_is_table_1():
    assert str(architecture("arch-2")) == (
        "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) "
        "- D512(1,4) - D512(1,8) - D10(4,1)"
    )
    assert architecture("arch-2").shapes[8] == (1, 1, 256)


def test_arch_3_has_the_maps_of_its_docstring():
    shapes = architecture("arch-3").shapes
    assert [shape[0] for shape in shapes[1:9]] == [54, 26, 22, 10, 10, 10, 10, 4]
    assert shapes[8] == (4, 4, 256)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_texts_are_canonical(name):
    assert str(architecture(name)) == NETWORKS[name]


def test_text_is_read():
    assert str(architecture(" 8x8x1 - D64 - D10")) == "8x8x1 - D64 - D10"


def test_unknown_name():
    with pytest.raises(NotationError) as caught:
        architecture("arch-9")
    assert str(caught.value) == (
        f"network 'arch-9': not a known name; use one of {', '.join(sorted(NETWORKS))}, or a text such as "
        "'28x28x1 - D64 - D10'"
    )


def test_bad_folding_in_a_text():
    with pytest.raises(FoldingError):
        architecture("8x8x1 - D64(1,65) - D10")


def test_widen():
    assert str(widen(architecture("arch-1"), 2)) == ("28x28x1 - D512(16,64) - D512(32,16) - D512(16,32) - D10(16,4)")
    assert str(widen(architecture("8x8x1 - D64(4,64) - D64(4,64) - D10(1,4)"), 0.5)) == (
        "8x8x1 - D32(4,64) - D32 - D10(1,4)"
    )


def test_widen_keeps_windows_pools_and_legal_foldings():
    text = "32x32x3 - C96(32,27) - MP3/2 - C384(64,54):3x3/2+same - MP2 - D10(40,50)"
    assert str(widen(architecture(text), 1 / 24)) == ("32x32x3 - C4(32,27) - MP3/2 - C16:3x3/2+same - MP2 - D10(40,50)")


@pytest.mark.parametrize("factor", [0, -1, 0.001, float("nan"), float("inf")])
def test_widen_refuses(factor):
    with pytest.raises(OptionError, match=f"width={factor}"):
        widen(architecture("arch-1"), factor)


def test_widen_counts_layers_as_build_does():
    with pytest.raises(OptionError, match=r"width=0\.1: layer 2 would have no outputs"):
        widen(architecture("8x8x1 - C8 - MP2 - C2 - D10"), 0.1)


PUBLISHED = {
    "bi-real-net-18": (11_678_912, (7, 7, 512)),
    "real-to-binary-18": (11_678_912, (7, 7, 512)),
    "reactnet-a": (29_278_048, (7, 7, 1024)),
    "binary-densenet-28": (5_111_488, (7, 7, 576)),
    "binary-densenet-37": (8_669_376, (7, 7, 640)),
    "meliusnet-22": (6_918_496, (7, 7, 512)),
    "resnet-20-plain": (268_336, (8, 8, 64)),
    "mlp-4": (2_910_208, (1, 1, 1024)),
}
"""Weights, and the map in front of the last pool or layer.

ResNet-18 has 11,689,512 parameters, 9,600 of them of BatchNorms and 1,000 biases; ReActNet-A 29.3 million, ResNet-20
0.27 million; BinaryDenseNets and MeliusNet have so many channels at their ends.
"""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name):
    described = architecture(name)
    weights, before = PUBLISHED[name]
    assert sum(place.weights for place in described.places) == weights
    assert described.shapes[-3 if described.shapes[-2] != before else -2] == before


def test_meliusnet_s_binary_weights():
    """Its dense and improvement blocks have 6,119,424 weights, as in larq's zoo."""
    places = architecture("meliusnet-22").places
    binary = [place for place in places if isinstance(place.layer, ConvText) and place.layer.rows == 64]
    assert sum(place.weights for place in binary if place.layer.groups == 1) == 6_119_424


SMALL = {
    "binary-densenet-small": 4,
    "cnv-4": 16,
    "meliusnet-small": 4,
    "mlp-4": 64,
    "rb-net-18-small": 32,
    "reactnet-small": 8,
    "real-to-binary-18-small": 32,
    "resnet-20-one-shortcut": 4,
    "resnet-20-plain": 4,
}
"""Networks that are trained for a step, and what their hidden layers are divided by."""
SIDES = {"rb-net-18-small": 16}
"""Images of them, 8 x 8 where nothing is said; blocks of 2 x 2 fit the map of every stage."""


@pytest.mark.parametrize(("name", "levels"), [(name, 1 + number % 2) for number, name in enumerate(SMALL)])
def test_small_ones_learn_and_become_integers(name, levels):
    torch.manual_seed(0)
    side = SIDES.get(name, 8)
    described = replace(widen(architecture(name), 1 / SMALL[name]), height=side, width=side)
    build(described, 3 - levels)
    model, random = build(described, levels), np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (8, *described.image), dtype=np.uint8))
    batch = Images(pixels, torch.from_numpy(random.integers(0, 10, 8)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    take_step(model, make_optimizer(model, Recipe()), make_loss(model, Recipe(), 1, batch), batch, 1e-2, (levels,))
    moved = {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}
    assert moved >= {key for key in dict(model.named_parameters()) if key.endswith("norm.bias")}
    calibrate(model, pixels)
    lowered = lower(export(model))
    flow = steps(model.double())
    values = (2.0 * pixels.double() - 255) / 255
    first = values.flatten(1) if flow[0].module.flat else values.permute(0, 3, 1, 2)
    with torch.no_grad():
        scores = values_of(flow, {0: first})[len(flow) - 1]
    assert np.array_equal(run(lowered, pixels.numpy(), levels).argmax(1), scores.numpy().argmax(1))
