"""Residual binarization (paper, section III-A and Algorithm 1), on real numbers and on integers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]


def sign_bit(x: NDArray[np.floating] | NDArray[np.integer]) -> Bits:
    """True where x ≥ 0: the sign of zero is +1 everywhere in this project."""
    return np.asarray(x >= 0)


def encode(x: NDArray[np.floating], gammas: Sequence[float]) -> Bits:
    """Greedy residual code of x: s_i = sign(r_i), r_1 = x, r_{i+1} = r_i - γ_i·s_i.

    Args:
        x: real values, any shape S.
        gammas: γ_1 … γ_M, positive.

    Returns:
        Bits of shape (M, *S), plane 0 = level 1.
    """
    residual = np.asarray(x, dtype=np.float64)
    planes = []
    for gamma in gammas:
        bit = sign_bit(residual)
        planes.append(bit)
        residual = residual - np.where(bit, gamma, -gamma)
    return np.stack(planes)


def encode_among(x: NDArray[np.floating], boundaries: NDArray[np.float64]) -> Bits:
    """Code by boundaries that may be any: as many of them as are at most x.

    Args:
        x: real values, shape (*S, rows).
        boundaries: shape (rows, 2^M - 1); those of a row do not fall.

    Returns:
        Bits of shape (M, *S, rows), plane 0 = level 1.
    """
    levels = boundaries.shape[-1].bit_length()
    passed = np.zeros(x.shape, dtype=np.int64)
    for column in boundaries.T:
        passed += x >= column
    return np.stack([(passed >> level) & 1 for level in reversed(range(levels))]).astype(np.bool_)


def decode(bits: Bits, gammas: Sequence[float]) -> NDArray[np.float64]:
    """Value of a code, e = Σ γ_i·(2·bit_i - 1); bits (M, *S) to values of shape S."""
    signs = np.where(bits, 1.0, -1.0)
    return np.tensordot(np.asarray(gammas, dtype=np.float64), signs, axes=1)


def code(bits: Bits) -> NDArray[np.int64]:
    """The code as an unsigned integer, level 1 most significant; bits (M, *S) to shape S."""
    weights = 1 << np.arange(len(bits))[::-1]
    return np.tensordot(weights, bits.astype(np.int64), axes=1)


def steps_of(levels: int, tree: bool) -> int:
    """Steps behind a threshold: M - 1, one a level, or 2^M - 2, one for every code so far (a tree of steps)."""
    return (1 << levels) - 2 if tree else levels - 1


def levels_of(steps: int, tree: bool) -> int:
    """M, of so many steps a row."""
    return (steps + 2).bit_length() - 1 if tree else steps + 1


def encode_integer(
    accumulator: NDArray[np.int64],
    threshold: NDArray[np.int64],
    steps: NDArray[np.int64],
    shift: int = 0,
    *,
    tree: bool = False,
) -> Bits:
    """Algorithm 1 on integers: r = 2^s·A - t; bit_1 = r ≥ 0; r ∓= δ_1; bit_2 = r ≥ 0; and so on.

    Args:
        accumulator: A, shape (*S, rows).
        threshold: t, shape (rows,).
        steps: δ_1 … δ_{M-1}, shape (rows, M - 1); of a tree (rows, 2^M - 2): 2 behind the codes 0 and 1 of one bit, 4
            behind those of two bits, and so on.
        shift: s; t and δ count 2^-s units of the accumulator.
        tree: steps depend on the code so far, so that the 2^M - 1 boundaries between codes may be any.

    Returns:
        Bits of shape (M, *S, rows).
    """
    residual = (accumulator << shift) - threshold
    planes = [sign_bit(residual)]
    row = np.arange(steps.shape[0])
    so_far = planes[0].astype(np.int64)
    for level in range(1, levels_of(steps.shape[-1], tree)):
        step = steps[row, (1 << level) - 2 + so_far] if tree else steps[..., level - 1]
        residual = residual - np.where(planes[-1], step, -step)
        planes.append(sign_bit(residual))
        so_far = 2 * so_far + planes[-1]
    return np.stack(planes)
