"""Lowering: an exported network becomes integers, one pass a file, verified after each by `rebnet.ir.rewrite`."""

from collections.abc import Callable
from dataclasses import replace

from rebnet.errors import LoweringError
from rebnet.ir.features import Add, Join, Moved, Rescale, Stack, SumPool, TwoSlope
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, Dense, MaxPool, ResidualSign
from rebnet.ir.verify import verify
from rebnet.lower.assign_gains import assign_gains
from rebnet.lower.fix_levels import fix_levels
from rebnet.lower.fold_batchnorm import fold_batchnorm
from rebnet.lower.orient_rows import orient_rows
from rebnet.lower.pool_codes import pool_codes
from rebnet.lower.rescales import rescales
from rebnet.lower.scores import scores
from rebnet.lower.thresholds import thresholds

_EXPORTED = Dense | MaxPool | BatchNorm | ResidualSign | Rescale | TwoSlope | Add | SumPool | Moved | Join | Stack

Pass = Callable[[Network], Network]

PASSES: tuple[Pass, ...] = (
    pool_codes,  # max-pools compare codes
    assign_gains,  # codes count integers
    rescales,  # features have constants for every served m
    fold_batchnorm,  # BatchNorm becomes a·v + b
    orient_rows,  # a ≥ 0 in hidden layers
    thresholds,  # a·v + b and residual sign, or boundaries, become t and δ
    scores,  # the last a·v + b becomes integers
)


def lower(network: Network, *, fixed_levels: bool = False, threshold_bits: int = 24) -> Network:
    """The integer network that CPU engines and hardware compute exactly.

    Args:
        network: an exported network.
        fixed_levels: keep only the constants for M levels; without it every m ≤ M is served.
        threshold_bits: T, width of thresholds and steps.

    Raises:
        VerifyError: the network breaks a rule, for example an accumulator that leaves T bits.
        LoweringError: the network is lowered already, or a channel has no exact integer form in T bits.
    """
    integer = next((type(op).__name__ for op in network.ops if not isinstance(op, _EXPORTED)), None)
    if integer is not None:
        raise LoweringError(
            f"network {network.name} holds {integer}: it is lowered already; lower the exported network"
        )
    network = verify(replace(network, threshold_bits=threshold_bits))
    for one_pass in ((fix_levels,) if fixed_levels else ()) + PASSES:
        network = one_pass(network)
    return network
