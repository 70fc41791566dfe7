"""Which folding each layer gets: the text's, a file's, a balanced one."""

import json
import math
import re
from dataclasses import replace
from itertools import product

import pytest
from tests.ir.networks import exported, from_text

from rebnet.errors import FoldingError
from rebnet.files import write_record
from rebnet.fold import fold, samples_per_beat
from rebnet.fold.search.choose import choose, default_target
from rebnet.ir import storage
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense
from rebnet.lower import lower
from rebnet.stages.accelerator import accelerator_of, layer_bound, layers_of

GIVEN = (Folding(5, 16), Folding(2, 5), Folding(3, 4))


def network(*foldings, levels=2):
    drawn = exported(1, levels, 8, (8, 8, 1), (12, 9), 10)
    own = iter(foldings or (None,) * 3)
    return drawn.with_ops(tuple(replace(op, folding=next(own)) if isinstance(op, Dense) else op for op in drawn.ops))


def test_the_text_is_kept():
    assert choose(network(*GIVEN), None, None) == GIVEN
    assert choose(network(*GIVEN), "paper", None) == GIVEN


def test_open_layers_are_balanced_and_given_ones_kept():
    chosen = choose(network(GIVEN[0], None, GIVEN[2]), None, 20)
    assert (chosen[0], chosen[2]) == (GIVEN[0], GIVEN[2])
    assert layers_of(network(), chosen)[1].cycles(2) <= 20


def test_default_target():
    assert default_target(network(*GIVEN)) == max(layer.cycles(2) for layer in layers_of(network(), GIVEN))
    assert default_target(network(None, None, None)) == 64


@pytest.mark.parametrize("target", [4, 7, 16, 45, 64, 1000])
def test_balanced_is_the_cheapest(target):
    """No other PE and SIMD with fewer lanes reaches the target."""
    drawn = network(None, None, None)
    chosen = choose(drawn, "balanced", target)
    for index, (dense, own) in enumerate(zip((layer.op for layer in drawn.layers), chosen, strict=True)):
        groups = 2 if index else 1
        rows, columns = dense.weights.rows, dense.weights.columns

        def cycles(pe, simd, rows=rows, columns=columns, groups=groups):
            return math.ceil(rows / pe) * math.ceil(columns / simd) * groups

        assert cycles(own.pe, own.simd) <= target
        cheapest = min(
            pe * simd for pe in range(1, rows + 1) for simd in range(1, columns + 1) if cycles(pe, simd) <= target
        )
        assert own.pe * own.simd == cheapest


CONVOLUTIONS = "8x8x2 - C6:3x3+same - MP2 - C5:2x2 - D4"


@pytest.mark.parametrize("target", [128, 160, 333, 2000])
def test_balanced_counts_every_window(target):
    """A convolution takes its cycles once for every place of its window."""
    drawn = from_text(CONVOLUTIONS, levels=2)
    layers = layers_of(drawn, choose(drawn, "balanced", target))
    assert [layer.vectors for layer in layers] == [64, 9, 1]
    for layer in layers:
        groups = 1 if layer.pixels else 2

        def cycles(pe, simd, layer=layer, groups=groups):
            return layer.vectors * math.ceil(layer.rows / pe) * math.ceil(layer.cols / simd) * groups

        assert layer.cycles(2) == cycles(layer.pe, layer.simd) <= target
        shapes = product(range(1, layer.rows + 1), range(1, layer.cols + 1))
        assert layer.pe * layer.simd == min(pe * simd for pe, simd in shapes if cycles(pe, simd) <= target)


