"""The block diagram: the modules of the stream, their words, who sets the pace."""

import re

import pytest
from tests.ir.networks import from_text
from tests.report.test_operating import simulation
from tests.simulate.builds import save_run

from rebnet import flow
from rebnet.report import report
from rebnet.report.blocks import blocks
from rebnet.report.records import read_build
from rebnet.stages.converter import Converter


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
    assert [bits for block in found for bits in block.words[1:]] == behind
    assert all(len(block.buffers) == {"w": 1, "m": 1, "c": 2, "d": 2}.get(block.kind[0], 0) for block in found)


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
