"""synthesis.json: what an accelerator takes of a device, as a synthesizer counts it."""

from collections.abc import Mapping
from typing import Annotated

from rebnet.records.form import Length, number, text
from rebnet.records.kinds import Amount, Count, Counts, Hashes, Modules, Name, Path, Share
from rebnet.records.record import ABSENT, Absent, Record, form
from rebnet.records.request import Request

Tool = Annotated[str, text()]
Mhz = Annotated[float, number(0, 100_000)]
Nanoseconds = Annotated[float, number(0)]


@form
class Excess(Record):
    """A resource of which more was counted than the limit allows."""

    resource: Name
    needed: Amount
    allowed: Amount
    percent: Amount


@form
class Limit(Record):
    """Whether the count keeps the share of the device that the folding was chosen for."""

    max_utilisation: Share
    within: bool
    exceeded: tuple[Excess, ...] | None = None


@form
class Shortage(Record):
    """A resource that the device has too little of."""

    resource: Name
    needed: Amount
    available: Amount


@form
class RoutedPath(Record):
    """The longest path from a register to a register after routing; delays in ns, names as in the source."""

    begin: Path
    end: Path
    end_port: Name
    through: tuple[Path, ...]
    levels: Count
    ns: Nanoseconds
    logic_ns: Nanoseconds
    routing_ns: Nanoseconds

    @property
    def passed(self) -> str:
        """All signals of it, in a line."""
        return " > ".join((self.begin, *self.through, self.end))

    @property
    def in_words(self) -> str:
        """Where it begins and ends, what it passes and what it takes, in a line."""
        return (
            f"{self.passed} ({self.end_port}), {self.levels} levels of logic, {self.ns:g} ns: "
            f"{self.logic_ns:g} in cells, {self.routing_ns:g} on wires"
        )


@form
class UnitTiming(Record):
    """The longest path of a unit that stands alone between registers; names as in its source."""

    names: Annotated[tuple[Path, ...], Length(1, 100_000)]
    module: Name
    levels: Count
    begin: Path
    end: Path
    through: tuple[Path, ...]
    routed: RoutedPath | None = None

    @property
    def passed(self) -> str:
        """All signals of its path, in a line; of the routed one where there is one."""
        return " > ".join((self.begin, *self.through, self.end)) if self.routed is None else self.routed.passed


@form
class Placed(Record):
    """What place and route reached; seconds of each tool."""

    tools: tuple[Tool, ...]
    seed: Count
    target_mhz: Mhz
    fmax_mhz: Mhz
    clock_mhz: Mhz
    used: Counts
    available: Counts
    bitstream: str
    bitstream_bytes: Count
    seconds: Mapping[str, float]
    baud: Count | None = None
    longest_path: RoutedPath | None = None


@form
class Synthesis(Record):
    """synthesis.json: what was counted of a device."""

    FILE = "synthesis.json"

    part: Name
    board: Name | None = None
    family: Name | None = None
    tool: Tool
    modules: Modules | None = None
    total: Counts
    device: Counts
    utilisation: Mapping[str, Annotated[float, number(0)] | None] | None = None
    fits: bool | None = None
    shortages: Annotated[tuple[Shortage, ...], Length(0, 100)] | None = None
    boards_that_fit: Annotated[tuple[Name, ...], Length(0, 10_000)] | None = None
    modules_synthesized: Count | None = None
    modules_cached: Count | None = None
    fmax_mhz: Mhz | Absent | None = ABSENT
    target_mhz: Mhz | None = None
    limit: Limit | Absent | None = ABSENT
    seconds: Annotated[float, number(0)] | None = None
    edited: bool | None = None
    inputs: Hashes | None = None
    request: Request | None = None
    place_and_route: Placed | None = None
    timing: Annotated[tuple[UnitTiming, ...], Length(0, 100_000)] | None = None


@form
class VivadoSynthesis(Synthesis):
    """A count of Vivado's, and the folder of its project; the file has no more than `Synthesis`."""

    project: str
    ran: bool = True


@form
class VivadoProject(Record):
    """A project that was written and, without Vivado, not run."""

    project: str
    ran: bool = False
    command: str


@form
class CountedUnit(Record):
    """What Yosys counted of one unit, as it is kept."""

    module: str
    cells: Mapping[str, Count]
    logic_cells: Count | None
