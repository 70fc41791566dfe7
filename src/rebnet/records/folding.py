"""folding.json: how much hardware each layer gets, how deep its FIFOs are, and what that is expected to cost."""

from collections.abc import Mapping
from typing import Annotated

from rebnet.records.form import Length, number, text, whole
from rebnet.records.kinds import Count, Counts, Cycles, Hashes, Levels, Modules, Name, Positive, Share
from rebnet.records.record import ABSENT, Absent, Record, form

Samples = Annotated[int, whole(1, 1024)]
WeightStyle = Annotated[str, text(choices=("block", "distributed", "wires", "auto"))]
"""Where the weights of a layer are: in block RAM, in LUTs, in no memory at all, or where the tool puts them."""


@form
class FoldedLayer(Record):
    """The hardware of a layer; `cycles` an image at M levels."""

    name: Name
    pe: Positive
    simd: Positive
    level_lanes: Positive
    plane_lanes: Positive | Absent | None = ABSENT
    weight_style: WeightStyle = "auto"
    cycles: Positive | None = None


@form
class Fifo(Record):
    """A buffer whose depth is chosen, in words."""

    name: Name
    depth: Positive
    width_bits: Positive
    predicted_peak: Count


@form
class GivenLayer(Record):
    """The hardware that somebody gives a layer; `rebnet.stages.folding` knows the styles."""

    name: Name
    pe: Positive
    simd: Positive
    level_lanes: Positive
    plane_lanes: Positive | Absent | None = ABSENT
    weight_style: Name = "auto"


@form
class GivenFifo(Record):
    """A depth that somebody gives."""

    name: Name
    depth: Positive


@form
class Predicted(Record):
    """What the cost model says of a device."""

    part: Name
    modules: Modules | None = None
    total: Counts
    device: Counts
    max_utilisation: Share | Absent | None = ABSENT


@form
class Search(Record):
    """What was asked of the search for a folding, and what it proved; shares in percent."""

    board: Name | None = None
    clock_mhz: float | None = None
    max_utilisation: Share | None = None
    target_cycles: Count | Absent | None = ABSENT
    set_aside: tuple[Count, ...] | None = None
    margin: Mapping[str, Annotated[float, number(0, 10**6)]] | None = None
    objective: str | None = None
    proved: str | None = None
    largest_share: float | None = None
    bound: float | None = None
    gap: float | None = None
    foldings_enumerated: Count | None = None
    foldings_kept: Count | None = None
    partial_accelerators: Count | None = None
    cycles_refused: Count | None = None
    refused_bound: float | Absent | None = ABSENT


@form
class GivenFolding(Record):
    """A folding.json that somebody gives; what it leaves out is chosen."""

    FILE = "folding.json"
    AGAIN = "correct it, or compile with another --folding"

    layers: Annotated[tuple[GivenLayer, ...], Length(1, 10_000)]
    fifos: tuple[GivenFifo, ...] | None = None
    samples_per_beat: Positive | None = None


@form
class Folding(Record):
    """folding.json of a build."""

    FILE = "folding.json"

    inputs: Hashes | None = None
    levels: Levels
    layers: Annotated[tuple[FoldedLayer, ...], Length(1, 10_000)]
    fifos: tuple[Fifo, ...]
    samples_per_beat: Samples
    bound_cycles: Positive
    predicted_cycles_per_image: Cycles
    predicted_latency_cycles: Positive
    limiting_fifos: tuple[Name, ...]
    search: Search | None = None
    predicted_resources: Predicted | None = None


@form
class AskedBoard(Record):
    """A board or part, and percent of it."""

    board: Name
    max_utilisation: Share


@form
class AskedPart(Record):
    """A part, and percent of it where a limit was asked for."""

    part: Name
    max_utilisation: Share | Absent | None = ABSENT


@form
class Asked(Record):
    """What a folding.json was asked for, whatever else it says."""

    FILE = "folding.json"

    search: AskedBoard | None = None
    predicted_resources: AskedPart | None = None

    @property
    def limit(self) -> tuple[str, float] | None:
        """Board or part, and the percent of it that was to be taken at most; None where no limit was asked for."""
        if self.search is not None:
            return self.search.board, float(self.search.max_utilisation)
        part = self.predicted_resources
        return (part.part, float(part.max_utilisation)) if part is not None and part.max_utilisation else None
