"""simulation.json: the RTL under Verilator against the integer network."""

from collections.abc import Mapping
from typing import Annotated

from rebnet.records.form import Length, whole
from rebnet.records.kinds import (
    Count,
    Cycles,
    DatasetName,
    Error,
    Hashes,
    Levels,
    Path,
    Percent,
    Positive,
    check_most,
    check_one_of,
    check_share,
)
from rebnet.records.record import ABSENT, Absent, Record, form
from rebnet.records.request import Request


@form
class Simulation(Record):
    """simulation.json; `edited` names the files that were not what network and folding generate.

    `labels`: how many were judged, where images have maps of them; of none the accuracy is 0.
    """

    FILE = "simulation.json"

    dataset: DatasetName
    images: Positive
    labels: Count | None = None
    levels: Annotated[tuple[Levels, ...], Length(1)]
    stalls: Annotated[int, whole(0, 2**31 - 1)] | None
    mismatches: Count
    accuracy: Percent | None = None
    error: Error | None = None
    cycles_per_image: Cycles | None
    bound_cycles: Cycles
    latency_cycles: Positive | Absent | None = ABSENT
    simulated_cycles_per_second: Count | None = None
    processes: Positive | None = None
    fifo_peaks: Mapping[str, Count] | None = None
    edited: tuple[Path, ...] | None = None
    inputs: Hashes | None = None
    request: Request | None = None

    def check(self) -> None:
        """See `Record`."""
        check_one_of("accuracy", "error", self)
        check_share("accuracy", self.accuracy or 0.0, self.labels or self.images)
        check_most("mismatches", self.mismatches, self.images, "the images")
        if self.stalls is not None and self.cycles_per_image is not None:
            raise ValueError(
                f"key 'cycles_per_image' holds {self.cycles_per_image} though key 'stalls' holds {self.stalls}; under "
                "stalls it must hold null"
            )
