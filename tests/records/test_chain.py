"""What is believed of a folder: records of another training, of another build, edited, or of nobody knows what."""

import json
import re
import shutil

import pytest
from tests.ir.networks import from_text
from tests.records.chained import put, rechain
from tests.simulate.builds import build, compiled, run_folder, save_run, shared

from rebnet import flow
from rebnet.errors import FileFormatError
from rebnet.files import file_hash, read_json, write_record
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.records.chain import Link, read_chain
from rebnet.report import report
from rebnet.report.records import read_build
from rebnet.reproduce.records import read_run

__all__ = ["build", "compiled", "run_folder", "shared"]
BACK = "compile the run again, or put its own file back"
EVALUATION = {
    "dataset": "digits", "engine": "packed", "images": 200, "levels": 3, "accuracy": 50, "float_accuracy": 50,
}  # fmt: skip
SIMULATION = {
    "dataset": "digits", "images": 200, "levels": [3], "stalls": None, "mismatches": 0, "accuracy": 50,
    "cycles_per_image": 45.5, "bound_cycles": 45,
}  # fmt: skip
VERBS = {
    "report": lambda build: report([build], build / "page.html"),
    "evaluate": lambda build: flow.evaluate(build, "digits"),
    "online": lambda build: flow.evaluate(build, "digits", online=True),
    "adaptive": lambda build: flow.evaluate(build, "digits", adaptive=(1, 3)),
    "reproduce": lambda build: read_run(build, bound_cycles),
}


def edit(path, **changes):
    record = {key: value for key, value in read_json(path).items() if key != "schema"}
    write_record(path, {**record, **changes})


def refused(verb, build, message):
    before = {path.name for path in build.iterdir()}
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        VERBS[verb](build)
    assert {path.name for path in build.iterdir()} == before


TRAINED = {
    "input_bits": 8, "seed": 0, "epochs": 1, "curve": [{"epoch": 1, "validation_accuracy": 9}],
    "validation_accuracy": 9, "recipe": {"validation_fraction": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_the_training_of_another_network(build, verb):
    edit(build / "training.json", test_accuracy=99.99, **TRAINED)
    message = f"{build}/training.json: is not the one that {build}/exported/network.json was made from; {BACK}"
    refused(verb, build, message)


@pytest.mark.parametrize("verb", VERBS)
def test_the_exported_network_of_another_build(build, tmp_path, verb):
    edit(build / "training.json", **TRAINED)
    rechain(build)
    other = flow_lowered(tmp_path, build)
    shutil.rmtree(build / "exported")
    shutil.copytree(other / "exported", build / "exported")
    message = f"{build}/exported/network.json: is not the one that {build}/network.json was made from; {BACK}"
    refused(verb, build, message)


def flow_lowered(tmp_path, build):
    run = save_run(tmp_path / "another", from_text("8x8x1 - D4 - D10", levels=3))
    shutil.copyfile(build / "training.json", run / "training.json")
    flow.compile(run, tmp_path / "other", until="lower")
    return tmp_path / "other"


def test_an_exported_network_that_does_not_say(build):
    edit(build / "exported" / "network.json", inputs={})
    edit(build / "network.json", inputs={"exported": file_hash(build / "exported" / "network.json")})
    refused(
        "report", build, f"{build}/exported/network.json: does not say which training.json it was made from; {BACK}"
    )


@pytest.mark.parametrize(
    ("file", "record", "source"),
    [
        ("evaluation.json", EVALUATION, "network.json"),
        ("simulation.json", SIMULATION, "ports.json"),
    ],
)
def test_a_record_that_does_not_say(build, file, record, source):
    write_record(build / file, record)
    reason = f"is there, but does not say which {source} it was made from"
    assert read_build(build).unused == {file: reason}
    edit(build / "training.json", **TRAINED)
    write_record(rechain(build) / file, record)
    way_out = "run the stage that writes it again, or leave the folder out"
    refused("reproduce", build, f"{build}/{file}: {reason}; {way_out}")


def test_a_record_whose_source_is_not_there(build):
    put(build / "simulation.json", SIMULATION)
    (build / "ports.json").unlink()
    reason = "is there, but the ports.json that it was made from is not"
    assert read_build(build).unused == {"simulation.json": reason}


def test_everything_chains(build):
    flow.evaluate(build, "digits")
    chain = read_chain(build)
    assert chain.unused == {}
    assert {(link.record, link.source) for link in chain.links} == {
        ("folding.json", "network.json"), ("evaluation.json", "network.json"),
        ("evaluation.json", "exported/network.json"), ("network.json", "exported/network.json"),
        ("ports.json", "network.json"), ("ports.json", "folding.json"),
    }  # fmt: skip
    assert all(link.whole for link in chain.links)
    assert Link("evaluation.json", "network.json", whole=True) in chain.links


def test_forged_figures_that_contradict_each_other(build):
    images = {"images": "a" * 64}
    put(build / "evaluation.json", {**EVALUATION, "inputs": images})
    put(build / "simulation.json", {**SIMULATION, "inputs": images})
    assert read_build(build).unused == {}
    put(build / "simulation.json", {**SIMULATION, "inputs": images, "accuracy": 99.5})
    told = "50 % against 99.5 % of the same images without a mismatch"
    assert read_build(build).unused == {
        "evaluation.json": f"is there, but contradicts simulation.json: {told}",
        "simulation.json": f"is there, but contradicts evaluation.json: {told}",
    }
    for other in ({"inputs": {"images": "b"}}, {"mismatches": 3}, {"levels": [2]}, {"images": 100}):
        put(build / "simulation.json", {**SIMULATION, "inputs": images, "accuracy": 99, **other})
        assert read_build(build).unused == {}, other


@pytest.mark.parametrize("verb", [flow.compile, lambda run, output: read_run(run, bound_cycles)])
def test_a_run_whose_model_is_of_another_training(run_folder, tmp_path, verb):
    (run_folder / "model.safetensors").write_bytes(b"the network of another training")
    edit(run_folder / "training.json", inputs={"model": "0" * 64}, **TRAINED)
    message = f"{run_folder}/model.safetensors: is not the one that {run_folder}/training.json was made from; {BACK}"
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        verb(run_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_evaluation_names_the_images(build, tmp_path):
    record = flow.evaluate(build, "digits")
    assert len(record["inputs"]["images"]) == 64
    assert json.loads((build / "evaluation.json").read_text())["inputs"] == record["inputs"]
