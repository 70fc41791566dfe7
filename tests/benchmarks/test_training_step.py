"""What the benchmark of a training step compares; no time is measured here."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import nn

from rebnet.nn.build import build
from rebnet.nn.networks import architecture

PATH = Path(__file__).parents[2] / "benchmarks" / "training_step.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("training_step", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def weights(model):
    return [tuple(module.weight.shape) for module in model.modules() if getattr(module, "weight", None) is not None]


def matrices(model):
    return [shape for shape in weights(model) if len(shape) > 1]


def test_the_float_network_has_the_shape_of_ours(benchmark):
    network = benchmark.float_network(architecture("arch-2"))
    assert matrices(network) == matrices(build(architecture("arch-2"), 1))
    assert len([module for module in network if isinstance(module, nn.ReLU)]) == 8
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_brevitas_network_has_the_shape_of_ours(benchmark):
    pytest.importorskip("brevitas", reason="the benchmark extra is not installed")
    images, labels = torch.zeros(1, 3, 32, 32), torch.zeros(1, dtype=torch.int64)
    model, _, _ = benchmark.make_brevitas(1, images, labels)
    assert matrices(model) == matrices(build(architecture("arch-2"), 1))


def test_ratios(benchmark):
    medians = {"rebnet M=1": 10.0, "rebnet M=3": 11.0, "Brevitas W1A1": 19.0, "float": 8.0}
    found = {ratio["name"]: (ratio["ratio"], ratio["goal"], ratio["met"]) for ratio in benchmark.ratios(medians)}
    assert found == {
        "M=3 / M=1": (1.1, "at most 1.15", True),
        "Brevitas W1A1 / M=1": (1.9, "at least 2.0", False),
        "Brevitas W1A1 / M=3": (1.727, None, None),
        "M=1 / float": (1.25, None, None),
        "M=3 / float": (1.375, None, None),
    }


def test_a_way_that_fails_is_recorded(benchmark, monkeypatch):
    ways = benchmark.WAYS[:2]

    def stepper(make, way):
        if way == ways[0]:
            raise ValueError("no such kernel\nand more")
        return lambda: None

    monkeypatch.setattr(benchmark, "stepper", stepper)
    contestant = benchmark.fastest("float", None, ways)
    assert contestant.way == "eager, bfloat16"
    assert contestant.tried["eager, float32"] == "ValueError: no such kernel"
    with pytest.raises(RuntimeError, match="no way of running it works"):
        benchmark.fastest("float", None, ways[:1])
