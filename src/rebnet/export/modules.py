"""A torch module as a plain list of modules, whose numbers are checked before anything is computed."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.nn.operations import check_hooks
from rebnet.nn.pixels import PixelInput


@dataclass(frozen=True)
class Placed:
    """A module and where it stands, as torch writes it: "2.1" is the second of the third."""

    path: str
    module: nn.Module


def placed(model: nn.Module, name: str) -> list[Placed]:
    """All modules in order, those of an `nn.Sequential` in a Sequential too; what torch.compile wraps is unwrapped.

    Raises:
        OptionError: it is no Sequential, begins with something else than a PixelInput, or holds parameters that are not
            finite numbers in float32.
    """
    found = _placed(model, "", name)
    if not found or not isinstance(found[0].module, PixelInput):
        first = type(found[0].module).__name__ if found else "nothing"
        raise OptionError(f"{name}: starts with {first}; the first module must be rebnet.nn.pixels.PixelInput")
    seen: dict[int, str] = {}
    for one in found:
        place = f"{name}: module {one.path}, {type(one.module).__name__}"
        _check_numbers(place, one.module)
        for norm in one.module.modules():
            is_norm = isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
            if is_norm and seen.setdefault(id(norm), one.path) != one.path:
                raise OptionError(
                    f"{place}: stands at {seen[id(norm)]} too, and sees other values there; give each place a "
                    "BatchNorm of its own"
                )
    return found


def own_copy(modules: list[Placed]) -> list[Placed]:
    """The modules once more, on the CPU, with parameters of their own."""
    copied = copy.deepcopy([one.module for one in modules])  # together, so that what was one module stays one
    return [Placed(one.path, module.cpu()) for one, module in zip(modules, copied, strict=True)]


def check_pixels(images: Any, pixels: PixelInput, name: str) -> NDArray[np.uint8]:
    """Training images as torch takes them: contiguous; raises `OptionError` unless they fit and there is one."""
    array = np.asarray(images.cpu() if isinstance(images, Tensor) else images)
    shape = (pixels.height, pixels.width, pixels.channels)
    if array.dtype != np.uint8 or array.shape[1:] != shape or len(array) == 0:
        raise OptionError(
            f"{name}: images are {array.dtype} of shape {array.shape}; its PixelInput takes uint8 of shape "
            f"(N, {', '.join(map(str, shape))}), of at least one image"
        )
    plain = array.flags.c_contiguous and array.flags.writeable and min(array.strides) > 0
    return array if plain else array.copy()


def _placed(module: nn.Module, path: str, name: str) -> list[Placed]:
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if isinstance(module, nn.Sequential):
        _check_sequential(f"{name}: module {path}" if path else name, module)
        below = (
            _placed(inner, f"{path}.{key}" if path else key, name) for key, inner in module._modules.items() if inner
        )
        return [one for part in below for one in part]
    if not path:
        raise OptionError(
            f"{name}: is a {type(module).__name__}; export takes an nn.Sequential, which says in what order its "
            "modules are called, so put them into one"
        )
    return [Placed(path, module)]


def _check_sequential(place: str, module: nn.Sequential) -> None:
    if type(module).forward is not nn.Sequential.forward or "forward" in vars(module):
        raise OptionError(
            f"{place}, {type(module).__name__}: has a forward of its own, which export cannot see into; use Sequential"
        )
    check_hooks(place, module)


def _check_numbers(place: str, module: nn.Module) -> None:
    for key, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta:
            raise OptionError(f"{place}: {key} is on the device meta, without values; load them first")
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise OptionError(
                f"{place}: {key} is {tensor.dtype}, and export reads torch.float32; call model.float() and look at its "
                "accuracy again"
            )
        if not torch.isfinite(tensor).all():
            raise OptionError(
                f"{place}: {key} holds a number that is not finite; train it again, with a smaller learning rate"
            )
