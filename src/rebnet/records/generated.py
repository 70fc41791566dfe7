"""What `generate` says of the C, the folder for a board or its project, that it wrote; no file holds it."""

from rebnet.records.kinds import Amount, Count
from rebnet.records.record import ABSENT, Absent, Record, form


@form
class GeneratedC(Record):
    """The two files, and the bytes of their constants and of the memory that the caller gives."""

    header: str
    source: str
    constant_bytes: Count
    memory_bytes: Count


@form
class Deployed(Record):
    """The folder that is copied to a board, its files, and SHA-256 of the network's network.json."""

    folder: str
    files: tuple[str, ...]
    network: str


@form
class ZynqProject(Record):
    """A project of Vivado: its folder, the board, its part and clock, the IP's full name, where the bitstream goes.

    `command` makes the bitstream; `bitstream` is it, where Vivado was run.
    """

    project: str
    board: str
    part: str
    clock_mhz: Amount
    ip: str
    deploy: str
    command: str
    bitstream: str | Absent = ABSENT
