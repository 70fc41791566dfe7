"""Every operation of a network has all of its twins; what is missing is named, and of which operation.

CONTRIBUTING.md, "an operation of the IR", is the same list in the order that data flows. That the twins compute the
same is not asked here: `tests/networks`, `tests/engine` and `tests/generate` draw networks of all operations.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from tests.ir.graphs import random_graph
from tests.test_house import ROOT, SOURCE

from rebnet.export import export
from rebnet.fold.cost.model import PIECES
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.notation import parse
from rebnet.ir.ops import (
    Affine,
    BatchNorm,
    Conv,
    Dense,
    MaxPool,
    MultiThreshold,
    Op,
    PixelInput,
    ResidualSign,
    Scores,
    Threshold,
)
from rebnet.ir.storage import _KINDS
from rebnet.lower import lower
from rebnet.nn.build import build
from rebnet.nn.calibration import calibrate
from rebnet.rtl import MODULES, source


@dataclass(frozen=True)
class Twins:
    """Where an operation's twins are.

    Attributes:
        laws: functions of `rebnet.spec`, "module.function".
        nn: its float twin, "module.Class" of `rebnet.nn`; nothing of what lowering alone makes.
        text: a network text that has it; nothing where a text cannot.
        modules: of the hardware library; none of those that lowering leaves no trace of.
    """

    laws: tuple[str, ...] = ()
    nn: str = ""
    text: str = ""
    modules: tuple[str, ...] = ()


_ADDED = "4x4x1 - C4 - {{ C4:1x1 | }}+ - {}D3"
TWINS: dict[Any, Twins] = {
    PixelInput: Twins(("pixels.pixel_planes",), "pixels.PixelInput", "4x4x1 - D3", ("pixel_input",)),
    Dense: Twins(("xnor.accumulate",), "linear.BinaryLinear", "4x4x1 - D3", ("mvtu",)),
    Conv: Twins(
        ("window.windows", "xnor.accumulate", "groups.accumulate_groups"),
        "conv.BinaryConv2d",
        "4x4x1 - C4 - D3",
        ("mvtu", "sliding_window"),
    ),
    MaxPool: Twins(
        ("pool.max_pool", "features.max_pool_features"), "window.MaxPool2d", "6x6x1 - C4 - MP2 - D3", ("max_pool",)
    ),
    BatchNorm: Twins(nn="norm_sign.NormSign", text="4x4x1 - D3"),
    Affine: Twins(),
    ResidualSign: Twins(("residual.encode",), "residual.ResidualSign", "4x4x1 - D4 - D3"),
    MultiThreshold: Twins(("residual.encode_among",)),
    Threshold: Twins(("residual.encode_integer",), modules=("residual_encoder", "feature_encoder")),
    Rescale: Twins(("rescale.rescale",), "feature.NormFeature", _ADDED.format(""), ("rescale",)),
    TwoSlope: Twins(("two_slope.two_slope",), "two_slope.RPReLU", _ADDED.format("RPReLU - "), ("two_slope",)),
    Add: Twins(("features.add_features",), "graph.Sum", _ADDED.format(""), ("join_add",)),
    SumPool: Twins(
        ("features.sum_pool",), "feature.AveragePool2d", _ADDED.format("AP2 - "), ("sum_pool", "global_sum")
    ),
    Join: Twins((), "graph.Join", _ADDED.replace("}}+", "}}&").format(""), ("join_channels",)),
    Stack: Twins((), "graph.Sum", "", ("stack",)),
    Upsample: Twins(("upsample.upsample",), "upsample.Upsample2d", _ADDED.format("U2 - "), ("upsample",)),
    DepthToSpace: Twins(
        ("depth_to_space.depth_to_space",),
        "depth_to_space.DepthToSpace2d",
        _ADDED.format("PS2 - "),
        ("depth_to_space",),
    ),
    Scores: Twins(("scores.scores",), modules=("scores",)),
}
"""Joining and stacking only say which bits stand where; they have no law beyond numpy's concatenation."""

