"""Pass: give every dense layer the integer gains of its input codes and the unit of v.

Pixels count 2^(k-1) … 1 in units of 1/(2^k - 1); one level counts 1 in units of γ; more levels count
g_i = γ_i·2^f in units of 2^-f. A network truncated to m levels keeps g_1 … g_m and 0 above.
"""

from dataclasses import replace

from rebnet.ir.ops import Dense, Network, Op, ResidualSign
from rebnet.spec.pixels import pixel_gains


def assign_gains(network: Network) -> Network:
    """Dense -> Dense with gains and unit."""
    bits = network.input.bits
    unit = 1 / (2**bits - 1)
    gains: tuple[tuple[int, ...], ...] = (pixel_gains(bits),) * len(network.served)
    ops: list[Op] = []
    for op in network.ops:
        if isinstance(op, Dense):
            ops.append(replace(op, gains=gains, unit=unit))
            continue
        if isinstance(op, ResidualSign):
            one_level = len(op.gammas) == 1
            unit = op.gammas[0] if one_level else 2.0**-op.fraction_bits
            gains = tuple(truncate(op.gains, m) for m in network.served)
        ops.append(op)
    return network.with_ops(tuple(ops))


def truncate(gains: tuple[int, ...], levels: int) -> tuple[int, ...]:
    """Gains of the first `levels` levels, 0 above."""
    return tuple(gain if index < levels else 0 for index, gain in enumerate(gains))
