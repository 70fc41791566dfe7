"""What is generated: golden text of a small network, and every memory word bit by bit."""

import json
import re

import numpy as np
import pytest
from tests.ir.networks import tiny, tiny_conv

from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.memory import score_words, threshold_words, to_hex, weight_words
from rebnet.ir import storage
from rebnet.ir.ops import BitMatrix, Dense, Scores, Threshold
from rebnet.lower import lower
from rebnet.rtl import BRANCHES, HELD, MODULES, WRITABLE, source
from rebnet.stages.mvtu import Mvtu

TINY = {"tiny-m1": tiny(1), "tiny-m2": tiny(2), "tiny-conv-m2": tiny_conv(2)}


@pytest.fixture(params=TINY)
def build(request, tmp_path):
    """The tiny networks, whose every number a person can check."""
    return made(TINY[request.param], tmp_path / request.param)


def made(network, build):
    storage.save(lower(network), build)
    fold(build)
    generate(build)
    return build


def test_golden(build, golden):
    golden(f"{build.name}.sv", (build / "rtl" / "accelerator.sv").read_text())
    ports = re.sub(r'"[0-9a-f]{64}"', '"(sha256)"', (build / "ports.json").read_text())
    golden(f"{build.name}-ports.json", ports)
    memories = "".join(f"{path.name}\n{path.read_text()}" for path in sorted((build / "mem").iterdir()))
    golden(f"{build.name}-mem.txt", memories)


def test_files(build):
    ports = json.loads((build / "ports.json").read_text())
    found = {str(path.relative_to(build)) for folder in ("rtl", "mem") for path in (build / folder).iterdir()}
    assert found == {*ports["files"], *ports["memories"]}
    held = {module for modules in HELD.values() for module in modules}
    for module in set(MODULES) - {*BRANCHES, *held, WRITABLE}:
        assert (build / "rtl" / f"{module}.sv").read_bytes() == source(module).read_bytes()


def test_stale_memories_go_away(build):
    (build / "mem" / "old.hex").write_text("0\n")
    generate(build)
    assert not (build / "mem" / "old.hex").exists()


def numbers(text):
    return [int(line, 16) for line in text.splitlines()]


def field(word, position, width):
    """The bits [position*width +: width] of a word."""
    return word >> (position * width) & ((1 << width) - 1)


def signed(value, width):
    return value - (1 << width) if value >> (width - 1) else value


@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 3), (3, 4), (5, 7), (8, 10), (4, 2)])
def test_weight_words(pe, simd):
    rows, columns = 7, 10
    bits = np.random.default_rng(pe).random((rows, columns)) < 0.5
    layer = Mvtu("l", rows, columns, pe, simd, 1, 2, 2, False)
    words = numbers(to_hex(weight_words(Dense(BitMatrix.pack(bits), 1.0), layer)))
    assert len(words) == layer.folds * layer.chunks
    for fold_index in range(layer.folds):
        for chunk in range(layer.chunks):
            word = words[fold_index * layer.chunks + chunk]
            for p in range(pe):
                for s in range(simd):
                    row, column = fold_index * pe + p, chunk * simd + s
                    inside = row < rows and column < columns
                    wanted = bool(bits[row, column]) if inside else True
                    assert field(word, p * simd + s, 1) == wanted


@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 3), (3, 4), (5, 7), (8, 10), (4, 2)])
@pytest.mark.parametrize("levels", [1, 3])
def test_threshold_words(pe, simd, levels):
    rows, columns, sets, width = 7, 10, 2, 24
    rng = np.random.default_rng(pe)
    limit = 1 << (width - 1)
    op = Threshold(rng.integers(-limit, limit, (sets, rows)), rng.integers(-limit, limit, (sets, rows, levels - 1)))
    layer = Mvtu("l", rows, columns, pe, simd, 1, levels, levels, False)
    words = numbers(to_hex(threshold_words(op, layer, width)))
    assert len(words) == sets * layer.folds * layer.drain_words
    for index, word in enumerate(words):
        served, place = divmod(index, layer.folds * layer.drain_words)
        for lane in range(layer.drain):
            row = place * layer.drain + lane
            constants = [op.thresholds[served, row], *op.steps[served, row]] if row < rows else [0] * levels
            for position, constant in enumerate(constants):
                assert signed(field(word, lane * levels + position, width), width) == constant


def test_score_words():
    rows, columns, width = 5, 6, 41
    rng = np.random.default_rng(0)
    gains = ((2, 0), (2, 1))
    dense = Dense(BitMatrix.pack(rng.random((rows, columns)) < 0.5), 1.0, None, 1.0, gains)
    op = Scores(rng.integers(-(1 << 15), 1 << 15, (2, rows)), rng.integers(-(1 << 38), 1 << 38, (2, rows)))
    words = numbers(to_hex(score_words(op, dense, width)))
    assert len(words) == 2 * rows
    for index, word in enumerate(words):
        served, row = divmod(index, rows)
        scale, offset = signed(field(word, 0, 16), 16), signed(word >> 16, width)
        reach = columns * sum(gains[served])
        for accumulator in (0, 1, reach):
            signed_value = 2 * accumulator - reach
            assert 2 * scale * accumulator + offset == op.scale[served, row] * signed_value + op.bias[served, row]


def test_hex_is_least_significant_bit_first():
    words = np.zeros((2, 10), dtype=np.bool_)
    words[0, 0] = words[1, 9] = True
    assert to_hex(words) == "0001\n0200\n"
