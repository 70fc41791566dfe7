"""What the look-up tables of a family hold: multiplexers, small memories, and delays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Family
from rebnet.stages.numbers import ceil_div

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Fabric:
    """The look-up tables of a family.

    Attributes:
        table_words: bits of a table.
        joined_words: bits that hard multiplexers join without another table.
        mux_inputs: of a one-bit multiplexer, for each table of it.
        memories: ways to make a memory with one write and one read port, shallow ones first: words and bits of one,
            and the tables that it takes.
        delay_words: bits that a table delays by a cycle each; 1 where delays are flip-flops.
    """

    table_words: int
    joined_words: int
    mux_inputs: int
    memories: tuple[tuple[int, int, int], ...]
    delay_words: int

    def mux(self, inputs: Any) -> Numbers:
        """Tables of a one-bit multiplexer, but for the hard ones that join them."""
        inputs = np.asarray(inputs, dtype=np.float64)
        return np.where(inputs > 1, ceil_div(inputs, self.mux_inputs), 0.0)

    def ram(self, width: Any, depth: Any) -> Numbers:
        """Tables of a memory with one write and one read port."""
        result = np.zeros(np.broadcast(width, depth).shape)
        for words, bits, tables in reversed(self.memories):
            needed = tables * ceil_div(ceil_div(depth, words) * width, bits)
            deepest = words == self.memories[-1][0]
            result = np.where(deepest | (np.asarray(depth) <= words), needed, result)
        return result

    def ram_mux(self, depth: Any) -> Numbers:
        """Tables that choose among the memories of one bit."""
        return self.mux(ceil_div(depth, self.memories[-1][0]))

    def rom(self, depth: Any) -> Numbers:
        """Tables of a column of a read-only memory, and of the multiplexers that join them."""
        tables = np.asarray(depth, dtype=np.float64) / self.table_words
        joints = np.maximum(ceil_div(depth, self.joined_words) - 1, 0)
        luts: Numbers = np.maximum(tables, 0.5) + ceil_div(joints, self.mux_inputs - 1)
        return luts


_AMD = Fabric(table_words=64, joined_words=64, mux_inputs=4, memories=((32, 6, 4), (64, 3, 4)), delay_words=16)
FABRICS: Mapping[Family, Fabric] = {
    "xc7": _AMD,
    "xcup": _AMD,
    "ecp5": Fabric(table_words=16, joined_words=64, mux_inputs=2, memories=((16, 4, 6),), delay_words=1),
    "gowin": Fabric(table_words=16, joined_words=256, mux_inputs=2, memories=((16, 4, 4),), delay_words=1),
}
