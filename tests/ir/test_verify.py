"""Every rule of the intermediate representation, broken once."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import exported, from_text, tiny, tiny_any, tiny_conv, with_nodes, with_own_sets

from rebnet.errors import VerifyError
from rebnet.ir.features import DepthToSpace
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Affine, BitMatrix, Conv, MaxPool, PixelInput, ResidualSign, Scores
from rebnet.ir.verify import verify
from rebnet.lower import PASSES, lower
from rebnet.lower.assign_gains import assign_gains
from rebnet.lower.fold_batchnorm import fold_batchnorm
from rebnet.spec.window import Window

REAL = tiny()
GAINED = assign_gains(REAL)
AFFINE = fold_batchnorm(GAINED)
INTEGER = lower(REAL)


def edit(network, position, **changes):
    """The network with fields of one operation changed."""
    nodes = list(network.nodes)
    name = changes.pop("name", nodes[position].name)
    nodes[position] = replace(nodes[position], name=name, op=replace(nodes[position].op, **changes))
    return with_nodes(network, nodes)


def at(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


HEADER = [
    (replace(REAL, levels=0, served=(1,)), "tiny: levels=0; must be 1 to 8"),
    (replace(REAL, levels=9, served=(9,)), "tiny: levels=9; must be 1 to 8"),
    (replace(REAL, input=PixelInput(1, 1, 2, 0)), "tiny: input bits=0; must be 1 to 8"),
    (replace(REAL, input=PixelInput(1, 1, 2, 9)), "tiny: input bits=9; must be 1 to 8"),
    (replace(REAL, input=PixelInput(1, 0, 2, 2)), "tiny: the image is 1x0x2; each must be at least 1"),
    (replace(REAL, input=PixelInput(-1, -1, 2, 2)), "tiny: the image is -1x-1x2; each must be at least 1"),
    (replace(REAL, threshold_bits=3), "tiny: threshold_bits=3; must be 4 to 32"),
    (replace(REAL, threshold_bits=33), "tiny: threshold_bits=33; must be 4 to 32"),
    (replace(REAL, served=(1,)), "tiny: serves levels (1,); must be (1, 2) or (2,)"),
    (replace(REAL, served=(2, 1)), "tiny: serves levels (2, 1); must be (1, 2) or (2,)"),
    (replace(REAL, nodes=()), "tiny: no operations; a network has at least one dense layer"),
]

ORDER = [
    (with_nodes(REAL, REAL.nodes[1:]), "tiny, operation 1, BatchNorm: stands at the start, where Dense may stand"),
    (
        with_nodes(REAL, (*REAL.nodes[:3], *REAL.nodes[2:])),
        "tiny, operation 4, ResidualSign: stands after ResidualSign, where Dense, Upsample, "
        "DepthToSpace, Join, Stack may stand",
    ),
    (
        with_nodes(REAL, (REAL.nodes[0], *REAL.nodes[2:])),
        "tiny, operation 2, ResidualSign: stands after Dense, where BatchNorm, Affine, MultiThreshold, Threshold, "
        "Rescale, Scores may stand",
    ),
    (
        with_nodes(REAL, REAL.nodes[:3]),
        "tiny, operation 3, ResidualSign: ends the network; the last operation must be BatchNorm, Affine or Scores",
    ),
    (
        with_nodes(REAL, REAL.nodes[:1]),
        "tiny, operation 1, Dense: ends the network; the last operation must be BatchNorm, Affine or Scores",
    ),
    (
        with_nodes(INTEGER, (INTEGER.nodes[0], Scores(*([np.zeros((2, 2), dtype=np.int64)] * 2)), *INTEGER.nodes[2:])),
        "tiny, operation 2, Scores: must be the last operation",
    ),
    (
        with_nodes(REAL, (*REAL.nodes[:4], Affine(np.ones(2), np.ones(2)))),
        "tiny, operation 5, Affine: stands after a Dense without gains; assign them first",
    ),
]

WEIGHTS = BitMatrix.pack(np.ones((2, 2), dtype=bool))
DENSE = [
    (
        edit(REAL, 3, weights=BitMatrix.pack(np.ones((2, 3), dtype=bool))),
        "tiny, operation 4, Dense layer2: has 3 columns, its input has 2 values",
    ),
    (
        edit(REAL, 3, weights=BitMatrix(0, 2, np.zeros((0, 1), dtype=np.uint8))),
        "tiny, operation 4, Dense layer2: has no rows; must be at least 1",
    ),
    (
        edit(REAL, 3, weights=replace(WEIGHTS, rows=3)),
        "tiny, operation 4, Dense layer2: packed weights are uint8 (2, 1); must be uint8 (3, 1)",
    ),
    (
        edit(REAL, 3, weights=replace(WEIGHTS, packed=WEIGHTS.packed.astype(np.int64))),
        "tiny, operation 4, Dense layer2: packed weights are int64 (2, 1); must be uint8 (2, 1)",
    ),
    (edit(REAL, 3, scale=0.0), "tiny, operation 4, Dense layer2: scale=0.0; must be above 0"),
    (edit(REAL, 3, scale=float("inf")), "tiny, operation 4, Dense layer2: scale=inf; must be above 0"),
    (
        edit(REAL, 3, name="../layer2"),
        "tiny, '../layer2': a name has letters, digits and '_' only, a letter first, and at most 64 of them",
    ),
    (edit(REAL, 3, name="layer1"), "tiny: layers are named layer1, layer1; each needs its own"),
    (
        edit(REAL, 3, folding=Folding(1, 3)),
        "tiny, operation 4, Dense layer2: SIMD=3 is more than the layer's 2 inputs; use 1 to 2",
    ),
    (edit(REAL, 3, unit=(0.5,)), "tiny, operation 4, Dense layer2: unit=(0.5,) without gains; both or none"),
    (
        edit(GAINED, 3, unit=None),
        "tiny, operation 4, Dense layer2: unit=None; must be one number above 0, or one per served level count",
    ),
    (
        edit(GAINED, 3, unit=(-1.0,)),
        "tiny, operation 4, Dense layer2: unit=(-1.0,); must be one number above 0, or one per served level count",
    ),
    (
        edit(GAINED, 3, gains=((3, 1),)),
        "tiny, operation 4, Dense layer2: needs one set of gains per served level count",
    ),
    (
        edit(GAINED, 3, gains=((3, 0), (-3, 1))),
        "tiny, operation 4, Dense layer2: gains (-3, 1) must be integers ≥ 0",
    ),
    (
        edit(GAINED, 3, gains=((3, 0), (3.0, 1))),
        "tiny, operation 4, Dense layer2: gains (3.0, 1) must be integers ≥ 0",
    ),
    (
        edit(GAINED, 3, gains=((3,), (3,))),
        "tiny, operation 4, Dense layer2: gains (3,) for codes of 2 levels; one each is needed",
    ),
    (
        edit(GAINED, 0, gains=((2, 1, 0), (2, 1, 0))),
        "tiny, operation 1, Dense layer1: gains (2, 1, 0) for codes of 2 levels; one each is needed",
    ),
    (
        edit(GAINED, 3, gains=((3, 1), (3, 1))),
        "tiny, operation 4, Dense layer2: gains (3, 1) at 1 levels; must be 0 above level 1",
    ),
    (
        edit(GAINED, 0, gains=((1, 1), (2, 1))),
        "tiny, operation 1, Dense layer1: gains ((1, 1), (2, 1)); the codes in front count ((2, 1), (2, 1))",
    ),
    (
        replace(edit(GAINED, 3, gains=((3, 0), (2**22, 1))), threshold_bits=24),
        "tiny, operation 4, Dense layer2: max(2, M)·(R + 2) with R=8388610 leaves 24 bits; "
        "use fewer input bits or gain bits, or more threshold bits",
    ),
    (
        replace(GAINED, threshold_bits=5),
        "tiny, operation 1, Dense layer1: max(2, M)·(R + 2) with R=6 leaves 5 bits; "
        "use fewer input bits or gain bits, or more threshold bits",
    ),
]

MAPS = tiny_conv()
POOL = MaxPool(Window(2, 2))
GAINED_MAPS = assign_gains(MAPS)


def with_op(network, position, op, replaces=0):
    """The network with an operation put in at `position`, in place of so many."""
    return with_nodes(network, (*network.nodes[:position], op, *network.nodes[position + replaces :]))


CONVOLUTIONS = [
    (
        edit(MAPS, 0, window=Window(2, 0)),
        "tiny, operation 1, Conv layer1: window 2x2/0; kernel and stride must be at least 1",
    ),
    (
        edit(MAPS, 0, window=Window(0, 1)),
        "tiny, operation 1, Conv layer1: window 0x0; kernel and stride must be at least 1",
    ),
    (
        edit(MAPS, 0, window=Window(4, 1)),
        "tiny, operation 1, Conv layer1: window 4x4 does not fit the 3x3 map in front of it",
    ),
    (edit(MAPS, 0, window=Window(3, 1)), "tiny, operation 1, Conv layer1: has 4 columns, its input has 9 values"),
    (
        edit(MAPS, 0, folding=Folding(1, 5)),
        "tiny, operation 1, Conv layer1: SIMD=5 is more than the layer's 4 inputs; use 1 to 4",
    ),
    (edit(MAPS, 0, groups=0), "tiny, operation 1, Conv layer1: has 0 groups; use at least 1"),
    (
        edit(MAPS, 0, groups=2),
        "tiny, operation 1, Conv layer1: has 2 groups, which do not divide its 1 input channels; use a divisor of both",
    ),
    (
        edit(from_text("4x4x4 - DW - D2"), 0, folding=Folding(3, 1)),
        "random, operation 1, Conv layer1: PE=3 for 4 groups of 1 outputs; use one of 1, 2, 4",
    ),
    (edit(MAPS, 0, scale=0.0), "tiny, operation 1, Conv layer1: scale=0.0; must be above 0"),
    (
        edit(MAPS, 2, window=Window(3, 1)),
        "tiny, operation 3, MaxPool: window 3x3 does not fit the 2x2 map in front of it",
    ),
    (
        edit(MAPS, 2, window=Window(0, 1)),
        "tiny, operation 3, MaxPool: window 0x0; kernel and stride must be at least 1",
    ),
    (
        edit(MAPS, 2, window=Window((3, 2), 2, pads=(1, 2))),
        "tiny, operation 3, MaxPool: window 3x2/2+1x2; padding must be less than the kernel, so that every window "
        "holds a part of the map",
    ),
    (edit(MAPS, 2, window=Window(1, 1)), "tiny, operation 5, Dense layer2: has 2 columns, its input has 8 values"),
    (with_op(MAPS, 0, POOL), "tiny, operation 1, MaxPool: stands at the start, where Dense may stand"),
    (
        with_nodes(MAPS, (MAPS.nodes[0], MAPS.nodes[2], MAPS.nodes[1], *MAPS.nodes[3:])),
        "tiny, operation 3, BatchNorm: stands behind a pool and its weight of channel 1 is -0.5; must be at least 0, "
        "or the pool must stand behind BatchNorm",
    ),
    (
        with_nodes(MAPS, (MAPS.nodes[0], MAPS.nodes[2], *MAPS.nodes[3:])),
        "tiny, operation 3, ResidualSign: stands after MaxPool, where BatchNorm, MultiThreshold, Rescale, Upsample, "
        "DepthToSpace may stand",
    ),
    (
        with_op(MAPS, 3, POOL),
        "tiny, operation 4, MaxPool: stands after MaxPool, where ResidualSign, Upsample, DepthToSpace may stand",
    ),
    (
        with_op(MAPS, 4, POOL),
        "tiny, operation 5, MaxPool: stands after ResidualSign, where Dense, Upsample, "
        "DepthToSpace, Join, Stack may stand",
    ),
    (
        with_op(INTEGER, 2, MaxPool(Window(1, 1))),
        "tiny, operation 3, MaxPool: stands after Threshold, where Dense, Upsample, "
        "DepthToSpace, Join, Stack may stand",
    ),
    (
        with_nodes(MAPS, (*MAPS.nodes[:2], MAPS.nodes[4].op, *MAPS.nodes[3:])),
        "tiny, operation 3, Dense: stands after BatchNorm, where ResidualSign, MaxPool, Upsample, "
        "DepthToSpace may stand",
    ),
    (
        with_nodes(MAPS, MAPS.nodes[:3]),
        "tiny, operation 3, MaxPool: ends the network; the last operation must be BatchNorm, Affine or Scores",
    ),
    (
        with_nodes(MAPS, (MAPS.nodes[0], POOL, MAPS.nodes[1])),
        "tiny, operation 3, BatchNorm: ends the network; it must read a layer with weights, dense or a convolution",
    ),
    (
        with_op(GAINED_MAPS, 1, Scores(*([np.zeros((2, 2), dtype=np.int64)] * 2)), 1),
        "tiny, operation 2, Scores: must be the last operation",
    ),
    (
        with_op(MAPS, 1, Affine(np.ones(2), np.ones(2)), 1),
        "tiny, operation 2, Affine: stands after a Conv without gains; assign them first",
    ),
    (
        edit(GAINED_MAPS, 0, gains=((2, 1),)),
        "tiny, operation 1, Conv layer1: needs one set of gains per served level count",
    ),
    (
        replace(GAINED_MAPS, threshold_bits=5),
        "tiny, operation 1, Conv layer1: max(2, M)·(R + 2) with R=12 leaves 5 bits; use fewer input bits or gain bits, "
        "or more threshold bits",
    ),
]

NAN = float("nan")
NUMBERS = [
    (edit(REAL, 1, mean=np.zeros(3)), "tiny, operation 2, BatchNorm: mean must be 2 finite numbers"),
    (edit(REAL, 1, bias=np.asarray([0, NAN])), "tiny, operation 2, BatchNorm: bias must be 2 finite numbers"),
    (
        edit(REAL, 1, weight=np.zeros(2, dtype=np.float32)),
        "tiny, operation 2, BatchNorm: weight must be 2 finite numbers",
    ),
    (
        edit(REAL, 1, variance=np.asarray([1.0, -1.0])),
        "tiny, operation 2, BatchNorm: variance must be 0 or more and epsilon=1.0 above 0",
    ),
    (
        edit(REAL, 1, epsilon=0.0),
        "tiny, operation 2, BatchNorm: variance must be 0 or more and epsilon=0.0 above 0",
    ),
    (
        edit(REAL, 1, epsilon=float("inf")),
        "tiny, operation 2, BatchNorm: variance must be 0 or more and epsilon=inf above 0",
    ),
    (edit(AFFINE, 1, a=np.zeros(1)), "tiny, operation 2, Affine: a must be 2 finite numbers"),
    (edit(AFFINE, 1, b=np.asarray([NAN, 0])), "tiny, operation 2, Affine: b must be 2 finite numbers"),
    (edit(REAL, 2, gammas=(1.0,)), "tiny, operation 3, ResidualSign: has 1 factors; there must be 2, one a level"),
    (
        edit(REAL, 2, gammas=(0.0, 0.0)),
        "tiny, operation 3, ResidualSign: factors (0.0, 0.0) must be finite, the first above 0",
    ),
    (
        edit(REAL, 2, gammas=(1.0, NAN)),
        "tiny, operation 3, ResidualSign: factors (1.0, nan) must be finite, the first above 0",
    ),
    (
        edit(REAL, 2, gammas=(1.0, -0.25)),
        "tiny, operation 3, ResidualSign: factors (1.0, -0.25) must be finite, the first above 0",
    ),
    (
        edit(REAL, 2, gammas=(0.75, 0.3)),
        "tiny, operation 3, ResidualSign: factors (0.75, 0.3) are no multiples of 2^-2",
    ),
    (
        edit(REAL, 2, gammas=(1e300, 1e300), fraction_bits=500),
        "tiny, operation 3, ResidualSign: factors (1e+300, 1e+300) are no multiples of 2^-500",
    ),
    (edit(REAL, 2, fraction_bits=501), "tiny, operation 3, ResidualSign: fraction_bits=501 is out of range"),
    (
        edit(INTEGER, 1, thresholds=INTEGER.nodes[1].op.thresholds[:1]),
        "tiny, operation 2, Threshold: thresholds must be integers of shape (2, 2)",
    ),
    (
        edit(INTEGER, 1, steps=INTEGER.nodes[1].op.steps.astype(np.int32)),
        "tiny, operation 2, Threshold: steps must be integers of shape (2, 2, 1)",
    ),
    (
        edit(INTEGER, 1, thresholds=at(INTEGER.nodes[1].op.thresholds, (0, 0), 2**23)),
        "tiny, operation 2, Threshold: thresholds must lie within -8388608 to 8388607",
    ),
    (
        edit(INTEGER, 1, steps=at(INTEGER.nodes[1].op.steps, (1, 1, 0), -(2**23) - 1)),
        "tiny, operation 2, Threshold: steps must lie within -8388608 to 8388607",
    ),
    (
        edit(INTEGER, 3, scale=at(INTEGER.nodes[3].op.scale, (0, 0), 2**15)),
        "tiny, operation 4, Scores: scale must lie within -32768 to 32767",
    ),
    (
        edit(INTEGER, 3, bias=at(INTEGER.nodes[3].op.bias, (0, 0), 2**39)),
        "tiny, operation 4, Scores: bias must lie within -549755813888 to 549755813887",
    ),
]


ANY = tiny_any()
TURNING = np.asarray([[1.0, -2.0], [2.0, 0.5]])
LEVELS = [
    (
        edit(ANY, 1, weight=TURNING),
        "tiny, operation 2, BatchNorm: weight of channel 1 is -2, 0.5 at 1 to 2 levels; all levels share the row's "
        "1-bit weights, so it needs one sign; keep BatchNorm's weights positive in training",
    ),
    (
        edit(fold_batchnorm(assign_gains(ANY)), 1, a=TURNING),
        "tiny, operation 2, Affine: a of channel 1 is -2, 0.5 at 1 to 2 levels; all levels share the row's "
        "1-bit weights, so it needs one sign; keep BatchNorm's weights positive in training",
    ),
    (
        with_nodes(MAPS, (MAPS.nodes[0], MAPS.nodes[2], ANY.nodes[1], *MAPS.nodes[3:])),
        "tiny, operation 3, BatchNorm: stands behind a pool and its weight of channel 1 is -2; must be at least 0, "
        "or the pool must stand behind BatchNorm",
    ),
    (edit(ANY, 1, mean=np.zeros(2)), "tiny, operation 2, BatchNorm: variance must be 2 finite numbers"),
    (edit(ANY, 1, bias=np.zeros(2)), "tiny, operation 2, BatchNorm: bias must be 2 x 2 finite numbers"),
    (edit(ANY, 1, mean=np.zeros((3, 2))), "tiny, operation 2, BatchNorm: mean must be 2 x 2 finite numbers"),
    (replace(ANY, served=(2,)), "tiny, operation 2, BatchNorm: mean must be 2 finite numbers"),
    (
        replace(edit(ANY, 1, **vars(REAL.nodes[1].op)), served=(2,)),
        "tiny, operation 3, ResidualSign: has factors of its own for 1 smaller level counts; a network of 2 levels "
        "that serves (2,) has 0",
    ),
    (
        edit(ANY, 2, fewer=(ResidualSign((0.5,), 0), ResidualSign((0.5, 0.25), 2))),
        "tiny, operation 3, ResidualSign: has factors of its own for 2 smaller level counts; a network of 2 levels "
        "that serves (1, 2) has 0 or 1",
    ),
    (
        edit(ANY, 2, fewer=(ResidualSign((0.5, 0.25), 2),)),
        "tiny, operation 3, ResidualSign: has 2 factors; there must be 1, one a level",
    ),
    (
        edit(ANY, 2, fewer=(ResidualSign((0.0,), 0),)),
        "tiny, operation 3, ResidualSign: factors (0.0,) must be finite, the first above 0",
    ),
    (
        edit(assign_gains(ANY), 3, unit=(0.5, 0.25, 0.125)),
        "tiny, operation 4, Dense layer2: unit=(0.5, 0.25, 0.125); must be one number above 0, or one per served level "
        "count",
    ),
]


@pytest.mark.parametrize(("network", "message"), HEADER + ORDER + DENSE + CONVOLUTIONS + NUMBERS + LEVELS)
def test_a_broken_rule_is_named(network, message):
    with pytest.raises(VerifyError) as refusal:
        verify(network)
    assert str(refusal.value) == message


@pytest.mark.parametrize("levels", [1, 2, 3, 8])
def test_every_stage_keeps_the_rules(levels):
    network = exported(levels=levels, dead=0.3)
    assert verify(network) is network
    for one_pass in PASSES:
        network = verify(one_pass(network))


@pytest.mark.parametrize("levels", [1, 2, 3, 8])
@pytest.mark.parametrize("pool_behind", [False, True])
def test_every_stage_of_a_convolution_keeps_the_rules(levels, pool_behind):
    text = "7x6x3 - C5(2,9):3x3+same - MP2 - C4:2x2/2 - D6 - D3"
    network = verify(from_text(text, levels=levels, dead=0.3, pool_behind=pool_behind))
    for one_pass in PASSES:
        network = verify(one_pass(network))
    assert [type(layer.op) for layer in network.layers[:2]] == [Conv, Conv]


def test_one_level_needs_no_fraction_bits():
    verify(edit(tiny(1), 2, gammas=(0.3,)))


def test_a_factor_may_round_to_zero_behind_the_first():
    verify(with_nodes(REAL, (*REAL.nodes[:2], ResidualSign((0.75, 0.0), 2), *REAL.nodes[3:])))


def test_scores_may_turn_with_the_level_count():
    assert (ANY.nodes[-1].op.weight[0] * ANY.nodes[-1].op.weight[1] < 0).any()
    verify(fold_batchnorm(assign_gains(ANY)))


@pytest.mark.parametrize("levels", [1, 2, 3, 8])
def test_every_stage_of_an_any_level_network_keeps_the_rules(levels):
    network = with_own_sets(from_text("7x6x3 - C5:3x3+same - MP2 - C4:2x2/2 - D6 - D3", levels=levels, dead=0.3))
    for one_pass in PASSES:
        network = verify(one_pass(network))


def test_numbers_for_all_m_and_numbers_for_each_m_may_stand_together():
    first, hidden, sign, second, last = ANY.nodes
    for nodes in ((first, REAL.nodes[1], sign, second, last), (first, hidden, REAL.nodes[2], second, last)):
        network = verify(with_nodes(REAL, nodes))
        for one_pass in PASSES:
            network = verify(one_pass(network))


@pytest.mark.parametrize(
    ("block", "sums", "message"),
    [
        (1, False, "parted, operation 2, DepthToSpace: block=1; must be 2 to 4096"),
        (3, False, "parted, operation 2, DepthToSpace: reads 4 channels; blocks of 3x3 take a multiple of 9"),
        (0, False, "parted, operation 2, DepthToSpace: block=0; must be 2 to 4096"),
        (2, True, "parted, operation 2, DepthToSpace: moves sums; it moves what is made of them, codes or features"),
    ],
)
def test_channels_that_cannot_be_parted_are_named(block, sums, message):
    network = from_text("3x3x1 - C4:2x2 - D2", levels=1)
    if sums:
        network = assign_gains(network)
    parted = with_nodes(network, (network.nodes[0], DepthToSpace(block), *network.nodes[1:]))
    with pytest.raises(VerifyError) as refusal:
        verify(replace(parted, name="parted"))
    assert str(refusal.value) == message
