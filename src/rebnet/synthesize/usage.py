"""What modules and instances of a synthesized hierarchy take."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.boards import Resources
from rebnet.synthesize.rtlil import Unit


@dataclass(frozen=True)
class Usage:
    """What something takes.

    Attributes:
        resources: by the rules of `rebnet.synthesize.count`.
        logic_cells: Yosys' estimate of AMD's logic cells, where LUTs of few inputs share one, and LUTs that are RAM or
            shift registers; None on other families.
    """

    resources: Resources
    logic_cells: int | None

    def __add__(self, other: "Usage") -> "Usage":
        """Sum of both."""
        both = self.logic_cells, other.logic_cells
        return Usage(self.resources + other.resources, None if None in both else sum(both))  # type: ignore[arg-type]

    def __mul__(self, count: int) -> "Usage":
        """`count` times as much."""
        return Usage(self.resources * count, None if self.logic_cells is None else count * self.logic_cells)


@dataclass(frozen=True)
class Part:
    """A module with its parameters inside an instance.

    Attributes:
        module: its name in the library.
        count: how often it is there.
        each: what one takes, without its submodules.
    """

    module: str
    count: int
    each: Usage


@dataclass(frozen=True)
class Instance:
    """The top level itself, or an instance in it with all that is inside.

    Attributes:
        name: of the instance.
        module: its module in the library.
        parts: its module first, then the modules inside; what they take adds up to what the instance takes.
    """

    name: str
    module: str
    parts: tuple[Part, ...]

    @property
    def usage(self) -> Usage:
        """What the instance takes with all that is inside."""
        first, *others = (part.each * part.count for part in self.parts)
        return sum(others, first)


@dataclass(frozen=True)
class Netlist:
    """A synthesized hierarchy.

    Attributes:
        instances: the top level's own logic, then its instances in the order of the source.
        tool: what synthesized it.
        synthesized: distinct modules that Yosys was run on.
        cached: distinct modules whose result was there already.
    """

    instances: tuple[Instance, ...]
    tool: str
    synthesized: int
    cached: int

    @property
    def total(self) -> Usage:
        """What everything takes."""
        first, *others = (instance.usage for instance in self.instances)
        return sum(others, first)


@dataclass(frozen=True)
class Result:
    """A synthesized unit.

    Attributes:
        usage: what it takes, without its submodules.
        inside: its submodules by Yosys' names of modules with their parameters, and how often each is there.
    """

    usage: Usage
    inside: Mapping[str, int]


def instances(design: Mapping[str, Unit], top: str, results: Mapping[str, Result]) -> tuple[Instance, ...]:
    """The top level's own logic, then each of its instances with all that is inside."""
    own = Instance(design[top].module, design[top].module, (Part(design[top].module, 1, results[top].usage),))
    return (own, *(_instance(design, name, kind, results) for name, kind in design[top].instances.items()))


def _instance(design: Mapping[str, Unit], name: str, kind: str, results: Mapping[str, Result]) -> Instance:
    counts: Counter[str] = Counter()

    def visit(at: str, number: int) -> None:
        counts[at] += number
        for inner, each in results[at].inside.items():
            visit(inner, number * each)

    visit(kind, 1)
    parts = (Part(design[part].module, count, results[part].usage) for part, count in counts.items())
    return Instance(name, design[kind].module, tuple(parts))
