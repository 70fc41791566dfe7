"""What `export` says of the files that it wrote; no file holds it."""

from rebnet.records.kinds import Count
from rebnet.records.record import Record, form


@form
class ExportedFile(Record):
    """A network for the tools of others, at one level count."""

    file: str
    form: str
    levels: Count
    nodes: Count
    bytes: Count


@form
class Export(Record):
    """The files, one a level count."""

    files: tuple[ExportedFile, ...]
