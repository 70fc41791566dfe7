"""Timing of a unit that never stalls: a word is taken when its place in the output FIFO is promised."""

from typing import NamedTuple


class Timing(NamedTuple):
    """Cycles from taking a word to seeing what comes of it at the output, and places of the output FIFO."""

    latency: int
    places: int
