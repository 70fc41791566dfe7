"""From a network text to a trainable module."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count

import torch
from torch import nn

from rebnet.ir.architecture import (
    Architecture,
    AverageText,
    Block,
    ConvText,
    DenseText,
    DepthwiseText,
    Item,
    LayerText,
    PoolText,
    TwoSlopeText,
    WeightedText,
    met,
)
from rebnet.ir.architecture import behind as shape_behind
from rebnet.ir.moves import DepthToSpaceText, UpsampleText
from rebnet.ir.values import Shape
from rebnet.methods import REBNET
from rebnet.methods.activations import Parallel, Real
from rebnet.methods.method import Method
from rebnet.nn.any_levels import PerLevel
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.depth_to_space import DepthToSpace2d
from rebnet.nn.feature import AveragePool2d, GlobalAveragePool2d, NormFeature
from rebnet.nn.graph import Graph, Join, Part, Sum
from rebnet.nn.linear import BinaryLayer, BinaryLinear
from rebnet.nn.methods.activation import sign_of
from rebnet.nn.methods.in_float import RealActivation
from rebnet.nn.methods.scales import scale_of
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.options import FLOAT_LEVELS, Estimator, Gradient, check_any_levels, check_levels
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.two_slope import PReLU, RPReLU
from rebnet.nn.upsample import Upsample2d
from rebnet.nn.window import FlattenHWC, MaxPool2d, PadLowest
from rebnet.spec.window import Window

LEAST_WEIGHT = 2.0**-10
"""BatchNorm's weights are at least this, see `keep_order_`."""


def build(
    architecture: Architecture,
    levels: int,
    input_bits: int = 8,
    gradient: Gradient = "chain",
    estimator: Estimator = "clip",
    any_levels: bool = False,
    method: Method = REBNET,
) -> nn.Sequential | Graph:
    """Build the float network that `architecture` describes: an `nn.Sequential`, or a `Graph` where it has features.

    The modules, in order; i counts the layers with weights from 1:

    * `pixels` (PixelInput), flat where the first layer is dense, and `pad1` (PadLowest) where it is a convolution that
      pads;
    * per layer `linear<i>` (BinaryLinear) or `conv<i>` (BinaryConv2d), where a pool follows `pool<i>` (MaxPool2d),
      where a map grows `upsample<i>` (Upsample2d) or `shuffle<i>` (DepthToSpace2d), and `norm<i>` (NormSign):
      BatchNorm, the residual sign, and between them the padding for a convolution behind that pads. The outputs of the
      last `norm<i>`, which has no residual sign, are the class scores;
    * `flatten` (FlattenHWC) before the first dense layer behind a convolution, and behind a last one of one place.

    At the end of a branch, in front of an empty one, of an average pool and of a PReLU, `norm<i>` is a NormFeature:
    BatchNorm alone. `sum<i>`, `join<i>`, `pool<i>` and `bend<i>` (PReLU, RPReLU) make features of features, and where
    layers with weights read one, `sign<i>` (NormSign) stands once behind it, for all of them. Where they pad
    differently, each has its own `pad<i>` behind the sign.

    With no levels it is the float network of the same shape: real weights, and `sign<i>`, a ReLU, in place of every
    residual sign.

    Pooling stands before BatchNorm, which so centres what the residual sign sees: of the largest of four centred
    values, nineteen in twenty are positive. Hardware compares codes, which is the same as long as BatchNorm negates no
    channel behind a pool; `keep_order_` sees to that.

    Args:
        architecture: The network; its folding plays no part here.
        levels: Residual levels M of every hidden activation, 1 to 8; 0 for the float network.
        input_bits: Bits kept of each pixel, 1 to 8.
        gradient: Gradient of the residual signs, see `rebnet.nn.residual`.
        estimator: What stands in for the slope of their signs, see there.
        any_levels: Make every BatchNorm's module a `PerLevel`, with a module of its own for 1 … M levels.
        method: How activations and weights are binarized, and what scales sums. With real activations a ReLU stands in
            the place of every residual sign. Its nonlinearity is the network text's, see `Method.applied`.

    Returns:
        A module from uint8 images, N x H x W x C, to scores, N x classes, or N x classes x H' x W' of a network whose
        last layer is a convolution with more than one place.

    Raises:
        OptionError: `levels`, `input_bits`, `gradient` or `estimator` is outside its range, or none of the method.
    """
    method.check(levels, any_levels)
    check_any_levels(levels, any_levels, len(architecture.weighted))
    if levels != FLOAT_LEVELS:
        check_levels(levels)

    def sign(m: int, channels: int) -> ResidualSign:
        if method.recipe_estimator:
            return ResidualSign(m, gradient, estimator)
        return sign_of(method.activation, m, channels, gradient)

    builder = _Builder(levels, sign, any_levels, method)
    flat = all(isinstance(layer, DenseText) for layer in architecture.layers)
    image = builder.add("pixels", PixelInput(*architecture.image, input_bits, flat))
    value = builder.chain(architecture.items, _Value(architecture.image, "image", 0, flat, image))
    builder.norm(value)
    parts = builder.parts
    if architecture.is_chain and method.scale is None and builder.parallel is None:
        model: nn.Sequential | Graph = nn.Sequential(OrderedDict((part.name, part.module) for part in parts))
    else:
        model = Graph(*parts)
    use_real_weights(model, levels == FLOAT_LEVELS)
    for module in model.modules():
        if isinstance(module, BinaryLayer) and levels != FLOAT_LEVELS:
            module.use_method(method.weight)
    return model


