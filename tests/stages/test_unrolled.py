"""Unrolled layers: what may be one, what stands around them, and what the constants say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.ir.graphs import draw_weights
from tests.ir.networks import exported, from_text

from rebnet.boards.shells.uart import device_text
from rebnet.errors import FoldingError, OptionError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.check import checked
from rebnet.generate.wires import boundaries_of, literal, wires
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense
from rebnet.lower import lower
from rebnet.records import Ports, read
from rebnet.spec.residual import code, encode_integer
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.converter import Converter
from rebnet.stages.thresholds import layer_constants
from rebnet.stages.unrolled import WIRES


def network(levels: int = 2, fixed: bool = True) -> Network:
    return lower(exported(1, levels, 4, (3, 4, 1), (6, 5), 4), fixed_levels=fixed)


def two_bits() -> Network:
    """A network whose first layer has weights of two bits."""
    drawn = from_text("3x4x1 - D6 - D4", levels=1)
    first = drawn.ops[0]
    assert isinstance(first, Dense)
    weights = draw_weights(np.random.default_rng(1), 6, 12, (2, 1))
    return lower(drawn.with_ops((replace(first, weights=weights), *drawn.ops[1:])))


WHOLE = (Folding(6, 12, 4), Folding(5, 6, 2), Folding(4, 5, 2))


def test_an_image_a_cycle(tmp_path: Path) -> None:
    storage.save(network(), tmp_path)
    accelerator = fold(tmp_path, folding="unrolled")
    assert not [stage for stage in accelerator.stages if isinstance(stage, Converter)]
    assert (accelerator.beats_in, accelerator.beats_out, accelerator.bound_cycles(2)) == (1, 1, 1)
    record = json.loads((tmp_path / "folding.json").read_text())
    assert {layer["weight_style"] for layer in record["layers"]} == {"wires"}
    assert (record["samples_per_beat"], record["fifos"]) == (12, [])
    assert record["predicted_cycles_per_image"] == 1.0
    again = fold(tmp_path, folding=str(tmp_path / "folding.json"))
    assert again == accelerator


def test_the_build_has_no_memory(tmp_path: Path) -> None:
    storage.save(network(), tmp_path)
    fold(tmp_path, folding="unrolled")
    generate(tmp_path)
    ports = read(tmp_path / Ports.FILE, Ports)
    assert ports.memories == ()
    assert ports.m_axis.scores_per_beat == 4
    assert ports.m_axis.tdata_bits == 4 * 48
    assert {"rtl/unrolled.sv", "rtl/bit_count.sv", "rtl/score_row.sv"} < set(ports.files)
    assert checked(tmp_path).memories == {}
    with pytest.raises(OptionError, match=r"gives 4 scores a beat, because its last layer is unrolled, and a shell"):
        device_text(ports)


@pytest.mark.parametrize("style", ["auto", "block"])
def test_a_layer_behind_others_keeps_its_converter(style: str) -> None:
    accelerator = accelerator_of(network(), (Folding(2, 3, 4), *WHOLE[1:]), 2, (style, WIRES, WIRES))
    names = [stage.instance for stage in accelerator.stages]
    assert names == ["layer1_convert", "layer1", "layer2_convert", "layer2", "layer3"]
    assert accelerator.scores.at_once


def test_a_last_layer_that_is_not_unrolled_gives_a_score_a_beat() -> None:
    accelerator = accelerator_of(network(), (*WHOLE[:2], Folding(2, 5, 2)), 12, (WIRES, WIRES, "auto"))
    assert not accelerator.scores.at_once
    assert accelerator.beats_out == 4


REFUSED = {
    "level counts": (network(fixed=False), WHOLE, "serves 2 level counts, and wires are one network's; compile with"),
    "rows": (network(), (Folding(3, 12, 4), *WHOLE[1:]), r"folding \(3,12,4\) reads no whole vector a cycle; use"),
    "inputs": (network(), (Folding(6, 6, 4), *WHOLE[1:]), r"use \(6,12,4\)"),
    "planes": (network(), (Folding(6, 12, 2), *WHOLE[1:]), r"use \(6,12,4\)"),
    "weights of two bits": (
        two_bits(),
        (Folding(6, 12, 8), Folding(4, 6, 1)),
        "its weights have 2 planes, and wires have one",
    ),
    "too many inputs": (
        lower(from_text("30x40x1 - D6 - D4", levels=1)),
        (Folding(6, 1200, 8), Folding(4, 6, 1)),
        "6 rows of 1,200 inputs; wires go up to 1,024 inputs and 65,536 weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_unrolled(case: str) -> None:
    refused, foldings, sentence = REFUSED[case]
    with pytest.raises(FoldingError, match=f"layer layer_?1: cannot be unrolled: .*{sentence}"):
        accelerator_of(refused, foldings, 1, (WIRES,) * len(foldings))


def test_boundaries_are_where_the_law_has_them() -> None:
    lowered = network()
    constants = layer_constants(lowered, "layer1")
    assert constants is not None
    op, reach = constants.threshold, lowered.layer("layer1").reaches[-1]
    found = boundaries_of(op, reach)
    for a in range(reach + 1):
        bits = encode_integer(np.full(6, a), op.thresholds[-1], op.steps[-1], op.shift, tree=op.tree)
        assert (code(bits) == (a >= found).sum(axis=1)).all()


def test_a_row_counts_its_rarer_weight() -> None:
    weights = np.array([[1, 1, 1, 0], [0, 0, 1, 0], [1, 1, 1, 1]], dtype=np.bool_)
    constants = wires(weights, (1,), None, 1, 3)
    assert constants["ZEROS"] == "3'h5"
    assert constants["SLOTS"] == 1
    assert constants["PICKED"] == literal(np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]], dtype=np.bool_))
    assert constants["PICKS"] == "6'hb"  # inputs 3, 2 and none
