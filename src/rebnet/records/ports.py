"""ports.json: what a generated accelerator is made of, and its streams."""

from typing import Annotated

from rebnet.records.folding import Samples
from rebnet.records.form import Length, number, text
from rebnet.records.kinds import Bits, Count, Hashes, Levels, Name, Path, Positive
from rebnet.records.record import ABSENT, Absent, Record, form


@form
class InputStream(Record):
    """The AXI4-Stream of images."""

    tdata_bits: Positive
    tuser_bits: Positive
    samples_per_beat: Samples
    beats_per_image: Positive
    image: Annotated[tuple[Positive, ...], Length(3, 3)]
    order: Name | None = None


@form
class OutputStream(Record):
    """The AXI4-Stream of scores; of a regression, what one unit of them is worth at each served m.

    Scores come one a beat where `scores_per_beat` is absent.
    """

    tdata_bits: Positive
    tuser_bits: Positive
    score_bits: Positive
    score_units: Annotated[tuple[Annotated[float, number(0, above=True)], ...], Length(1, 8)] | None = None
    beats_per_image: Positive
    scores_per_beat: Positive | Absent = ABSENT


@form
class BusWindow(Record):
    """A memory on the configuration bus: word r of its column c of 32 bits is at `base` + (c << bits of r) + r."""

    name: Name
    base: Count
    width_bits: Positive
    depth: Positive


@form
class RuntimeWeights(Record):
    """The configuration bus, where constants are written at run time.

    `shape` is that of the accelerator, 32 bits in hex: what is written must be of a network of the same, whose
    activations fit `gain_bits`.
    """

    shape: Annotated[str, text(8)]
    gain_bits: Bits
    address_bits: Positive
    bus_bits: Positive
    latency_cycles: Positive
    words: Positive
    memories: Annotated[tuple[BusWindow, ...], Length(1)]


@form
class Ports(Record):
    """ports.json: files, clock, reset and streams of a generated accelerator."""

    FILE = "ports.json"

    inputs: Hashes
    top: Name
    files: Annotated[tuple[Path, ...], Length(1, 10_000)]
    clock: Name
    reset: Annotated[str, text()]
    s_axis: InputStream
    m_axis: OutputStream
    error: str | None = None
    levels: Annotated[tuple[Levels, ...], Length(1, 8)]
    memories: Annotated[tuple[Path, ...], Length(0)]
    runtime_weights: RuntimeWeights | Absent = ABSENT
