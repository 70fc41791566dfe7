"""Operations of networks with branches: features on a grid, what adds, pools and joins them, and stacked codes.

The rules of `rebnet.ir.ops` hold. An exported network and a lowered one have the same of these: they are exact in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import VerifyError
from rebnet.ir.bounds import MAX_SIDE
from rebnet.ir.values import Code, Feature, Integer, LevelCounts, Shape, Value, check_sums, shifts_to_finest
from rebnet.spec.depth_to_space import depth_to_space
from rebnet.spec.rescale import rescaled_bounds
from rebnet.spec.two_slope import two_slope_bounds
from rebnet.spec.upsample import Element, Factors, upsample
from rebnet.spec.window import Window

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rescale:
    """Sums to features on a grid of 2^-F: z = floor((A_c·v + B_c)/2^s), see `rebnet.spec.rescale`.

    Scale A_c and bias B_c of shape (rows,), or (M, rows) with a set per m; lowered (served, rows).
    """

    scale: Integers
    bias: Integers
    shift: int
    fraction_bits: int

    def at(self, levels: int) -> "Rescale":
        """The set of values for `levels` levels."""
        if self.scale.ndim == 1:
            return self
        return replace(self, scale=self.scale[levels - 1], bias=self.bias[levels - 1])

    def repeated(self, times: int) -> "Rescale":
        """The same of rows that stand so many times each, one behind the other."""
        return replace(self, scale=self.scale.repeat(times, axis=-1), bias=self.bias.repeat(times, axis=-1))

    def result(self, counts: LevelCounts, source: Value) -> Feature:
        """Features, with bounds where the sums are accumulators."""
        unit = Fraction(1, 2**self.fraction_bits) if self.fraction_bits >= 0 else Fraction(2**-self.fraction_bits)
        if not isinstance(source, Integer):
            return Feature(source.shape, unit)
        shape = (len(source.high), self.scale.shape[-1])
        sets = zip(source.high, np.broadcast_to(self.scale, shape), np.broadcast_to(self.bias, shape), strict=True)
        bounds = [rescaled_bounds(reach, scale, bias, self.shift) for reach, scale, bias in sets]
        return Feature(source.shape, unit, *(tuple(ends) for ends in zip(*bounds, strict=True)))


@dataclass(frozen=True)
class TwoSlope:
    """Features that are bent where they are negative, between two shifts, see `rebnet.spec.two_slope`.

    Slope S_c, and shifts `before` and `after` in units of the feature, of shape (rows,); all level counts share them.
    """

    slope: Integers
    before: Integers
    after: Integers
    shift: int

    def result(self, counts: LevelCounts, source: Value) -> Feature:
        """A feature in the same unit, with the bounds that its halves have."""
        (feature,) = _features([source])
        bounds = [self.bounds(*ends) for ends in zip(feature.low, feature.high, strict=True)]
        low, high = tuple(end for end, _ in bounds), tuple(end for _, end in bounds)
        return replace(feature, low=low, high=high)

    def bounds(self, low: int, high: int) -> tuple[int, int]:
        """The least and the largest result for features of low … high."""
        return two_slope_bounds(low, high, self.slope, self.before, self.after, self.shift)


@dataclass(frozen=True)
class Add:
    """The sum of features of one shape, in the finest of their units."""

    def result(self, counts: LevelCounts, *sources: Value) -> Feature:
        """A feature whose bounds are the sums of theirs."""
        features = _features(sources)
        _one_shape([feature.shape for feature in features])
        shifts = shifts_to_finest(features)

        def ends(each: list[tuple[int, ...]]) -> tuple[int, ...]:
            return tuple(sum(end << k for end, k in zip(at_m, shifts, strict=True)) for at_m in zip(*each, strict=True))

        low, high = ends([feature.low for feature in features]), ends([feature.high for feature in features])
        return Feature(features[0].shape, min(feature.unit for feature in features), low, high)


@dataclass(frozen=True)
class SumPool:
    """The sum of every window and channel, of the whole map where there is no window: an average in units of 1/area."""

    window: Window | None = None

    def result(self, counts: LevelCounts, source: Value) -> Feature:
        """A feature on a smaller map, in a finer unit."""
        (feature,) = _features([source])
        if self.window is None:
            shape, area = Shape(1, 1, feature.shape.channels), feature.shape.positions
        else:
            check_sums(self.window, feature.shape)
            shape, area = feature.shape.windowed(self.window), self.window.area
        low, high = (tuple(area * end for end in ends) for ends in (feature.low, feature.high))
        return Feature(shape, feature.unit / area, low, high)


@dataclass(frozen=True)
class Upsample:
    """Every row of a map, and every place of a row, several times: of codes, of features, of reals before lowering."""

    factors: Factors

    def result(self, counts: LevelCounts, source: Value) -> Value:
        """The same type on a larger map."""
        if isinstance(source, Integer):
            raise VerifyError("repeats sums; it repeats what is made of them, codes or features")
        rows, columns = self.factors.rows, self.factors.columns
        if min(rows, columns) < 1 or rows * columns == 1 or max(rows, columns) > MAX_SIDE:
            raise VerifyError(f"factors {self.factors}; must be 1 to {MAX_SIDE}, one of them at least 2")
        return replace(source, shape=source.shape.upsampled(self.factors))

    def moved(self, maps: NDArray[Element]) -> NDArray[Element]:
        """The larger maps, see `rebnet.spec.upsample`."""
        return upsample(maps, self.factors)


@dataclass(frozen=True)
class DepthToSpace:
    """Every place of a map as block x block places, among which its channels are parted: of what `Upsample` takes."""

    block: int

    def result(self, counts: LevelCounts, source: Value) -> Value:
        """The same type on a larger map of fewer channels."""
        if isinstance(source, Integer):
            raise VerifyError("moves sums; it moves what is made of them, codes or features")
        if not 2 <= self.block <= MAX_SIDE:
            raise VerifyError(f"block={self.block}; must be 2 to {MAX_SIDE}")
        area, channels = self.block**2, source.shape.channels
        if channels % area:
            places = f"{self.block}x{self.block}"
            raise VerifyError(f"reads {channels} channels; blocks of {places} take a multiple of {area}")
        return replace(source, shape=source.shape.spread(self.block))

    def moved(self, maps: NDArray[Element]) -> NDArray[Element]:
        """The larger maps, see `rebnet.spec.depth_to_space`."""
        return depth_to_space(maps, self.block)


Moved = Upsample | DepthToSpace
"""What gives the elements that it reads, at other places: it commutes with all that works element by element."""


@dataclass(frozen=True)
class Join:
    """Channels of maps of one size, one behind the other: of features of one unit, or of codes that count the same."""

    def result(self, counts: LevelCounts, *sources: Value) -> Feature | Code:
        """Their type, with the channels of all."""
        first = sources[0]
        _one_shape([source.shape._replace(channels=0) for source in sources])
        shape = first.shape._replace(channels=sum(source.shape.channels for source in sources))
        if isinstance(first, Code):
            others = [replace(code, shape=first.shape) for code in sources if isinstance(code, Code)]
            if len(others) < len(sources) or any(other != first for other in others):
                raise VerifyError("joins values of several types; codes must have one set of factors")
            return replace(first, shape=shape)
        features = _features(sources)
        if len({feature.unit for feature in features}) > 1:
            raise VerifyError("joins features of several units; they must have one")
        low = tuple(min(ends) for ends in zip(*(feature.low for feature in features), strict=True))
        high = tuple(max(ends) for ends in zip(*(feature.high for feature in features), strict=True))
        return Feature(shape, features[0].unit, low, high)


@dataclass(frozen=True)
class Stack:
    """The code of a sum of codes: their planes side by side, which the layer behind adds up; it has no order."""

    def result(self, counts: LevelCounts, *sources: Value) -> Code:
        """Codes with the planes of all, and one grid of gains."""
        codes = [source for source in sources if isinstance(source, Code)]
        if len(codes) < len(sources):
            raise VerifyError("stacks something else than codes; put a residual sign in front of it")
        _one_shape([code.shape for code in codes])
        planes = sum(code.planes for code in codes)
        used = tuple(planes - codes[-1].planes + count for count in codes[-1].used)
        stacked = Code(codes[0].shape, planes, used)
        if any(code.gains is None for code in codes):
            return stacked
        sets = len(counts.served)
        units, gains = zip(*(_stacked([code.at(index) for code in codes]) for index in range(sets)), strict=True)
        return replace(stacked, units=units[:1] if len(set(units)) == 1 else units, gains=gains)


def _stacked(each: list[tuple[float, tuple[int, ...]]]) -> tuple[float, tuple[int, ...]]:
    """The finest unit of codes, and the gains of all in it."""
    finest = min(unit for unit, _ in each)
    times = [Fraction(unit) / Fraction(finest) for unit, _ in each]
    if any(one.denominator != 1 for one in times):
        raise VerifyError("stacks codes whose units are no multiples of one another; snap their factors to one grid")
    return finest, tuple(gain * one.numerator for one, (_, gains) in zip(times, each, strict=True) for gain in gains)


def _features(sources: Sequence[Value]) -> list[Feature]:
    features = [source for source in sources if isinstance(source, Feature)]
    if len(features) < len(sources):
        raise VerifyError("reads something else than features; put a rescale in front of it")
    return features


def _one_shape(shapes: Sequence[Shape]) -> None:
    if len(set(shapes)) > 1:
        raise VerifyError(f"reads maps of {' and '.join(map(str, dict.fromkeys(shapes)))}; they must be of one size")
