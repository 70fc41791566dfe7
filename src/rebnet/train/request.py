"""What is asked of a training, checked before torch is imported, images are loaded or anything is written."""

import os
from numbers import Integral, Real
from typing import get_args

from rebnet.choices import Device
from rebnet.errors import OptionError
from rebnet.ir.architecture import Architecture, DenseText
from rebnet.methods import METHODS
from rebnet.nn.networks import architecture, widen
from rebnet.nn.options import FLOAT_LEVELS, check_any_levels, check_input_bits, check_levels
from rebnet.train.recipe import Recipe, recipe_for

MAX_GAIN_BITS = 16
WEIGHT_BYTES = 16
"""What training keeps of a weight: itself, its gradient, and two moments of Adam, 4 bytes each."""
_KEPT_BYTES = 24
"""What a training step keeps of an element of a map: values in front of and behind its parts, and their gradients."""
_GIB = 2**30


def check_request(
    network: str,
    dataset: str,
    levels: int,
    *,
    epochs: int | None = None,
    seed: int = 0,
    recipe: str | Recipe | None = None,
    input_bits: int = 8,
    width: float = 1,
    gain_bits: int = 8,
    any_levels: bool = False,
    device: str = "auto",
) -> tuple[Architecture, Recipe]:
    """The network and the recipe that a training of these options takes; arguments as of `rebnet.train.train`.

    Raises:
        NotationError: `network` is neither a name nor a legal text.
        OptionError: An option is outside its range, or the network is larger than this machine's memory.
    """
    if isinstance(width, bool) or not isinstance(width, Real):
        raise OptionError(f"width={width!r}: is {type(width).__name__}; use a number above 0, 1 changes nothing")
    described = widen(architecture(network), float(width) if not isinstance(width, int) else width)
    chosen = recipe_for(dataset, recipe, epochs)
    described = chosen.applied(described)
    if levels != FLOAT_LEVELS:
        check_levels(levels)
    check_any_levels(levels, any_levels, len(described.weighted))
    METHODS[chosen.method].check(levels, any_levels)
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise OptionError(f"seed={seed}: a seed is a whole number, 0 or more; use 0 or more")
    if isinstance(gain_bits, bool) or not isinstance(gain_bits, Integral) or not levels <= gain_bits <= MAX_GAIN_BITS:
        raise OptionError(
            f"gain_bits={gain_bits}: the gains of {levels} levels need {levels} to {MAX_GAIN_BITS} bits; "
            f"use {levels} to {MAX_GAIN_BITS}"
        )
    check_input_bits(input_bits)
    if device not in get_args(Device):
        raise OptionError(f"device={device!r}: no such device; use {', '.join(get_args(Device)[:-1])} or cuda")
    _check_shift(described, chosen)
    _check_memory(described, chosen)
    return described, chosen


def training_bytes(described: Architecture, recipe: Recipe) -> int:
    """What a training is likely to keep in memory, beside its images and what torch itself takes."""
    elements = sum(place.behind.elements for place in described.places)
    return sum(weights_of(described)) * WEIGHT_BYTES + recipe.batch_size * elements * _KEPT_BYTES


def weights_of(described: Architecture) -> list[int]:
    """Weights of each layer of the network text, 0 for a pool."""
    return [place.weights for place in described.places]


def _check_shift(described: Architecture, recipe: Recipe) -> None:
    """Refuse to move images so far that nothing of them may be left."""
    height, width, _ = described.image
    most = min(size for size in (height, width) if size > 1) - 1 if max(height, width) > 1 else 0
    if recipe.shift_pixels > most:
        raise OptionError(
            f"recipe: shift_pixels={recipe.shift_pixels} may move an image of {height}x{width} pixels out of itself; "
            f"use 0 to {most}, or another --recipe"
        )


def _check_memory(described: Architecture, recipe: Recipe) -> None:
    """Refuse what needs more than this machine has, whatever else runs: weights, and the largest map of a batch."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    weights = weights_of(described)
    index = max(range(len(weights)), key=weights.__getitem__)
    layer = f"layer {index + 1}, {described.layers[index]}"
    if sum(weights) * WEIGHT_BYTES > memory:
        raise OptionError(
            f"{layer}: has {weights[index]} weights; training keeps {WEIGHT_BYTES} bytes of each, in all "
            f"{_gib(sum(weights) * WEIGHT_BYTES)}, and this machine has {_gib(memory)}; use fewer outputs or a smaller "
            "--width"
        )
    sizes = [place.behind.elements for place in described.places]
    index = max(range(len(sizes)), key=sizes.__getitem__)
    need = 8 * recipe.batch_size * sizes[index]
    if need > memory:
        kind = "outputs" if isinstance(described.layers[index], DenseText) else "places times channels"
        raise OptionError(
            f"layer {index + 1}, {described.layers[index]}: gives {sizes[index]} {kind} an image; those of a batch of "
            f"{recipe.batch_size} and their gradients take {_gib(need)}, and this machine has {_gib(memory)}; use "
            "smaller layers, a smaller --width or a recipe with a smaller batch_size"
        )


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"


def recordable(name: str) -> str:
    """A data set's name as a record holds it, in UTF-8, whatever the locale that its path was read in.

    Raises:
        OptionError: The path is no UTF-8.
    """
    try:
        return os.fsencode(name).decode("utf-8") if any("\udc80" <= sign <= "\udcff" for sign in name) else name
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise OptionError(
            f"data set {name!a}: its name is not UTF-8, which records are written in; give the file another name"
        ) from None
