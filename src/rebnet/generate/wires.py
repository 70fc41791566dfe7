"""The constants of unrolled layers and of their scores, as parameters of `unrolled.sv` and `score_row.sv`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebnet.generate.memory import score_words, to_bits
from rebnet.ir.network import Network
from rebnet.ir.ops import Scores as ScoresOp
from rebnet.ir.ops import Threshold
from rebnet.spec.residual import Bits, code, encode_integer
from rebnet.stages.ends import Scores
from rebnet.stages.module import Parameters
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import clog2
from rebnet.stages.thresholds import layer_constants

_TOGETHER = 1024


def literal(bits: Bits) -> str:
    """A sized constant of SystemVerilog from its bits, the lowest first."""
    flat = bits.reshape(-1)
    value = int.from_bytes(np.packbits(flat, bitorder="little").tobytes(), "little")
    return f"{flat.size}'h{value:x}"


def unrolled_parameters(network: Network, unit: Mvtu) -> Parameters:
    """The weights and thresholds of a layer as `unrolled.sv` takes them."""
    layer = network.layer(unit.name)
    boundaries, constants = None, layer_constants(network, unit.name)
    if constants is not None:
        boundaries = boundaries_of(constants.threshold, layer.reaches[-1])
    (gains,) = unit.numbers.gains
    return wires(layer.weights.bits, gains, boundaries, unit.numbers.gain_width, unit.numbers.acc_width)


def wires(
    weights: Bits, gains: Sequence[int], boundaries: NDArray[np.int64] | None, gain_width: int, acc_width: int
) -> Parameters:
    """The constants of `unrolled.sv`.

    A row counts the inputs of its rarer weight. With S the sum of those, T that of all inputs and D = 2S - T, its
    accumulator is G·n + D where they are those of weight 1, else G·n - D; G is the sum of the gains, and n the number
    of weights 0.

    Args:
        weights: shape (rows, columns).
        gains: of each plane of the input.
        boundaries: as `boundaries_of` has them; None where accumulators leave.
        gain_width: bits of a gain.
        acc_width: bits of an accumulator.
    """
    rows, columns = weights.shape
    ones = weights.sum(axis=1)
    zeros = 2 * ones > columns
    picked = np.minimum(ones, columns - ones)
    slots, index_width = max(1, int(picked.max())), max(1, clog2(columns))
    picks = np.zeros((rows, slots), dtype=np.int64)
    for row in range(rows):
        picks[row, : picked[row]] = np.flatnonzero(weights[row] != zeros[row])
    numbers = sum(gains) * (columns - ones)[:, None]
    if boundaries is not None:  # A ≥ b is D ≥ b - G·n, or with `zeros` D ≤ G·n - b, which is not D ≥ G·n - b + 1
        numbers = np.where(zeros[:, None], numbers - boundaries + 1, boundaries - numbers)
        numbers = np.clip(numbers, -sum(gains) * columns, sum(gains) * columns + 1)
    return {
        "SLOTS": slots,
        "GAINS": literal(to_bits(np.array(gains, dtype=np.int64), gain_width)),
        "ZEROS": literal(zeros),
        "PICKED": literal(to_bits(picked.astype(np.int64), index_width + 1)),
        "PICKS": literal(to_bits(picks, index_width)),
        "NUMBERS": literal(to_bits(numbers, acc_width + 2)),
    }


def boundaries_of(op: Threshold, reach: int) -> NDArray[np.int64]:
    """For each row and each code from 1 to 2^M - 1 the first A in 0 … R of at least that code, R + 1 where none is.

    Codes never fall: behind equal bits, the residual rises with A.

    Returns:
        Shape (rows, 2^M - 1).
    """
    thresholds, steps = op.thresholds[-1].astype(np.int64), op.steps[-1].astype(np.int64)
    wanted = np.arange(1, 1 << op.levels)
    found = np.zeros((len(thresholds), len(wanted)), dtype=np.int64)
    for first in range(0, reach + 1, _TOGETHER):
        accumulators = np.arange(first, min(first + _TOGETHER, reach + 1))[:, None]
        accumulators = np.broadcast_to(accumulators, (len(accumulators), len(thresholds)))
        codes = code(encode_integer(accumulators, thresholds, steps, op.shift, tree=op.tree))
        found += (codes[:, :, None] < wanted).sum(axis=0)
    return found


def score_parameters(network: Network, unit: Scores) -> Parameters:
    """The scales and offsets of the scores as `score_row.sv` takes them, and the bits that hold every score."""
    node = network.answers[0]
    layer = network.layer_of(node)
    assert layer is not None
    assert isinstance(node.op, ScoresOp)
    (reach,), scale, bias = layer.op.reaches, node.op.scale[0], node.op.bias[0]
    ends = [int(end) for a in (0, reach) for end in scale.astype(object) * (2 * a - reach) + bias.astype(object)]
    constants = score_words(node.op, layer.op, unit.score_width)
    # A table may hold more than the accumulators that there are.
    return {"SUM_WIDTH": min(unit.score_width, _signed_bits(ends)), "CONSTANTS": literal(constants)}


def _signed_bits(numbers: Sequence[int]) -> int:
    return 1 + max((number if number >= 0 else -1 - number).bit_length() for number in numbers)
