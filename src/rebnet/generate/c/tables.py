"""The constants of a network as C arrays: weights as 32-bit words, numbers in the narrowest type that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.generate.c.plan import WORD_BITS, Layer
from rebnet.ir.features import Rescale, TwoSlope
from rebnet.ir.ops import BitMatrix, PixelInput, Scores, Threshold

_TYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64)
_LINE = 112  # characters of numbers in a line


@dataclass(frozen=True)
class Table:
    """An array of constants: its name, what it holds in words, and its values in their C type."""

    name: str
    meaning: str
    values: NDArray[np.integer]

    @property
    def kind(self) -> str:
        """Its name without the number."""
        return self.name.rstrip("0123456789")

    @property
    def c_type(self) -> str:
        """The type of a value, such as uint8_t."""
        return f"{self.values.dtype.name}_t"

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return self.values.nbytes

    def text(self, hexadecimal: bool) -> str:
        """The definition of the array."""
        numbers = [f"0x{value:08x}" if hexadecimal else str(value) for value in self.values.tolist()]
        if self.values.dtype == np.int64:
            numbers = [f"INT64_C({number})" for number in numbers]
        return (
            f"/* {self.meaning} */\nstatic const {self.c_type} {self.name}[{len(numbers)}] = {{\n{_lines(numbers)}}};\n"
        )


def _lines(numbers: list[str]) -> str:
    width = max(map(len, numbers)) + 2
    per_line = max(1, _LINE // width)
    lines = (numbers[start : start + per_line] for start in range(0, len(numbers), per_line))
    return "".join(f"    {', '.join(line)},\n" for line in lines)


def narrowest(values: NDArray[np.int64]) -> NDArray[np.integer]:
    """The same numbers, flat, in the smallest type of C that holds all of them."""
    low, high = int(values.min()), int(values.max())
    fitting = (kind for kind in _TYPES if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return values.reshape(-1).astype(next(fitting))


def weight_words(weights: BitMatrix) -> NDArray[np.uint32]:
    """Rows of 32-bit words, a row's planes one behind the other.

    Column i is bit i % 32 of word i / 32, and what is left over is 0 as in a window.
    """
    missing = -weights.columns % WORD_BITS
    padded = np.pad(weights.planes.transpose(1, 0, 2), ((0, 0), (0, 0), (0, missing)))
    packed = np.ascontiguousarray(np.packbits(padded, axis=2, bitorder="little"))
    return packed.view("<u4").astype(np.uint32).reshape(-1)


def step_table(tail: Threshold, served: tuple[int, ...]) -> NDArray[np.int64]:
    """Steps of every set, those of a row that m levels read.

    Where all are, set m starts at rows·(m - 1)·(m - 2)/2, and of trees at rows·(2^m - 2·m).
    """
    sets = zip(served, tail.steps, strict=True)
    return np.concatenate([steps[:, : tail.steps_at(m)].reshape(-1) for m, steps in sets])


def layer_tables(layer: Layer, served: tuple[int, ...]) -> tuple[Table, ...]:
    """All constants of a layer and of what stands behind it."""
    *bits, reach = dense_tables(layer, served)
    if isinstance(layer.tail, Threshold):
        return (*bits, *threshold_tables(layer.number, layer.tail, served))
    return (*bits, reach, *slope_tables(layer.number, layer.tail, served))


def dense_tables(layer: Layer, served: tuple[int, ...]) -> tuple[Table, ...]:
    """Weights, gains and, last, R of a layer; behind the weights what their planes count, where there are several."""
    number, dense, planes = layer.number, layer.dense, layer.weight_planes
    assert dense.gains is not None
    sets = _sets(served)
    gains = narrowest(np.array(dense.gains, dtype=np.int64))
    meaning = f"{layer.rows} rows of {layer.columns} bits, words to a row: {layer.column_words}"
    if planes > 1:
        meaning = f"{layer.rows} rows of {planes} planes of {layer.columns} bits, words to each: {layer.column_words}"
    both = " of inputs and of weights" if planes > 1 else ""
    counts = Table(f"weight_gains{number}", f"h_1 ... h_{planes}", narrowest(np.array(dense.weights.gains)))
    return (
        Table(f"weights{number}", meaning, weight_words(dense.weights)),
        *((counts,) if planes > 1 else ()),
        Table(f"gains{number}", f"g_1 ... g_{layer.planes}{sets}", gains),
        Table(
            f"reach{number}",
            f"R = {layer.columns} times the gains{both}{sets}",
            _reaches(layer),
        ),
    )


def threshold_tables(number: int, op: Threshold, served: tuple[int, ...]) -> tuple[Table, ...]:
    """Thresholds, and steps where there are any."""
    sets = _sets(served)
    thresholds = Table(f"thresholds{number}", f"t of every row{sets}", narrowest(op.thresholds))
    steps = step_table(op, served)
    if not steps.size:
        return (thresholds,)
    name, meaning = ("step_tree", "steps behind every code so far") if op.tree else ("steps", "d_1 ... d_(m-1)")
    return (thresholds, Table(f"{name}{number}", f"{meaning} of every row{sets}", narrowest(steps)))


def pixel_tables(image: PixelInput) -> tuple[Table, ...]:
    """The code of each byte in its top bits, where it is not the byte's own."""
    if image.table is None:
        return ()
    codes = image.taken(np.arange(256, dtype=np.uint8))
    return (Table("pixel_table", f"the code of each byte, in its top {image.bits} bits", codes),)