Key = Window | None
"""The window that a map is padded for; None where it is not."""


@dataclass
class _Value:
    """What stands at a place of the network.

    Attributes:
        shape: Of the map, without padding.
        kind: "image", the "sums" of a layer that waits for its BatchNorm, or a "feature".
        number: Of the last layer with weights in front of it.
        flat: Whether it is vectors.
        name: The part that gives it.
        codes: The parts that give its codes, padded for a window or not, as far as there are any.
        joined: The parts that a join joined.
    """

    shape: Shape
    kind: str
    number: int
    flat: bool
    name: str
    codes: dict[Key, str] = field(default_factory=dict)
    joined: tuple[str, ...] = ()


class _Builder:
    """Parts of a network, one after the other."""

    def __init__(self, levels: int, sign: Callable[[int, int], ResidualSign], any_levels: bool, method: Method) -> None:
        self.parts: list[Part] = []
        self._levels = levels
        self._is_real = levels == FLOAT_LEVELS or isinstance(method.activation.planes, Real)
        self._scale = method.scale
        self.parallel = method.activation.planes if isinstance(method.activation.planes, Parallel) else None
        self._added: list[ResidualSign] = []  # those of the last codes that were added
        self._sign = sign
        self._any_levels = any_levels
        self._number = 0

    def add(self, name: str, module: nn.Module, *of: str) -> str:
        """Add a part; its name, with another number where it is taken."""
        taken = {part.name for part in self.parts}
        free = next(one for one in chain([name], (f"{name}_{n}" for n in count(2))) if one not in taken)
        self.parts.append(Part(free, module, of))
        return free

    def chain(self, items: Sequence[Item], value: _Value) -> _Value:
        """What stands behind the items."""
        for item in items:
            match item:
                case Block():
                    for _ in range(item.times):
                        value = self._block(item, value)
                case DenseText() | ConvText():
                    value = self._layer(item, value)
                case DepthwiseText():
                    value = self._layer(item.on(value.shape.channels), value)
                case PoolText(window=window) if value.kind == "sums":
                    value = self._behind(value, item, f"pool{value.number}", _max_pool(window))
                case PoolText(window=window):
                    value = self._behind(self.feature(value), item, f"pool{value.number}", _max_pool(window))
                case AverageText(window=window):
                    pool = AveragePool2d(window.kernel, window.stride) if window else GlobalAveragePool2d()
                    value = self._behind(self.feature(value), item, f"pool{value.number}", pool)
                case UpsampleText(factors=factors):
                    larger = Upsample2d(factors.rows, factors.columns)
                    value = self._behind(value, item, f"upsample{value.number}", larger)
                case DepthToSpaceText(block=block):
                    value = self._behind(value, item, f"shuffle{value.number}", DepthToSpace2d(block))
                case TwoSlopeText(shifts=shifts):
                    bend = (RPReLU if shifts else PReLU)(value.shape.channels)
                    value = self._behind(self.feature(value), item, f"bend{value.number}", bend)
        return value

    def _behind(self, value: _Value, item: LayerText, name: str, module: nn.Module) -> _Value:
        """What a module gives that keeps the kind of a value."""
        shape, named = shape_behind(item, value.shape), self.add(name, module, value.name)
        return replace(value, shape=shape, name=named, codes={}, joined=())

    def _layer(self, layer: DenseText | ConvText, value: _Value) -> _Value:
        scaled = value.kind != "image" and self._scale is not None  # an image's samples have no size to measure
        self._open(value, [_key(layer)], feature=scaled)
        codes = value.codes[_key(layer)]
        self._number += 1
        module: nn.Module
        if isinstance(layer, ConvText):
            name, window = f"conv{self._number}", layer.window
            channels, weights = value.shape.channels, layer.weights
            module = BinaryConv2d(channels, layer.rows, window.kernel, window.stride, weights, layer.groups)
        else:
            codes = codes if value.flat else self.add("flatten", FlattenHWC(), codes)
            name, module = f"linear{self._number}", BinaryLinear(value.shape.elements, layer.rows, layer.weights)
        shape = shape_behind(layer, value.shape)
        sums = self.add(name, module, codes)
        reads = layer.window if isinstance(layer, ConvText) else None
        scale = scale_of(self._scale, reads, value.shape, shape) if scaled else None
        if scale is not None:
            sums = self.add(f"scale{self._number}", scale, sums, value.name)
        return _Value(shape, "sums", self._number, isinstance(layer, DenseText), sums)

    def _block(self, block: Block, value: _Value) -> _Value:
        keys, feature = _readers(block)
        self._open(value, keys, feature)
        ends = [self.feature(self.chain(branch, value)) for branch in block.branches]
        shape, names = met(block.meet, [end.shape for end in ends]), tuple(end.name for end in ends)
        if block.meet == "<":
            *others, last = value.joined
            names = (*others, self.add(f"sum{self._number}", Sum(), last, names[-1]))
        if block.meet == "+":
            named = self.add(f"sum{self._number}", Sum(), *names)
            return _Value(shape, "feature", self._number, ends[0].flat, named)
        named = self.add(f"join{self._number}", Join(), *names)
        return _Value(shape, "feature", self._number, ends[0].flat, named, joined=names)

    def feature(self, value: _Value) -> _Value:
        """The value as a feature."""
        if value.kind != "sums":
            return value
        norm = self._per_level(lambda _: (NormSign if self._is_real else NormFeature)(_norm_of(value)))
        return replace(value, kind="feature", name=self.add(f"norm{value.number}", norm, value.name))

    def norm(self, value: _Value) -> str:
        """The scores of the last layer; as vectors where its map has one place."""
        if not value.flat and value.shape.positions == 1:
            value = replace(value, flat=True, name=self.add("flatten", FlattenHWC(), value.name))
        return self.add(f"norm{value.number}", self._per_level(lambda _: NormSign(_norm_of(value))), value.name)

    def _open(self, value: _Value, keys: Sequence[Key], feature: bool) -> None:
        """Make what is read of a value: its codes, padded for each window, and the feature where that is read too."""
        if (feature or self.parallel) and value.kind == "sums":
            as_feature = self.feature(value)
            value.kind, value.name = as_feature.kind, as_feature.name
        keys = [key for key in dict.fromkeys(keys) if key not in value.codes]
        if not keys:
            return
        if value.kind == "image":
            for key in keys:
                pad = None if key is None else PadLowest(key, -1.0)
                value.codes[key] = value.name if pad is None else self.add(f"pad{self._number + 1}", pad, value.name)
            return
        name = f"{'norm' if value.kind == 'sums' else 'sign'}{value.number}"
        if len(keys) == 1:
            value.codes[keys[0]] = self._codes(value, name, keys[0])
            return
        codes = self._codes(value, name, None)
        module = self.parts[-1].module
        for key in keys:
            value.codes[key] = (
                codes
                if key is None
                else self.add(f"pad{self._number + 1}", _pad_behind(module, key, self._added), codes)
            )

    def _codes(self, value: _Value, name: str, key: Key) -> str:
        """The codes of sums or features, padded for a window."""
        if self._is_real:
            at = self.add(name, NormSign(_norm_of(value)), value.name)
            at = at if key is None else self.add(f"pad{self._number + 1}", PadLowest(key), at)
            return self.add(f"sign{value.number}", self._relu(), at)
        if self.parallel is not None:
            return self._parallel_codes(value, name, key, self.parallel)
        norm = self._per_level(
            lambda m: NormSign(
                _norm_of(value), self._sign(m, value.shape.channels), None if key is None else PadLowest(key)
            )
        )
        return self.add(name, norm, value.name)

    def _parallel_codes(self, value: _Value, name: str, key: Key, part: Parallel) -> str:
        """The sum of several codes of features, padded for a window."""
        self._added, names = [], []
        for index in range(part.count):
            norm, sign = _norm_of(value), self._sign(self._levels, value.shape.channels)
            with torch.no_grad():
                norm.bias.fill_(part.spread * (2 * index / max(1, part.count - 1) - 1))
                sign.log_increments.add_(math.log(part.later) if index else 0.0)
            self._added.append(sign)
            names.append(self.add(name, NormSign(norm, sign), value.name))
        codes = self.add(f"codes{value.number}", Sum(), *names)
        if key is None:
            return codes
        return self.add(f"pad{self._number + 1}", PadLowest(key, self._added), codes)

    def _relu(self) -> nn.Module:
        return nn.ReLU() if self._levels == FLOAT_LEVELS else RealActivation()

    def _per_level(self, module: Callable[[int], nn.Module]) -> nn.Module:
        return PerLevel(map(module, range(1, self._levels + 1))) if self._any_levels else module(self._levels)


