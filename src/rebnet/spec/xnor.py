"""The dot product of ±1 vectors as XNOR and popcount, and its multi-level sum."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebnet.spec.residual import Bits

_BLOCK = 256  # vectors at a time: bounds the memory of the outer product


def pack_words(bits: Bits, padding: bool) -> NDArray[np.uint64]:
    """Pack the last axis into 64-bit words, filled up with `padding` bits."""
    missing = -bits.shape[-1] % 64
    fill = np.full((*bits.shape[:-1], missing), padding, dtype=np.bool_)
    packed = np.packbits(np.concatenate([bits, fill], axis=-1), axis=-1)
    return packed.view(np.uint64)


def popcount_xnor(bits: Bits, weights: Bits) -> NDArray[np.int64]:
    """Count agreeing bits, p = popcount(xnor(bits, w)), for every vector and row.

    Padding follows the law: input bits are padded with 0 and weight bits with 1, so that a padded
    lane never agrees and adds nothing.

    Args:
        bits: input vectors, shape (vectors, columns).
        weights: weight rows, shape (rows, columns).

    Returns:
        Counts 0 … columns, shape (vectors, rows).
    """
    data = pack_words(bits, padding=False)
    columns = np.ascontiguousarray(~pack_words(weights, padding=True).T)
    counts = np.empty((len(data), len(weights)), dtype=np.int64)
    narrow = np.min_scalar_type(bits.shape[-1])
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        total = np.zeros((len(block), len(weights)), dtype=narrow)
        for word, column in enumerate(columns):
            total += np.bitwise_count(block[:, word, None] ^ column)
        counts[start : start + _BLOCK] = total
    return counts


def accumulate(
    planes: Bits, weights: Bits, gains: Sequence[int], weight_gains: Sequence[int] = (1,)
) -> NDArray[np.int64]:
    """The unsigned accumulator A = Σ_i Σ_j g_i·h_j·p_ij of every vector and row.

    p_ij counts where level i of the inputs and plane j of the weights agree. One plane of weights is the rule.

    Args:
        planes: bit planes, shape (levels, vectors, columns); surplus planes beyond the gains are ignored.
        weights: weight rows, shape (rows, columns), or their planes, (weight planes, rows, columns).
        gains: g_1 … g_m.
        weight_gains: h_1 … of the planes of the weights.

    Returns:
        A in 0 … R with R = columns·Σ g_i·Σ h_j, shape (vectors, rows); the signed value is v = 2A - R.
    """
    total = np.zeros((planes.shape[1], weights.shape[-2]), dtype=np.int64)
    for weight_gain, signs in zip(weight_gains, weights.reshape(-1, *weights.shape[-2:]), strict=True):
        for gain, plane in zip(gains, planes, strict=False):
            total += gain * weight_gain * popcount_xnor(plane, signs)
    return total


def weight_values(planes: Bits, weight_gains: Sequence[int]) -> NDArray[np.int64]:
    """The weights w = Σ_j h_j·(2·bit_j - 1); planes (weight planes, rows, columns) to (rows, columns)."""
    return np.tensordot(np.asarray(weight_gains, dtype=np.int64), 2 * planes.astype(np.int64) - 1, axes=1)


def odd_gains(bits: int) -> tuple[int, ...]:
    """What the planes of k-bit weights count, 2^(k-1) … 1: weights are the odd integers from -(2^k - 1) to 2^k - 1."""
    return tuple(1 << bit for bit in reversed(range(bits)))


def reach(columns: int, gains: Sequence[int], weight_gains: Sequence[int] = (1,)) -> int:
    """R = N·Σ g_i·Σ h_j, the largest value of the accumulator of a layer with N columns."""
    return columns * sum(gains) * sum(weight_gains)
