"""`flow.build` and a limit that the count breaks: searched again with what was counted, and an end to that."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from tests.ir.networks import from_text
from tests.simulate.builds import save_run

import rebnet.synthesize
from rebnet import flow
from rebnet.boards import Resources
from rebnet.errors import FoldingError, OptionError
from rebnet.flow import whole
from rebnet.synthesize.usage import Instance, Netlist, Part, Usage

PART = "xc7s50"


@pytest.fixture
def run(tmp_path):
    return save_run(tmp_path / "run", from_text("8x8x1 - D16 - D4", levels=1, bits=1))


@pytest.fixture
def counts(monkeypatch):
    """`counts(factors)`: synthesis n counts that many times the LUT that were predicted; the other verbs do nothing."""

    def use(*factors):
        left = list(factors)

        def synthesize_rtl(*arguments, logs, **options):
            folding = json.loads((logs.parent / "folding.json").read_text())
            total = Resources.from_record(folding["predicted_resources"]["total"])
            more = Resources(math.ceil(total.lut * left.pop(0)), total.ff, total.bram_36k, total.bram_18k, total.dsp)
            usage = Usage(more, None)
            return Netlist((Instance("top", "top", (Part("top", 1, usage),)),), "Yosys", 1, 0)

        monkeypatch.setattr(rebnet.synthesize, "synthesize_rtl", synthesize_rtl)
        for verb in ("evaluate", "simulate", "report"):
            monkeypatch.setattr(whole, verb, lambda *arguments, **options: None)
        return left

    return use


def folding_of(build):
    return json.loads((build / "folding.json").read_text())


def build(run, folder, percent, **options):
    said, stages = [], []
    record = flow.build(
        run,
        folder,
        part=PART,
        dataset="digits",
        max_utilisation=percent,
        note=said.append,
        begin=stages.append,
        **options,
    )
    return record, said, stages


def tight(run, folder):
    """A percentage of the device's LUT that the fastest folding within 10 % takes nearly all of."""
    flow.compile(run, folder / "first", part=PART, max_utilisation=10)
    lut = folding_of(folder / "first")["predicted_resources"]["total"]["LUT"]
    return math.ceil(10_000 * lut / 32_600) / 100


def test_a_count_beyond_the_limit_is_searched_again(run, counts, tmp_path):
    percent = tight(run, tmp_path)
    counts(1.08, 1.06)
    record, said, stages = build(run, tmp_path / "build", percent)
    assert stages == ["compile", "synthesize", "compile", "synthesize", "evaluate", "simulate", "report"]
    folding = folding_of(tmp_path / "build")
    assert folding["search"]["max_utilisation"] == percent
    margin = folding["search"]["margin"]["LUT"]
    assert 8 <= margin < 8.1
    assert folding["predicted_resources"]["total"]["LUT"] * (1 + margin / 100) <= percent / 100 * 32_600
    assert record["synthesize"]["limit"] == {"max_utilisation": percent, "within": True, "exceeded": []}
    assert len(said) == 1
    assert said[0].startswith("counted LUT ")
    assert said[0].endswith(f"; searching again with that margin: LUT {margin:.1f} % more than predicted")


def test_a_count_within_the_limit_is_searched_once(run, counts, tmp_path):
    counts(0.9)
    _, said, stages = build(run, tmp_path / "build", 10)
    assert stages == ["compile", "synthesize", "evaluate", "simulate", "report"]
    assert said == []


def test_an_end_after_three_searches(run, counts, tmp_path):
    percent = tight(run, tmp_path)
    left = counts(1.02, 1.3, 1.9, 1.0)
    with pytest.raises(FoldingError) as caught:
        build(run, tmp_path / "build", percent)
    assert left == [1.0]
    counted = json.loads((tmp_path / "build" / "synthesis.json").read_text())
    over = counted["limit"]["exceeded"][0]
    assert not counted["limit"]["within"]
    assert over["needed"] == counted["total"]["LUT"]
    assert str(caught.value) == (
        f"{tmp_path}/build: counted LUT {over['needed']} of {over['allowed']:.10g} allowed ({over['percent']:.2f} % of "
        f"the device, more than the {percent:g} % that were asked for) after 3 searches; allow more with "
        "--max-utilisation, ask for fewer images per second, or name a larger device"
    )


def test_a_folding_that_is_given_is_not_searched_again(run, counts, tmp_path):
    percent = tight(run, tmp_path)
    left = counts(1.5, 1.0)
    with pytest.raises(FoldingError, match=r"more than the .* % that were asked for\); allow more"):
        build(run, tmp_path / "build", percent, folding=tmp_path / "first" / "folding.json")
    assert left == [1.0]


def test_a_given_folding_without_a_limit_is_measured_as_before(run, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "synthesize", lambda *arguments, **options: SimpleNamespace(limit=None))
    for verb in ("evaluate", "simulate", "report"):
        monkeypatch.setattr(whole, verb, lambda *arguments, **options: None)
    _, said, _ = build(run, tmp_path / "build", None, folding="balanced")
    assert said == []
    assert "predicted_resources" not in folding_of(tmp_path / "build")


@pytest.mark.parametrize("percent", [0, 101, np.nan])
def test_no_such_limit(run, tmp_path, percent):
    with pytest.raises(OptionError, match="use more than 0 and at most 100 percent"):
        build(run, tmp_path / "build", percent)
    assert not (tmp_path / "build").exists()