OPERATIONS = [PixelInput, *Op.__args__]
RUN = [op for op in OPERATIONS if TWINS[op].modules]
"""What a lowered network holds."""
STATIONS = {
    "the engines' laws": "engine/laws.py",
    "the C++ engine": "engine/native.py",
    "the units": "stages",
    "C": "generate/c",
    "files for others": "exporting",
}
"""Rooms of `rebnet`, each of which names every operation that stands behind a layer of a lowered network."""
named = pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.__name__)
run = pytest.mark.parametrize("op", RUN, ids=lambda op: op.__name__)


def test_the_list_is_whole():
    assert set(TWINS) == set(OPERATIONS)
    assert {module for twins in TWINS.values() for module in twins.modules} <= set(MODULES)


@named
def test_it_has_a_type_and_a_form_in_files(op):
    assert callable(op.result)
    assert op is PixelInput or op in _KINDS.values()


@named
def test_its_laws_are_stated_and_tested(op):
    for law in TWINS[op].laws:
        module, function = law.split(".")
        assert callable(getattr(import_module(f"rebnet.spec.{module}"), function))
        told = "".join(path.read_text() for path in (ROOT / "tests" / "spec").glob("test_*.py"))
        assert re.search(rf"\b{function}\b", told), law


@named
def test_its_float_twin_says_it(op):
    if TWINS[op].nn:
        module, name = TWINS[op].nn.split(".")
        assert op is PixelInput or hasattr(getattr(import_module(f"rebnet.nn.{module}"), name), "operations")
    if TWINS[op].text:
        model = build(parse(TWINS[op].text), 1)
        calibrate(model, np.random.default_rng(1).integers(0, 256, (20, *parse(TWINS[op].text).image), np.uint8))
        network = export(model)
        assert op is PixelInput or any(isinstance(node.op, op) for node in network.nodes)


@pytest.mark.parametrize("op", [op for op in RUN if op not in (PixelInput, Dense, Conv)], ids=lambda op: op.__name__)
@pytest.mark.parametrize("station", STATIONS)
def test_every_room_that_names_operations_names_it(op, station):
    place = SOURCE / STATIONS[station]
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    assert any(re.search(rf"\b{op.__name__}\b", path.read_text()) for path in files)


@run
def test_its_modules_have_benches_pages_and_prices(op):
    for module in TWINS[op].modules:
        assert (ROOT / "tests" / "rtl" / f"test_{module}.py").is_file(), module
        assert (ROOT / "docs" / "reference" / "rtl" / f"{module}.md").is_file(), module
        assert module in PIECES or module in _PRICED_IN_PARTS, module


_PRICED_IN_PARTS = {"mvtu", "sliding_window", "max_pool", "pixel_input", "residual_encoder", "scores"}
"""Of chains: priced by their parts, `rebnet.fold.cost.features`."""


@cache
def drawn() -> frozenset[type]:
    """Operations of random networks, before and after lowering."""
    graphs = [random_graph(seed) for seed in range(60)]
    return frozenset(type(node.op) for graph in graphs for one in (graph, lower(graph)) for node in one.nodes)


@named
def test_random_networks_hold_it(op):
    # an Affine stands between two passes; a MultiThreshold comes from elsewhere, and tests/importing draws it
    assert op in drawn() or op in (PixelInput, Affine, MultiThreshold)


def test_every_module_has_its_reference_page():
    """The library's list names each page, which tells the module's every port and parameter."""
    folder = ROOT / "docs" / "reference" / "rtl"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for module in MODULES:
        assert f"[{module}]({module}.md)" in listed
        text = source(module).read_text(encoding="utf-8")
        told = _page(folder, module)
        names = re.findall(r"^ +parameter .*?(\w+) *=", text, re.MULTILINE)
        names += re.findall(r"^ +(?:input|output) +logic .*?(\w+),?$", text, re.MULTILINE)
        assert [name for name in names if not re.search(rf"\b{name}\b", told)] == [], module


def _page(folder, module):
    """The text of a page, and of those whose parameters it says are its own."""
    told = (folder / f"{module}.md").read_text(encoding="utf-8")
    return told + "".join(_page(folder, other) for other in re.findall(r"parameters are those of \[(\w+)\]", told))
