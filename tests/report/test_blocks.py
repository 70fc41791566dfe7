"""The block diagram: the modules of the stream, their words, who sets the pace."""

import re
from html import escape

import pytest
import torch
from tests.ir.networks import from_text, random_images
from tests.report.test_operating import simulation
from tests.simulate.builds import save_run

from rebnet import flow
from rebnet.export import export
from rebnet.ir import storage
from rebnet.ir.notation import parse
from rebnet.ir.ops import ResidualSign
from rebnet.nn.build import build as build_model
from rebnet.nn.calibration import calibrate
from rebnet.records import Folding
from rebnet.report import report
from rebnet.report.accelerator import _slower_than_layers
from rebnet.report.blocks import blocks
from rebnet.report.records import read_build
from rebnet.stages.converter import Converter
from rebnet.stages.features import Fork, Skip


def test_dense_layers(build):
    simulation(build, fifo_peaks={"layer1.input": 2})
    found = blocks(read_build(build))
    assert [(block.name, block.kind) for block in found] == [
        ("pixels in", "pixel input"), ("layer1", "dense 64 → 12"), ("layer2", "dense 12 → 9"),
        ("layer3", "dense 9 → 10"), ("scores out", "scores"),
    ]  # fmt: skip
    read = read_build(build)
    chain = read.accelerator
    assert [block.cycles[-1] for block in found] == [
        chain.beats_in, *(layer.cycles(3) for layer in chain.layers), chain.beats_out
    ]  # fmt: skip
    for place, m in enumerate(read.served):
        paced = [block.name for block in found if block.limits[place]]
        assert paced
        assert {block.cycles[place] for block in found if block.name in paced} == {chain.bound_cycles(m)}
    assert [buffer.measured for buffer in found[1].buffers] == [2, None]


def test_words_are_those_of_the_converters(tmp_path):
    """Of a network with windows and a pool, against the widths that the generated top has."""
    flow.compile(save_run(tmp_path / "run", from_text("8x8x1 - C4(2,9) - MP2 - C6:2x2+same - D10", levels=3)),
                 tmp_path / "build", folding="balanced")  # fmt: skip
    read = read_build(tmp_path / "build")
    found = blocks(read)
    assert [block.kind for block in found] == [
        "pixel input", "window 3×3", "conv 9 → 4", "max-pool 2×2", "window 2×2", "conv 16 → 6", "dense 54 → 10",
        "scores",
    ]  # fmt: skip
    converters = [stage for stage in read.accelerator.stages if isinstance(stage, Converter)]
    behind = [stage.elements_out * stage.planes for stage in converters if stage.elements_in != stage.elements_out]
    assert [bits for block in found for words in block.words for bits in words[1:]] == behind
    assert all(len(block.buffers) == {"w": 1, "m": 1, "c": 2, "d": 2}.get(block.kind[0], 0) for block in found)


@pytest.fixture(scope="module")
def branched(tmp_path_factory):
    """Builds of a network that forks the image, with a fork in a fork and one of seven, and of one with a slow join."""
    folder = tmp_path_factory.mktemp("branched")
    made = []
    for name, text in (("forks", FORKS), ("join", SLOW_JOIN)):
        described = parse(text)
        torch.manual_seed(0)
        model = build_model(described, 2)
        calibrate(model, random_images(1, 20, described.image))
        flow.compile(save_run(folder / f"run-{name}", export(model)), folder / name, folding="balanced")
        made.append(folder / name)
    return made


FORKS = (
    "6x6x2 - { C12:3x3+same | C12:3x3+same | C12:1x1 }+ - { C12:3x3+same | { C6:1x1 | C6:3x3+same }& | }+ - "
    "{ C12:1x1 | C12:3x3+same | C12:1x1 | C12:1x1 | C12:3x3+same | C12:1x1 | }+ - MP2 - D10 - D3"
)
SLOW_JOIN = "4x4x1 - C4:3x3+same - { C5:1x1 | C7:1x1 }& - GAP - D3"
"""5 and 7 channels have no divisor in common: they are joined one by one."""