@pytest.mark.parametrize("target", [128, 160, 333, 700, 3000])
def test_balanced_knows_what_groups_allow(target):
    """PE of one group divide its rows, those of several have all rows of each; a strided map comes in word by word."""
    drawn = from_text("8x8x2 - C6:3x3+same - DW:3x3/2+same - C8%2:3x3 - D4", levels=2)
    layers = layers_of(drawn, choose(drawn, "balanced", target))
    grouped = [
        (layer, legal) for layer, legal in zip(layers, (None, (1, 2, 3, 6), (1, 2, 4, 8)), strict=False) if legal
    ]
    for layer, legal in grouped:
        assert layer.legal_pe == legal

        def cycles(pe, simd, layer=layer):
            turns = max(1, layer.parts * layer.part_rows // max(pe, layer.part_rows))
            words = layer.map_positions * turns
            return max(layer.vectors * (layer.rows // pe) * math.ceil(layer.cols / simd) * 2, words)

        assert layer.cycles(2) == cycles(layer.pe, layer.simd) <= target
        shapes = product(legal, range(1, layer.cols + 1))
        assert layer.pe * layer.simd == min(pe * simd for pe, simd in shapes if cycles(pe, simd) <= target)


def test_no_folding_is_faster_than_a_window_a_cycle():
    drawn = from_text(CONVOLUTIONS, levels=2)
    message = (
        "layer layer1: no folding takes at most 63 cycles per image, the fastest takes 64; raise --target-cycles or "
        "give the layer more level lanes"
    )
    with pytest.raises(FoldingError, match=f"^{re.escape(message)}$"):
        choose(drawn, "balanced", 63)


@pytest.mark.parametrize(
    ("text", "levels", "target"),
    [
        (CONVOLUTIONS, 2, 128),  # a cycle per sample
        ("5x5x1 - C4:3x3+same - C3:3x3+same - D2", 3, 75),  # layer 2: 25 windows at three levels
        ("5x5x1 - C4(2,3):3x3+same - C3(3,36):3x3+same - D2(1,5)", 1, 25 * 2 * 3),
    ],
)
def test_default_target_of_convolutions(text, levels, target):
    """Open layers can all meet it."""
    drawn = from_text(text, levels=levels)
    assert default_target(drawn) == target
    assert max(layer.cycles(levels) for layer in layers_of(drawn, choose(drawn, "balanced", None))) <= target


@pytest.fixture
def build(tmp_path):
    storage.save(lower(network(*GIVEN)), tmp_path / "build")
    return tmp_path / "build"


def test_a_file_needs_only_layers(build, tmp_path):
    fold(build)
    own = json.loads((build / "folding.json").read_text())
    layers = [{**layer, "pe": layer["pe"] + 1} for layer in own["layers"]]
    write_record(tmp_path / "own.json", {"layers": layers})
    accelerator = fold(build, folding=str(tmp_path / "own.json"))
    record = json.loads((build / "folding.json").read_text())
    assert [layer.pe for layer in accelerator.layers] == [6, 3, 4]
    assert record["predicted_cycles_per_image"] == record["bound_cycles"] == accelerator.bound_cycles(2)


def test_a_file_keeps_its_depths_and_samples(build, tmp_path):
    fold(build)
    own = json.loads((build / "folding.json").read_text())
    own["samples_per_beat"] = 1
    own["fifos"] = [{"name": fifo["name"], "depth": fifo["depth"] + 3} for fifo in own["fifos"]]
    del own["schema"]
    write_record(tmp_path / "own.json", own)
    fold(build, folding=str(tmp_path / "own.json"))
    record = json.loads((build / "folding.json").read_text())
    assert record["samples_per_beat"] == 1
    assert record["bound_cycles"] == 64
    assert [fifo["depth"] for fifo in record["fifos"]] == [fifo["depth"] for fifo in own["fifos"]]


def test_samples_per_beat():
    """The smallest power of two with which the input is never the slowest, at every level count."""
    for levels in (1, 2, 3):
        drawn = network(*GIVEN, levels=levels)
        width = samples_per_beat(accelerator_of(drawn, GIVEN, 1))
        chosen, half = accelerator_of(drawn, GIVEN, width), accelerator_of(drawn, GIVEN, max(1, width // 2))
        bound = layer_bound(chosen.layers, chosen.served)
        assert chosen.beats_in <= bound
        assert width == 1 or half.beats_in > bound
