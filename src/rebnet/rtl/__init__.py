"""The hardware library: one SystemVerilog module a file, and the record of what a build makes of them."""

from importlib.resources import files
from pathlib import Path

MODULES = (
    "pixel_input",
    "width_converter",
    "sliding_window",
    "max_pool",
    "sum_pool",
    "window_buffer",
    "vector_buffer",
    "mvtu",
    "processing_element",
    "popcount",
    "unrolled",
    "bit_count",
    "rescale",
    "two_slope",
    "stream_fork",
    "skip_buffer",
    "join_add",
    "join_channels",
    "feature_encoder",
    "residual_encoder",
    "stack",
    "global_sum",
    "upsample",
    "depth_to_space",
    "scores",
    "score_row",
    "rom",
    "writable_memory",
    "fifo",
)
"""The modules, in the order that data meets them."""

BRANCHES = (
    "sum_pool",
    "rescale",
    "two_slope",
    "stream_fork",
    "skip_buffer",
    "join_add",
    "join_channels",
    "feature_encoder",
    "stack",
    "global_sum",
    "upsample",
    "depth_to_space",
)
"""Those that only networks with branches have, each where it is needed; a chain has the others."""
HELD = {
    "depth_to_space": ("upsample",),
    "unrolled": ("unrolled", "bit_count"),
    "score_row": ("score_row",),
}
"""Those that only some units hold, or are, by the unit that needs them."""
WRITABLE = "writable_memory"
"""That stands where `rom` stands, where constants are written at run time; see `rebnet.rtl.writable`."""


def source(module: str) -> Path:
    """Path of a module's SystemVerilog file."""
    return Path(str(files("rebnet.rtl") / f"{module}.sv"))
