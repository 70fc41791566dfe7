"""What the benchmark of the engine on a CPU compares; no time is measured here."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import cpu_engine
import rebnet
from cpu_peers import contestant, described, goals, with_rebnet, with_torch
from cpu_peers.goals import BEST, FUNCTION, INT8, Cell, Figure, Goal, TimeGoal
from cpu_peers.job import POOL, Job, Way, Work
from rebnet import flow
from rebnet.ir import storage

ZOO = ["mnist-arch-1-m1", "mnist-arch-1-m3", "cifar10-arch-2-m2"]


@pytest.fixture(scope="module", params=ZOO)
def build(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("build") / request.param
    flow.compile(f"zoo:{request.param}", folder, until="lower")
    return folder


def work(build, library="torch", precision="fp32", kind="function", batch=POOL):
    return Work(Job(library, precision, kind, str(build), batch, (0,), True))


def eager(asked):
    model = with_torch.Network(asked.described).eval()
    with torch.no_grad():
        return model(torch.from_numpy(asked.inputs)).double().numpy()


def test_the_graph_is_the_engines_function(build):
    asked = work(build)
    contestant.check_function(asked, eager(asked))


def test_another_function_is_found_out(build):
    asked = work(build)
    first, *others = asked.described.layers
    asked.described = replace(asked.described, layers=(replace(first, bias=first.bias + 200), *others))
    with pytest.raises(contestant.WrongError, match=r"labels are not those of the network|scores differ"):
        contestant.check_function(asked, eager(asked))


def test_the_relu_network_has_the_shape_of_ours(build):
    network = storage.load(build)
    own, other = described.function(network), described.relu(network)
    assert [layer.weights.shape for layer in own.layers] == [layer.weights.shape for layer in other.layers]
    assert [layer.pool for layer in own.layers] == [layer.pool for layer in other.layers]
    assert [layer.code for layer in other.layers] == [None] * len(other.layers)


def test_operations(tmp_path):
    flow.compile("zoo:mnist-arch-1-m1", tmp_path / "build", until="lower")
    assert described.operations(storage.load(tmp_path / "build")) == 2 * 256 * (784 + 256 + 256 + 10)


def test_torch_computes_the_relu_network(build):
    asked = work(build, kind="relu")
    contestant.check(asked, [lambda: torch.from_numpy(eager(asked))])
    with pytest.raises(contestant.WrongError, match="correlate"):
        contestant.check(asked, [lambda: torch.from_numpy(eager(asked)[::-1].copy())])


def test_ours_is_checked_too(build):
    asked = work(build, "rebnet", "integer", batch=128)
    (way,) = with_rebnet.ways(asked)
    contestant.check(asked, with_rebnet.prepare(asked, way))


@pytest.mark.parametrize("form", ["clip", "where"])
def test_the_onnx_graph_is_the_engines_function(build, form):
    pytest.importorskip("onnx", reason="the benchmark extra is not installed")
    pytest.importorskip("onnxruntime", reason="the benchmark extra is not installed")
    from cpu_peers import with_onnxruntime

    asked = work(build, "onnxruntime")
    contestant.check(asked, with_onnxruntime.prepare(asked, Way(form, POOL)))


@pytest.mark.parametrize(("precision", "kind"), [("fp32", "function"), ("fp32", "relu"), ("int8", "relu")])
def test_the_litert_model_is_the_network(build, precision, kind):
    pytest.importorskip("ai_edge_litert", reason="the benchmark extra is not installed")
    from cpu_peers import with_litert

    asked = work(build, "LiteRT", precision, kind)
    contestant.check(asked, with_litert.prepare(asked, Way("as written", POOL)))


def library(failing, choices=("slow", "wrong")):
    def prepare(asked, way):
        if way.choice == failing:
            raise ValueError("no such kernel\nand more")
        return [lambda: eager(asked) * (-1 if way.choice == "wrong" else 1)]

    return SimpleNamespace(ways=lambda asked: [Way(choice, POOL) for choice in choices], prepare=prepare)


def test_a_way_that_fails_is_recorded(tmp_path):
    flow.compile("zoo:mnist-arch-1-m1", tmp_path / "build", until="lower")
    asked = work(tmp_path / "build", kind="relu")
    way, _, tried = contestant.fastest(asked, library("fast", ("fast", "slow", "wrong")))
    assert way.choice == "slow"
    assert tried[str(Way("fast", POOL))] == "ValueError: no such kernel"
    assert str(tried[str(Way("wrong", POOL))]).startswith("WrongError: outputs correlate")
    with pytest.raises(RuntimeError, match="no such kernel"):
        contestant.fastest(asked, library("fast", ("fast",)))


def test_another_function_ends_everything(tmp_path):
    flow.compile("zoo:mnist-arch-1-m1", tmp_path / "build", until="lower")
    with pytest.raises(contestant.WrongError, match="labels are not those"):
        contestant.fastest(work(tmp_path / "build"), library(None, ("right", "wrong")))


FIGURES = [
    Figure("rebnet", "integer", "function", 1, 10.0),
    Figure("rebnet", "integer", "function", 3, 20.0),
    Figure("OpenVINO", "fp32", "function", 1, 200.0),
    Figure("torch", "fp32", "function", 3, 400.0),
    Figure("OpenVINO", "int8", "relu", None, 30.0),
    Figure("LiteRT", "int8", "relu", None, 25.0),
    Figure("OpenVINO", "bf16", "relu", None, 15.0),
]


def test_ratios():
    found = {(ratio["levels"], ratio["against"]): (ratio["peer"], ratio["ratio"]) for ratio in goals.ratios(FIGURES)}
    assert found == {
        (1, BEST): ("OpenVINO bf16, ReLU", 1.5),
        (1, INT8): ("LiteRT int8, ReLU", 2.5),
        (1, FUNCTION): ("OpenVINO fp32, M=1", 20.0),
        (3, BEST): ("OpenVINO bf16, ReLU", 0.75),
        (3, INT8): ("LiteRT int8, ReLU", 1.25),
        (3, FUNCTION): ("torch fp32, M=3", 20.0),
    }


def test_goals():
    cell = Cell("arch-2", 1, 1)
    judge = {goal: cpu_engine.judged([goal], {cell: FIGURES}) for goal in (
        Goal(cell, 1, INT8, 2.5), Goal(cell, 3, INT8, 2.0), Goal(cell, 2, INT8, 1.0), TimeGoal(cell, 1, 1.0),
        Goal(Cell("arch-1", 1, 1), 1, INT8, 1.0),
    )}  # fmt: skip
    assert [[(found["reached"], found["met"]) for found in each] for each in judge.values()] == [
        [(2.5, True)], [(1.25, False)], [(None, None)], [(None, None)], [],
    ]  # fmt: skip


def test_a_library_that_is_not_installed(build):
    cores = tuple(sorted(os.sched_getaffinity(0)))[:1]
    job = replace(work(build, "OpenVINO", "fp32").job, cores=cores)
    blocked = "import sys; sys.modules['openvino'] = None; from cpu_peers import contestant; contestant.main()"
    places = os.pathsep.join(str(Path(module.__file__).parent) for module in (cpu_engine, rebnet))
    environment = {**os.environ, "PYTHONPATH": places.removesuffix("/rebnet")}
    command = [sys.executable, "-c", blocked, job.text()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout) == {"failed": "not installed: openvino"}


def test_cells():
    assert len(cpu_engine.wanted([])) == 8
    assert cpu_engine.wanted(["arch-2", "batch=1", "threads=2"]) == [Cell("arch-2", 1, 2)]
    assert np.unique([cell.batch for cell in cpu_engine.wanted(["batch=128"])]).tolist() == [128]
