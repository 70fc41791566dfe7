"""The page's commands make the records that they stand under: run in a new folder, they give the same ones."""

import html
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from rebnet import flow
from rebnet.cli.app import run as rebnet
from rebnet.files import read_json, write_record
from rebnet.report import report

TIMES = {"seconds", "images_per_second", "simulated_cycles_per_second", "modules_cached", "modules_synthesized"}


@pytest.fixture(autouse=True)
def no_data_dir(monkeypatch):
    """The command line takes a folder of data from there, Python does not, and a record keeps it."""
    monkeypatch.delenv("REBNET_DATA_DIR", raising=False)


def printed(page: Path) -> list[str]:
    """The commands that make the records of a page."""
    block = re.search(r"Commands that make these records</h3>.*?<pre><code>(.*?)</code>", page.read_text(), re.DOTALL)
    assert block is not None
    return html.unescape(block[1]).splitlines()


def run(line: str) -> None:
    program, *words = shlex.split(line)
    assert program == "rebnet"
    assert rebnet(words) == 0, line


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def records(folder: Path) -> dict[str, Any]:
    """Every record under a folder, without what a clock or a cache says."""
    paths = folder.rglob("*.json")
    return {str(path.relative_to(folder)): timeless(json.loads(path.read_text())) for path in paths}


def made_again(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the page's commands in the empty folder `place`."""
    commands = printed(page)
    monkeypatch.chdir(place)
    for line in commands:
        run(line)
    return commands


def test_from_the_training_on(tmp_path, monkeypatch):
    """Every option that a verb was given comes back, from Python and in the caller's own relative paths."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    run, build = Path("my runs/m2"), Path("a build; it's one")
    flow.train("8x8x1 - D8(4,8) - D10", "digits", 2, run, epochs=1, seed=3, input_bits=4, quiet=True)
    flow.compile(run, build, folding="balanced", target_cycles=40, threshold_bits=20, board="zc702")
    flow.evaluate(build, "digits", levels=1, engine="both")
    flow.evaluate(build, "digits", adaptive=(1, 2), max_loss=2.5)
    page = report([build], tmp_path / "page.html")
    assert made_again(page, there, monkeypatch) == [
        "rebnet train --network '8x8x1 - D8(4,8) - D10' --dataset digits --levels 2 --epochs 1 --seed 3 --input-bits 4 "
        "--output 'my runs/m2'",
        "rebnet compile 'my runs/m2' --folding balanced --target-cycles 40 --board zc702 --threshold-bits 20 "
        "--output 'a build; it'\"'\"'s one'",
        "rebnet evaluate 'a build; it'\"'\"'s one' --dataset digits --levels 1 --engine both",
        "rebnet evaluate 'a build; it'\"'\"'s one' --dataset digits --adaptive 1,2 --max-loss 2.5",
    ]
    expected = records(here)
    assert {"training.json", "compile.json", "evaluation.json", "adaptive.json"} < {
        Path(name).name for name in expected
    }
    assert records(there) == expected


@pytest.mark.rtl
def test_through_the_rtl(ready, tmp_path):
    """Over the build itself, whose simulator is there already."""
    flow.simulate(ready, "digits", images=3, stalls=5, processes=1)
    expected = records(ready)
    commands = printed(report([ready], tmp_path / "page.html"))
    assert commands[1] == f"rebnet simulate {ready} --dataset digits --images 3 --stalls 5 --processes 1"
    for line in commands:
        run(line)
    assert records(ready) == expected


def test_a_search_and_a_synthesis_are_asked_for_again(build, tmp_path):
    asked = {"verb": "synthesize", "options": {"part": "xc7s50", "timeout": 99.5}}
    counts = dict.fromkeys(("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP"), 1)
    record = {"part": "xc7s50", "tool": "Yosys 1", "total": counts, "device": counts, "request": asked}
    write_record(build / "synthesis.json", record)
    assert printed(report([build], tmp_path / "page.html"))[-1] == (
        f"rebnet synthesize {build} --part xc7s50 --timeout 99.5"
    )


def test_records_without_a_request_say_so(build, tmp_path):
    """What an older rebnet wrote: the commands tell what can be known."""
    (build / "compile.json").unlink()
    flow.evaluate(build, "digits")
    record = read_json(build / "evaluation.json")
    write_record(build / "evaluation.json", {key: value for key, value in record.items() if key != "request"})
    page = report([build], tmp_path / "page.html")
    assert printed(page) == [f"rebnet compile SOURCE --output {build}", f"rebnet evaluate {build} --dataset digits"]
    assert (
        "The request is not in network.json, folding.json, ports.json, evaluation.json: an older rebnet wrote it. The "
        "commands say what can be known; capitals stand for what cannot."
    ) in page.read_text()
    flow.evaluate(build, "digits")
    assert "evaluation.json: an older rebnet" not in report([build], tmp_path / "page.html").read_text()


def test_a_stale_record_is_made_again_as_it_was_asked_for(build, tmp_path):
    flow.evaluate(build, "digits", levels=1)
    record = read_json(build / "evaluation.json")
    write_record(build / "evaluation.json", {**record, "inputs": {"network": "0" * 64}})
    text = report([build], tmp_path / "page.html").read_text()
    assert f"<pre><code>rebnet evaluate {build} --dataset digits --levels 1</code></pre>" in text
