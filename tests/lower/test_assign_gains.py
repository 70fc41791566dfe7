"""Pass: codes count integers."""

import pytest
from tests.ir.networks import exported, tiny, tiny_any

from rebnet.ir.ops import truncate
from rebnet.ir.text import to_text
from rebnet.lower.assign_gains import assign_gains
from rebnet.lower.fix_levels import fix_levels

BEFORE = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1)
  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  dense layer2 2x2 weights=-+|++ scale=1
  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05
"""
AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1
  residual_sign gammas=(0.75,0.25) fraction_bits=2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05
"""


def test_before_and_after():
    assert to_text(tiny()) == BEFORE
    assert to_text(assign_gains(tiny())) == AFTER


def test_one_level_counts_one_in_units_of_its_factor():
    layer2 = assign_gains(tiny(1)).layers[1].op
    assert (layer2.unit, layer2.gains) == ((0.75,), ((1,),))


def test_doing_it_twice_changes_nothing():
    assert assign_gains(assign_gains(tiny())) == assign_gains(tiny())


@pytest.mark.parametrize("levels", [2, 3, 8])
def test_a_code_of_gains_and_unit_is_the_code_of_the_factors(levels):
    network = assign_gains(exported(levels=levels))
    sign, dense = network.ops[2], network.layers[1].op
    assert tuple(gain * dense.unit[0] for gain in dense.gains[-1]) == sign.gammas
    assert [sum(gain > 0 for gain in gains) for gains in dense.gains] == list(range(1, levels + 1))


def test_truncate():
    assert truncate((4, 2, 1), 2, 3) == (4, 2, 0)
    assert truncate((4, 2, 1), 3, 3) == (4, 2, 1)
    assert truncate((1,), 1, 3) == (1, 0, 0)


ANY_BEFORE = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1)
  batchnorm mean=[[0,0.5],[0.5,0.25]] variance=[[0,3],[3,0]] weight=[[1,-2],[2,-0.5]] bias=[[0.25,0],[0,1]] eps=1
  residual_sign gammas=(0.5)/(0.75,0.25) fraction_bits=0/2
  dense layer2 2x2 weights=-+|++ scale=1
  batchnorm mean=[[0,0],[0,0]] variance=[[1,1],[1,1]] weight=[[2,1],[2,-1]] bias=[[0,1],[0.5,1]] eps=1e-05
"""
ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  batchnorm mean=[[0,0.5],[0.5,0.25]] variance=[[0,3],[3,0]] weight=[[1,-2],[2,-0.5]] bias=[[0.25,0],[0,1]] eps=1
  residual_sign gammas=(0.5)/(0.75,0.25) fraction_bits=0/2
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  batchnorm mean=[[0,0],[0,0]] variance=[[1,1],[1,1]] weight=[[2,1],[2,-1]] bias=[[0,1],[0.5,1]] eps=1e-05
"""


def test_every_level_count_has_gains_and_a_unit_of_its_own():
    assert to_text(tiny_any()) == ANY_BEFORE
    assert to_text(assign_gains(tiny_any())) == ANY_AFTER


def test_levels_that_are_fixed_have_one_unit():
    assert assign_gains(fix_levels(tiny_any())) == assign_gains(fix_levels(tiny()))
