"""Places in one piece of memory for maps that live at different times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Buffer:
    """Memory of a map, and of others that take it over.

    Attributes:
        words: 32-bit words.
        start: the step that writes it first.
        end: the last step that reads it.
        place: its first word in the arena.
    """

    words: int
    start: int
    end: int
    place: int = 0


def arrange(buffers: Sequence[Buffer]) -> int:
    """Give every buffer a place that no other one has in a step in which both live; returns the words of the arena.

    Each takes the lowest place that is free, in the best of a few orders.
    """
    orders: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
        lambda buffer: (-buffer.words, buffer.start),
        lambda buffer: (buffer.start, -buffer.words),
        lambda buffer: (buffer.start - buffer.end, -buffer.words),
    )
    found = [_arranged(sorted(buffers, key=order)) for order in orders]
    best = min(found, key=lambda places: places[0])
    for buffer, place in best[1]:
        buffer.place = place
    return best[0]


def _arranged(buffers: Sequence[Buffer]) -> tuple[int, list[tuple[Buffer, int]]]:
    """The words that buffers take which are placed in this order, and their places."""
    placed: list[tuple[Buffer, int]] = []
    for buffer in buffers:
        beside = sorted(
            (place, place + other.words)
            for other, place in placed
            if other.start <= buffer.end and buffer.start <= other.end
        )
        free = 0
        for first, last in beside:
            if free + buffer.words <= first:
                break
            free = max(free, last)
        placed.append((buffer, free))
    return max((place + buffer.words for buffer, place in placed), default=0), placed
