"""Cycles from a word's arrival to its result at the output, and places of the output FIFO, of the modules of branches.

A module takes one word per cycle while places are left.
"""

RESCALE_LATENCY = 4
RESCALE_DEPTH = 8
SKIP_LATENCY = 3
"""From an empty `skip_buffer`; a word's place in its memory is free 2 cycles after the word came in at the earliest."""
SKIP_DEPTH = 4
"""Places behind the memory of a `skip_buffer`."""
JOIN_LATENCY = 2
"""Of `join_add` and of `join_channels`."""
JOIN_DEPTH = 4
STACK_LATENCY = 1
STACK_DEPTH = 2
GLOBAL_SUM_LATENCY = 2
"""From the word of the map's last pixel."""
GLOBAL_SUM_DEPTH = 4


def encoder_latency(levels: int) -> int:
    """That of a `feature_encoder` of so many levels."""
    return levels + 2


def encoder_depth(levels: int) -> int:
    """Its places."""
    return levels + 4
