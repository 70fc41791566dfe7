"""What `generate` says of the C that it wrote; no file holds it."""

from rebnet.records.kinds import Count
from rebnet.records.record import Record, form


@form
class GeneratedC(Record):
    """The two files, and the bytes of their constants and of the memory that the caller gives."""

    header: str
    source: str
    constant_bytes: Count
    memory_bytes: Count