def test_branches(branched):
    """What blocks read is what the top level wires, converters and forks looked through; skip buffers are blocks."""
    read = read_build(branched[0])
    accelerator, found = read.accelerator, blocks(read)
    units = {unit.instance: unit for unit in accelerator.units}
    assert [b.instance for b in found] == [n for n, unit in units.items() if not isinstance(unit, Converter | Fork)]

    def source(instance):
        return source(accelerator.reads[instance][0]) if isinstance(units[instance], Converter | Fork) else instance

    depths = {fifo.name: fifo.depth for fifo in read.get(Folding).fifos}
    for block in found[1:]:
        assert block.reads == tuple(map(source, accelerator.reads[block.instance]))
        assert [words[0] for words in block.words] == [units[one].out_bits for one in block.reads]
        unit = units[block.instance]
        if isinstance(unit, Skip):
            (buffer,) = block.buffers
            assert (buffer.name, buffer.depth) == ("skip", depths[unit.instance])
    assert sum(isinstance(unit, Skip) for unit in units.values()) == 16
    joins = [block for block in found if len(block.reads) > 1]
    assert [(block.kind, len(block.reads)) for block in joins] == [("add", 3), ("join", 2), ("add", 3), ("add", 7)]
    bits, converted = joins[2].words[0]
    assert f"words in from {joins[2].reads[0]} of {bits} bits, converted to {converted} bits" in joins[2].sentence(0)
    assert bits == 2 * converted
    assert "converted" not in joins[0].sentence(0)


def test_a_page_of_branches(branched, tmp_path):
    for build in branched:
        read = read_build(build)
        text = report([build], tmp_path / "page.html").read_text()
        drawn = text[text.index('id="blocks"') : text.index('id="layers"')]
        found = blocks(read)
        assert drawn.count('role="img"') == len(found)
        assert all(drawn.count(escape(f'aria-label="{block.sentence(1)}"', quote=False)) == 1 for block in found)
        assert drawn.count('class="wire" d=') + drawn.count(' class="wire"') >= sum(len(b.reads) for b in found)
        signs = [n for n in storage.load(build / "exported").nodes if isinstance(n.op, ResidualSign)]
        factors = text[text.index('id="factors"') : text.index('id="adaptive"')]
        assert factors.count('scope="row"') == len(signs) > 1
        assert {name for name, _ in read.gammas} <= {block.name for block in found}


def test_a_join_that_sets_the_pace_has_a_row(branched):
    """Where channels have no large divisor in common, a join takes longer than every layer."""
    read = read_build(branched[1])
    assert [point.name for point in _slower_than_layers(read)] == ["layer_2_join"]
    assert read.accelerator.bound_cycles(2) == read.get(Folding).predicted_cycles_per_image == 4 * 4 * 12
    assert _slower_than_layers(read_build(branched[0])) == []


def test_the_page_says_all_of_it_in_words(build, tmp_path):
    text = report([build], tmp_path / "page.html").read_text()
    drawn = text[text.index('id="blocks"') : text.index('id="layers"')]
    found = blocks(read_build(build))
    assert [drawn.count(word) for word in ("<li><svg", 'role="img"')] == [len(found)] * 2
    for block in found:
        assert f'aria-label="{block.sentence(len(block.cycles) - 1)}"' in drawn
        assert f">{block.cycles[-1]:,} cycles</text>" in drawn
    assert "<script" not in drawn


@pytest.mark.parametrize(("name", "shown"), [("a" * 26, "a" * 26), ("<i>" * 30, "&lt;i&gt;" * 8 + "&lt;…")])
def test_long_names_stay_in_their_blocks(build, name, shown):
    from rebnet.report.diagram import BODY, _line

    line = _line(name, 0, 0)
    assert re.fullmatch(rf'<text x="0" y="0" textLength="{BODY - 18}" lengthAdjust="spacingAndGlyphs">.*</text>', line)
    assert f">{shown}</text>" in line


def test_a_build_without_folding_says_what_fills_it(build, tmp_path):
    (build / "folding.json").unlink()
    text = report([build], tmp_path / "page.html").read_text()
    assert "folding.json is not there yet." in text[text.index('id="blocks"') : text.index('id="layers"')]