def _max_pool(window: Window) -> MaxPool2d:
    return MaxPool2d(window.kernel, window.stride, window.same, window.pads)


def _norm_of(value: _Value) -> nn.BatchNorm1d | nn.BatchNorm2d:
    return (nn.BatchNorm1d if value.flat else nn.BatchNorm2d)(value.shape.channels)


def _key(layer: WeightedText) -> Key:
    return layer.window if not isinstance(layer, DenseText) and layer.window.padded else None


def _readers(block: Block) -> tuple[list[Key], bool]:
    """How layers with weights read what stands in front of a block, and whether something reads it as a feature."""
    keys: list[Key] = []
    feature = False
    for branch in block.branches:
        match branch:
            case (DenseText() | ConvText() | DepthwiseText() as layer, *_):
                keys.append(_key(layer))
            case (Block() as inner, *_):
                below, reads = _readers(inner)
                keys, feature = keys + below, feature or reads
            case _:
                feature = True
    return keys, feature


def _pad_behind(module: nn.Module, window: Window, added: Sequence[ResidualSign]) -> nn.Module:
    """Padding behind codes that are read without it too, or behind a sum of such of these signs."""
    if isinstance(module, PerLevel):
        return PerLevel(_pad_behind(one, window, added) for one in module)
    if isinstance(module, Sum):
        return PadLowest(window, added)
    sign = module.sign if isinstance(module, NormSign) else None
    return PadLowest(window, 0.0 if sign is None else sign)


def use_real_weights(model: nn.Module, real: bool) -> None:
    """Let the layers multiply with their latent weights (binary activations only), or with their signs."""
    for module in model.modules():
        if isinstance(module, BinaryLayer):
            module.real = real


def use_real_activations(model: nn.Module, real: bool) -> None:
    """Let the residual signs give tanh, or codes."""
    for module in model.modules():
        if isinstance(module, ResidualSign):
            module.real = real


@torch.no_grad()
def keep_order_(model: nn.Module) -> None:
    """Keep every BatchNorm's weights positive, so that it negates no channel; call after each step.

    Nothing is lost: a layer negates a channel by negating its 1-bit weights. The BatchNorms of an any-level network
    share these weights, so that none may negate a channel that another does not.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.weight is not None:
            module.weight.clamp_(min=LEAST_WEIGHT)
