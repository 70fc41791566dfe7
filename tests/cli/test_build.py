"""`rebnet build`: one call does what the five verbs do; refusals before anything is made."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
from tests.synthesize.small import PART, synthesized

from rebnet import records
from rebnet.flow import whole
from rebnet.simulate import Simulation

__all__ = ["synthesized"]

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("pyosys") is None, reason="the synthesizer is not installed; pip install pyosys"
)


@needs_yosys
@pytest.mark.rtl
def test_from_a_trained_network_to_the_page(rebnet, synthesized, tmp_path):
    build, cache = synthesized
    rng = np.random.default_rng(0)
    data = tmp_path / "data.npz"
    np.savez(data, images=rng.integers(0, 256, (30, 2, 2, 1)).astype(np.uint8), labels=rng.integers(0, 2, 30))
    output = tmp_path / "build"
    code, out, _ = rebnet(
        "build", build.parent / "run", "--part", PART, "--folding", "paper", "--images", "all",
        "--dataset", f"npz:{data}", "--cache-dir", cache, "--output", output,
    )  # fmt: skip
    assert code == 0
    assert json.loads((output / "simulation.json").read_text())["mismatches"] == 0
    assert json.loads((output / "evaluation.json").read_text())["images"] == 6  # a fifth of them
    assert json.loads((output / "synthesis.json").read_text())["part"] == PART
    assert f"fits {PART}" in out
    assert (output / "report.html").read_text().startswith("<!doctype html>")
    assert [line.split()[0] for line in out.splitlines()[-6:]] == [
        "compile", "synthesize", "evaluate", "simulate", "report", "seconds",
    ]  # fmt: skip


@pytest.mark.parametrize(("mismatches", "ends"), [(0, 0), (3, 1)])
def test_ends_with_1_where_the_rtl_differs(rebnet, run_folder, tmp_path, monkeypatch, mismatches, ends):
    record = records.Simulation(
        dataset="digits", images=30, levels=(2,), stalls=None, mismatches=mismatches, accuracy=50.0,
        cycles_per_image=None, bound_cycles=9,
    )  # fmt: skip
    ran = Simulation(record, np.zeros((30, 10), dtype=np.int64))
    counted = SimpleNamespace(limit=None)
    results = {"synthesize": counted, "evaluate": None, "simulate": ran, "report": tmp_path / "page.html"}
    for verb, result in results.items():
        monkeypatch.setattr(whole, verb, lambda *arguments, result=result, **options: result)
    code, out, _ = rebnet(
        "build", run_folder, "--part", PART, "--folding", "balanced", "--dataset", "digits", "--json",
        "--output", tmp_path / "b",
    )  # fmt: skip
    assert code == ends
    assert json.loads(out)["simulate"]["mismatches"] == mismatches
    assert json.loads(out)["report"] == {"page": str(tmp_path / "page.html")}  # the page is there all the same


def test_no_device(refuse, run_folder, tmp_path):
    sentence = "part=None, board=None: name the device once; use --part xc7s50 or --board zc702"
    refuse(sentence, "build", run_folder, "--output", tmp_path / "b")


def test_unknown_part(rebnet, run_folder, tmp_path):
    code, out, err = rebnet("build", run_folder, "--part", "xc7a999t", "--output", tmp_path / "b")
    assert (code, out) == (2, "")
    assert "part or board 'xc7a999t' is not known" in err
    assert not (tmp_path / "b").exists()


def test_no_training(refuse, tmp_path):
    refuse(
        f"{tmp_path}/none: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
        "zoo:mnist-arch-1-m1",
        "build", tmp_path / "none", "--part", PART, "--output", tmp_path / "b",
    )  # fmt: skip
