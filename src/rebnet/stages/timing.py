"""Timing of a unit that never stalls: a word is taken when its place in the output FIFO is promised."""

from collections.abc import Sequence
from typing import NamedTuple

from rebnet.stages.memories import Rom
from rebnet.stages.numbers import clog2


class Timing(NamedTuple):
    """Cycles from taking a word to seeing what comes of it at the output, and places of the output FIFO."""

    latency: int
    places: int

    def behind(self, rom: Rom) -> "Timing":
        """Of a unit whose constants come that much later than in a cycle."""
        return Timing(self.latency + rom.latency - 1, self.places + rom.latency - 1)


def count_stages(width: int) -> int:
    """Pipeline stages of a `bit_count`: leaves of six bits, then two levels of adders a stage but for an odd last."""
    return 1 + clog2(width // 7 + 1) // 2


def unrolled_timing(columns: int, gains: Sequence[int]) -> Timing:
    """Of `unrolled`, whose inputs have a plane a gain."""
    multiplies = int(any(gain & (gain - 1) for gain in gains))
    latency = count_stages(columns) + multiplies + (clog2(len(gains)) + 1) // 2 + 4
    return Timing(latency, latency + 1)
