"""A network that was lowered before steps were exact: no shift in its files, and everything is as it was."""

from itertools import product

import numpy as np
import pytest
from tests.ir.networks import tiny

from rebnet.datasets.dataset import Dataset
from rebnet.engine import predictor, reference
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.text import parse
from rebnet.lower import lower
from rebnet.simulate import simulate

OLD = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[5,-3],[5,-3]] steps=[[[0],[0]],[[2],[5]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  scores scale=[[32767,-16383],[32767,-16383]] bias=[[32767,65534],[32767,65534]]
"""
"""`tests.ir.networks.tiny(2)`, with a step of 5 where the real network's codes take 4."""
IMAGES = np.asarray(list(product((0, 64, 128, 192), repeat=2)), dtype=np.uint8).reshape(-1, 1, 1, 2)
FIRST = [294903, 294903, 294903, 229369, 294903, 294903, 229369, 229369,
         229369, 229369, 229369, 98301, 163835, 163835, 98301, 98301]  # fmt: skip
"""Score 0 of every image, from the engine of that time."""
THRESHOLDS = "0045\n00bd\n"
"""Its memory image of that time."""


@pytest.fixture
def build(tmp_path):
    build = tmp_path / "build"
    storage.save(parse(OLD, {}), build)
    return build


def test_it_reads_and_computes(build):
    assert '"shift"' not in (build / storage.NETWORK_FILE).read_text()
    network = storage.load(build)
    assert network == parse(OLD, {})
    assert network != lower(tiny(2))
    for run in (reference.run, predictor.run):
        assert run(network, IMAGES)[:, 0].tolist() == FIRST


def test_it_generates(build):
    fold(build)
    generate(build)
    assert (build / "mem" / "layer1_thresholds.hex").read_text() == THRESHOLDS
    assert "THRESHOLD_SHIFT" not in (build / "rtl" / "accelerator.sv").read_text()


@pytest.mark.rtl
def test_it_simulates(build):
    fold(build)
    generate(build)
    labels = np.zeros(len(IMAGES), dtype=np.int64)
    for levels in ((2,), (2, 1)):
        record = simulate(build, Dataset("small", 2, IMAGES, labels, IMAGES, labels), levels=levels, processes=1).record
        assert (record["images"], record["mismatches"]) == (len(IMAGES), 0)
