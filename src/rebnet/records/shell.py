"""shell.json: the shell around a generated accelerator, as a driver of its host reads it."""

from collections.abc import Mapping
from typing import Annotated

from rebnet.records.folding import Samples
from rebnet.records.form import Length, text
from rebnet.records.kinds import Count, Hashes, Levels, Name, Path, Positive
from rebnet.records.record import Record, form


@form
class Images(Record):
    """The AXI4-Stream of images, and how one lies in memory."""

    tdata_bits: Positive
    samples_per_beat: Samples
    beats_per_image: Positive
    bytes_per_image: Positive
    image: Annotated[tuple[Positive, ...], Length(3, 3)]


@form
class Answers(Record):
    """The AXI4-Stream of answers."""

    tdata_bits: Positive
    score_bits: Positive
    classes: Positive
    places: Positive


@form
class ShellBuild(Record):
    """shell.json: files, streams and registers of a shell."""

    FILE = "shell.json"

    inputs: Hashes
    shell: Name
    board: Name | None = None
    top: Name
    files: Annotated[tuple[Path, ...], Length(1, 10_000)]
    clock: Name
    reset: Annotated[str, text()]
    irq: Name
    levels: Annotated[tuple[Levels, ...], Length(1, 8)]
    s_axis: Images
    m_axis: Answers
    address_bits: Positive
    registers: Mapping[str, Count]
    bits: Mapping[str, Positive]
    facts: Mapping[str, Count]
    network: Annotated[str, text(64)]
