"""nextpnr's JSON report, of every family: the clock that was reached, what is used and what there is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rebnet.boards import Resources
from rebnet.errors import FileFormatError
from rebnet.records.synthesis import RoutedPath
from rebnet.synthesize.routed import longest_path

Reading = tuple[float, Resources, Resources, RoutedPath | None]


class Reported(Protocol):
    """What the report of a family needs to be read.

    Attributes:
        router: name of the tool that wrote it.
        cells: what each kind of cell counts as: a resource of `Resources`, and how many of it one takes.
    """

    @property
    def router(self) -> str: ...  # noqa: D102
    @property
    def cells(self) -> Mapping[str, tuple[str, int]]: ...  # noqa: D102


def read_report(path: Path, flow: Reported, clock_net: str | None) -> Reading:
    """The fmax of `clock_net` in MHz (None: of the slowest clock), what is used, what there is, and the longest path.

    It is rounded down to kHz, so that nobody reads more than was reached.

    Raises:
        FileFormatError: it does not say.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        clocks = {net.removeprefix("$glbnet$"): float(entry["achieved"]) for net, entry in report["fmax"].items()}
        clock = min(clocks, key=clocks.__getitem__) if clock_net is None else clock_net
        used = _counted(flow, {cell: int(entry["used"]) for cell, entry in report["utilization"].items()})
        there = {cell: int(entry["available"]) for cell, entry in report["utilization"].items()}
        # the first kind of cell that counts as a resource says how many of it there are
        firsts = {resource: cell for cell, (resource, _) in reversed(tuple(flow.cells.items()))}
        available = Resources(**{name: there[cell] for name, cell in firsts.items()})
        return int(clocks[clock] * 1000) / 1000, used, available, longest_path(report, clock)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{path.name}: not the report of {flow.router} that this rebnet reads ({type(error).__name__}: {error}); "
            "install the version of: pip install 'rebnet[synthesize]'"
        ) from None


def _counted(flow: Reported, cells: Mapping[str, int]) -> Resources:
    total = Resources()
    for cell, number in cells.items():
        if cell in flow.cells:
            resource, each = flow.cells[cell]
            total += Resources(**{resource: each * number})
    return total
