"""Pass: the last affine becomes integer scores."""

import numpy as np
import pytest
from tests.ir.networks import exported, tiny, tiny_any
from tests.lower.test_orient_rows import affine_network
from tests.lower.test_thresholds import AFTER as BEFORE
from tests.lower.test_thresholds import ANY_AFTER as ANY_BEFORE

from rebnet.ir.text import to_text
from rebnet.lower.orient_rows import orient_rows
from rebnet.lower.scores import scores
from rebnet.lower.thresholds import thresholds

AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[5,-3],[5,-3]] steps=[[[0],[0]],[[2],[4]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.25 gains=(3,0)/(3,1)
  scores scale=[[32767,-16383],[32767,-16383]] bias=[[32767,65534],[32767,65534]]
"""


def test_before_and_after():
    network = thresholds(orient_rows(affine_network(tiny())))
    assert to_text(network) == BEFORE
    assert to_text(scores(network)) == AFTER


@pytest.mark.parametrize("seed", range(5))
def test_scores_keep_the_order_of_outputs_that_differ(seed):
    """One common scale: where real outputs differ by more than the rounding of A_j and B_j, integers do."""
    network = thresholds(orient_rows(affine_network(exported(seed, levels=3, hidden=(20,), classes=10))))
    affine, integer, reach = network.ops[-1], scores(network).ops[-1], network.layers[-1].op.reaches[-1]
    v = np.random.default_rng(seed).integers(-reach, reach, (200, 10))
    real, whole = affine.a * v + affine.b, integer.scale[-1] * v + integer.bias[-1]
    scale = np.abs(integer.scale[-1]).max() / np.abs(affine.a).max()
    assert np.abs(whole / scale - real).max() <= (reach + 1) / scale


ANY_AFTER = """\
network tiny levels=2 serves=(1,2) T=24
  pixels 1x1x2 bits=2
  dense layer1 2x2 weights=++|-+ scale=0.5 folding=(2,1) unit=0.333333333 gains=(2,1)/(2,1)
  threshold t=[[3,2],[5,-3]] steps=[[[0],[0]],[[2],[4]]]
  dense layer2 2x2 weights=-+|++ scale=1 unit=0.5/0.25 gains=(1,0)/(3,1)
  scores scale=[[32767,16384],[32767,-16383]] bias=[[0,32767],[32767,65534]]
"""


def test_scores_of_every_level_count():
    network = thresholds(orient_rows(affine_network(tiny_any())))
    assert to_text(network) == ANY_BEFORE
    assert to_text(scores(network)) == ANY_AFTER
