"""The hardware library: one SystemVerilog module a file, and the record of what a build makes of them."""

from importlib.resources import files
from pathlib import Path

MODULES = (
    "pixel_input",
    "width_converter",
    "sliding_window",
    "max_pool",
    "window_buffer",
    "vector_buffer",
    "mvtu",
    "processing_element",
    "popcount",
    "residual_encoder",
    "scores",
    "rom",
    "fifo",
)
"""The modules, in the order that data meets them."""


def source(module: str) -> Path:
    """Path of a module's SystemVerilog file."""
    return Path(str(files("rebnet.rtl") / f"{module}.sv"))
