"""What a build computes for one folding, the search computes for arrays of them: the same numbers."""

import numpy as np
import pytest

from rebnet.stages import memories
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.converter import Converter
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import ceil_div, clog2, divisors, largest_divisor

NUMBERS = Arithmetic(2, ((1, 0), (2, 1)), 2, 9, 2, 10)


def test_counts():
    values = np.arange(1, 5000)
    assert clog2(values).tolist() == [clog2(int(value)) for value in values]
    assert [clog2(value) for value in (0, 1, 2, 3, 4, 5, 2**40, 2**40 + 1)] == [0, 0, 1, 2, 2, 3, 40, 41]
    assert ceil_div(values, 7).tolist() == [ceil_div(int(value), 7) for value in values]
    rng = np.random.default_rng(0)
    numbers, most = rng.integers(1, 200, 500), rng.integers(1, 200, 500)
    assert largest_divisor(numbers, most).tolist() == [
        max(d for d in divisors(int(number)) if d <= limit) for number, limit in zip(numbers, most, strict=True)
    ]
    assert largest_divisor(numbers[:0], most[:0]).tolist() == []


@pytest.mark.parametrize(
    "name", ["blocks", "rom_luts", "ram_luts", "rom_column", "rom_bank", "rom_in_luts", "ram_in_luts"]
)
def test_memories(name):
    rng = np.random.default_rng(1)
    width, depth = rng.integers(1, 300, 800), rng.integers(1, 20_000, 800)
    price = getattr(memories, name)
    one_by_one = [int(price(int(w), int(d))) for w, d in zip(width, depth, strict=True)]
    assert price(width, depth).tolist() == one_by_one
    assert price(width * 1.0, depth * 1.0).tolist() == one_by_one
    assert len(set(one_by_one)) > 1


@pytest.mark.parametrize(("levels_in", "pixels"), [(1, False), (3, False), (8, True)])
def test_units(levels_in, pixels):
    rng = np.random.default_rng(2)
    pe, simd = rng.integers(1, 50, 300), rng.integers(1, 70, 300)
    lanes = rng.integers(1, levels_in + 1, 300)
    layer = Mvtu("layer", 40, 63, 1, 1, 1, levels_in, 2, pixels, vectors=9, arithmetic=NUMBERS)
    every = layer.at(pe, simd, lanes)
    for place, chosen in enumerate(zip(pe.tolist(), simd.tolist(), lanes.tolist(), strict=True)):
        own = layer.at(*chosen)
        assert every.cycles(1)[place] == own.cycles(1)
        assert every.out_words[place] == own.out_words
        assert own.pe % own.drain == 0
        assert own.drain == min(d for d in divisors(own.pe) if own.pe // d <= own.chunks)
        sizes = every.sizes(every.chunks, every.drain_words)
        assert {name: np.broadcast_to(size, 300)[place] for name, size in sizes.items()} == own.sizes(
            own.chunks, own.drain_words
        )


def test_units_of_groups():
    for rows, parts in ((12, 12), (12, 6), (24, 4), (8, 1)):
        layer = Mvtu(
            "layer", rows, 9, 1, 1, 1, 2, 2, False, vectors=4, arithmetic=NUMBERS, parts=parts, map_positions=16
        )
        pe = np.array(layer.legal_pe)
        every = layer.at(pe, 3, 1)
        for place, chosen in enumerate(pe.tolist()):
            own = layer.at(chosen, 3, 1)
            for name in ("sides", "turns", "turn_folds", "folds"):
                mine = getattr(own, name)
                assert type(mine) is int
                assert np.broadcast_to(getattr(every, name), pe.shape)[place] == mine, name
            assert every.cycles(1)[place] == own.cycles(1) == max(4 * own.vector_cycles(1), 16 * own.turns)
            assert own.sides * own.turns == parts
            assert own.turn_folds * own.turns == own.folds
            assert own.pe % own.sides == 0


def test_converters():
    for elements_in in range(1, 14):
        for vector in range(1, 40):
            out = np.arange(1, 14)
            every = Converter("", 1, elements_in, out, vector)
            for place, elements_out in enumerate(out.tolist()):
                own = Converter("", 1, elements_in, elements_out, vector)
                assert every.ready_units[place] == own.ready_units
                assert (every.last_units[place], every.out_words[place]) == (own.last_units, own.out_words)
