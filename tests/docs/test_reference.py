"""The reference pages say what the code says: options, record keys, errors, tensors."""

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from tests.importing.test_importing import MODELS
from tests.ir.networks import from_text, treed
from tests.records.chained import put
from tests.reproduce.conftest import TRAINING
from tests.reproduce.test_figure10 import DEVICE, TOTAL
from tests.reproduce.test_records import EVALUATION, FOLDING, SIMULATION
from tests.reproduce.test_table4 import ONLINE
from tests.simulate.builds import save_run

import rebnet.errors
import rebnet.synthesize
from rebnet import flow
from rebnet.boards import KEYS, Resources
from rebnet.cli.app import app
from rebnet.files import write_record
from rebnet.ir import storage
from rebnet.reproduce import STUDIES, TARGETS, Target
from rebnet.synthesize.usage import Instance, Netlist, Part, Usage

from . import cli_tables
from .pages import DOCS

REFERENCE = DOCS / "reference"
NETWORK = "8x8x1 - D8(4,8) - D10"
_TYPES = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
    "null": type(None),
    "number": (int, float),
    "any": object,
}


def test_the_options_are_those_of_the_command_line() -> None:
    text = cli_tables.PAGE.read_text(encoding="utf-8")
    assert cli_tables.page(text) == text, "run: python -m tests.docs.cli_tables"
    assert cli_tables.verbs(text) == list(typer.main.get_command(app).commands)


def test_the_error_tree_is_the_one_of_the_code() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    assert inspect.getdoc(rebnet.errors) is not None
    assert textwrap.dedent(str(rebnet.errors.__doc__).split("\n\n")[1]).strip() in text


def documented(record: str) -> dict[str, str]:
    """Keys and types of a record's table in records.md, reproductions.md or synthesis.md."""
    text = "\n".join(
        (REFERENCE / name).read_text(encoding="utf-8")
        for name in ("records.md", "reproductions.md", "synthesis.md", "sweeps.md")
    )
    section = re.search(rf"^## {re.escape(record)}$(.*?)(^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, record
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section[1], re.MULTILINE))


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of a record with their values, written as in records.md."""
    if isinstance(value, dict) and set(value) == {"value", "unit", "origin"}:
        yield f"{name}.*", value["value"]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from leaves(item, f"{name}[]")
    else:
        name = re.sub(r"^operating_point\.", "curve[].", name)  # one of the points of its curve
        name = re.sub(r"^(predicted_resources\..*)\.(LUT|FF|BRAM_36K|BRAM_18K|DSP)$", r"\1.*", name)
        name = re.sub(r"^(request\.options)\..*", r"\1.*", name)
        yield re.sub(r"^fifo_peaks\..*", "fifo_peaks.*", name), value


def check(record: str, *paths: Path) -> None:
    """Every key of the files is documented with its type, and every documented key is in one of them."""
    table = documented(record)
    found = [leaf for path in paths for leaf in leaves(json.loads(path.read_text()))]
    assert {key for key, _ in found} == set(table)
    for key, value in found:
        kinds = tuple(_TYPES[kind.split(" ")[0]] for kind in table[key].strip().split(" or "))
        assert isinstance(value, kinds), f"{record}: {key} holds {value!r}, documented as {table[key]}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and its build, evaluated."""
    folder = tmp_path_factory.mktemp("records")
    flow.train(NETWORK, "digits", 2, folder / "run", epochs=1, quiet=True)
    flow.compile(folder / "run", folder / "build")
    flow.evaluate(folder / "build", "digits")
    flow.evaluate(folder / "build", "digits", adaptive=(1, 2))
    flow.evaluate(folder / "build", "digits", online=True)
    flow.report([folder / "build"])
    return folder


@pytest.fixture(scope="module")
def any_levels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The integer network of an any-level training."""
    folder = tmp_path_factory.mktemp("any")
    flow.train(NETWORK, "digits", 3, folder / "run", epochs=1, any_levels=True, quiet=True)
    flow.compile(folder / "run", folder / "build", until="lower")
    return folder / "build"


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The integer network of a convolution, evaluated with both engines."""
    folder = tmp_path_factory.mktemp("maps")
    run = save_run(folder / "run", from_text("8x8x1 - C4(2,9) - MP2 - D10", levels=3))
    flow.compile(run, folder / "build", until="lower")
    flow.evaluate(folder / "build", "digits", engine="both")
    return folder / "build"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The integer network of a convolution that answers on a map, evaluated."""
    folder = tmp_path_factory.mktemp("labelled")
    np.savez(folder / "a.npz", images=np.zeros((5, 4, 4, 1), np.uint8), labels=np.arange(80).reshape(5, 4, 4) % 3)
    run = save_run(folder / "run", from_text("4x4x1 - C2:1x1 - C3:1x1", levels=1))
    flow.compile(run, folder / "build")
    flow.evaluate(folder / "build", f"npz:{folder / 'a.npz'}")
    flow.evaluate(folder / "build", f"npz:{folder / 'a.npz'}", online=True)
    return folder / "build"


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An any-level network that answers with values, evaluated."""
    folder = tmp_path_factory.mktemp("regression")
    np.savez(folder / "a.npz", images=np.zeros((9, 4, 4, 1), np.uint8), targets=np.arange(9))
    flow.train("4x4x1 - D4 - D1", f"npz:{folder / 'a.npz'}", 2, folder / "run", epochs=1, any_levels=True, quiet=True)
    flow.compile(folder / "run", folder / "build")
    flow.evaluate(folder / "build", f"npz:{folder / 'a.npz'}")
    return folder / "build"


