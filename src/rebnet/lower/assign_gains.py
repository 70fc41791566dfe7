"""Pass: give every dense layer the integer gains of its input codes and the unit of v.

Pixels count 2^(k-1) … 1 in units of 1/(2^k - 1); one level counts 1 in units of γ; more levels count
g_i = γ_i·2^f in units of 2^-f. Where m < M levels have factors of their own, they have gains and a unit of their own;
where not, they are truncated: the same unit and g_1 … g_m. Gains above level m are 0.
"""

from dataclasses import replace

from rebnet.ir.ops import Dense, Network, Op, ResidualSign
from rebnet.spec.pixels import pixel_gains


def assign_gains(network: Network) -> Network:
    """Dense -> Dense with gains and unit."""
    bits = network.input.bits
    unit: tuple[float, ...] = (1 / (2**bits - 1),)
    gains: tuple[tuple[int, ...], ...] = (pixel_gains(bits),) * len(network.served)
    ops: list[Op] = []
    for op in network.ops:
        if isinstance(op, Dense):
            ops.append(replace(op, gains=gains, unit=unit))
            continue
        if isinstance(op, ResidualSign):
            sets = (*op.fewer, op)
            unit = tuple(unit_of(sign) for sign in sets)
            signs = sets if op.fewer else (op,) * len(network.served)
            gains = tuple(
                truncate(sign.gains, m, network.levels) for m, sign in zip(network.served, signs, strict=True)
            )
        ops.append(op)
    return network.with_ops(tuple(ops))


def unit_of(sign: ResidualSign) -> float:
    """The real value of one unit of the sign's codes."""
    return sign.gammas[0] if len(sign.gammas) == 1 else 2.0**-sign.fraction_bits


def truncate(gains: tuple[int, ...], levels: int, all_levels: int) -> tuple[int, ...]:
    """Gains of the first `levels` levels, 0 for the others of `all_levels`."""
    kept = gains[:levels]
    return (*kept, *(0,) * (all_levels - len(kept)))
