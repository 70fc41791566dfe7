"""The constants of a network as C arrays: weights as 32-bit words, numbers in the narrowest type that holds them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.generate.c.plan import WORD_BITS, Layer
from rebnet.ir.ops import BitMatrix, Scores, Threshold

_TYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64)
_LINE = 112  # characters of numbers in a line


@dataclass(frozen=True)
class Table:
    """An array of constants: its name, what it holds in words, and its values in their C type."""

    name: str
    meaning: str
    values: NDArray[np.integer]

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
    """Rows of 32-bit words; column i is bit i % 32 of word i / 32, and what is left over is 0 as in a window."""
    missing = -weights.columns % WORD_BITS
    padded = np.pad(weights.bits, ((0, 0), (0, missing)))
    return np.packbits(padded, axis=1, bitorder="little").view("<u4").astype(np.uint32).reshape(-1)


def step_table(tail: Threshold, served: tuple[int, ...]) -> NDArray[np.int64]:
    """Steps of every set; m levels take m - 1 steps a row, so set m starts at rows·(m - 1)·(m - 2)/2 where all are."""
    return np.concatenate([steps[:, : m - 1].reshape(-1) for m, steps in zip(served, tail.steps, strict=True)])


def layer_tables(layer: Layer, served: tuple[int, ...]) -> tuple[Table, ...]:
    """All constants of a layer."""
    number, dense = layer.number, layer.dense
    assert dense.gains is not None
    sets = f" of {len(served)} sets" if len(served) > 1 else ""
    gains = narrowest(np.array(dense.gains, dtype=np.int64))
    tables = [
        Table(
            f"weights{number}",
            f"{layer.rows} rows of {layer.columns} bits, words to a row: {layer.column_words}",
            weight_words(dense.weights),
        ),
        Table(f"gains{number}", f"g_1 ... g_{layer.planes}{sets}", gains),
    ]
    if isinstance(layer.tail, Scores):
        tables.append(Table(f"reach{number}", f"R = {layer.columns} times the gains{sets}", _reaches(layer)))
        tables.append(Table(f"scale{number}", f"A_j{sets}", narrowest(layer.tail.scale)))
        tables.append(Table(f"bias{number}", f"B_j{sets}", narrowest(layer.tail.bias)))
        return tuple(tables)
    tables.append(Table(f"thresholds{number}", f"t of every row{sets}", narrowest(layer.tail.thresholds)))
    steps = step_table(layer.tail, served)
    if steps.size:
        tables.append(Table(f"steps{number}", f"d_1 ... d_(m-1) of every row{sets}", narrowest(steps)))
    return tuple(tables)


def _reaches(layer: Layer) -> NDArray[np.integer]:
    return narrowest(np.array(layer.dense.reaches, dtype=np.int64))


def score_type(layer: Layer) -> str:
    """int32_t where |A_j|·R + |B_j|, the largest score there can be, fits; else int64_t."""
    assert isinstance(layer.tail, Scores)
    reach = np.array(layer.dense.reaches, dtype=np.int64)[:, None]
    most = int((np.abs(layer.tail.scale) * reach + np.abs(layer.tail.bias)).max())
    return _signed(most)


def residual_type(layers: tuple[Layer, ...]) -> str:
    """The type of a residual: int32_t where 2^s·R + |t| + all steps fits, for every row; else int64_t."""
    most = 0
    for layer in layers:
        if isinstance(layer.tail, Threshold):
            reach = np.array(layer.dense.reaches, dtype=np.int64)[:, None]
            sums = (reach << layer.tail.shift) + np.abs(layer.tail.thresholds) + np.abs(layer.tail.steps).sum(axis=2)
            most = max(most, int(sums.max()))
    return _signed(most)


def _signed(most: int) -> str:
    return "int32_t" if most <= np.iinfo(np.int32).max else "int64_t"
