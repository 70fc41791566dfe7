"""What a network's options may be; without torch, so that a refusal comes at once."""

from typing import Literal

from rebnet.errors import OptionError
from rebnet.ir.notation import MAX_LEVELS

Gradient = Literal["chain", "paper"]
Estimator = Literal["clip", "polynomial", "ede"]

MODEL_FILE = "model.safetensors"
"""A trained network, in the folder of a run."""

FEATURE_BITS = 5
"""F: features are multiples of 2^-F, about a thirtieth of their standard deviation."""

FLOAT_LEVELS = 0
"""Level count of the float network of the same shape: a teacher, and a ceiling to compare with."""


def check_levels(levels: int) -> None:
    """Raise `OptionError` unless `levels` is a number of levels that a network can have."""
    if isinstance(levels, bool) or not isinstance(levels, int) or not 1 <= levels <= MAX_LEVELS:
        raise OptionError(f"levels={levels}: a network has 1 to {MAX_LEVELS} residual levels; use 1 to {MAX_LEVELS}")


def check_input_bits(bits: int) -> None:
    """Raise `OptionError` unless a pixel byte has that many bits to keep."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 8:
        raise OptionError(f"input_bits={bits}: a pixel is one byte, of which 1 to 8 bits can be kept; use 1 to 8")


def check_any_levels(levels: int, any_levels: bool, layers: int) -> None:
    """Raise `OptionError` where a network without levels, or without activations, is to be trained for any of them."""
    if levels == FLOAT_LEVELS and any_levels:
        raise OptionError("any_levels: a float network has no levels; leave it out, or take 1 to 8 levels")
    if layers == 1 and any_levels:
        raise OptionError("any_levels: a network of one layer has no activations, so no levels; leave it out")
