"""Resources and latency: ours from records, FINN's as printed, and the commands for what is missing."""

import re

import pytest
from tests.records.chained import put
from tests.reproduce.conftest import panels
from tests.reproduce.test_records import FOLDING, SIMULATION

from rebnet.errors import FileFormatError, OptionError
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.reproduce.figure10 import figure10
from rebnet.reproduce.records import read_run

TOTAL = {"LUT": 10_000, "FF": 8_000, "BRAM_36K": 10, "BRAM_18K": 5, "DSP": 0}
DEVICE = {"LUT": 32_600, "FF": 65_200, "BRAM_36K": 75, "BRAM_18K": 0, "DSP": 120}


@pytest.fixture
def built(folder):
    """`built(levels, LUT=…)`: a build that was simulated and synthesised."""

    def make(levels, part="xc7s50", **counts):
        build = folder(f"m{levels}-{part}", levels=levels)
        put(build / "folding.json", {**FOLDING, "levels": levels, "predicted_latency_cycles": 1000 * levels})
        put(build / "simulation.json", {**SIMULATION, "levels": [levels], "latency_cycles": 1001 * levels})
        total = {**TOTAL, **counts}
        put(
            build / "synthesis.json", {"part": part, "tool": "Yosys 1", "total": total, "device": DEVICE, "modules": []}
        )
        return read_run(build, bound_cycles)

    return make


def ours(made):
    return [row for row in made.record["rows"] if row["levels"] is not None]


def test_absolute_numbers(built):
    made = figure10([built(2, LUT=11_500), built(1)], None)
    one, two = ours(made)
    assert [one[key]["value"] for key in ("LUT", "FF", "BRAM", "DSP")] == [10_000, 8_000, 12.5, 0]
    assert one["LUT"]["origin"].endswith("m1-xc7s50/synthesis.json total, Yosys 1")
    assert one["LUT_share"] == {"value": 30.67, "unit": "%", "origin": one["LUT"]["origin"]}
    assert "LUT_overhead" not in one
    assert two["LUT_overhead"] == {"value": 15.0, "unit": "%", "origin": f"against {one['run']}"}
    assert [(row["model_latency"]["value"], row["rtl_latency"]["value"]) for row in (one, two)] == [
        (1000, 1001), (2000, 2002),
    ]  # fmt: skip
    assert two["latency_us"] == {"value": 10.01, "unit": "µs", "origin": "rtl_latency / 200 MHz (assumed)"}
    assert (made.record["missing"], one["notes"]) == ([], [])
    assert made.table.rows[-1][3:] == (
        "xc7s50", "11,500", "8,000", "12.5", "0", "35.3", "16.7", "+15.0 %", "2,000", "2,002", "10.01",
    )  # fmt: skip


def test_overhead_needs_the_same_part(built):
    rows = ours(figure10([built(1, part="xc7z020"), built(2)], None))
    assert not any("LUT_overhead" in row for row in rows)


def test_published(built):
    rows = figure10([built(1)], None).record["rows"]
    lfc, _, finn = rows[:3]
    assert (lfc["by"], lfc["LUT"]["value"], lfc["LUT_share"]["value"]) == ("BNN-PYNQ LFC W1A1", 28_360, 53.31)
    assert "Xilinx/BNN-PYNQ" in lfc["LUT"]["origin"]
    assert finn["latency_us"]["value"] == 0.31


def test_nothing_is_measured(run):
    made = figure10([run("own")], None)
    (row,) = ours(made)
    assert row["notes"] == ["not synthesised", "not simulated"]
    name = row["run"]
    assert made.record["missing"] == [
        f"rebnet compile {name} --folding paper --output build/own",
        "rebnet simulate build/own --dataset mnist --images 100",
        "rebnet synthesize build/own --part xc7s50",
        "rebnet reproduce figure10 --from build/own",
    ]
    assert "$ rebnet synthesize build/own --part xc7s50" in made.table.markdown


def test_picture(built):
    shares, latency = panels(figure10([built(1), built(3)], None))
    heights = [bar.get_height() for group in shares.containers[2:] for bar in group]
    assert heights == 2 * [30.67, 12.27, 16.67, 0]
    assert [bar.get_height() for bar in latency.containers[0]] == [0.31, 5.005, 15.015]


def test_another_data_set(run):
    with pytest.raises(OptionError, match=re.escape(
        "dataset='svhn': none of the records is of a training on it, they are of mnist; name folders of its builds "
        "with --from"
    )):  # fmt: skip
        figure10([run("own")], "svhn")


def test_an_edited_synthesis(folder):
    build = folder("build")
    record = {"part": "x", "tool": "y", "total": {**TOTAL, "FF": "many"}, "device": DEVICE}
    put(build / "synthesis.json", record)
    message = (
        f"{build}/synthesis.json: key 'total.FF' holds 'many', it must hold a number from 0 to 1,000,000,000,000; run "
    )
    message += "the stage that writes it again"
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        read_run(build, bound_cycles)
