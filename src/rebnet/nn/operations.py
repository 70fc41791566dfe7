"""How a module says what it computes: as operations of the intermediate representation, added to those in front of it.

A module of this room has a method `operations(said)`, which takes what the modules in front of it have said and gives
that with its own operations added, as `forward` takes and gives values. So may a module of your own; what torch's
modules say stands here. `rebnet.export` calls them in turn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir.features import DepthToSpace, Upsample
from rebnet.ir.network import PIXELS, Names, Network, Node
from rebnet.ir.ops import BatchNorm, Floats, MaxPool, Op, PixelInput, ResidualSign
from rebnet.ir.values import Shape, Value
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Pair, Window

LEGAL = (
    "use PixelInput, BinaryLinear, BinaryConv2d, NormSign, BatchNorm1d, BatchNorm2d, MaxPool2d, PadLowest, FlattenHWC, "
    "Upsample2d, DepthToSpace2d and ResidualSign, in a Graph also NormFeature, AveragePool2d, GlobalAveragePool2d, "
    "PReLU, RPReLU, Sum and Join (Dropout and Identity are passed over), or give it a method `operations` "
    "(rebnet.nn.operations)"
)


@dataclass(frozen=True)
class Padding:
    """A padded map: the window that it was padded for, and whether its border is the lowest code already.

    Attributes:
        window: Of the convolution that is to read the map.
        complaint: What is wrong where no residual sign makes the border the lowest code.
        coded: Whether the border is the lowest code.
    """

    window: Window
    complaint: OptionError
    coded: bool


@dataclass(frozen=True)
class Said:
    """What the modules up to a place have said, and the value there.

    Attributes:
        place: Where the next module stands, for messages, such as "net: module 2.1".
        image: What goes in.
        flat: Whether the value is vectors, N x values, or maps, N x C x H x W.
        nodes: All that was said, in order.
        source: The node that gives the value, or `PIXELS`.
        padding: Of the map, where it is padded: in the operations, padding is a part of the convolution behind.
        origins: The module that said a node, by its name; of an any-level network's, those for 1 … M levels.
        names: The names that nodes have so far.
    """

    place: str
    image: PixelInput
    flat: bool
    nodes: tuple[Node[Op], ...] = ()
    source: str = PIXELS
    padding: Padding | None = None
    origins: Mapping[str, tuple[nn.Module, ...]] = field(default_factory=dict)
    names: Names = field(default_factory=Names)

    def then(self, module: nn.Module, op: Op) -> "Said":
        """The same with one operation more, which does not read a padded map.

        Raises:
            OptionError: The map is padded.
        """
        return self.together(module, (), op)

    def together(self, module: nn.Module, others: "tuple[Said, ...]", op: Op) -> "Said":
        """The same with one operation more, which reads this value and the others; none is a padded map.

        Raises:
            OptionError: A map is padded, or some values are vectors and some are maps.
        """
        for one in (self, *others):
            if one.padding is not None and not one.padding.coded:
                raise one.padding.complaint
            if one.padding is not None:
                raise self.error(
                    module,
                    f"its map was padded for {one.padding.window}, and only the BinaryConv2d of that window takes a "
                    "padded map; pool before padding, and pad for that convolution alone",
                )
            if one.flat != self.flat:
                raise self.error(module, "reads vectors and maps; flatten all of them, or none")
        names = self.names.copy()
        node = names.add(Node("", op, tuple(one.source for one in (self, *others))))
        origins = {**self.origins, node.name: (module,)}
        return replace(self, nodes=(*self.nodes, node), source=node.name, names=names, origins=origins)

    def at(self, there: "Said") -> "Said":
        """All that was said, and the value of another place."""
        return replace(self, source=there.source, flat=there.flat, padding=there.padding)

    def error(self, module: nn.Module | str, reason: str) -> OptionError:
        """An error that names the place and the module."""
        return OptionError(f"{self.place}, {module if isinstance(module, str) else type(module).__name__}: {reason}")

    def vectors(self, module: nn.Module) -> "Said":
        """The same, for a module that takes vectors; raises `OptionError` where maps stand in front of it."""
        if self.flat:
            return self
        raise self.error(module, "takes vectors, and maps stand in front of it; put a FlattenHWC before it")

    def maps(
        self, module: nn.Module, way_out: str = "give PixelInput flat=False, and flatten behind the maps"
    ) -> "Said":
        """The same, for a module that takes maps; raises `OptionError` where vectors stand in front of it."""
        if not self.flat:
            return self
        raise self.error(module, f"takes maps, and vectors stand in front of it; {way_out}")

    @property
    def levels(self) -> int:
        """M, of the residual signs so far; 1 where there is none."""
        return max((len(op.gammas) for op in self.ops if isinstance(op, ResidualSign)), default=1)

    @property
    def ops(self) -> tuple[Op, ...]:
        """The operations in order."""
        return tuple(node.op for node in self.nodes)

    @property
    def value(self) -> Value:
        """The type of the value.

        Raises:
            VerifyError: An operation cannot read what stands in front of it.
        """
        return self.network("").values[self.source]

    @property
    def shape(self) -> Shape:
        """The shape of the map so far, without padding; raises as `value`."""
        return self.value.shape

    def network(self, name: str) -> Network:
        """The operations so far as a network of that name, not verified.

        Raises:
            OptionError: The map is padded, and nothing has read it.
        """
        if self.padding is not None and not self.padding.coded:
            raise self.padding.complaint
        return Network(name, self.levels, self.image, self.nodes, () if self.source == PIXELS else (self.source,))


@runtime_checkable
class Says(Protocol):
    """A module that says its operations."""

    def operations(self, *said: Said) -> Said:
        """What was said in front of it, with its own operations added; one argument for each value that it reads."""


def says(module: nn.Module, said: Said, part: str = "", others: tuple[Said, ...] = ()) -> Said:
    """What `module` adds to what was said in front of it.

    Args:
        module: The module.
        said: What stands in front of it, and where.
        part: Its name, where it is a part of the module that stands there.
        others: All that was said, at the other values of a module that reads several.

    Raises:
        OptionError: It says nothing, or calling it does more than it says; or what it says itself.
    """
    place = said.place
    values = tuple(replace(one, place=f"{place}.{part}" if part else place) for one in (said, *others))
    here = values[0]
    known = next((kind for kind in _OF_TORCH if isinstance(module, kind)), None)
    if isinstance(module, Says):
        _check_plain(here, module, _where(type(module), "operations"))
        behind = module.operations(*values)
    elif known is not None:
        _check_plain(here, module, known)
        behind = _OF_TORCH[known](module, *values)
    else:
        raise OptionError(f"{here.place} is a {type(module).__name__}; {LEGAL}")
    return replace(behind, place=place)


def check_hooks(place: str, module: nn.Module) -> None:
    """Raise `OptionError` where hooks may change what calling the module gives."""
    if module._forward_hooks or module._forward_pre_hooks:
        raise OptionError(
            f"{place}, {type(module).__name__}: has forward hooks, which export cannot see into; remove them"
        )


def _check_plain(said: Said, module: nn.Module, known: type) -> None:
    """Raise `OptionError` where calling the module does more than the class `known`, which speaks for it, says."""
    if not issubclass(known, _where(type(module), "forward")) or "forward" in vars(module):
        raise said.error(
            module,
            f"has a forward of its own, which export cannot see into; use {known.__name__}, or say its `operations` "
            "in the same class",
        )
    check_hooks(said.place, module)


def _where(kind: type, name: str) -> type:
    """The class in which `kind` has its attribute `name`."""
    return next(one for one in kind.__mro__ if name in vars(one))


def _batchnorm(module: nn.BatchNorm1d | nn.BatchNorm2d, said: Said) -> Said:
    said = said.maps(module) if isinstance(module, nn.BatchNorm2d) else said.vectors(module)
    if module.running_mean is None or module.running_var is None:
        raise said.error(module, "keeps no running statistics; make it with them")
    ones = torch.ones(module.num_features)
    return said.then(
        module,
        BatchNorm(
            mean=_floats(module.running_mean),
            variance=_floats(module.running_var),
            weight=_floats(ones if module.weight is None else module.weight),
            bias=_floats(0 * ones if module.bias is None else module.bias),
            epsilon=module.eps,
        ),
    )


def _floats(values: Tensor) -> Floats:
    return values.detach().cpu().double().numpy().astype(np.float64)


def max_pool(module: nn.MaxPool2d, said: Said) -> Said:
    """What a max-pool says.

    Raises:
        OptionError: It is dilated, or rounds up.
    """
    if module.dilation not in (1, (1, 1)) or module.ceil_mode:
        raise said.error(str(module), "a pool is undilated and floors; make it so")
    pads: int | Pair = module.padding
    window = Window(module.kernel_size, module.stride, pads=pads)
    return said.maps(module).then(module, MaxPool(window))


def _upsample(module: nn.Upsample, said: Said) -> Said:
    scale = module.scale_factor
    rows, columns = scale if isinstance(scale, tuple) else (scale, scale)
    if module.mode != "nearest" or not (rows and columns and float(rows).is_integer() and float(columns).is_integer()):
        raise said.error(str(module), "repeats by whole factors to the nearest; give a scale_factor and mode='nearest'")
    return said.maps(module).then(module, Upsample(Factors(int(rows), int(columns))))


def _pixel_shuffle(module: nn.PixelShuffle, said: Said) -> Said:
    return said.maps(module).then(module, DepthToSpace(module.upscale_factor))


def _flatten(module: nn.Flatten, said: Said) -> Said:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise said.error(str(module), "flattens other axes than a map's; use rebnet.nn.window.FlattenHWC")
    if not said.flat and said.shape.positions > 1 and said.shape.channels > 1:
        raise said.error(
            module,
            "puts one channel's whole map after the other; hardware streams all channels of a pixel together, so use "
            "rebnet.nn.window.FlattenHWC",
        )
    return replace(said, flat=True)


def _nothing(_: nn.Module, said: Said) -> Said:
    return said


_OF_TORCH: Mapping[type[nn.Module], Callable[[Any, Said], Said]] = {
    nn.BatchNorm1d: _batchnorm,
    nn.BatchNorm2d: _batchnorm,
    nn.MaxPool2d: max_pool,
    nn.Upsample: _upsample,
    nn.PixelShuffle: _pixel_shuffle,
    nn.Flatten: _flatten,
    nn.Dropout: _nothing,
    nn.Identity: _nothing,
}
