"""Records of a build: those that are missing, stale, of another schema, or damaged."""

import json
import re

import pytest
from tests.records.chained import rechain
from tests.report.test_operating import COUNTS, simulation

from rebnet import flow
from rebnet.errors import FileFormatError, OptionError
from rebnet.files import read_json, write_record
from rebnet.records import Folding, Simulation
from rebnet.report import report
from rebnet.report.records import read_build

AMOUNT = "a number from 0 to 1,000,000,000,000"
AGAIN = "run the stage that writes it again"
SYNTHESIS = {"part": "xc7s50", "tool": "Yosys 1", "total": COUNTS, "device": COUNTS}


def page(build, tmp_path):
    return report([build], tmp_path / "page.html").read_text()


def test_a_bare_build_says_what_fills_it(build, tmp_path):
    text = page(build, tmp_path)
    for command in (
        f"rebnet evaluate {build} --dataset digits",
        f"rebnet simulate {build} --dataset digits --images 100",
        f"rebnet synthesize {build} --part xc7z020",
        f"rebnet evaluate {build} --dataset digits --adaptive 1,3",
    ):
        assert f"<code>{command}</code>" in text
    assert "synthesis.json is not there yet." in text


def test_a_build_without_folding(build, tmp_path):
    for file in ("folding.json", "ports.json", "training.json", "compile.json"):
        (build / file).unlink()
    text = page(build, tmp_path)
    assert f"rebnet compile SOURCE --output {build}" in text
    assert f"rebnet evaluate {build} --dataset DATASET" in text


def test_another_schema_is_not_used_and_says_so(build, tmp_path):
    simulation(build)
    record = json.loads((build / "simulation.json").read_text())
    (build / "simulation.json").write_text(json.dumps({**record, "schema": 9}))
    reason = "is there, but of schema version 9, and this rebnet reads version 1"
    assert read_build(build).unused == {"simulation.json": reason}
    assert page(build, tmp_path).count(f"simulation.json {reason}") >= 2


def test_a_stale_record_is_not_used_and_says_so(build, tmp_path):
    simulation(build)
    assert read_build(build).get(Simulation) is not None
    ports = read_json(build / "ports.json")
    write_record(build / "ports.json", {**ports, "more": 1})
    read = read_build(build)
    assert read.get(Simulation) is None
    assert read.unused == {"simulation.json": "is there, but was made from another ports.json than this build holds"}
    assert "✗ another ports.json" in page(build, tmp_path)


def test_what_was_made_from_a_stale_file_is_not_used_either(build):
    simulation(build)
    folding = read_json(build / "folding.json")
    write_record(build / "folding.json", {**folding, "samples_per_beat": 2})
    read = read_build(build)
    reason = "is there, but was made from a ports.json that is of another build itself"
    another = "is there, but was made from another folding.json than this build holds"
    assert read.unused == {"compile.json": another, "simulation.json": reason}
    assert read.get(Folding) is not None


def test_resources_that_do_not_fit(build, tmp_path):
    device = {**COUNTS, "LUT": 60, "BRAM_36K": 0}
    write_record(build / "synthesis.json", {**SYNTHESIS, "device": device, "boards_that_fit": ["zc702"]})
    rechain(build)
    text = page(build, tmp_path)
    assert "It does not fit: 40 LUT and 2 block RAM, 36 kbit too many. It fits zc702." in text
    assert "166.7 %" in text


def test_predicted_and_synthesised_have_columns_of_their_own(build, tmp_path):
    folding = read_json(build / "folding.json")
    model = {"part": "xc7z020", "total": {**COUNTS, "LUT": 90}, "device": COUNTS, "modules": []}
    search = {"board": "zc702", "proof": "<b>"}
    write_record(build / "folding.json", {**folding, "predicted_resources": model, "search": search})
    rechain(build)
    row = '<tr><th scope="row">LUT</th><td class="key">90</td><td>–</td><td>100</td><td>90.0 %</td>'
    assert row in page(build, tmp_path)
    write_record(build / "synthesis.json", {**SYNTHESIS, "device": {**COUNTS, "LUT": 200}})
    rechain(build)
    text = page(build, tmp_path)
    assert '<tr><th scope="row">LUT</th><td>90</td><td class="key">100</td><td>200</td><td>50.0 %</td>' in text
    assert "&quot;&lt;b&gt;&quot;" in text


