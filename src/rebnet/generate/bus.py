"""The configuration bus of an accelerator whose constants are written at run time: which word is at which address.

One bus goes through all memories (`rtl/writable_memory.sv`). Each has a window: row r of its column c of 32 bits is at
BASE + (c << ROW_BITS) + r, so that a column is one run of addresses; windows are as large as a power of two and begin
at multiples of that, so that a memory knows its own by the upper bits alone. The first eight words say which network is
written: the SHA-256 of its network.json.
"""

from collections.abc import Mapping, Sequence

from rebnet.errors import OptionError
from rebnet.generate.images import BUS_WORD
from rebnet.records.ports import BusWindow
from rebnet.rtl.writable import BUS_BITS, LATENCY
from rebnet.spec.residual import Bits
from rebnet.stages.memories import Rom
from rebnet.stages.numbers import clog2

NETWORK_WORDS = 8
"""Words from address 0 on, of the network's hash."""
MAX_ADDRESS_BITS = 31
MAX_COLUMNS = 1000
"""Columns of a memory, whose files have three digits."""


def windows_of(words: Mapping[str, Bits], roms: Mapping[str, Rom] | None = None) -> tuple[BusWindow, ...]:
    """The windows of memories with these words, by their names, in the order of the bus.

    Args:
        words: of each memory.
        roms: those that may stand in banks.

    Raises:
        OptionError: a memory of wider words than can be written, or of too many banks of such words, or more memory
            than the bus reaches.
    """
    free, windows = NETWORK_WORDS, []
    for name, own in words.items():
        depth, width = own.shape
        if width > MAX_COLUMNS * BUS_WORD:
            raise OptionError(
                f"runtime_weights: memory {name} has words of {width} bits, and {MAX_COLUMNS * BUS_WORD} can be "
                "written; fold its layer with a smaller PE or SIMD, or leave --runtime-weights out"
            )
        banks = roms[name].bank_count if roms and name in roms else 1
        if _columns(width) * banks > MAX_COLUMNS:
            raise OptionError(
                f"runtime_weights: memory {name} stands in {_columns(width)} columns and {banks} banks, and "
                f"{MAX_COLUMNS} files are named; fold its layer with a smaller PE or SIMD, or leave --runtime-weights "
                "out"
            )
        size = _size(depth, width)
        base = -(-free // size) * size
        windows.append(BusWindow(name=name, base=base, width_bits=width, depth=depth))
        free = base + size
    if clog2(free) > MAX_ADDRESS_BITS:
        raise OptionError(
            f"runtime_weights: {free} words are more than the {1 << MAX_ADDRESS_BITS} that can be addressed; leave "
            "--runtime-weights out"
        )
    return tuple(windows)


def row_bits(depth: int) -> int:
    """Bits of the address of a word in a memory of so many."""
    return max(1, clog2(depth))


def address_bits(windows: Sequence[BusWindow]) -> int:
    """Bits of an address that reach all windows."""
    return max(clog2(window.base + _size(window.depth, window.width_bits)) for window in windows)


def bus_bits(windows: Sequence[BusWindow]) -> int:
    """Bits of a request on the bus."""
    return address_bits(windows) + BUS_BITS


def latency_cycles(windows: Sequence[BusWindow], roms: Mapping[str, Rom]) -> int:
    """Cycles of a request through all memories, of which those in block RAM are known by name."""
    return sum(LATENCY + (roms[window.name].latency if window.name in roms else 1) for window in windows)


def words_of(windows: Sequence[BusWindow]) -> int:
    """Words of a network, its hash among them."""
    return NETWORK_WORDS + sum(window.depth * _columns(window.width_bits) for window in windows)


def _columns(width: int) -> int:
    return -(-width // BUS_WORD)


def _size(depth: int, width: int) -> int:
    """Addresses of a window."""
    return 1 << row_bits(depth) + clog2(_columns(width))
