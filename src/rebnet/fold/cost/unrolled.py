"""What the resources of unrolled layers and of their scores depend on; see `rebnet.fold.cost.features`.

Weights are not known here: a row counts half of its inputs, and somewhat less by the square root of how many there are.
"""

from collections.abc import Callable, Mapping

import numpy as np

from rebnet.fold.cost.features import Features, Numbers, Sizes, lut_ram, numbers, one
from rebnet.spec.scores import SCALE_BITS

TABLE_BITS = 6
"""Bits up to which `score_row` looks an accumulator up."""
_FEWER = 0.4
"""Mean distance of a row's ones from a half of them, in square roots of the inputs."""


def unrolled(shape: Sizes) -> Features:
    """Counts, the sums of the lanes, and comparisons with constants."""
    get = numbers(shape)
    rows, columns, planes, acc = get["rows"], get["cols"], get["levels_in"], get["acc_width"] + 2
    counted = planes * (rows * np.maximum(columns / 2 - _FEWER * np.sqrt(columns), 0) + columns)
    looked_up = (planes > 1) & (get["gain_width"] > planes)  # pixels are shifted
    codes = get["levels_out"] > 0
    width = rows * np.where(codes, get["levels_out"], get["acc_width"])
    return {
        "module": one(get),
        "input": planes * columns,
        "counted": counted,
        "counts": rows * planes * np.log2(columns + 1),
        "lookups": np.where(looked_up, rows * planes * acc, 0.0),
        "lanes": rows * (planes - 1) * acc,
        "differences": rows * acc,
        "comparisons": np.where(codes, rows * (2.0 ** get["levels_out"] - 1) * acc, 0.0),
        "results": width,
        "ram": lut_ram(width, 16.0),
    }


def score_row(shape: Sizes) -> Features:
    """A table or a multiplier a row, and the FIFO of all of them."""
    get = numbers(shape)
    bits = get["rows"] * (get["acc_width"] + SCALE_BITS)
    table = get["acc_width"] <= TABLE_BITS
    return {
        "module": one(get),
        "tables": np.where(table, bits, 0.0),
        "sums": np.where(table, 0.0, bits),
        "inputs": get["rows"] * get["acc_width"],
        "ram": lut_ram(bits, 8.0),
    }


def multipliers(shape: Sizes) -> Numbers:
    """Of a `score_row`."""
    get = numbers(shape)
    return np.where(get["acc_width"] > TABLE_BITS, get["rows"], 0.0)


PIECES: Mapping[str, Callable[[Sizes], Features]] = {"unrolled": unrolled, "score_row": score_row}
