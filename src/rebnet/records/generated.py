"""What `generate` says of the C, or of the folder for a board, that it wrote; no file holds it."""

from rebnet.records.kinds import Count
from rebnet.records.record import Record, form


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
