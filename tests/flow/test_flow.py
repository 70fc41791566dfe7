"""The verbs as functions: the zoo without torch, and builds that can be made again."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.ir.networks import from_text
from tests.simulate.builds import save_run

from rebnet import datasets, flow
from rebnet.engine import reference
from rebnet.errors import FileFormatError, FoldingError, OptionError
from rebnet.ir import storage

_WITHOUT_TORCH = """
import json, sys
from pathlib import Path
sys.modules["torch"] = None
from rebnet import flow, zoo
for name in zoo.NAMES[:5]:
    network = flow.compile(f"zoo:{name}", Path(sys.argv[1]) / name, folding="paper")
    print(network.weight_bytes)
assert not any(name.startswith("torch.") for name in sys.modules)
"""


def test_the_zoo_compiles_without_torch(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == [*["41792"] * 4, "192896"]
    foldings = {name: json.loads((tmp_path / name / "folding.json").read_text()) for name in sorted_names(tmp_path)}
    assert {name: folding["bound_cycles"] for name, folding in foldings.items()} == {
        "mnist-arch-1-m1": 208,
        "mnist-arch-1-m2": 256,
        "mnist-arch-1-m3": 384,
        "mnist-arch-1-any": 384,
        "cifar10-arch-2-m1": 32_768,
    }
    assert foldings.pop("cifar10-arch-2-m1")["samples_per_beat"] == 1
    for folding in foldings.values():
        assert folding["samples_per_beat"] == 4
        assert folding["predicted_cycles_per_image"] == folding["bound_cycles"]
        assert [(layer["pe"], layer["simd"], layer["level_lanes"]) for layer in folding["layers"]] == [
            (16, 64, 8),
            (32, 16, 1),
            (16, 32, 1),
            (16, 4, 1),
        ]


def sorted_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def products(folder: Path) -> dict[str, bytes]:
    """The contents without the request, which names the source."""
    return {name: data for name, data in contents(folder).items() if name != "compile.json"}


def test_a_build_can_be_made_again_byte_for_byte(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "one")
    flow.compile(save_run(tmp_path / "again"), tmp_path / "two")
    flow.compile(run, tmp_path / "two")  # over an older build
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    flow.compile(tmp_path / "again", tmp_path / "two")
    assert products(tmp_path / "one") == products(tmp_path / "two")
    assert sorted_names(tmp_path) == ["again", "one", "run", "two"]
    assert sorted_names(tmp_path / "one") == [
        "accelerator.core", "compile.json", "exported", "folding.json", "mem", "network.json", "ports.json", "rtl",
        "tensors.safetensors", "training.json",
    ]  # fmt: skip


def test_its_own_folding_gives_the_same_build(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "one")
    flow.compile(run, tmp_path / "two", folding=str(tmp_path / "one" / "folding.json"))
    assert products(tmp_path / "one") == products(tmp_path / "two")


def test_fixed_levels_drop_the_other_constants(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "all")
    network = flow.compile(run, tmp_path / "one", fixed_levels=True)
    assert network.served == (3,)
    count = {name: len((tmp_path / name / "mem" / "scores.hex").read_text().splitlines()) for name in ("all", "one")}
    assert count == {"all": 30, "one": 10}
    assert json.loads((tmp_path / "one" / "ports.json").read_text())["levels"] == [3]


def test_every_stage_says_its_name(tmp_path):
    said = []
    flow.compile(save_run(tmp_path / "run"), tmp_path / "build", say=said.append)
    assert said[:3] == ["exporting", "lowering", "folding"]
    assert said[3] == "sizing the FIFO layer3.output"
    assert said[-1] == "generating"


LOWERED = ["compile.json", "exported", "network.json", "tensors.safetensors", "training.json"]
CONVOLUTION = "8x8x1 - C4(2,9) - MP2 - C6:2x2+same - D10"


@pytest.fixture
def convolution(tmp_path):
    return save_run(tmp_path / "run", from_text(CONVOLUTION, levels=3))


def test_until_the_integer_network(tmp_path):
    said = []
    run = save_run(tmp_path / "run")
    network = flow.compile(run, tmp_path / "lower", until="lower", say=said.append)
    assert said == ["exporting", "lowering"]
    assert sorted_names(tmp_path / "lower") == LOWERED
    assert flow.compile(run, tmp_path / "whole") == network
    whole, lowered = contents(tmp_path / "whole"), products(tmp_path / "lower")
    assert lowered == {name: whole[name] for name in lowered}
    record = flow.evaluate(tmp_path / "lower", "digits")
    assert record["engine"] == "packed"
    flow.compile(run, tmp_path / "lower")  # a build like any other: the whole one takes its place
    assert contents(tmp_path / "lower") == whole
    flow.compile(run, tmp_path / "lower", until="lower")
    assert sorted_names(tmp_path / "lower") == LOWERED


def test_a_convolution_on_the_cpu(convolution, tmp_path):
    build = tmp_path / "build"
    network = flow.compile(convolution, build, until="lower")
    assert storage.load(build) == network
    images = datasets.load("digits").test_images
    for engine in ("packed", "reference", "both"):
        record = flow.evaluate(build, "digits", engine=engine, levels=2)
        assert (record["engine"], record["levels"], record.get("mismatches", 0)) == (engine, 2, 0)
        labels = np.argmax(reference.run(network, images, 2), axis=1)
        assert record["accuracy"] == round(100 * float(np.mean(labels == datasets.load("digits").test_labels)), 4)


@pytest.mark.rtl
def test_a_convolution_through_the_rtl(convolution, tmp_path):
    """From the text to the scores of the RTL, at M levels and at levels that change with every image."""
    build = tmp_path / "build"
    flow.compile(convolution, build, folding="balanced", target_cycles=200)
    folding = json.loads((build / "folding.json").read_text())
    assert folding["predicted_cycles_per_image"] == folding["bound_cycles"] <= 200
    assert folding["limiting_fifos"] == []
    assert [fifo["name"] for fifo in folding["fifos"]] == [
        "layer1.window", "layer1.input", "layer1.output", "layer1.pool", "layer2.window", "layer2.input",
        "layer2.output", "layer3.input", "layer3.output",
    ]  # fmt: skip
    record = flow.simulate(build, "digits", images=100).record
    assert (record["images"], record["mismatches"]) == (100, 0)
    assert record["cycles_per_image"] == folding["bound_cycles"]
    assert record["latency_cycles"] == folding["predicted_latency_cycles"]
    for stalls in (None, 5):
        record = flow.simulate(build, "digits", images=100, levels=(3, 1, 2), stalls=stalls).record
        assert (record["images"], record["mismatches"], record["levels"]) == (100, 0, [3, 1, 2])


def test_a_folding_that_fails_leaves_nothing_behind(convolution, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(FoldingError) as refusal:
        flow.compile(convolution, tmp_path / "build", folding="paper")
    assert str(refusal.value) == (
        "folding 'paper': the network text gives layer2, layer3 no (PE,SIMD); write them into the text or use "
        "'balanced'"
    )
    assert contents(tmp_path) == before
    assert sorted_names(tmp_path) == ["run"]


def test_a_folding_that_fails_leaves_an_older_build(convolution, tmp_path):
    flow.compile(convolution, tmp_path / "build", until="lower")
    before = contents(tmp_path)
    with pytest.raises(FoldingError):
        flow.compile(convolution, tmp_path / "build", folding="paper")
    assert contents(tmp_path) == before


def test_simulating_what_was_only_lowered(convolution, tmp_path):
    build = tmp_path / "build"
    flow.compile(convolution, build, until="lower")
    with pytest.raises(FileFormatError) as refusal:
        flow.simulate(build, "digits")
    assert str(refusal.value) == f"{build}/folding.json: no such file; the stage that writes it has not run"
    assert sorted_names(build) == LOWERED


def test_an_unknown_stage(tmp_path):
    with pytest.raises(OptionError) as refusal:
        flow.compile(save_run(tmp_path / "run"), tmp_path / "build", until="fold")
    assert str(refusal.value) == "until='fold': use lower or generate"
    assert sorted_names(tmp_path) == ["run"]


def test_an_any_level_network_from_training_to_integers(tmp_path):
    """One set of weights, three accuracies: what training says of each m, the integer network keeps."""
    text = "8x8x1 - D32 - D24 - D10"
    record = flow.train(text, "digits", 3, tmp_path / "run", epochs=10, any_levels=True, quiet=True)
    assert record["test_accuracy"] == record["test_accuracies"][-1]
    network = flow.compile(tmp_path / "run", tmp_path / "build")
    assert network.served == (1, 2, 3)
    assert json.loads((tmp_path / "build" / "ports.json").read_text())["levels"] == [1, 2, 3]
    for m, wanted in zip(network.served, record["test_accuracies"], strict=True):
        evaluation = flow.evaluate(tmp_path / "build", "digits", levels=m, engine="both")
        assert evaluation["mismatches"] == 0
        assert abs(evaluation["float_accuracy"] - wanted) < 0.3  # float32 twice: at most one image may differ
        assert abs(evaluation["accuracy"] - wanted) < 2
        assert wanted > 80
    fixed = flow.compile(tmp_path / "run", tmp_path / "fixed", fixed_levels=True, until="lower")
    images = datasets.load("digits").test_images
    assert np.array_equal(reference.run(fixed, images), reference.run(network, images, 3))


def test_an_exported_network_alone_is_a_source(tmp_path):
    """Without a record of a training, which nothing asks for on the way to a proof and a page."""
    folder = tmp_path / "a network"
    storage.save(from_text("8x8x1 - D6 - D10", levels=2), folder)
    for _ in range(2):  # the second time over the build of the first
        flow.compile(folder, tmp_path / "build", folding="balanced")
    record = flow.evaluate(tmp_path / "build", "digits")
    assert record.labels_differing == 0
    assert "<title>" in flow.report([tmp_path / "build"], tmp_path / "page.html").read_text()
    assert flow.compile(tmp_path / "build" / "exported", tmp_path / "again", until="lower").classes == 10
    with pytest.raises(OptionError, match="says nothing of a data set; name one with --dataset"):
        flow.dataset_of(folder)
    (folder / "network.json").unlink()
    with pytest.raises(FileFormatError):
        flow.compile(folder, tmp_path / "none")
