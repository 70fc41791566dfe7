"""Optional pass: serve M levels only."""

from dataclasses import fields

import numpy as np
from tests.ir.networks import exported, tiny, tiny_any

from rebnet.ir.text import to_text
from rebnet.lower import lower
from rebnet.lower.fix_levels import fix_levels


def test_before_and_after():
    before, after = to_text(tiny()), to_text(fix_levels(tiny()))
    assert before.startswith("network tiny levels=2 serves=(1,2) T=24\n")
    assert after.startswith("network tiny levels=2 serves=(2) T=24\n")
    assert before.splitlines()[1:] == after.splitlines()[1:]


def test_one_set_of_constants_is_left_and_it_is_the_last():
    network = exported(levels=3)
    whole, fixed = lower(network), lower(network, fixed_levels=True)
    assert fixed.served == (3,)
    for served, alone in zip(whole.ops[::2], fixed.ops[::2], strict=True):
        assert alone.gains == served.gains[2:]
    for served, alone in zip(whole.ops[1::2], fixed.ops[1::2], strict=True):
        for field in fields(served):
            kept, all_sets = getattr(alone, field.name), getattr(served, field.name)
            assert np.array_equal(kept, all_sets if field.name in ("shift", "tree") else all_sets[2:])


def test_the_numbers_for_fewer_levels_are_dropped():
    assert fix_levels(tiny_any()) == fix_levels(tiny())
