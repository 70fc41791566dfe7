"""A torch module as a plain list of modules that export knows, checked before anything is computed."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.nn.any_levels import PerLevel
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLayer, BinaryLinear
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC, MaxPool2d, PadLowest

KNOWN: tuple[type[nn.Module], ...] = (
    PixelInput, BinaryLinear, BinaryConv2d, nn.BatchNorm1d, nn.BatchNorm2d, MaxPool2d, nn.MaxPool2d, PadLowest,
    FlattenHWC, nn.Flatten, ResidualSign, PerLevel, nn.Dropout, nn.Identity,
)  # fmt: skip
LEGAL = (
    "use PixelInput, BinaryLinear, BinaryConv2d, BatchNorm1d, BatchNorm2d, MaxPool2d, PadLowest, FlattenHWC and "
    "ResidualSign (Dropout and Identity are passed over)"
)
_OF_MAPS = (BinaryConv2d, nn.BatchNorm2d, nn.MaxPool2d, PadLowest)
_OF_VECTORS = (BinaryLinear, nn.BatchNorm1d)


@dataclass(frozen=True)
class Placed:
    """A module and where it stands, as torch writes it: "2.1" is the second of the third."""

    path: str
    module: nn.Module

    @property
    def at_most(self) -> nn.Module:
        """The module at M levels."""
        return self.module[-1] if isinstance(self.module, PerLevel) else self.module


def placed(model: nn.Module, name: str) -> list[Placed]:
    """All modules in order, those of an `nn.Sequential` in a Sequential too; what torch.compile wraps is unwrapped.

    Raises:
        OptionError: it is no Sequential, holds what export does not know or cannot follow, or parameters that are not
            finite numbers in float32.
    """
    found = _placed(model, "", name)
    if not found or not isinstance(found[0].module, PixelInput):
        first = type(found[0].module).__name__ if found else "nothing"
        raise OptionError(f"{name}: starts with {first}; the first module must be rebnet.nn.pixels.PixelInput")
    seen: dict[int, str] = {}
    for one in found:
        place = f"{name}: module {one.path}"
        for module in one.module if isinstance(one.module, PerLevel) else [one.module]:
            _check(place, module)
            if (
                isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
                and seen.setdefault(id(module), one.path) != one.path
            ):
                raise OptionError(
                    f"{place}, {type(module).__name__}: stands at {seen[id(module)]} too, and sees other values there; "
                    "give each place a BatchNorm of its own"
                )
    _check_ranks(found, name)
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
        _check_plain(f"{name}: module {path}" if path else name, module, nn.Sequential)
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


def _check(place: str, module: nn.Module) -> None:
    known = next((kind for kind in KNOWN if isinstance(module, kind)), None)
    if known is None:
        raise OptionError(f"{place} is a {type(module).__name__}; {LEGAL}")
    _check_plain(place, module, known)
    if isinstance(module, BinaryLayer) and module.real:
        raise OptionError(
            f"{place}, {known.__name__}: multiplies with its latent weights, which hardware does not hold; call "
            "rebnet.nn.build.use_real_weights(model, False) and train on"
        )
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and (
        module.running_mean is None or module.running_var is None
    ):
        raise OptionError(f"{place}, {known.__name__}, keeps no running statistics; make it with them")
    for key, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta:
            raise OptionError(
                f"{place}, {known.__name__}: {key} is on the device meta, without values; load them first"
            )
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise OptionError(
                f"{place}, {known.__name__}: {key} is {tensor.dtype}, and export reads torch.float32; call "
                "model.float() and look at its accuracy again"
            )
        if not torch.isfinite(tensor).all():
            raise OptionError(
                f"{place}, {known.__name__}: {key} holds a number that is not finite; train it again, with a smaller "
                "learning rate"
            )


def _check_plain(place: str, module: nn.Module, known: type[nn.Module]) -> None:
    """Raise `OptionError` where calling the module does more than its class says."""
    if type(module).forward is not known.forward or "forward" in vars(module):
        raise OptionError(
            f"{place}, {type(module).__name__}: has a forward of its own, which export cannot see into; use "
            f"{known.__name__}"
        )
    if module._forward_hooks or module._forward_pre_hooks:
        raise OptionError(
            f"{place}, {type(module).__name__}: has forward hooks, which export cannot see into; remove them"
        )


def _check_ranks(modules: list[Placed], name: str) -> None:
    """Raise `OptionError` where maps meet a module of vectors, vectors one of maps, or channels would come first."""
    pixels = modules[0].module
    assert isinstance(pixels, PixelInput)
    height, width, channels, maps = pixels.height, pixels.width, pixels.channels, not pixels.flat
    for one in modules[1:]:
        module, place = one.at_most, f"{name}: module {one.path}"
        if isinstance(module, _OF_MAPS if not maps else _OF_VECTORS):
            stands, wanted = ("maps", "vectors") if maps else ("vectors", "maps")
            way_out = (
                "put a FlattenHWC before it" if maps else "give PixelInput flat=False, and flatten behind the maps"
            )
            raise OptionError(
                f"{place}, {type(module).__name__}: takes {wanted}, and {stands} stand in front of it; {way_out}"
            )
        if isinstance(module, nn.Flatten) and maps and height * width > 1 and channels > 1:
            raise OptionError(
                f"{place} is a Flatten, which puts one channel's whole map after the other; hardware streams all "
                "channels of a pixel together, so use rebnet.nn.window.FlattenHWC"
            )
        if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
            raise OptionError(f"{place}, {module}: flattens other axes than a map's; use rebnet.nn.window.FlattenHWC")
        if isinstance(module, FlattenHWC | nn.Flatten):
            if isinstance(module, FlattenHWC) and not maps:
                raise OptionError(f"{place}, FlattenHWC: takes maps, and vectors stand in front of it; leave it out")
            maps = False
        if isinstance(module, PadLowest):
            height, width = (size + sum(module.window.padding(size)) for size in (height, width))
        elif isinstance(module, BinaryConv2d):
            height, width = module.window.output(height, width)
            channels = module.out_channels
        elif (
            isinstance(module, nn.MaxPool2d) and isinstance(module.kernel_size, int) and isinstance(module.stride, int)
        ):
            height, width = ((size - module.kernel_size) // module.stride + 1 for size in (height, width))
