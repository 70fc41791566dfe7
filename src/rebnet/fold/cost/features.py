"""What the resources of a module depend on: features of its parameters, to be weighed by fitted coefficients.

Every function takes a module's parameters by the names of the RTL in lower case, numbers or arrays of equal shape, and
the tables of the device's family (`rebnet.fold.cost.fabric`), and returns its features by name. A feature is a count of
something that is there in hardware: bits of a register, inputs of a multiplexer, partial products. Memories are no
features: their blocks follow exactly from `block_rams`, and LUT RAM enters by its own count, `Fabric.ram`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.fold.cost.fabric import Fabric, Numbers
from rebnet.stages.converter import Converter
from rebnet.stages.memories import ram_in_luts, rom_bank, rom_column, rom_in_luts
from rebnet.stages.numbers import ceil_div, clog2

Sizes = Mapping[str, Any]
"""Parameters of a module: numbers, or arrays that broadcast together."""
Features = dict[str, NDArray[Any]]
_LEVELS = 14  # of adders: more than any SIMD has


UNSAID: Sizes = {"sides": 1, "weight_planes": 1, "plane_lanes": 1, "step_tree": 0, "tabled": 0}
"""Parameters that an instance leaves out, and what they are then."""


def numbers(shape: Sizes) -> dict[str, Numbers]:
    """The parameters that are numbers, those too that are left out."""
    said = {**UNSAID, **shape}
    return {key: np.asarray(value, dtype=np.float64) for key, value in said.items() if not isinstance(value, str)}


def one(get: Sizes) -> Numbers:
    """A feature of every module alike."""
    return np.ones(np.broadcast(*get.values()).shape)


def fifo(shape: Sizes, fabric: Fabric) -> Features:
    """First-in first-out buffer: LUT RAM, pointers and a counter."""
    width, depth = shape["width"], shape["depth"]
    return {
        "module": np.ones(np.broadcast(width, depth).shape),
        "ram": fabric.ram(width, depth),
        "ram_mux": np.asarray(width) * fabric.ram_mux(depth),
        "pointers": clog2(np.asarray(depth)),
        "count": clog2(np.asarray(depth) + 1),
    }


def vector_buffer(shape: Sizes, fabric: Fabric) -> Features:
    """Input buffer of a layer: as a FIFO, its word registered, and the levels of every word."""
    width, depth, levels = shape["width"], shape["depth"], shape["level_width"]
    luts = 1.0 * ram_in_luts(width, depth)
    features = fifo(shape, fabric)
    return {
        **features,
        "ram": luts * features["ram"],
        "ram_mux": luts * features["ram_mux"],
        "levels": fabric.ram(levels, depth),
        "word": luts * np.asarray(width, dtype=np.float64),
        "chunks": clog2(shape["chunks"]) + 0 * np.asarray(depth),
    }


def processing_element(shape: Sizes, _: Fabric) -> Features:
    """XNOR, popcount and accumulator of one output, for all its level lanes."""
    simd, lanes, total = (np.asarray(shape[key], dtype=np.float64) for key in ("simd", "level_lanes", "sum_width"))
    counts = ceil_div(simd, 4)
    leaves, adders = counts, np.zeros(np.shape(simd))
    registers = 3 * counts
    for level in range(1, _LEVELS):
        pairs = counts // 2
        adders = adders + pairs * (level + 2)
        more = counts > 1
        counts = np.where(more, counts - pairs, counts)
        if level % 2 == 0:
            registers = registers + np.where(more, counts * (level + 3), 0)
    return {
        "module": np.ones(np.broadcast(simd, lanes, total).shape),
        "lanes": lanes + 0 * simd,
        "leaves": lanes * leaves,
        "adders": lanes * adders,
        "registers": lanes * registers,
        "sum": lanes * total,
    }


def encoder_numbers(shape: Sizes, levels: Any) -> Numbers:
    """Constants of an encoder of so many levels: one a level, or of a tree of steps."""
    count: Numbers = np.where(numbers(shape)["step_tree"] > 0, 2.0 ** np.asarray(levels) - 1, levels)
    return count


def residual_encoder(shape: Sizes, _: Fabric) -> Features:
    """Threshold and steps of one drained row; of a tree, a bit chooses among the steps behind it."""
    get = numbers(shape)
    levels, width, acc, tree = get["levels"], get["threshold_width"], get["acc_width"], get["step_tree"] > 0
    chosen = 2.0**levels - levels - 1  # numbers of a tree, left by the bit before at each level from the second
    return {
        "module": np.ones(np.broadcast(levels, width, acc).shape),
        "threshold": width + 0 * levels * acc,
        "acc": acc + 0 * levels * width,
        "steps": np.maximum(levels - 1, 0) * width,
        "passed": np.where(tree, 2 * chosen, np.maximum(levels - 1, 0) * levels / 2) * width,
        "chosen": np.where(tree, np.maximum(chosen - levels + 1, 0), 0.0) * width,
        "codes": levels * (levels + 1) / 2,
    }


def mvtu(shape: Sizes, fabric: Fabric) -> Features:
    """What a matrix-vector unit is beside its buffers, its processing elements and its encoders."""
    get = numbers(shape)
    pe, simd, lanes, drain = get["pe"], get["simd"], get["level_lanes"], get["drain"]
    inputs = simd * get["sides"]  # of every level lane: groups side by side have inputs of their own
    chunks, folds = ceil_div(get["cols"], simd), ceil_div(get["rows"], pe)
    planes, plane_lanes = get["weight_planes"], get["plane_lanes"]
    level_groups, plane_groups = ceil_div(get["levels_in"], lanes), ceil_div(planes, plane_lanes)
    groups = level_groups * plane_groups
    words = pe / drain
    total = clog2(chunks * simd + 1)
    depth, word = folds * plane_groups * chunks, pe * plane_lanes * simd
    columns = np.minimum(word, 2.0 ** np.minimum(depth, 30))  # equal columns of a ROM are one
    tail = drain * lanes * plane_lanes
    distributed = get["distributed"]
    banks = np.where(rom_column(word, depth) < word, 1.0, ceil_div(depth, rom_bank(word, depth)))
    thresholds = get["threshold_sets"] * folds * words
    levels_out, acc, gain = get["levels_out"], get["acc_width"], get["gain_width"]
    constants = drain * encoder_numbers(shape, levels_out) * get["threshold_width"]
    in_luts = 1.0 * rom_in_luts(constants, thresholds)
    pipe = 2 + get["popcount_stages"]
    passing = 3 + get["level_width"]
    return {
        "module": one(get),
        "planes": lanes * inputs,
        "planes_mux": lanes * inputs * fabric.mux(level_groups),
        "weights_rom": distributed * columns * fabric.rom(depth),
        "weights_register": distributed * columns,
        "weights_mux": (1 - distributed) * word * ceil_div(banks - 1, 5),
        "weights_stage": (1 - distributed) * (word * (banks + (banks > 1)) + lanes * inputs * (1 + (banks > 1))),
        "depth": clog2(depth),
        "pass": passing,
        "pass_delay": passing * ceil_div(pipe, fabric.delay_words),
        "pick": tail * total,
        "pick_mux": tail * total * fabric.mux(words),
        "product": get["multiply"] * tail * (gain + total),
        "lanes_sum": drain * (lanes * plane_lanes - 1) * acc,
        "total": drain * acc,
        "groups_sum": np.where(groups > 1, drain * acc, 0.0),
        "partial": np.where(groups > 1, fabric.ram(drain * acc, words), 0.0),
        "thresholds_rom": in_luts * constants * fabric.rom(thresholds),
        "thresholds_register": in_luts * constants,
        "thresholds_stage": (1 - in_luts) * constants * (levels_out > 0),
        "thresholds_address": np.where(levels_out > 0, clog2(thresholds), 0.0),
        "sets": np.where(get["sets"] > 1, 1.0, 0.0),
        "codes": np.where(get["sets"] > 1, drain * levels_out, 0.0),
    }


def window(shape: Sizes, fabric: Fabric) -> Features:
    """A sliding window, beside its block RAM."""
    get = numbers(shape)
    words = get["planes"] * get["reads"] * get["word"]
    row = get["width"] * get["channels"] / get["word"]
    count = clog2(get["depth"] + get["height"] * row + (get["kernel"] + 2) * row) + 1
    address = clog2(get["depth"])
    wide, deep = get["planes"] * get["writes"] * get["word"], get["depth"] / get["writes"]
    in_luts = 1.0 * ram_in_luts(wide, deep)
    padded = np.where((get["pad_y"] > 0) | (get["pad_x"] > 0), 1.0, 0.0)
    return {
        "module": one(get),
        "words": words,
        "out": fabric.ram(words, 4),
        "write_parts": words * fabric.mux(get["writes"]),
        "count": count,
        "address": address,
        "ports": (get["reads"] - 1) * (count + address),
        "padding": padded * (count + 8 * get["reads"]),
        "lines": in_luts * get["reads"] * (fabric.ram(wide, deep) + wide * fabric.ram_mux(deep)),
        "lines_mux": (1 - in_luts) * get["reads"] * wide * fabric.mux(ceil_div(deep, 1024)),
    }


def max_pool(shape: Sizes, fabric: Fabric) -> Features:
    """A max-pool with its lines in LUT RAM."""
    get = numbers(shape)
    words = get["planes"] * get["word"]
    row = get["width"] * get["channels"] / get["word"]
    count = clog2(get["depth"] + get["height"] * row + (get["kernel"] + 2) * row) + 1
    wide, deep = get["planes"] * get["writes"] * get["word"], get["depth"] / get["writes"]
    in_luts = 1.0 * ram_in_luts(wide, deep)
    address = clog2(get["depth"])
    return {
        "module": one(get),
        "words": words,
        "compare": words * get["reads"],
        "lines": in_luts * get["reads"] * (fabric.ram(wide, deep) + wide * fabric.ram_mux(deep)),
        "lines_mux": (1 - in_luts) * get["reads"] * wide * fabric.mux(ceil_div(deep, 1024)),
        "out": fabric.ram(words, 4),
        "count": count,
        "address": address,
        "ports": (get["reads"] - 1) * (count + address),
    }


def width_converter(shape: Sizes, _: Fabric) -> Features:
    """A gearbox: every bit of its buffer takes the elements that may come to stand there."""
    get: dict[str, Any] = {key: value.astype(np.int64) for key, value in numbers(shape).items()}
    own: Converter[Any] = Converter("", get["planes"], get["in"], get["out"], get["vector"])
    ready, units_in = own.ready_units, own.in_units
    units = ready - 1 + units_in
    bits = get["planes"] * units * own.unit
    sources = np.minimum(ready, units_in)
    partial = np.where(get["vector"] % get["in"] != 0, 1.0, 0.0)
    return {
        "module": one(get),
        "bits": bits,
        "sources": bits * np.maximum(sources - 1, 0),
        "shift": np.where(units_in < own.out_units, get["planes"] * get["in"] * ready, 0.0),
        "positions": ready,
        "position": clog2(units),
        "words": clog2(own.in_words),
        "partial": partial * get["planes"] * get["in"],
    }


def scores(shape: Sizes, fabric: Fabric) -> Features:
    """Scale and offset of the last layer's accumulators."""
    get = numbers(shape)
    return {
        "module": one(get),
        "pick_mux": get["acc_width"] * fabric.mux(get["lanes"]),
        "acc": get["acc_width"],
        "rom": get["score_width"] * fabric.rom(get["sets"] * get["rows"]),
        "levels": get["level_width"],
    }


def pixel_input(shape: Sizes, fabric: Fabric) -> Features:
    """Pixels into planes, in a register slice."""
    get = numbers(shape)
    return {
        "module": one(get),
        "ram": fabric.ram(get["bits"] * get["p"] + get["level_width"], 2),
        "beats": clog2(ceil_div(get["samples"], get["p"])),
        "levels": get["level_width"],
        "table": get["bits"] * get["p"] * get["tabled"],
    }


PIECES: Mapping[str, Callable[[Sizes, Fabric], Features]] = {
    "fifo": fifo,
    "vector_buffer": vector_buffer,
    "processing_element": processing_element,
    "residual_encoder": residual_encoder,
    "mvtu": mvtu,
    "sliding_window": window,
    "max_pool": max_pool,
    "width_converter": width_converter,
    "scores": scores,
    "pixel_input": pixel_input,
}
"""What the model adds up: an mvtu is its own piece, two buffers, PE elements and DRAIN encoders."""
