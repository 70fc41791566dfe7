"""What a compiled training step is made of is bounded for every legal network text.

torch's compiler stores what matrix products, convolutions, pools, sums and opaque operations give, and computes all
between them again wherever it is used: an expression is as large as the tree of what it reads, down to what is stored.
These trees are counted here, in the graphs of forward and backward that the compiler would get, without compiling.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch._dynamo.backends.common import aot_autograd
from torch.fx import GraphModule, Node

from rebnet.datasets import imagenet
from rebnet.errors import NotationError
from rebnet.ir.notation import Architecture, parse
from rebnet.nn.build import build
from rebnet.nn.networks import NETWORKS
from rebnet.train import RECIPES, step, train
from rebnet.train.images import Images
from rebnet.train.recipe import Recipe

STORED = ("convolution", "mm", "addmm", "sum", "amax", "max_pool2d", "stored", "mean", "cat")
LARGEST_TREE = 3_000
"""Of M = 3 levels between two stored values; 3 levels at a time are unfolded, whatever M is."""
LARGEST_STEP = 40_000
"""A layer's trees of all levels together."""


def trees(module: GraphModule) -> list[int]:
    """Sizes of the expressions that the compiler unfolds."""
    sizes: dict[Node, int] = {}
    found = []
    for node in module.graph.nodes:
        size = 1 + sum(sizes[one] for one in node.all_input_nodes)
        name = getattr(node.target, "__name__", str(node.target))
        stored = node.op != "call_function" or any(name.startswith(kind) for kind in STORED)
        if stored:
            found.append(size)
        sizes[node] = 1 if stored else size
    return found


def unfolded(described: Architecture, levels: int, recipe: Recipe, any_levels: bool = False) -> list[int]:
    """The trees of a whole training step, forward and backward."""
    found: list[int] = []

    def count(module: GraphModule, inputs: Any) -> Callable[..., Any]:
        found.extend(trees(module))
        return module.forward

    torch.compiler.reset()
    torch.manual_seed(0)
    model = build(described, levels, 8, recipe.gradient, recipe.estimator, any_levels).train()
    model.to(memory_format=torch.channels_last)
    pixels = torch.randint(0, 256, (4, *described.shapes[0]), dtype=torch.uint8)
    labels = torch.arange(4) % described.classes
    losses = []

    def compiler(function: Any, dynamic: bool, options: Any) -> Any:
        backend = aot_autograd(fw_compiler=count, bw_compiler=count)
        return torch._dynamo.optimize(backend, dynamic=dynamic)(function)

    plain = step.make_loss(model, recipe, 1, Images(pixels, labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", compiler)
        patch.setattr(step.shutil, "which", lambda name: name)
        compiled = step.make_loss(model, recipe, 10**6, Images(pixels, labels))
    for loss_of in (plain, compiled):
        model.zero_grad(set_to_none=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler's own imports warn of torch's own deprecations
            loss_of(pixels, labels).backward()
        losses.append([parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None])
    assert len(losses[0]) == len(losses[1])
    for ours, theirs in zip(*losses, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    assert len(found) > len(described.layers)
    return found


@st.composite
def texts(draw: st.DrawFn) -> Architecture:
    """Legal network texts: odd sizes, strides, windows that overlap, gap or fill the map."""
    side = draw(st.integers(5, 14))
    described = parse(f"{side}x{side}x{draw(st.integers(1, 3))} - D3")
    for _ in range(draw(st.integers(1, 3))):
        kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
        layer = f"C{draw(st.integers(1, 9))}:{kernel}x{kernel}/{stride}{draw(st.sampled_from(['', '+same']))}"
        if draw(st.booleans()):
            layer += f" - MP{draw(st.integers(1, 6))}/{draw(st.integers(1, 4))}"
        try:
            described = parse(str(described).replace(" - D3", f" - {layer} - D3"))
        except NotationError:
            continue
    return described if draw(st.booleans()) else parse(str(described).replace(" - D3", " - D7 - D3"))


def check(described: Architecture, levels: int, recipe: Recipe, any_levels: bool = False) -> None:
    found = unfolded(described, levels, recipe, any_levels)
    assert max(found) <= LARGEST_TREE
    counts = sum(range(1, levels + 1)) if any_levels else levels
    assert sum(found) <= LARGEST_STEP * counts * len(described.layers)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    described=texts(),
    levels=st.integers(1, 8),
    estimator=st.sampled_from(["clip", "polynomial", "ede"]),
    gradient=st.sampled_from(["chain", "paper"]),
)
def test_every_step_is_bounded(described, levels, estimator, gradient):
    check(described, levels, Recipe(estimator=estimator, gradient=gradient))


@pytest.mark.parametrize(
    ("text", "levels", "any_levels"),
    [
        ("9x9x2 - C3:3x3+same - MP3/2 - C3:3x3+same - MP2 - D3", 8, False),
        ("9x9x1 - C4:3x3+same - MP5/1 - D3", 3, True),
        ("6x6x1 - C4:3x3+same - 2{ C4:3x3+same | }+ - { C5:3x3/2+same | C5:1x1/2 }+ - GAP - D3", 3, False),
        ("6x6x1 - C4:3x3+same - { C4:3x3+same | }+ - D3", 2, True),
    ],
)
def test_overlapping_pools_and_padded_maps_are_bounded(text, levels, any_levels):
    check(parse(text), levels, RECIPES["cifar10"], any_levels)


def test_an_epoch_of_arch_3(tmp_path):
    """The paper's ImageNet network, a thirty-second as wide and for three classes, on pictures of a folder."""
    random = np.random.default_rng(0)
    for part, count in (("train", 4), ("val", 1)):
        for name in ("n01", "n02", "n03"):
            folder = tmp_path / "imagenet" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (230, 240, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.JPEG", "JPEG")
    images = imagenet.load(tmp_path, cache=tmp_path / "cache")
    text = NETWORKS["arch-3"].replace("D1000", "D3")
    record = train(text, images, 2, tmp_path / "run", epochs=1, width=1 / 32, quiet=True)
    assert record["network"].startswith("224x224x3 - C3")
    assert len(record["curve"]) == 1
