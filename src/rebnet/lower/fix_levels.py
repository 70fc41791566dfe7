"""Optional first pass: serve M levels only, so that the other sets of constants are never made."""

from dataclasses import replace

from rebnet.ir.ops import Network


def fix_levels(network: Network) -> Network:
    """Serves (1, …, M) -> serves (M,)."""
    return replace(network, served=(network.levels,))