WAYS: dict[str, Any] = {
    "unrolled": {"folding": "unrolled", "fixed_levels": True},
    "written": {"runtime_weights": True},
}
"""Of compiling, where ports.json says more."""


def test_records(place: Path, maps: Path, labelled: Path, any_levels: Path, regression: Path, tmp_path: Path) -> None:
    build = place / "build"
    check("training.json", *(folder / "training.json" for folder in (build, any_levels, regression)))
    networks = [
        folder / part
        for folder in (build, maps, any_levels, regression)
        for part in ("network.json", "exported/network.json")
    ]
    storage.save(treed(np.random.default_rng(0), storage.load(maps), share=1), tmp_path / "treed")
    model = MODELS / "brevitas-tiny-cnv" / "model.onnx"
    flow.compile(model, tmp_path / "imported", input_scale="unit", until="lower")
    imported = (tmp_path / "imported" / name for name in ("network.json", "exported/network.json"))
    check("network.json", *networks, tmp_path / "treed" / "network.json", *imported)
    check("import.json", tmp_path / "imported" / "import.json")
    check("evaluation.json", *(folder / "evaluation.json" for folder in (build, maps, labelled, regression)))
    check("adaptive.json", build / "adaptive.json")
    check("online.json", build / "online.json", labelled / "online.json")
    for name, options in WAYS.items():
        flow.compile(place / "run", tmp_path / name, **options)
    builds = [build, regression, *(tmp_path / name for name in WAYS)]
    check("ports.json", *(folder / "ports.json" for folder in builds))
    flow.generate(tmp_path / "written", target="weights")
    check("weights.json", tmp_path / "written" / "weights" / "weights.json")
    flow.compile(place / "run", tmp_path / "searched", board="zc702", margin={"LUT": 1.0})
    flow.compile(place / "run", tmp_path / "given", board="zc702", folding="balanced", max_utilisation=90)
    foldings = [folder / "folding.json" for folder in (build, tmp_path / "searched", tmp_path / "given")]
    check("folding.json", *foldings)
    check("compile.json", build / "compile.json")


@pytest.mark.rtl
def test_records_of_a_simulation(place: Path, labelled: Path, regression: Path) -> None:
    from rebnet.report import write_report

    build = place / "build"
    flow.simulate(build, "digits", images=8)
    flow.simulate(labelled, f"npz:{labelled.parent / 'a.npz'}")
    flow.simulate(regression, f"npz:{regression.parent / 'a.npz'}")
    check("simulation.json", *(folder / "simulation.json" for folder in (build, labelled, regression)))
    write_report([build, regression], place / "report.json")
    check("report.json", place / "report.json")


def test_records_of_a_synthesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of something too large, so that every list has items."""
    usage = Usage(Resources(*(10**6 for _ in KEYS)), 10**6)
    netlist = Netlist((Instance("top", "top", (Part("top", 1, usage),)),), "Yosys", 1, 0)
    monkeypatch.setattr(rebnet.synthesize, "synthesize_rtl", lambda *a, **k: netlist)
    build = tmp_path / "build"
    run = save_run(tmp_path / "run", from_text("2x2x1 - D2", levels=1))
    flow.compile(run, build, part="xc7s50", max_utilisation=90)
    flow.synthesize(build, part="xc7s50")
    check("synthesis.json", build / "synthesis.json")


@pytest.mark.parametrize("target", [target for target in TARGETS if target not in STUDIES])
def test_records_of_reproductions(tmp_path: Path, target: Target) -> None:
    for name, rows in (("narrow", 256), ("wide", 512)):
        text = f"28x28x1 - D{rows}(16,64) - D{rows}(32,16) - D{rows}(16,32) - D10(16,4)"
        write_record(tmp_path / name / "training.json", {**TRAINING, "network": text})
    write_record(tmp_path / "single" / "training.json", {**TRAINING, "network": text, "levels": 1})
    put(tmp_path / "wide" / "evaluation.json", EVALUATION)
    put(tmp_path / "wide" / "simulation.json", {**SIMULATION, "latency_cycles": 900})
    put(tmp_path / "wide" / "folding.json", {**FOLDING, "predicted_latency_cycles": 900})
    put(tmp_path / "single" / "folding.json", {**FOLDING, "levels": 1})
    put(tmp_path / "narrow" / "online.json", ONLINE)
    folders = [tmp_path / name for name in ("narrow", "wide", "single")]
    for folder in folders:
        synthesis = {"part": "xc7s50", "tool": "Yosys 1", "total": TOTAL, "device": DEVICE}
        put(folder / "synthesis.json", synthesis)
    flow.reproduce(target, tmp_path, from_=folders)
    check(f"{target}.json", tmp_path / f"{target}.json")


def test_tensors_and_files(place: Path) -> None:
    text = (REFERENCE / "files.md").read_text(encoding="utf-8")
    for part in ("run", "build"):
        for path in (place / part).iterdir():
            assert path.name in text, path
    network = storage.load(place / "build")
    tensors = [match.split("`, `") for match in re.findall(r"^\| \w+ \| `([^|]*)` \|", text, re.MULTILINE)]
    names = {name for group in tensors for name in group}
    assert {"weights", "thresholds", "steps", "scale", "bias"} <= names
    assert network.levels == 2
