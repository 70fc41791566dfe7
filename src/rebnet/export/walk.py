"""From torch modules to the operations of a network: the float values as they are, weights as bits."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from rebnet.errors import OptionError
from rebnet.ir.features import Rescale, TwoSlope
from rebnet.ir.network import Network, Node
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense, Op, ResidualSign
from rebnet.ir.values import Code, Feature
from rebnet.ir.verify import verify
from rebnet.nn.factors import with_factors
from rebnet.nn.feature import NormFeature
from rebnet.nn.graph import Step, said_by
from rebnet.nn.linear import BinaryLayer
from rebnet.nn.operations import Said
from rebnet.nn.two_slope import PReLU


def walk(flow: Sequence[Step], name: str, foldings: Sequence[Folding | None], *, snapped: bool = True) -> Network:
    """The operations that modules say, in order.

    Args:
        flow: PixelInput, then modules that say their operations; factors on the grid of gains.
        name: name of the network.
        foldings: folding of each layer with weights, None or missing where it is open.
        snapped: False puts other numbers, which are on a grid, in the place of the modules' factors and features: to
            ask whether the modules are a network at all.

    Raises:
        OptionError: a module says nothing, or its factors or features were not snapped.
        VerifyError: its modules stand in an order that is no network.
    """
    said = said_by(flow, name)
    levels = {len(op.gammas) for op in said.ops if isinstance(op, ResidualSign)}
    if len(levels) > 1:
        raise OptionError(f"{name}: residual signs of {sorted(levels)} levels; give all of them the same number")
    network = said.network(name)
    if snapped:
        network = with_factors(network)
        _check_planes(network, said)
        _check_features(network, said)
    else:
        network = network.with_ops(map(_any_numbers, network.ops))
    named = {layer.name: folding for layer, folding in zip(network.layers, foldings, strict=False)}
    return verify(network.with_ops(_with_folding(node, named) for node in network.nodes))


def _with_folding(node: Node[Op], foldings: dict[str, Folding | None]) -> Op:
    return replace(node.op, folding=foldings.get(node.name)) if isinstance(node.op, Dense) else node.op


def _any_numbers(op: Op) -> Op:
    """The operation with as many factors that are powers of two, and with features of one."""
    match op:
        case ResidualSign():
            return ResidualSign(tuple(2.0**place for place in reversed(range(len(op.gammas)))), 0)
        case Rescale():
            return Rescale(np.ones_like(op.scale), np.zeros_like(op.bias), 0, 0)
        case TwoSlope():
            none = np.zeros_like(op.slope)
            return TwoSlope(none, none, none, 0)
    return op


def _check_planes(network: Network, said: Said) -> None:
    """Weights in residual planes count whole numbers."""
    for name, modules in said.origins.items():
        for module in modules:
            if isinstance(module, BinaryLayer) and module.planes is not None and not module.planes.is_on_grid:
                raise OptionError(
                    f"{network.name}: the planes of the weights of {name} count no whole numbers yet; give export "
                    "training images, so that it can snap them and recalibrate BatchNorm"
                )


def _check_bend(network: Network, name: str, module: nn.Module) -> None:
    """A `PReLU` has the grid of the features that it reads."""
    read = network.read(network.by_name[name]) if isinstance(module, PReLU) else None
    if not isinstance(module, PReLU) or not isinstance(read, Feature):
        return  # `verify` says what stands there
    if abs(float(module.per_unit) * float(read.unit) - 1) > 2.0**-20:
        raise OptionError(
            f"{network.name}: the {type(module).__name__} {name} has no grid, or one of other features; give export "
            "training images, so that it can snap features and recalibrate BatchNorm"
        )


def _check_features(network: Network, said: Said) -> None:
    """Every feature has the grid of the sums in front of it, or of the features where two slopes bend these."""
    for name, modules in said.origins.items():
        for module in modules:
            _check_bend(network, name, module)
    for name, modules in said.origins.items():
        features = [one for one in modules if isinstance(one, NormFeature)]
        layer = network.layer_of(network.by_name[name]) if features else None
        if layer is None:
            continue  # `verify` says what stands there
        codes = network.read(layer)
        if not isinstance(codes, Code):
            continue
        units = [layer.op.scale * codes.at(index)[0] for index in range(len(network.served))][-len(features) :]
        for feature, unit in zip(features, units, strict=True):
            if abs(float(feature.per_unit) * unit - 1) > 2.0**-20:
                raise OptionError(
                    f"{network.name}: the NormFeature behind {layer.name} has no grid, or one of other sums; give "
                    "export training images, so that it can snap features and recalibrate BatchNorm"
                )
