"""Operations of a network. Export writes the real ones, lowering turns them into the integer ones.

Real:    Dense, Conv, BatchNorm, MaxPool (of real values), ResidualSign, MultiThreshold
Both:    Rescale, whose values are features on a grid, and what those can do: TwoSlope, Add, SumPool, Join, MaxPool;
         Stack, Upsample, DepthToSpace
Between: Affine (BatchNorm per unit of the accumulator's signed value v, or of a feature)
Integer: Dense and Conv with gains, Threshold, MaxPool (of codes), Scores

Feature maps stand in the order height, width, channel; a dense layer takes a whole map in that order.

Arrays of served levels have one entry per level count m that the network can run at. Real operations hold one set of
numbers, which a run at m < M truncates, or one set for each m = 1 … M: an any-level network.

`result` is an operation's own rule: the type of what it gives, from the type of what it reads (`rebnet.ir.values`). It
raises `VerifyError` where it cannot read that. Where an operation stands, `rebnet.ir.network` says.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import VerifyError
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.notation import ConvText, DenseText, Folding, Weights
from rebnet.ir.values import Code, Integer, LevelCounts, Real, Shape, Value, check_window, pooled
from rebnet.spec.groups import group_fault
from rebnet.spec.pixels import pixel_gains
from rebnet.spec.residual import Bits, levels_of, steps_of
from rebnet.spec.window import Window
from rebnet.spec.xnor import reach, weight_values

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PixelInput:
    """An image of bytes, of which the top `bits` bits are used; channels vary fastest.

    A `table` says of each of the 256 bytes the code that is used in place of its top bits.
    """

    height: int
    width: int
    channels: int
    bits: int
    table: tuple[int, ...] | None = None

    @property
    def samples(self) -> int:
        """Samples in one image."""
        return self.height * self.width * self.channels

    def taken(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Images whose top bits are the codes of these."""
        if self.table is None:
            return images
        return (np.asarray(self.table, dtype=np.uint8) << (8 - self.bits)).astype(np.uint8)[images]

    def result(self, counts: LevelCounts) -> Code:
        """An image is a residual code already: its bits count 2^(k-1) … 1 in units of 1/(2^k - 1)."""
        times = len(counts.served)
        shape = Shape(self.height, self.width, self.channels)
        gains = pixel_gains(self.bits)
        return Code(shape, self.bits, (self.bits,) * times, (1 / (2**self.bits - 1),), (gains,) * times)


