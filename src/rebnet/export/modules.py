"""A torch module as a plain list of modules, whose numbers are checked before anything is computed."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.nn.graph import INPUT, Graph, Part, Step, check_container, steps
from rebnet.nn.pixels import PixelInput


def checked_steps(model: nn.Module, name: str) -> tuple[Step, ...]:
    """The steps of a model: what torch.compile wraps is unwrapped, an `nn.Sequential` and a `Graph` is read through.

    Raises:
        OptionError: it is neither, begins with something else than a PixelInput, or holds parameters that are not
            finite numbers in float32.
    """
    _check_containers(model, "", name)
    flow = steps(model)
    if not flow or not isinstance(flow[0].module, PixelInput):
        first = type(flow[0].module).__name__ if flow else "nothing"
        raise OptionError(f"{name}: starts with {first}; the first module must be rebnet.nn.pixels.PixelInput")
    seen: dict[int, str] = {}
    for one in flow:
        place = f"{name}: module {one.path}, {type(one.module).__name__}"
        _check_numbers(place, one.module)
        for norm in one.module.modules():
            is_norm = isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
            if is_norm and seen.setdefault(id(norm), one.path) != one.path:
                raise OptionError(
                    f"{place}: stands at {seen[id(norm)]} too, and sees other values there; give each place a "
                    "BatchNorm of its own"
                )
    return flow


def own_copy(flow: Sequence[Step]) -> Graph:
    """The modules once more, as a network on the CPU with parameters of their own."""
    copied = copy.deepcopy([one.module for one in flow])  # together, so that what was one module stays one
    names = {number: f"step{number}" for number in range(len(flow))} | {-1: INPUT}
    parts = (
        Part(names[number], module, tuple(names[source] for source in one.of))
        for number, (one, module) in enumerate(zip(flow, copied, strict=True))
    )
    return Graph(*parts).cpu()


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


def _check_containers(module: nn.Module, path: str, name: str) -> None:
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if isinstance(module, nn.Sequential | Graph):
        check_container(f"{name}: module {path}" if path else name, module)
        for key, inner in module._modules.items():
            if inner is not None:
                _check_containers(inner, f"{path}.{key}" if path else key, name)
    elif not path:
        raise OptionError(
            f"{name}: is a {type(module).__name__}; export takes an nn.Sequential, which says in what order its "
            "modules are called, or a rebnet.nn.graph.Graph, which says what they read, so put them into one"
        )


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
