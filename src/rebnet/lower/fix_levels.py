"""Optional first pass: serve M levels only, so that the other sets of constants are never made."""

from dataclasses import replace

from rebnet.ir.ops import BatchNorm, Network, Op, ResidualSign


def fix_levels(network: Network) -> Network:
    """Serves (1, …, M) -> serves (M,), with the sets of numbers for M alone."""
    ops = tuple(_fixed(op, network.levels) for op in network.ops)
    return replace(network, served=(network.levels,), ops=ops)


def _fixed(op: Op, levels: int) -> Op:
    match op:
        case BatchNorm():
            return op.at(levels)
        case ResidualSign():
            return replace(op, fewer=())
    return op