def test_a_clock_that_was_timed_stands_beside_the_assumed_one(build, tmp_path):
    """Images/s of the bitstream's clock, and the path that sets it; without one, the assumed clock alone."""
    cycles = read_json(build / "folding.json")["predicted_cycles_per_image"]
    assert "Throughput, timed" not in page(build, tmp_path)
    path = {
        "begin": "a.<b>_q[1]", "end": "c.q", "end_port": "CE", "through": ["ready"], "levels": 2, "ns": 3.1,
        "logic_ns": 1, "routing_ns": 2.1,
    }  # fmt: skip
    placed = {
        "tools": ["nextpnr"], "seed": 1, "target_mhz": 100, "fmax_mhz": 71.2, "clock_mhz": 62.5, "used": COUNTS,
        "available": COUNTS, "bitstream": "device/device.bit", "bitstream_bytes": 1, "seconds": {},
        "longest_path": path,
    }  # fmt: skip
    write_record(build / "synthesis.json", {**SYNTHESIS, "fmax_mhz": 71.2, "place_and_route": placed})
    rechain(build)
    text = page(build, tmp_path)
    assert "at 62.5 MHz, in the bitstream on xc7s50" in text
    assert f"{round(62.5e6 / cycles):,}" in text
    assert "a.&lt;b&gt;_q[1] &gt; ready &gt; c.q (CE), 2 levels of logic, 3.1 ns: 1 in cells, 2.1 on wires." in text
    del placed["longest_path"]
    write_record(build / "synthesis.json", {**SYNTHESIS, "fmax_mhz": 71.2, "place_and_route": placed})
    rechain(build)
    assert "longest path" not in page(build, tmp_path)


def test_the_longest_path_of_each_unit(build, tmp_path):
    unit = {"module": "fifo", "levels": 4, "begin": "a.<b>_q[1]", "through": ["ready"], "end": "c_q"}
    path = {
        "begin": "read_q", "end": "full_q", "end_port": "DI", "through": [], "levels": 9, "ns": 4.126, "logic_ns": 1,
        "routing_ns": 3.126,
    }  # fmt: skip
    timing = [{**unit, "names": ["x", "y"]}, {**unit, "names": ["z"], "routed": path}]
    write_record(build / "synthesis.json", {**SYNTHESIS, "timing": timing})
    rechain(build)
    text = page(build, tmp_path)
    assert '<th scope="row">x, y</th><td class="words">fifo</td><td>4</td><td></td>' in text
    assert "a.&lt;b&gt;_q[1] &gt; ready &gt; c_q" in text
    assert '<td>4</td><td>4.13</td><td class="words">read_q &gt; full_q</td>' in text


