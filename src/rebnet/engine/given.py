"""What a caller gives a predictor, as arrays: images of any kind, level counts, a number of threads."""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.errors import DatasetError, OptionError
from rebnet.ir.network import Network

_EXACT = {"1": "L", "P": "RGB"}
"""Modes of pictures in which a pixel is not its samples, and those that say the same in bytes."""


def images_of(network: Network, given: Any) -> tuple[NDArray[np.uint8], bool]:
    """Images that fit the network, (N, height, width, channels), and whether `given` is one image without that axis.

    Arrays must be uint8 already. Lists of whole numbers from 0 to 255 and pictures of PIL say what they mean as well.
    One image may come without the first axis, and all of them without the last where there is one channel.

    Raises:
        DatasetError: anything else.
    """
    array = _array(network, given)
    image = network.input
    one = (image.height, image.width, image.channels)
    images = array
    if array.shape != one and array.shape[-2:] == one[:2] and array.ndim in (2, 3) and image.channels == 1:
        images = images[..., None]
    alone = images.shape == one
    if alone:
        images = images[None]
    if images.ndim != 4 or images.shape[1:] != one or images.dtype != np.uint8:
        raise DatasetError(
            f"images are {array.dtype} of shape {array.shape}; the network {network.name} takes uint8 of shape "
            f"(N, {', '.join(map(str, one))}), or one image without the N"
        )
    return images, alone


def _array(network: Network, given: Any) -> NDArray[Any]:
    if isinstance(given, np.ndarray):
        return given
    try:
        array = np.asarray(_samples(given))
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            f"images are a {type(given).__name__} that is no array ({reason}); give uint8 images, N x height x width x "
            "channels"
        ) from None
    plain = isinstance(given, list | tuple) and array.dtype.kind in "iu"  # whole numbers have no type of their own
    if plain and array.dtype != np.uint8:
        if array.size and (array.min() < 0 or array.max() > 255):
            raise DatasetError(
                f"images hold numbers from {array.min()} to {array.max()}; the network {network.name} takes pixels of "
                "0 to 255"
            )
        array = array.astype(np.uint8)
    if not array.size and isinstance(given, list | tuple):
        image = network.input
        return np.zeros((0, image.height, image.width, image.channels), dtype=np.uint8)
    return array


def _samples(given: Any) -> Any:
    """Pictures of PIL, alone or in a list, as arrays of their samples; all else as it is."""
    if isinstance(given, list | tuple):
        return [_samples(one) if hasattr(one, "getbands") else one for one in given]
    if hasattr(given, "getbands"):
        return np.asarray(given.convert(_EXACT[given.mode]) if given.mode in _EXACT else given)
    return given


def levels_of(levels: int | ArrayLike | None, images: int, alone: bool) -> int | NDArray[np.int64] | None:
    """Level counts: one for all images, None for M, or one for each; of an image alone, one.

    Raises:
        OptionError: no whole number, or not as many as there are images.
    """
    if levels is None or type(levels) is int:
        return levels
    try:
        own = np.asarray(levels)
    except ValueError:
        own = np.asarray(levels, dtype=object)  # lists of several lengths
    if own.dtype.kind not in "iu" or own.shape not in ((), (images,)) or (alone and own.shape):
        shape = f" of shape {own.shape}" if own.shape else f"={levels!r}"
        many = "one image" if alone else f"{images} images"
        raise OptionError(f"levels{shape} for {many}; give one whole number for all, or one for each image")
    return own.astype(np.int64) if own.shape else int(own)


def whole(name: str, value: Any, legal: str) -> int:
    """A whole number of any type that is one, such as numpy's; raises `OptionError` for others, and for booleans."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise OptionError(f"{name}={value!r}: is no whole number; use {legal}") from None
