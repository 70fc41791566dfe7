"""What the resources of the units of networks with branches depend on; see `rebnet.fold.cost.features`."""

from collections.abc import Callable, Mapping

import numpy as np

from rebnet.fold.cost.fabric import Fabric, Numbers
from rebnet.fold.cost.features import (
    Features,
    Sizes,
    encoder_numbers,
    max_pool,
    numbers,
    one,
    residual_encoder,
)
from rebnet.spec.scores import SCALE_BITS
from rebnet.stages.memories import ram_in_luts, rom_in_luts
from rebnet.stages.numbers import ceil_div, clog2

Memory = tuple[Numbers, Numbers]
"""Bits of a word, and words."""


def constants_of_rescale(shape: Sizes) -> Memory:
    """Its read-only memory."""
    get = numbers(shape)
    return get["lanes"] * (SCALE_BITS + get["constant_width"]), get["sets"] * ceil_div(get["rows"], get["lanes"])


def constants_of_two_slope(shape: Sizes) -> Memory:
    """The read-only memory of a `two_slope`."""
    get = numbers(shape)
    width = get["planes_out"] + get["sum_width"] + get["slope_width"]
    return get["lanes"] * width, ceil_div(get["rows"], get["lanes"])


def constants_of_encoder(shape: Sizes) -> Memory:
    """The read-only memory of a `feature_encoder`."""
    get = numbers(shape)
    uniform = get["uniform"] > 0
    lanes = np.where(uniform, 1.0, get["lanes"])
    words = np.where(uniform, 1.0, ceil_div(get["rows"], get["lanes"]))
    return lanes * encoder_numbers(shape, get["levels"]) * get["threshold_width"], get["sets"] * words


def words_of_skip(shape: Sizes) -> Memory:
    """The memory of a `skip_buffer`, and of an `upsample`."""
    get = numbers(shape)
    return get["width"] + np.where(get["sets"] > 1, get["level_width"], 0.0), get["depth"]


def lines_of_window(shape: Sizes) -> Memory:
    """One of the memories that a line buffer reads."""
    get = numbers(shape)
    return get["planes"] * get["writes"] * get["word"], get["depth"] / get["writes"]


def _rom(memory: Memory, fabric: Fabric) -> Features:
    """A read-only memory whose output is a register."""
    width, depth = memory
    in_luts = 1.0 * rom_in_luts(width, depth)
    return {
        "rom": in_luts * width * fabric.rom(depth),
        "rom_register": in_luts * width,
        "rom_stage": (1 - in_luts) * width,
        "address": clog2(depth),
    }


def rescale(shape: Sizes, fabric: Fabric) -> Features:
    """A multiplier a lane, its constants, and the sum."""
    get = numbers(shape)
    lanes, planes = get["lanes"], get["planes"]
    return {
        "module": one(get),
        "acc": lanes * get["acc_width"],
        "sum": lanes * (get["shift"] + planes),
        "features": lanes * planes,
        "ram": fabric.ram(lanes * planes + get["level_width"], 8),
        "levels": get["level_width"],
        **_rom(constants_of_rescale(shape), fabric),
    }


def two_slope(shape: Sizes, fabric: Fabric) -> Features:
    """A multiplier a lane, its constants, and the sums in front of it and behind."""
    get = numbers(shape)
    lanes, out = get["lanes"], get["planes_out"]
    return {
        "module": one(get),
        "in": lanes * get["planes"],
        "sum": lanes * get["sum_width"],
        "slope": lanes * get["slope_width"],
        "bent": lanes * (get["shift"] + out),
        "features": lanes * out,
        "ram": fabric.ram(lanes * out + get["level_width"], 8),
        "levels": get["level_width"],
        **_rom(constants_of_two_slope(shape), fabric),
    }


def feature_encoder(shape: Sizes, fabric: Fabric) -> Features:
    """A residual encoder a lane, and their constants."""
    get = numbers(shape)
    lanes = get["lanes"]
    encoders = residual_encoder({**get, "acc_width": get["planes"]}, fabric)
    return {
        **{name: lanes * value for name, value in encoders.items()},
        "module": one(get),
        "features": lanes * get["planes"],
        "ram": fabric.ram(lanes * get["levels"] + get["level_width"], get["levels"] + 4),
        "delay": get["level_width"] * get["levels"],
        **_rom(constants_of_encoder(shape), fabric),
    }


def skip_buffer(shape: Sizes, fabric: Fabric) -> Features:
    """A FIFO with a memory in block RAM or LUT RAM, and four places behind it."""
    get = numbers(shape)
    width, depth = words_of_skip(shape)
    in_luts = 1.0 * ram_in_luts(width, depth)
    return {
        "module": one(get),
        "ram": in_luts * fabric.ram(width, depth),
        "ram_mux": in_luts * width * fabric.ram_mux(depth),
        "word": in_luts * width,
        "out": fabric.ram(width, 4),
        "pointers": clog2(depth),
        "count": clog2(depth + 1),
        "levels": get["level_width"],
    }