@pytest.mark.parametrize("modules", [
    [{"name": "layer_1", "module": "mvtu", **COUNTS}, {"module": "fifo", "count": 4, **COUNTS}],
    {"layer_1": {"module": "mvtu", **COUNTS}, "fifo": {"count": 4, **COUNTS}},
])  # fmt: skip
def test_modules(build, tmp_path, modules):
    write_record(build / "synthesis.json", {**SYNTHESIS, "modules": modules})
    rechain(build)
    text = page(build, tmp_path)
    assert '<th scope="row">layer_1</th><td>mvtu</td><td></td><td>100</td><td>50</td><td>2</td><td>3</td>' in text


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("simulation.json", {"levels": [True]}, "'levels[0]' holds True, it must hold a whole number from 1 to 8"),
        ("simulation.json", {"fifo_peaks": {"a": "<b>"}}, "'fifo_peaks.a' holds '<b>', it must hold a whole number of "
         "at least 0"),
        ("simulation.json", {"accuracy": "x"}, "'accuracy' holds 'x', it must hold a number from 0 to 100"),
        ("simulation.json", {"accuracy": 256}, "'accuracy' holds 256, it must hold a number from 0 to 100"),
        ("simulation.json", {"accuracy": 99.99}, "'accuracy' holds 99.99, which is not the share of a whole number of "
         "30 images; the nearest is 100.0000"),
        ("simulation.json", {"bound_cycles": 0}, f"'bound_cycles' holds 0, it must hold a number from 1 to {2**53:,}"),
        ("simulation.json", {"mismatches": 31}, "'mismatches' holds 31, it must hold at most 30, the images"),
        ("simulation.json", {"stalls": 7}, "'cycles_per_image' holds 45.5 though key 'stalls' holds 7; under stalls it "
         "must hold null"),
        ("simulation.json", {"latency_cycles": "x"}, "'latency_cycles' holds 'x', it must hold a whole number of at "
         "least 1, or null"),
        ("training.json", {"curve": [{"epoch": 1}]}, "'curve[0].validation_accuracy' is missing, it must hold a number "
         "from 0 to 100"),
        ("synthesis.json", {"total": {**COUNTS, "LUT": None}}, f"'total.LUT' holds None, it must hold {AMOUNT}"),
        ("folding.json", {"predicted_resources": {"part": "x", "total": {**COUNTS, "DSP": "1"}, "device": COUNTS}},
         f"'predicted_resources.total.DSP' holds '1', it must hold {AMOUNT}"),
        ("folding.json", {"predicted_resources": {"total": COUNTS, "device": COUNTS}}, "'predicted_resources.part' is "
         "missing, it must hold a text of 1 to 255 characters"),
        ("synthesis.json", {"modules": [{**COUNTS, "FF": "1"}]}, f"'modules[0].FF' holds '1', it must hold {AMOUNT}"),
    ],
)  # fmt: skip
def test_damaged_records(build, tmp_path, file, changes, message):
    simulation(build)
    write_record(build / "synthesis.json", SYNTHESIS)
    rechain(build)
    record = read_json(build / file)
    write_record(build / file, {**record, **changes})
    rechain(build)
    with pytest.raises(FileFormatError, match=f"^{re.escape(f'{build / file}: key {message}; {AGAIN}')}$"):
        report([build], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_no_json(build, tmp_path):
    (build / "evaluation.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"evaluation\.json: not valid JSON"):
        report([build], tmp_path / "page.html")


def test_no_build(build, run_folder, tmp_path):
    for folder, message in (
        (tmp_path / "none", "holds no network.json; name a folder that 'rebnet compile' made"),
        (run_folder, "holds an exported network, no build; name a folder that 'rebnet compile' made"),
    ):
        with pytest.raises(OptionError, match=f"^{re.escape(f'{folder}: {message}')}$"):
            report([folder], tmp_path / "page.html")
    with pytest.raises(OptionError, match="is named twice; name every build once"):
        report([build, build], tmp_path / "page.html")
    with pytest.raises(OptionError, match="none is named"):
        report([], tmp_path / "page.html")


def test_the_same_records_give_the_same_bytes(build, tmp_path):
    simulation(build)
    assert page(build, tmp_path) == page(build, tmp_path)


def test_mismatches_are_not_overlooked(build, tmp_path):
    simulation(build, mismatches=4)
    assert "The RTL computed other scores than the integer network for 4 of 30 images." in page(build, tmp_path)


def test_builds_of_all_kinds_in_one_sweep(build, run_folder, tmp_path):
    flow.compile(run_folder, tmp_path / "fixed", fixed_levels=True)
    flow.compile(run_folder, tmp_path / "lowered", until="lower")
    text = report([build, tmp_path / "fixed", tmp_path / "lowered"], tmp_path / "page.html").read_text()
    folded = f"<code>rebnet compile {run_folder} --output {tmp_path / 'lowered'}\n<code>"  # without --until lower
    assert folded in text.replace("\n", "\n<code>")
    assert "3 accelerators" in text
    one = report([tmp_path / "fixed"], tmp_path / "one.html").read_text()
    assert 'id="levels"' not in one  # nothing to choose


def test_the_recipe_of_the_training_is_shown_whole(build, tmp_path):
    training = read_json(build / "training.json")
    write_record(build / "training.json", {**training, "recipe": {"epochs": 3, "loss": "squared_hinge", "mine": "é"}})
    rechain(build)
    text = page(build, tmp_path)
    details = text[text.index("The recipe of the training") :].split("</table>")[0]
    assert re.findall(r'<th scope="row">(\w+)</th><td>(.*?)</td>', details) == [
        ("epochs", "3"), ("loss", "&quot;squared_hinge&quot;"), ("mine", "&quot;é&quot;"),
    ]  # fmt: skip
