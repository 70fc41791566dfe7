"""A hierarchy whose cells can be counted by hand, through the real synthesizer."""

import json

import pytest
from tests.synthesize.small import hierarchy

from rebnet.boards import Resources
from rebnet.errors import OutputError, ToolError
from rebnet.synthesize import yosys

__all__ = ["hierarchy"]

pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")


def summary(netlist):
    return {instance.name: (instance.module, instance.usage.resources) for instance in netlist.instances}


def test_totals_are_sums_over_the_instances(hierarchy):
    netlist = hierarchy("ice40")
    assert summary(netlist) == {
        "top": ("top", Resources(lut=1, ff=1)),
        "first": ("leaf", Resources(ff=8)),
        "second": ("leaf", Resources(ff=8)),
        "half": ("leaf", Resources(ff=4)),
        "both": ("pair", Resources(ff=4)),
    }
    assert netlist.total.resources == Resources(lut=1, ff=25)
    assert netlist.total.logic_cells is None
    (*_, both) = netlist.instances
    assert [(part.module, part.count, part.each.resources.ff) for part in both.parts] == [
        ("pair", 1, 0),
        ("leaf", 2, 2),
    ]
    assert netlist.tool == yosys.version()
    assert (netlist.synthesized, netlist.cached) == (5, 0)  # top, pair, and leaf of 8, 4 and 2 bits


@pytest.mark.parametrize("family", ["xc7", "xcup", "ecp5"])
def test_the_other_families(hierarchy, family):
    """32 bits of each of two memories, LUT RAM by their style, and a register behind."""
    netlist = hierarchy(family, top="memory")
    lut, memory = {"xc7": (4, 4), "xcup": (8, 8), "ecp5": (6, None)}[family]
    assert netlist.total.resources == Resources(lut=lut, ff=4)
    assert netlist.total.logic_cells == memory


def test_nothing_is_synthesized_twice(hierarchy, tmp_path):
    seen = []
    first = hierarchy("ice40", processes=3, progress=lambda *step: seen.append(step))
    assert [(done, total) for _, done, total in seen] == [(0, 0), *((done, 5) for done in range(1, 6))]
    assert {name for name, *_ in seen} == {"top", "first", "half", "both", "both.low"}
    logs = {path.name for path in (tmp_path / "work" / "synthesis").iterdir()}
    assert logs == {f"{name}.log" for name in ("elaboration", "top", "first", "half", "both", "both.low")}

    again = hierarchy("ice40")
    assert (again.instances, again.synthesized, again.cached) == (first.instances, 0, 5)
    leaf = tmp_path / "work" / "leaf.sv"
    leaf.write_text("// moved\n" + leaf.read_text())
    assert hierarchy("ice40").synthesized == 0
    leaf.write_text(leaf.read_text().replace("q <= d", "q <= ~d"))
    changed = hierarchy("ice40")
    assert (changed.synthesized, changed.cached) == (3, 2)
    assert changed.total.resources == Resources(lut=1 + 24, ff=25)


def test_a_damaged_result_is_made_again(hierarchy, tmp_path):
    hierarchy("ice40", top="leaf")
    for path in (tmp_path / "cache").iterdir():
        path.write_text(path.read_text()[:-20])
    assert hierarchy("ice40", top="leaf").synthesized == 1


def test_parameters_of_the_top(hierarchy, tmp_path):
    netlist = hierarchy("ice40", top="leaf", parameters={"WIDTH": 3})
    assert summary(netlist) == {"leaf": ("leaf", Resources(ff=3))}
    leaf = tmp_path / "work" / "leaf.sv"
    leaf.write_text(leaf.read_text().replace("WIDTH = 1", 'WIDTH = 1, parameter TEXT = ""').replace("WIDTH-1", "W-1"))
    leaf.write_text(leaf.read_text().replace(")\n (", ") (") + "// W: WIDTH where TEXT is a file's name\n")
    leaf.write_text(leaf.read_text().replace("W-1", '(TEXT == "mem/a.hex" ? 2 : 1) * WIDTH - 1'))
    assert hierarchy("ice40", top="leaf", parameters={"WIDTH": 3, "TEXT": "mem/a.hex"}).total.resources.ff == 6


def test_a_failing_module_is_named(hierarchy, tmp_path):
    memory = tmp_path / "work" / "memory.sv"
    memory.write_text(memory.read_text().replace("distributed", "huge"))
    with pytest.raises(ToolError) as error:
        hierarchy("xc7", top="memory")
    log = tmp_path / "work" / "synthesis" / "memory.log"
    assert str(error.value) == (
        f"{yosys.version()} failed on memory (memory): no valid mapping found for memory memory.words; its log is {log}"
    )
    assert "no valid mapping found for memory" in log.read_text()
    assert [path.name for path in log.parent.iterdir()] == [log.name]
    assert not (tmp_path / "cache").exists()


def test_a_broken_source_fails_at_once(hierarchy, tmp_path):
    (tmp_path / "work" / "leaf.sv").unlink()
    with pytest.raises(ToolError) as error:
        hierarchy("xc7")
    assert str(error.value) == (
        f"{yosys.version()} failed on the hierarchy below top: File `leaf.sv' not found or is a directory; "
        f"its log is {tmp_path / 'work' / 'synthesis' / 'elaboration.log'}"
    )


def test_cells_that_no_rule_counts(hierarchy, tmp_path):
    hierarchy("ice40", top="leaf")
    (result,) = (tmp_path / "cache").iterdir()
    record = json.loads(result.read_text())
    assert record["cells"] == {"SB_DFF": 1}
    result.write_text(json.dumps({**record, "cells": {"SB_DFF": 1, "$mem_v2": 1}}))
    with pytest.raises(ToolError) as error:
        hierarchy("ice40", top="leaf")
    assert str(error.value) == (
        f"{yosys.version()} left cells of kind $mem_v2 in leaf (leaf), which no rule counts; "
        "check that its memory styles suit the family"
    )


def test_a_cache_that_cannot_be_written(hierarchy, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OutputError) as error:
        hierarchy("ice40", top="leaf")
    assert str(error.value) == (
        f"{tmp_path / 'cache'}: results cannot be kept in this folder (file exists); "
        "make room or change its permissions, or name another --cache-dir"
    )


def test_modules_that_differ_in_name_only_are_one(hierarchy, tmp_path):
    leaf, pair = tmp_path / "work" / "leaf.sv", tmp_path / "work" / "pair.sv"
    leaf.write_text(leaf.read_text().replace("WIDTH = 1", 'WIDTH = 1, parameter TAG = ""'))
    tags = pair.read_text().replace(") low", ', .TAG("a")) low').replace(") high", ', .TAG("b")) high')
    pair.write_text(tags)
    netlist = hierarchy("ice40", top="pair")
    assert (netlist.synthesized, netlist.cached) == (2, 0)
    assert [(part.name, part.usage.resources.ff) for part in netlist.instances] == [
        ("pair", 0),
        ("low", 2),
        ("high", 2),
    ]
