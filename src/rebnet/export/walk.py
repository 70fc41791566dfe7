"""From torch modules to the operations of a network: the float values as they are, weights as bits."""

from collections.abc import Sequence
from dataclasses import replace

from rebnet.errors import OptionError, VerifyError
from rebnet.export.modules import Placed
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense, Op, ResidualSign
from rebnet.ir.verify import verify
from rebnet.nn.operations import says
from rebnet.nn.pixels import PixelInput
from rebnet.spec.gains import choose_gains


def walk(placed: Sequence[Placed], name: str, foldings: Sequence[Folding | None], *, snapped: bool = True) -> Network:
    """The operations that modules say, in order.

    Args:
        placed: PixelInput, then modules that say their operations; factors on the grid of gains.
        name: name of the network.
        foldings: folding of each layer with weights, None or missing where it is open.
        snapped: False puts other factors, which are on the grid, in the place of the modules': to ask whether the
            modules are a network at all.

    Raises:
        OptionError: a module says nothing, or its factors were not snapped to gains.
        VerifyError: its modules stand in an order that is no network.
    """
    pixels, *modules = placed
    assert isinstance(pixels.module, PixelInput)
    said = pixels.module.said(f"{name}: module {pixels.path}")
    for one in modules:
        said = replace(said, place=f"{name}: module {one.path}")
        try:
            said = says(one.module, said)
        except VerifyError as error:
            raise VerifyError(f"{said.place}: {error}") from None
    levels = {len(op.gammas) for op in said.ops if isinstance(op, ResidualSign)}
    if len(levels) > 1:
        raise OptionError(f"{name}: residual signs of {sorted(levels)} levels; give all of them the same number")
    network = said.network(name)
    named = {layer.name: folding for layer, folding in zip(network.layers, foldings, strict=False)}
    return verify(network.with_ops(_finished(network, snapped, named)))


def _finished(network: Network, snapped: bool, foldings: dict[str, Folding | None]) -> list[Op]:
    """The operations, with what a module does not know: a layer's folding, and the power of two under the factors."""
    ops: list[Op] = []
    for node in network.nodes:
        match node.op:
            case Dense() as layer:
                ops.append(replace(layer, folding=foldings.get(node.name)))
            case ResidualSign() as sign:
                users = [user.op for user in network.users[node.name]]
                inputs = max((op.weights.columns for op in users if isinstance(op, Dense)), default=1)
                signs = (*sign.fewer, sign)
                *fewer, most = (_on_grid(network, one, inputs) if snapped else _any_factors(one) for one in signs)
                ops.append(replace(most, fewer=tuple(fewer)))
            case op:
                ops.append(op)
    return ops


def _any_factors(sign: ResidualSign) -> ResidualSign:
    """As many factors that are powers of two."""
    return ResidualSign(tuple(2.0**place for place in reversed(range(len(sign.gammas)))), 0)


def _on_grid(network: Network, sign: ResidualSign, inputs: int) -> ResidualSign:
    """The factors with their fraction bits: they must be exactly gains over a power of two."""
    if len(sign.gammas) == 1:
        return replace(sign, fewer=())
    for gain_bits in range(network.levels, 17):
        gains, fraction_bits = choose_gains(sign.gammas, inputs, network.levels, gain_bits, threshold_bits=32)
        if tuple(gain / 2.0**fraction_bits for gain in gains) == sign.gammas:
            return ResidualSign(sign.gammas, fraction_bits)
    raise OptionError(
        f"{network.name}: factors {sign.gammas} are no integer gains over a power of two; give export training images, "
        "so that it can snap them and recalibrate BatchNorm"
    )
