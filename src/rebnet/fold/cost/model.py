"""Resources of an accelerator before anything is synthesized: closed forms with coefficients fitted to synthesis.

Block RAMs and multipliers follow exactly from the parameters, by the synthesizer's own rules. LUT and flip-flops are
sums of features (`rebnet.fold.cost.features`) with coefficients from `costs.json`, which `tools/calibrate_costs.py`
fits and whose error on layers it was not fitted to stands in the same file.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family, Resources
from rebnet.errors import FoldingError, OptionError
from rebnet.fold.cost import branches, features
from rebnet.fold.cost.fabric import FABRICS, Numbers
from rebnet.fold.cost.features import UNSAID, Sizes, encoder_numbers
from rebnet.stages.memories import ram_in_luts, rom_bank, rom_column, rom_in_luts
from rebnet.stages.module import Module
from rebnet.stages.numbers import ceil_div, clog2

COSTS_FILE = Path(__file__).with_name("costs.json")
LUT, FF, BRAM_36K, BRAM_18K, DSP = range(5)
"""Places of the resources in a vector of costs."""

PIECES = {**features.PIECES, **branches.PIECES}
"""Features of a piece by its name."""
_HALF = tuple((BRAM_18K, 129, *shape) for shape in ((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512)))
_FULL = tuple(
    (BRAM_36K, 257, *shape)
    for shape in ((1, 32768), (2, 16384), (4, 8192), (9, 4096), (18, 2048), (36, 1024), (72, 512))
)
_BLOCKS: Mapping[str, tuple[tuple[int, int, int, int], ...]] = {
    "xc7": _HALF + _FULL,
    "xcup": _HALF + _FULL,
    "ecp5": _HALF,
    "gowin": _HALF,
}


def block_rams(width: Any, depth: Any, family: Family) -> tuple[Numbers, Numbers]:
    """Blocks of 36 and of 18 kbit of a memory of `depth` words of `width` bits.

    The synthesizer's choice: a memory deeper than a block is cut into segments that stand side by side with a
    multiplexer behind them; of all blocks and widths the ones that cost least, half a unit for every input of the
    multiplexer and bit beyond the first.
    """
    width, depth = np.broadcast_arrays(np.asarray(width, dtype=np.float64), np.asarray(depth, dtype=np.float64))
    best = np.full(width.shape, np.inf)
    counts = [np.zeros(width.shape), np.zeros(width.shape)]
    for kind, price, block_width, block_depth in _BLOCKS[family]:
        segments = ceil_div(depth, block_depth)
        blocks = ceil_div(segments * width, block_width)
        cost = price * blocks + 0.5 * (segments - 1) * width
        better = cost < best
        best = np.where(better, cost, best)
        for place, own in enumerate((BRAM_36K, BRAM_18K)):
            counts[place] = np.where(better, blocks if own == kind else 0.0, counts[place])
    return counts[0], counts[1]


def rom_rams(width: Any, depth: Any, family: Family, *, in_columns: bool = False) -> tuple[Numbers, Numbers]:
    """Blocks of a read-only memory, as `block_rams`: those of all its banks, or a small one for each of its columns."""
    bank = rom_bank(width, depth)
    count, rest = np.floor_divide(depth, bank), np.mod(depth, bank)
    whole, last = block_rams(width, bank, family), block_rams(width, np.maximum(rest, 1), family)
    full, half = (count * each + (rest > 0) * own for each, own in zip(whole, last, strict=True))
    if not in_columns:
        return full, half
    column = rom_column(width, depth)
    columns = column < width
    return np.where(columns, 0.0, full), np.where(columns, ceil_div(width, column), half)


def mvtu_cost(shape: Sizes, family: Family) -> NDArray[np.float64]:
    """Costs of matrix-vector units with everything in them.

    Args:
        shape: parameters by their names in lower case, numbers or arrays; `distributed` is 1 where the weights are in
            LUTs.
        family: of the device.

    Returns:
        An array of shape (5, …): LUT, FF, BRAM_36K, BRAM_18K, DSP.
    """
    shape = {**UNSAID, **shape}
    total = piece_cost("mvtu", shape, family)
    for piece, (inner, count) in mvtu_pieces(shape).items():
        own = piece_cost(piece, inner, family)
        total = total + np.asarray(count) * own.reshape(own.shape + (1,) * (total.ndim - own.ndim))
    folds = ceil_div(shape["rows"], shape["pe"])
    passes = folds * ceil_div(shape["weight_planes"], shape["plane_lanes"])
    constants = np.asarray(shape["drain"]) * encoder_numbers(shape, shape["levels_out"]) * shape["threshold_width"]
    deep = shape["threshold_sets"] * folds * shape["pe"] / shape["drain"]
    words = np.asarray(shape["levels_in"]) * shape["simd"] * shape["sides"]
    weights = elements_of(shape) * shape["simd"], passes * chunks_of(shape)
    buffer = words, shape["buffer_depth"]
    memories = (
        (np.asarray(shape["distributed"]), rom_rams(*weights, family, in_columns=True)),
        (rom_in_luts(constants, deep), rom_rams(constants, deep, family)),
        (ram_in_luts(*buffer), block_rams(*buffer, family)),
    )
    for in_luts, blocks in memories:
        total[BRAM_36K] += (1 - in_luts) * blocks[0]
        total[BRAM_18K] += (1 - in_luts) * blocks[1]
    total[DSP] += multipliers(shape)
    return total


def chunks_of(shape: Sizes) -> Numbers:
    """Words of SIMD inputs in a vector."""
    chunks: Numbers = ceil_div(shape["cols"], shape["simd"])
    return chunks


def elements_of(shape: Sizes) -> Any:
    """Processing elements: one a row in parallel and lane of the weights' planes."""
    return np.asarray(shape["pe"]) * shape["plane_lanes"]