def slope_tables(number: int, op: Scores | Rescale, served: tuple[int, ...]) -> tuple[Table, Table]:
    """A and B of scores, a class each, or of a rescale, a channel each."""
    index, sets = "j" if isinstance(op, Scores) else "c", _sets(served)
    return (
        Table(f"scale{number}", f"A_{index}{sets}", narrowest(op.scale)),
        Table(f"bias{number}", f"B_{index}{sets}", narrowest(op.bias)),
    )


def two_slope_tables(number: int, op: TwoSlope) -> tuple[Table, Table, Table]:
    """Slopes, and what is added before and after, a channel each."""
    return (
        Table(f"slope{number}", f"S_c, in units of 2^-{op.shift}", narrowest(op.slope)),
        Table(f"before{number}", "p_c", narrowest(op.before)),
        Table(f"after{number}", "q_c", narrowest(op.after)),
    )


def _sets(served: tuple[int, ...]) -> str:
    return f" of {len(served)} sets" if len(served) > 1 else ""


def _reaches(layer: Layer) -> NDArray[np.integer]:
    return narrowest(np.array(layer.dense.reaches, dtype=np.int64))


def score_type(layer: Layer) -> str:
    """int32_t where |A_j|·R + |B_j|, the largest score there can be, fits; else int64_t."""
    assert isinstance(layer.tail, Scores)
    return sloped_type(layer.tail, layer.dense.reaches)


def sloped_type(op: Scores | Rescale, reaches: Sequence[int]) -> str:
    """The type of A·v + B with |v| up to R, R for each served m."""
    reach = np.array(reaches, dtype=np.int64)[:, None]
    return signed(int((np.abs(op.scale) * reach + np.abs(op.bias)).max()))


def residual_type(layers: tuple[Layer, ...]) -> str:
    """The type of a residual in all layers."""
    tails = [(layer.tail, layer.dense.reaches) for layer in layers]
    return signed(max((most_residual(op, reaches) for op, reaches in tails if isinstance(op, Threshold)), default=0))


def most_residual(op: Threshold, reaches: Sequence[int]) -> int:
    """2^s·R + |t| + a row's steps, the most of all rows, where numbers reach R, for each served m, at most."""
    reach = np.array(reaches, dtype=np.int64)[:, None]
    sums = (reach << op.shift) + np.abs(op.thresholds) + np.abs(op.steps).sum(axis=2)
    return int(sums.max())


def most_bent(op: TwoSlope, reach: int) -> int:
    """The most on the way through two slopes, of features up to `reach` in size."""
    sums = reach + np.abs(op.before)
    bent = np.maximum(np.abs(op.slope), 1) * sums + (1 << op.shift)
    return int((bent + np.abs(op.after)).max())


def signed(most: int) -> str:
    """int32_t where it holds -most … most, else int64_t."""
    return "int32_t" if most <= np.iinfo(np.int32).max else "int64_t"