@dataclass(frozen=True)
class BitMatrix:
    """A matrix of weights in planes of ±1, 1 bit each: True is +1, and a weight is w = Σ_j h_j·(±1).

    One plane with h = 1 is the rule; k-bit odd integers have h = 2^(k-1) … 1, ternary weights (1, 1).

    Attributes:
        rows: of the matrix.
        columns: of the matrix.
        packed: shape (rows, ceil(columns/8)) of one plane, (planes, rows, ceil(columns/8)) of more.
        gains: h_1 … of each plane.
    """

    rows: int
    columns: int
    packed: NDArray[np.uint8]
    gains: tuple[int, ...] = (1,)

    @classmethod
    def pack(cls, bits: Bits, gains: tuple[int, ...] = (1,)) -> "BitMatrix":
        """Pack a boolean matrix of shape (rows, columns), or of as many planes as gains, (planes, rows, columns)."""
        rows, columns = bits.shape[-2:]
        packed = np.packbits(bits, axis=-1)
        return cls(rows, columns, packed[0] if packed.ndim > 2 and len(gains) == 1 else packed, gains)

    @property
    def bits(self) -> Bits:
        """The boolean matrix, shape (rows, columns); of more planes, all of them, (planes, rows, columns)."""
        return np.unpackbits(self.packed, axis=-1, count=self.columns).astype(np.bool_)

    @property
    def planes(self) -> Bits:
        """The planes, shape (planes, rows, columns), of one too."""
        return self.bits.reshape(len(self.gains), self.rows, self.columns)

    @property
    def values(self) -> NDArray[np.int64]:
        """The weights, Σ_j h_j·(±1), shape (rows, columns)."""
        return weight_values(self.planes, self.gains)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights."""
        return self.packed.nbytes

    def flip_rows(self, rows: NDArray[np.bool_]) -> "BitMatrix":
        """Negate the weights of the rows that are True."""
        return BitMatrix.pack(self.bits ^ rows[:, None], self.gains)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with weights `scale`·(±1), or `scale`·Σ_j h_j·(±1) of several planes.

    After `assign_gains` an input code counts g_1 … g_m and `unit` is the real value of one unit of v: one for all m, or
    one per served m. `gains` has one tuple per served m, each as long as the input has levels, 0 above m.
    """

    weights: BitMatrix
    scale: float
    folding: Folding | None = None
    unit: tuple[float, ...] | None = None
    gains: tuple[tuple[int, ...], ...] | None = None

    @property
    def group_count(self) -> int:
        """Groups of rows that see inputs of their own."""
        return 1

    @property
    def reaches(self) -> tuple[int, ...]:
        """R = N·Σ g_i·Σ h_j per served m."""
        assert self.gains is not None
        return tuple(reach(self.weights.columns, gains, self.weights.gains) for gains in self.gains)

    def text(self, folding: Folding | None = None) -> DenseText | ConvText:
        """The layer as a network text has it, with this folding."""
        return DenseText(self.weights.rows, folding, Weights.of(self.weights.gains))

    def result(self, counts: LevelCounts, source: Value) -> Real | Integer:
        """Real sums, or accumulators 0 … R where gains are assigned."""
        self._check_columns(source.shape.elements)
        return self._sums(Shape(1, 1, self.weights.rows))

    def _check_columns(self, inputs: int) -> None:
        if self.weights.columns != inputs:
            raise VerifyError(f"has {self.weights.columns} columns, its input has {inputs} values")

    def _sums(self, shape: Shape) -> Real | Integer:
        if self.gains is None:
            return Real(shape)
        units = tuple(self.scale * unit for unit in self.unit or ())
        return Integer(shape, (0,) * len(self.gains), self.reaches, units)


