"""synthesis.json: what it says about a build, and whether it fits."""

import json
import shutil
from dataclasses import replace

import pytest
from tests.synthesize.small import PART, build_small, synthesized

import rebnet.synthesize
from rebnet import flow
from rebnet.boards import KEYS, Resources, find
from rebnet.errors import FileFormatError, OptionError
from rebnet.files import file_hash
from rebnet.synthesize import synthesize, yosys
from rebnet.synthesize.usage import Instance, Netlist, Part, Usage

__all__ = ["build_small", "synthesized"]


def test_a_real_build(synthesized):
    pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")
    build, cache = synthesized
    record = json.loads((build / "synthesis.json").read_text())
    assert (record["part"], record["board"], record["family"]) == (PART, PART, "ice40")
    assert record["tool"] == yosys.version()
    assert [(module["name"], module["module"]) for module in record["modules"]] == [
        ("accelerator", "accelerator"),
        ("pixels", "pixel_input"),
        ("layer1_convert", "width_converter"),
        ("layer1", "mvtu"),
        ("classes", "scores"),
    ]
    for key in KEYS:
        assert record["total"][key] == sum(module[key] for module in record["modules"])
        for module in record["modules"]:
            assert module[key] == sum(part["count"] * part[key] for part in module["parts"])
    names = [part["module"] for part in record["modules"][3]["parts"]]
    assert names[0] == "mvtu"
    assert {"vector_buffer", "processing_element", "popcount", "fifo"} < set(names)
    assert min(record["total"][key] for key in ("LUT", "FF", "BRAM_18K")) > 0
    assert record["device"] == find(PART).part.device.as_record()
    assert record["utilisation"]["LUT"] == round(100 * record["total"]["LUT"] / 5280, 2)
    assert (record["fits"], record["shortages"], record["boards_that_fit"]) == (True, [], ["icebreaker"])
    assert record["inputs"] == {"ports": file_hash(build / "ports.json")}
    assert record["modules_synthesized"] == len(list(cache.glob("*.json")))  # simulators are kept there too


def test_only_what_is_new_is_synthesized(synthesized, build_small, tmp_path):
    """The same network again, and one with other weights, which are in tables and not in block RAM."""
    pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")
    build, cache = synthesized
    before = json.loads((build / "synthesis.json").read_text())
    cache = shutil.copytree(cache, tmp_path / "cache")
    again = flow.synthesize(build_small, part="ICE40UP5K", cache_dir=cache)
    assert (again["modules_synthesized"], again["modules_cached"]) == (0, before["modules_synthesized"])
    assert again["modules"] == before["modules"]
    weights = build_small / "mem" / "layer1_weights.hex"
    weights.write_text("".join(f"{3 - int(word, 16):02x}\n" for word in weights.read_text().split()))
    with pytest.raises(FileFormatError, match="hex: is not what the build's network and folding"):
        flow.synthesize(build_small, part="ICE40UP5K", cache_dir=cache)
    other = flow.synthesize(build_small, part="ICE40UP5K", cache_dir=cache, edited=True)
    assert other["edited"]
    assert (other["modules_synthesized"], other["modules_cached"]) == (1, before["modules_synthesized"] - 1)


@pytest.fixture
def pretend(monkeypatch, build_small):
    """`pretend(board, resources)`: the record of a build that takes this much."""

    def call(board, needed):
        part = Part("top", 1, Usage(needed, needed.lut))
        netlist = Netlist((Instance("top", "top", (part,)),), "Yosys", 1, 0)
        monkeypatch.setattr(rebnet.synthesize, "synthesize_rtl", lambda *a, **k: netlist)
        return synthesize(build_small, find(board))

    return call


def test_too_small(pretend):
    needed = Resources(lut=40000, ff=70000, bram_36k=70, bram_18k=11, dsp=120)
    record = pretend("arty-s7-50", needed)
    assert not record["fits"]
    assert record["shortages"] == [
        {"resource": "LUT", "needed": 40000, "available": 32600},
        {"resource": "FF", "needed": 70000, "available": 65200},
        {"resource": "BRAM", "needed": 76, "available": 75},
    ]
    assert record["utilisation"] == {"LUT": 122.7, "FF": 107.36, "BRAM": 101.33, "DSP": 100.0}
    assert record["boards_that_fit"] == [
        "arty-a7-100", "pynq-z1", "pynq-z2", "zc702", "kc705", "vc709", "ultra96", "ultra96-v2", "zcu104",
        "kv260", "vcu108",
    ]  # fmt: skip
    assert pretend("arty-s7-50", replace(needed, lut=32600, ff=65200, bram_18k=10))["fits"]


def test_other_families_are_not_judged(pretend):
    assert pretend("ulx3s-45", Resources(lut=50000))["boards_that_fit"] == ["ulx3s-85", "ecpix-5-85", "orangecrab-85"]
    assert pretend("icebreaker", Resources(lut=6000))["boards_that_fit"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"part": "xc7s50", "board": "zc702"},
            "part=xc7s50, board=zc702: name the device once; use --part xc7s50 or --board zc702",
        ),
        ({}, "part=None, board=None: name the device once; use --part xc7s50 or --board zc702"),
        ({"part": "xc7s50", "timeout": 0}, "timeout=0: a module needs some time; use more than 0 seconds"),
        ({"part": "xc7s50", "processes": 0}, "processes=0: at least one module must be synthesized; use 1 or more"),
    ],
)  # fmt: skip
def test_options(build_small, options, message):
    with pytest.raises(OptionError) as error:
        flow.synthesize(build_small, **options)
    assert str(error.value) == message