def stream_fork(shape: Sizes, _: Fabric) -> Features:
    """Which of its readers have had the word."""
    get = numbers(shape)
    return {"module": one(get), "outs": get["outs"]}


def join_add(shape: Sizes, fabric: Fabric) -> Features:
    """An adder a lane and source beyond the first."""
    get = numbers(shape)
    sums = get["lanes"] * get["planes_out"]
    return {
        "module": one(get),
        "sources": get["sources"],
        "adders": (get["sources"] - 1) * sums,
        "sums": sums,
        "ram": fabric.ram(sums + get["level_width"], 4),
        "levels": get["level_width"],
    }


def join_channels(shape: Sizes, fabric: Fabric) -> Features:
    """A multiplexer of its sources, and what is added to each."""
    get = numbers(shape)
    bits = get["lanes"] * get["planes"]
    return {
        "module": one(get),
        "sources": get["sources"],
        "mux": bits * fabric.mux(get["sources"]),
        "bits": bits,
        "ram": fabric.ram(bits + get["level_width"], 4),
        "levels": get["level_width"],
    }


def stack(shape: Sizes, fabric: Fabric) -> Features:
    """Two places."""
    get = numbers(shape)
    return {"module": one(get), "sources": get["sources"], "ram": fabric.ram(get["width"] + get["level_width"], 2)}


def global_sum(shape: Sizes, fabric: Fabric) -> Features:
    """An adder a lane, and the sums of a pixel's words."""
    get = numbers(shape)
    sums = get["lanes"] * get["planes_out"]
    words = get["channels"] / get["lanes"]
    return {
        "module": one(get),
        "sums": sums,
        "memory": fabric.ram(sums, words),
        "ram": fabric.ram(sums + get["level_width"], 4),
        "positions": clog2(get["positions"]),
        "address": clog2(words),
        "levels": get["level_width"],
    }


def upsample(shape: Sizes, fabric: Fabric) -> Features:
    """A FIFO whose words are read several times, and four places behind it."""
    get = numbers(shape)
    counters = clog2(get["words"]) + clog2(get["columns"]) + clog2(get["pixels"]) + clog2(get["rows"])
    return {**skip_buffer(shape, fabric), "counters": counters}


def words_of_depth_to_space(shape: Sizes) -> Memory:
    """The memory of the `upsample` that a `depth_to_space` holds."""
    return words_of_skip(_whole_words(shape))


def depth_to_space(shape: Sizes, fabric: Fabric) -> Features:
    """An `upsample` of whole words, and of each element that leaves a multiplexer of a block's."""
    get, whole = numbers(shape), _whole_words(shape)
    area = get["block"] ** 2
    counters = clog2(get["words"]) + clog2(get["pixels"]) + 2 * clog2(area)
    inner = upsample(whole, fabric)
    chosen = get["lanes"] * get["planes"] * (area - 1) / (fabric.mux_inputs - 1)
    return {**inner, "counters": inner["counters"] + counters, "chosen": chosen}


def _whole_words(shape: Sizes) -> Sizes:
    """The parameters of that `upsample`."""
    get = numbers(shape)
    block = get["block"]
    return {**shape, "width": get["lanes"] * get["planes"] * block**2, "rows": block, "columns": block}


def sum_pool(shape: Sizes, fabric: Fabric) -> Features:
    """A max-pool that adds."""
    get = numbers(shape)
    pool = max_pool({name: value for name, value in shape.items() if name != "planes_out"}, fabric)
    sums = get["word"] * get["planes_out"]
    return {**pool, "sums": sums, "adders": sums * get["reads"]}


PIECES: Mapping[str, Callable[[Sizes, Fabric], Features]] = {
    "rescale": rescale,
    "two_slope": two_slope,
    "feature_encoder": feature_encoder,
    "skip_buffer": skip_buffer,
    "stream_fork": stream_fork,
    "join_add": join_add,
    "join_channels": join_channels,
    "stack": stack,
    "global_sum": global_sum,
    "sum_pool": sum_pool,
    "upsample": upsample,
    "depth_to_space": depth_to_space,
}
MEMORIES: Mapping[str, tuple[Callable[[Sizes], Memory], bool]] = {
    "rescale": (constants_of_rescale, True),
    "two_slope": (constants_of_two_slope, True),
    "feature_encoder": (constants_of_encoder, True),
    "skip_buffer": (words_of_skip, False),
    "upsample": (words_of_skip, False),
    "depth_to_space": (words_of_depth_to_space, False),
    "sliding_window": (lines_of_window, False),
    "max_pool": (lines_of_window, False),
    "sum_pool": (lines_of_window, False),
}
"""Memories that may stand in block RAM, and whether they are only read; of windows each of READS is a copy."""
