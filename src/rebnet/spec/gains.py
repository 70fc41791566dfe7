"""Integer gains for trained scaling factors: g_i = round(γ_i·2^f)."""

import math
from collections.abc import Sequence

from rebnet.errors import LoweringError

_LEAST_SUM = 2.0**-900
"""Of the γ of a layer: below it, a power of two that makes a gain of it is no number any more."""


def round_half_up(x: float) -> int:
    """Nearest integer, halves upward: the one rounding rule of the law."""
    return math.floor(x + 0.5)


def fits_accumulator(inputs: int, gain_sum: int, levels: int, threshold_bits: int) -> bool:
    """True if max(2, M)·(R + 2) < 2^(T-1), so that no residual of the encoder leaves T bits."""
    return max(2, levels) * (inputs * gain_sum + 2) < 1 << (threshold_bits - 1)


def choose_gains(
    gammas: Sequence[float], inputs: int, levels: int, gain_bits: int = 8, threshold_bits: int = 24
) -> tuple[tuple[int, ...], int]:
    """Gains with the most fraction bits f for which Σ g_i < 2^gain_bits and the accumulator fits T.

    Args:
        gammas: γ_1 … γ_M of the codes, positive.
        inputs: N, columns of the layer that consumes the codes.
        levels: M of the network, the levels that layer encodes to.
        gain_bits: width of Σ g_i; 8 lets an activation fit one unsigned byte.
        threshold_bits: T.

    Returns:
        (g_1 … g_M, f). One level needs no gain: ((1,), 0), its γ goes into the affine part.

    Raises:
        LoweringError: no f gives a gain above zero within these widths, or all γ are too close to zero, or too large.
    """
    if len(gammas) == 1:
        return (1,), 0
    sum_of_all = sum(gammas)
    if not _LEAST_SUM < sum_of_all < math.inf:
        raise LoweringError(
            f"γ={tuple(gammas)} over {inputs} inputs: their sum is no number that gains can be chosen for; "
            "train it again"
        )
    fraction_bits = math.ceil(math.log2((1 << gain_bits) / sum_of_all)) + 1
    while True:
        gains = tuple(round_half_up(gamma * 2.0**fraction_bits) for gamma in gammas)
        if gains[0] == 0:
            raise LoweringError(
                f"γ={tuple(gammas)} over {inputs} inputs: no gain fits gain_bits={gain_bits} and "
                f"threshold_bits={threshold_bits}; allow more threshold bits"
            )
        total = sum(gains)
        if total < 1 << gain_bits and fits_accumulator(inputs, total, levels, threshold_bits):
            return gains, fraction_bits
        fraction_bits -= 1