@dataclass(frozen=True)
class Conv(Dense):
    """A convolution: a dense layer over every window of the map, columns in the window's own order.

    In `groups` every row sees the channels of its own group alone, see `rebnet.spec.groups`.
    """

    window: Window = field(kw_only=True)
    groups: int = field(default=1, kw_only=True)

    @property
    def group_count(self) -> int:
        """Groups of rows that see inputs of their own."""
        return self.groups

    def text(self, folding: Folding | None = None) -> ConvText:
        """The layer as a network text has it, with this folding."""
        weights = Weights.of(self.weights.gains)
        return ConvText(self.weights.rows, folding, self.window, self.groups, weights)

    def result(self, counts: LevelCounts, source: Value) -> Real | Integer:
        """A map of what a dense layer gives for every window."""
        check_window(self.window, source.shape)
        fault = group_fault(source.shape.channels, self.weights.rows, self.groups, len(self.weights.gains))
        if fault is not None:
            raise VerifyError(fault)
        self._check_columns(self.window.area * source.shape.channels // self.groups)
        return self._sums(source.shape.windowed(self.window, self.weights.rows))


@dataclass(frozen=True)
class MaxPool:
    """The largest value of every window and channel: of real values before a residual sign, of codes behind it."""

    window: Window

    def result(self, counts: LevelCounts, source: Value) -> Value:
        """The same type on a smaller map."""
        check_window(self.window, source.shape)
        return pooled(source, self.window)


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

    def repeated(self, times: int) -> "BatchNorm":
        """The same of rows that stand so many times each, one behind the other."""
        each = (self.mean, self.variance, self.weight, self.bias)
        mean, variance, weight, bias = (numbers.repeat(times, axis=-1) for numbers in each)
        return BatchNorm(mean, variance, weight, bias, self.epsilon)

    def result(self, counts: LevelCounts, source: Value) -> Real:
        """Real numbers of the same shape."""
        return Real(source.shape)


@dataclass(frozen=True)
class Affine:
    """z = a·v + b, one value per row: shape (rows,), or (served, rows)."""

    a: Floats
    b: Floats

    def result(self, counts: LevelCounts, source: Value) -> Real:
        """Real numbers of the same shape."""
        return Real(source.shape)


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

    @property
    def unit(self) -> float:
        """The real value of one unit of its codes."""
        return self.gammas[0] if len(self.gammas) == 1 else 2.0**-self.fraction_bits

    def result(self, counts: LevelCounts, source: Value) -> Code:
        """Codes of M levels. One level counts 1 in units of γ, more count g_i = γ_i·2^f in units of 2^-f.

        Where m < M levels have factors of their own, they have gains and a unit of their own; where not, they are
        truncated: the same unit and g_1 … g_m. Gains above level m are 0.
        """
        sets = (*self.fewer, self)
        signs = sets if self.fewer else sets * len(counts.served)
        gains = tuple(truncate(sign.gains, m, counts.levels) for m, sign in zip(counts.served, signs, strict=True))
        return Code(source.shape, counts.levels, counts.served, tuple(sign.unit for sign in sets), gains)


@dataclass(frozen=True)
class MultiThreshold(ResidualSign):
    """A code by boundaries that may be any, of a network that runs at M levels alone; as FINN's and QONNX' own.

    `boundaries`, shape (rows, 2^M - 1), do not fall in a row: a value has a code of at least i + 1 from boundaries[i]
    on. What the codes are worth, the factors say.
    """

    boundaries: Floats = field(kw_only=True)

    def repeated(self, times: int) -> "MultiThreshold":
        """The same of rows that stand so many times each, one behind the other."""
        return replace(self, boundaries=self.boundaries.repeat(times, axis=0))


def truncate(gains: tuple[int, ...], levels: int, all_levels: int) -> tuple[int, ...]:
    """Gains of the first `levels` levels, 0 for the others of `all_levels`."""
    kept = gains[:levels]
    return (*kept, *(0,) * (all_levels - len(kept)))


@dataclass(frozen=True)
class Threshold:
    """Integer residual encoder: thresholds t (served, rows) and steps δ (served, rows, M - 1).

    They count units of 2^-shift accumulators: r = 2^shift·A - t. A shift above 0 is what makes every code exact.
    A `tree` has 2^M - 2 steps a row, one behind every code so far, so that boundaries between codes may be any.
    """

    thresholds: Integers
    steps: Integers
    shift: int = 0
    tree: bool = False

    @property
    def levels(self) -> int:
        """M."""
        return levels_of(int(self.steps.shape[-1]), self.tree)

    @property
    def numbers(self) -> int:
        """Constants of a row: its threshold and its steps."""
        return 1 + int(self.steps.shape[-1])

    def steps_at(self, levels: int) -> int:
        """How many of a row's steps m levels read: so many of the first."""
        return steps_of(levels, self.tree)

    def result(self, counts: LevelCounts, source: Value) -> Code:
        """Codes of M levels; what they count, the layers that read them say."""
        return Code(source.shape, counts.levels, counts.served)


@dataclass(frozen=True)
class Scores:
    """Integer scores A_j·v_j + B_j: scale and bias, shape (served, rows).

    Where the answers are values, `unit` is what one unit of a score is worth, for each served m.
    """

    scale: Integers
    bias: Integers
    unit: tuple[float, ...] = ()

    def result(self, counts: LevelCounts, source: Value) -> Integer:
        """Scores within the bounds that the accumulators' R gives them."""
        if not isinstance(source, Integer):
            raise VerifyError("reads accumulators; assign gains first")
        most = [np.abs(scale) * reach for scale, reach in zip(self.scale, source.high, strict=True)]
        low = tuple(int((bias - far).min()) for bias, far in zip(self.bias, most, strict=True))
        high = tuple(int((bias + far).max()) for bias, far in zip(self.bias, most, strict=True))
        return Integer(source.shape, low, high, self.unit)


Op = (
    Dense
    | Conv
    | MaxPool
    | BatchNorm
    | Affine
    | ResidualSign
    | MultiThreshold
    | Threshold
    | Rescale
    | TwoSlope
    | Add
    | SumPool
    | Upsample
    | DepthToSpace
    | Join
    | Stack
    | Scores
)


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