def multipliers(shape: Sizes) -> Numbers:
    """Multipliers of a unit's tail: one a lane, where its gains are no shifts."""
    lanes = np.asarray(shape["drain"]) * np.asarray(shape["level_lanes"], dtype=np.float64)
    lanes = lanes * shape["plane_lanes"]
    multiply: Numbers = np.asarray(shape["multiply"]) * lanes
    return multiply


def mvtu_pieces(shape: Sizes) -> dict[str, tuple[Sizes, Any]]:
    """The submodules of a unit: parameters and how many there are."""
    shape = {**UNSAID, **shape}
    drain, out = shape["drain"], shape["levels_out"]
    codes = np.where(np.asarray(out) > 0, np.asarray(drain) * out, np.asarray(drain) * shape["acc_width"])
    levels = np.where(np.asarray(shape["sets"]) > 1, shape["level_width"], 0)
    buffer = {
        "width": np.asarray(shape["levels_in"]) * shape["simd"] * shape["sides"],
        "depth": shape["buffer_depth"],
        "level_width": shape["level_width"],
        "chunks": chunks_of(shape),
    }
    element = {
        "simd": shape["simd"],
        "level_lanes": shape["level_lanes"],
        "sum_width": clog2(chunks_of(shape) * shape["simd"] + 1),
    }
    encoder = {
        "levels": out,
        "threshold_width": shape["threshold_width"],
        "acc_width": shape["acc_width"],
        "step_tree": shape["step_tree"],
    }
    return {
        "vector_buffer": (buffer, 1),
        "processing_element": (element, elements_of(shape)),
        "residual_encoder": (encoder, np.where(np.asarray(out) > 0, drain, 0)),
        "fifo": ({"width": codes + levels, "depth": shape["out_depth"]}, 1),
    }


def module_cost(name: str, shape: Sizes, family: Family) -> NDArray[np.float64]:
    """Costs of any module of the library, as `mvtu_cost`."""
    if name == "mvtu":
        return mvtu_cost(shape, family)
    total = piece_cost(name, shape, family)
    if name in branches.MEMORIES:
        memory, read_only = branches.MEMORIES[name]
        width, depth = memory(shape)
        copies = shape.get("reads", 1) * (1 - (rom_in_luts if read_only else ram_in_luts)(width, depth))
        blocks = (rom_rams if read_only else block_rams)(width, depth, family)
        total[BRAM_36K] += copies * blocks[0]
        total[BRAM_18K] += copies * blocks[1]
    if name in ("scores", "rescale", "two_slope"):
        total[DSP] += 1 if name == "scores" else np.asarray(shape["lanes"])
    return total


def piece_cost(piece: str, shape: Sizes, family: Family) -> NDArray[np.float64]:
    """LUT and FF of one piece; an array of shape (5, …)."""
    coefficients = read_costs(family).get(piece)
    if coefficients is None or piece not in PIECES:
        raise FoldingError(
            f"module {piece}: has no prices for the family {family}; leave the board out, and synthesize"
        )
    counted = PIECES[piece](shape, FABRICS[family])
    size = np.broadcast_shapes(*(np.shape(value) for value in counted.values()))
    total = np.zeros((5, *size))
    for place, resource in ((LUT, "LUT"), (FF, "FF")):
        for name, coefficient in coefficients[resource].items():
            total[place] += coefficient * counted[name]
    return total


def read_costs(family: Family, path: Path = COSTS_FILE) -> dict[str, dict[str, dict[str, float]]]:
    """The fitted coefficients of a family by piece, resource and feature.

    Raises:
        OptionError: the family was not calibrated.
    """
    record = _read(path)
    if family not in record:
        raise OptionError(
            f"family {family}: its costs were not calibrated, only those of {', '.join(sorted(record))}; choose a "
            "board with such a part, or give the folding and synthesize"
        )
    coefficients: dict[str, dict[str, dict[str, float]]] = record[family]["coefficients"]
    return coefficients


def is_calibrated(family: Family) -> bool:
    """Whether what modules take of this family's parts is known before they are synthesized."""
    return family in _read(COSTS_FILE)


@cache
def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["families"]
    return record


def shape_of(module: Module) -> dict[str, Any]:
    """The parameters as the features want them: names in lower case, numbers alone."""
    shape = {key.lower(): value for key, value in module.parameters.items() if key != "GAINS"}
    for style in ("style", "buffer_style", "threshold_style"):
        shape.pop(style, None)  # follow from the sizes
    if module.name == "mvtu":
        shape["distributed"] = int("distributed" in shape.pop("weight_style", "block"))
    return shape


def predict(module: Module, family: Family) -> Resources:
    """Resources of one instance, rounded."""
    return resources_of(module_cost(module.name, shape_of(module), family))


def resources_of(cost: NDArray[np.float64]) -> Resources:
    """A vector of costs, rounded."""
    return Resources(*(round(float(value)) for value in cost))
