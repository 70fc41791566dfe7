"""Parts and boards as data (`boards.toml`), and what a part has of each resource.

find("zc702")      a board
find("XC7Z020")    a bare part, as a board with the part's name
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from rebnet.errors import OptionError
from rebnet.records.kinds import RESOURCES, Counts

Family = Literal["xc7", "xcup", "ecp5", "gowin", "ice40"]
_Entry = Mapping[str, Any]
"""What boards.toml says of one thing."""
FAMILIES: tuple[Family, ...] = get_args(Family)

KEYS = RESOURCES
"""The keys of resources in every record, in their order."""


@dataclass(frozen=True)
class Resources:
    """How many of each resource something takes, or a part has.

    Attributes:
        lut: look-up tables, those used as RAM and as shift registers included; LUT6 (xc7, xcup)
            or LUT4 (ecp5, gowin, ice40).
        ff: flip-flops.
        bram_36k: block RAMs of 36 kbit (xc7, xcup).
        bram_18k: block RAMs of 18 kbit: half of a BRAM_36K (xc7, xcup), the part's own (ecp5, gowin); of 4 kbit on
            ice40.
        dsp: multiplier blocks.
    """

    lut: int = 0
    ff: int = 0
    bram_36k: int = 0
    bram_18k: int = 0
    dsp: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        """Sum of both."""
        return Resources(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def __mul__(self, count: int) -> "Resources":
        """`count` times as much."""
        return Resources(*(count * value for value in self._values()))

    def _values(self) -> tuple[int, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    @property
    def bram(self) -> float:
        """Block RAMs of 36 kbit, two of 18 kbit counted as one."""
        return self.bram_36k + self.bram_18k / 2

    def as_record(self) -> Counts:
        """The values by the keys of records, LUT, FF, BRAM_36K, BRAM_18K, DSP."""
        return Counts(LUT=self.lut, FF=self.ff, BRAM_36K=self.bram_36k, BRAM_18K=self.bram_18k, DSP=self.dsp)

    @classmethod
    def from_record(cls, record: Mapping[str, float]) -> "Resources":
        """The resources that `as_record` gave `record`; other keys are ignored."""
        return cls(*(int(record[key]) for key in KEYS))


@dataclass(frozen=True)
class OpenTools:
    """What Yosys and nextpnr must be told of a part.

    Attributes:
        device: nextpnr's name of it.
        package: as nextpnr has it; the die, where the device's name has the package.
        speed: grade, where nextpnr would take another.
        cells: Yosys' name of its cells, where its family has several.
    """

    device: str
    package: str
    speed: str | None = None
    cells: str | None = None


@dataclass(frozen=True)
class Part:
    """An FPGA.

    Attributes:
        name: as the vendor writes it in lower case, without package and speed grade.
        family: which of the synthesizer's families it belongs to.
        device: what it has.
        order_code: its name with package and speed grade, as the vendor's tools want it.
        open_tools: what the open tools must be told of it, where they place it.
    """

    name: str
    family: Family
    device: Resources
    order_code: str
    open_tools: OpenTools | None = None

    def for_open_tools(self) -> OpenTools:
        """What the open tools must be told of it.

        Raises:
            OptionError: they do not place it.
        """
        if self.open_tools is None:
            able = ", ".join(part.name for part in parts() if part.part.open_tools)
            raise OptionError(f"part {self.name!r}: no open tools place and route it; use one of {able}")
        return self.open_tools

    def fits(self, needed: Resources) -> bool:
        """Whether nothing of `needed` is more than the part has."""
        return not self.shortages(needed)

    def shortages(self, needed: Resources) -> dict[str, tuple[int, int]]:
        """What the part has too little of, as in `usage`."""
        return {name: pair for name, pair in self.usage(needed).items() if pair[0] > pair[1]}

    def usage(self, needed: Resources) -> dict[str, tuple[int, int]]:
        """Needed and available LUT, FF, BRAM and DSP; BRAM in the part's own blocks.

        On xc7 and xcup two halves share a block of 36 kbit; an odd half takes the other away from whole ones.
        """
        blocks = needed.bram_18k, self.device.bram_18k
        if self.family in ("xc7", "xcup"):
            blocks = needed.bram_36k + math.ceil(needed.bram_18k / 2), self.device.bram_36k
        return {
            "LUT": (needed.lut, self.device.lut),
            "FF": (needed.ff, self.device.ff),
            "BRAM": blocks,
            "DSP": (needed.dsp, self.device.dsp),
        }


@dataclass(frozen=True)
class Processor:
    """What a block design needs to know of a board's processor.

    Attributes:
        board_part: pattern of the names of the board's file in Vivado, which has it or not.
        settings: of the processor's IP where Vivado has no file of the board: names without "CONFIG.", and values.
    """

    board_part: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Serial:
    """What the shell with a serial line needs to know of a board; see `rebnet.boards.shells.uart`.

    Attributes:
        top: module at the top, and its SystemVerilog file.
        pins: name of the pin file.
        oscillator_mhz: clock that the board gives, MHz.
        clock_net: the accelerator's clock, where a PLL makes it; None where the oscillator is it.
        bit_clocks: clocks of a bit of the line; the shell's own if None.
        settings: the top's parameters that say what the board has.
    """

    top: str
    pins: str
    oscillator_mhz: float
    clock_net: str | None = None
    bit_clocks: int | None = None
    settings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Board:
    """A board, or a bare part.

    Attributes:
        name: of the board; of the part where it is bare.
        part: its FPGA.
        clock_mhz: clock that is assumed where nothing measured one, MHz.
        shell: name of the shell that there is for it, if any; see `rebnet.boards.shells`.
        memory_port_bits: of one port of its processor's memory, if it has a processor.
        processor: what a block design needs to know of it, where that is known.
        serial: what a shell with a serial line needs to know of it, where its pins are known.
    """

    name: str
    part: Part
    clock_mhz: float
    shell: str | None = None
    memory_port_bits: int | None = None
    processor: Processor | None = None
    serial: Serial | None = None


def find(name: str) -> Board:
    """The board or bare part `name`, in any case: "zc702", "XC7Z020", "ulx3s-85", "xc7s50csga324-1".

    Raises:
        OptionError: there is none of this name; lists those that there are.
    """
    wanted = name.strip().lower()
    for board in (*boards(), *parts()):
        if wanted in (board.name, board.part.order_code.lower()):
            return board
    raise OptionError(
        f"part or board {name!r} is not known; use a board ({', '.join(board.name for board in boards())}) "
        f"or a part ({', '.join(part.name for part in parts())})"
    )


def named_once(part: str | None, board: str | None) -> Board:
    """What `part` or `board` names, where one of them does.

    Raises:
        OptionError: none or both are given, or there is none of that name.
    """
    if (part is None) == (board is None):
        raise OptionError(f"part={part}, board={board}: name the device once; use --part xc7s50 or --board zc702")
    return find(part or board or "")


@cache
def boards() -> tuple[Board, ...]:
    """Every board, in the order of the table."""
    table = _table()
    return tuple(
        _board(name, entry["part"], {**table["part"][entry["part"]], **entry}) for name, entry in table["board"].items()
    )


@cache
def parts() -> tuple[Board, ...]:
    """Every part, as a board of the part's name, in the order of the table."""
    return tuple(_board(name, name, entry) for name, entry in _table()["part"].items())


@cache
def _table() -> Mapping[str, Mapping[str, _Entry]]:
    return tomllib.loads((files("rebnet.boards") / "boards.toml").read_text(encoding="utf-8"))


def _board(name: str, part: str, entry: _Entry) -> Board:
    return Board(
        name,
        _part(part, entry),
        float(entry["clock_mhz"]),
        entry.get("shell"),
        entry.get("memory_port_bits"),
        _processor(_table()["processor"].get(name)),
        _serial(_table()["uart"][entry["uart"]]) if "uart" in entry else None,
    )


def _processor(entry: _Entry | None) -> Processor | None:
    return None if entry is None else Processor(entry["board_part"], tuple(entry.get("settings", {}).items()))


def _serial(entry: _Entry) -> Serial:
    return Serial(**{**entry, "settings": tuple(entry.get("settings", {}).items())})


def _part(name: str, entry: _Entry) -> Part:
    device = Resources(**{field.name: entry.get(field.name, 0) for field in fields(Resources)})
    told = {field.name: entry[field.name] for field in fields(OpenTools) if field.name in entry}
    return Part(name, entry["family"], device, entry["order_code"], OpenTools(**told) if told else None)
