"""Operations of a network. Export writes the real ones, lowering turns them into the integer ones.

Real:    Dense, Conv, BatchNorm, MaxPool (of real values), ResidualSign
Between: Affine (BatchNorm per unit of the accumulator's signed value v)
Integer: Dense and Conv with gains, Threshold, MaxPool (of codes), Scores

Feature maps stand in the order height, width, channel; a dense layer takes a whole map in that order.

Arrays of served levels have one entry per level count m that the network can run at. Real operations hold one set of
numbers, which a run at m < M truncates, or one set for each m = 1 … M: an any-level network.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.notation import Folding
from rebnet.spec.residual import Bits
from rebnet.spec.window import Window

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PixelInput:
    """An image of bytes, of which the top `bits` bits are used; channels vary fastest."""

    height: int
    width: int
    channels: int
    bits: int

    @property
    def samples(self) -> int:
        """Samples in one image."""
        return self.height * self.width * self.channels


@dataclass(frozen=True)
class BitMatrix:
    """A matrix of ±1 weights, 1 bit each: True is +1. `packed` has shape (rows, ceil(columns/8))."""

    rows: int
    columns: int
    packed: NDArray[np.uint8]

    @classmethod
    def pack(cls, bits: Bits) -> "BitMatrix":
        """Pack a boolean matrix of shape (rows, columns)."""
        rows, columns = bits.shape
        return cls(rows, columns, np.packbits(bits, axis=1))

    @property
    def bits(self) -> Bits:
        """The boolean matrix, shape (rows, columns)."""
        return np.unpackbits(self.packed, axis=1, count=self.columns).astype(np.bool_)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights."""
        return self.packed.nbytes

    def flip_rows(self, rows: NDArray[np.bool_]) -> "BitMatrix":
        """Negate the weights of the rows that are True."""
        return BitMatrix.pack(self.bits ^ rows[:, None])


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with weights `scale`·(±1).

    After `assign_gains` an input code counts g_1 … g_m and `unit` is the real value of one unit of v: one for all m, or
    one per served m. `gains` has one tuple per served m, each as long as the input has levels, 0 above m.
    """

    name: str
    weights: BitMatrix
    scale: float
    folding: Folding | None = None
    unit: tuple[float, ...] | None = None
    gains: tuple[tuple[int, ...], ...] | None = None

    @property
    def reaches(self) -> tuple[int, ...]:
        """R = N·Σ g_i per served m."""
        assert self.gains is not None
        return tuple(self.weights.columns * sum(gains) for gains in self.gains)


@dataclass(frozen=True)
class Conv(Dense):
    """A convolution: a dense layer over every window of the map, columns in the window's own order."""

    window: Window = field(kw_only=True)


@dataclass(frozen=True)
class MaxPool:
    """The largest value of every window and channel: of real values before a residual sign, of codes behind it."""

    window: Window


@dataclass(frozen=True)
class BatchNorm:
    """y = weight·(x - mean)/sqrt(variance + epsilon) + bias; arrays of shape (rows,), or (M, rows) with a set per m."""

    mean: Floats
    variance: Floats
    weight: Floats
    bias: Floats
    epsilon: float

    def at(self, levels: int) -> "BatchNorm":
        """The set of values for `levels` levels."""
        if self.mean.ndim == 1:
            return self
        index = levels - 1
        return BatchNorm(self.mean[index], self.variance[index], self.weight[index], self.bias[index], self.epsilon)


@dataclass(frozen=True)
class Affine:
    """z = a·v + b, one value per row: shape (rows,), or (served, rows)."""

    a: Floats
    b: Floats


@dataclass(frozen=True)
class ResidualSign:
    """Residual binarization with real factors γ_1 … γ_M, which are g_i/2^fraction_bits for M ≥ 2.

    `fewer` holds the residual signs of 1 … M - 1 levels where those have factors of their own; where it is empty, m
    levels are the first m of these.
    """

    gammas: tuple[float, ...]
    fraction_bits: int
    fewer: tuple["ResidualSign", ...] = ()

    def factors(self, levels: int) -> tuple[float, ...]:
        """γ_1 … γ_m of m = `levels` levels."""
        return (*self.fewer, self)[levels - 1].gammas if self.fewer else self.gammas[:levels]

    @property
    def gains(self) -> tuple[int, ...]:
        """g_1 … g_M; (1,) for one level."""
        if len(self.gammas) == 1:
            return (1,)
        return tuple(round(gamma * 2.0**self.fraction_bits) for gamma in self.gammas)


@dataclass(frozen=True)
class Threshold:
    """Integer residual encoder: thresholds t (served, rows) and steps δ (served, rows, M - 1)."""

    thresholds: Integers
    steps: Integers


@dataclass(frozen=True)
class Scores:
    """Integer scores A_j·v_j + B_j: scale and bias, shape (served, rows)."""

    scale: Integers
    bias: Integers


Op = Dense | Conv | MaxPool | BatchNorm | Affine | ResidualSign | Threshold | Scores


@dataclass(frozen=True)
class Network:
    """A network: its input, the operations in order, and the widths they were made for.

    `levels` is M; `served` lists the level counts m that it can run at, (1, …, M) or (M,).
    """

    name: str
    levels: int
    input: PixelInput
    ops: tuple[Op, ...]
    threshold_bits: int = 24
    served: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.served:
            object.__setattr__(self, "served", tuple(range(1, self.levels + 1)))

    def with_ops(self, ops: tuple[Op, ...]) -> "Network":
        """The same network with other operations."""
        return replace(self, ops=ops)

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The layers with weights, dense and convolutions, in order."""
        return tuple(op for op in self.ops if isinstance(op, Dense))

    @property
    def classes(self) -> int:
        """Scores per image."""
        return self.dense[-1].weights.rows

    @property
    def weight_bytes(self) -> int:
        """Bytes of all packed weights."""
        return sum(op.weights.nbytes for op in self.dense)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and same(self, other)

    __hash__ = None  # type: ignore[assignment]


def same(left: Any, right: Any) -> bool:
    """Equality of operations and networks, arrays compared whole."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if hasattr(left, "__dataclass_fields__"):
        return all(same(getattr(left, name), getattr(right, name)) for name in left.__dataclass_fields__)
    return bool(left == right)
