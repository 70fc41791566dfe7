"""Accelerators whose constants are written at run time: what they compute with follows from their shape alone.

Without that, widths are the least that hold a network's own numbers. Here they hold those of every network of the same
shape: gains are those of activations that fit G bits, and an encoder has the form of boundaries, a tree, for each
served m. Boundaries are what any encoder computes (`boundaries_at`): they are 0 … R + 1 whatever thresholds, steps and
shift they come from, so that one width holds all of them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import OptionError
from rebnet.ir.network import Network
from rebnet.ir.ops import Threshold
from rebnet.spec.residual import code, encode_integer
from rebnet.spec.threshold import step_tree
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.converter import Converter
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import clog2
from rebnet.stages.window import WindowUnit

GAIN_BITS = 8
"""G, bits of an activation in units of its gains: of every network, unless one was trained with more --gain-bits."""


def gain_bits_of(accelerator: Accelerator) -> int:
    """G of an accelerator that is made for this network: of its layers with multipliers."""
    sums = [sum(gains) for layer in accelerator.layers if layer.multiplies for gains in layer.numbers.gains]
    return max(GAIN_BITS, *(most.bit_length() for most in sums), 0)


def for_any_weights(accelerator: Accelerator, network: Network, gain_bits: int) -> Accelerator:
    """The same accelerator, wide enough for every network of the shape of `network`.

    Args:
        accelerator: of the network.
        network: one of them.
        gain_bits: G, of an activation of any of them.

    Raises:
        OptionError: a unit whose constants cannot be written at run time, or gains of more bits.
    """
    needed = gain_bits_of(accelerator)
    if needed > gain_bits:
        raise OptionError(
            f"runtime_weights: the gains of the network add up to {needed} bits, and the accelerator takes {gain_bits}"
            "; train it with a smaller --gain-bits, or generate an accelerator of this network"
        )
    for unit in accelerator.stages:
        if not isinstance(unit, Converter | WindowUnit | Mvtu):
            raise OptionError(
                f"runtime_weights: {unit.instance} has constants or widths that follow from the trained weights, and "
                "chains of convolutions, max-pools and dense layers alone are served; leave --runtime-weights out"
            )
        if isinstance(unit, Mvtu) and unit.unrolled:
            raise OptionError(
                f"runtime_weights: the weights of layer {unit.name} are wires; give it another weight_style than "
                "'wires' in folding.json, or leave --runtime-weights out"
            )
    stages = tuple(
        Mvtu(**(vars(unit) | {"arithmetic": arithmetic_of(network, unit, gain_bits), "threshold_style": _style(unit)}))
        if isinstance(unit, Mvtu)
        else unit
        for unit in accelerator.stages
    )
    last = stages[-1]
    assert isinstance(last, Mvtu)
    scores = replace(accelerator.scores, acc_width=last.numbers.acc_width)
    return replace(accelerator, stages=stages, scores=scores)


def _style(unit: Mvtu) -> str:
    """Where thresholds stand: as they did where accumulators would wait for them otherwise, for the same cycles."""
    return unit.thresholds.style if unit.tail == 1 else unit.threshold_style


def arithmetic_of(network: Network, unit: Mvtu, gain_bits: int) -> Arithmetic:
    """What a layer computes with, of whatever network of its shape."""
    numbers, planes = unit.numbers, unit.numbers.weight_gains
    if unit.multiplies:
        most = gain = (1 << gain_bits) - 1
    else:  # one level of gain 1, or the bits of a pixel: the same in every network
        most, gain = max(map(sum, numbers.gains)), max(map(max, numbers.gains))
    reach = unit.cols * most * sum(planes)
    return replace(
        numbers,
        gain_width=clog2(gain * max(planes) + 1),
        acc_width=clog2(reach + 1),
        threshold_sets=len(network.served) if unit.levels_out else 1,
        threshold_width=1 + clog2(reach + 2),
        threshold_shift=0,
        step_tree=unit.levels_out > 1,
    )


def boundary_form(op: Threshold, served: Sequence[int], reaches: Sequence[int]) -> Threshold:
    """The same encoder by its boundaries: a tree without a shift, one set for each served level count.

    Args:
        op: thresholds and steps per served level count.
        served: these level counts m; of a set for m those bits count.
        reaches: R per served level count.
    """
    rows, most = op.thresholds.shape[1], op.levels
    thresholds = np.zeros((len(served), rows), dtype=np.int64)
    steps = np.zeros((len(served), rows, (1 << most) - 2), dtype=np.int64)
    for index, (levels, reach) in enumerate(zip(served, reaches, strict=True)):
        found = boundaries_at(op, index, levels, reach)
        for row, boundaries in enumerate(found.tolist()):
            thresholds[index, row], own = step_tree(boundaries)
            steps[index, row, : len(own)] = own
    return Threshold(thresholds, steps, 0, most > 1)


def boundaries_at(op: Threshold, index: int, levels: int, reach: int) -> NDArray[np.int64]:
    """For each row and each code from 1 to 2^m - 1 the first A in 0 … R of at least that code, R + 1 where none is.

    Codes never fall: behind equal bits, the residual rises with A. So each is found by halving.

    Args:
        op: the encoder.
        index: of its set.
        levels: m, the first bits of a code that count.
        reach: R.

    Returns:
        Shape (rows, 2^m - 1).
    """
    thresholds, steps = op.thresholds[index].astype(np.int64), op.steps[index].astype(np.int64)
    wanted = np.arange(1, 1 << levels)[:, None]
    first = np.zeros((len(wanted), len(thresholds)), dtype=np.int64)
    behind = np.full_like(first, reach + 1)
    while (first < behind).any():
        middle = np.minimum((first + behind) // 2, reach)
        bits = encode_integer(middle, thresholds, steps, op.shift, tree=op.tree)[:levels]
        reached = code(bits) >= wanted
        going = first < behind
        behind = np.where(going & reached, middle, behind)
        first = np.where(going & ~reached, middle + 1, first)
    return first.T
