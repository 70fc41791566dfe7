"""import.json: the model of another framework that a build was made from, and what each of its nodes became."""

from typing import Annotated

from rebnet.records.form import Length, text
from rebnet.records.record import Record, form

Words = Annotated[str, text(1000)]


@form
class ImportedNode(Record):
    """A node of the model, and what it was taken for."""

    node: Words
    became: Words


@form
class Import(Record):
    """import.json: the model of another framework, and what each of its nodes became."""

    FILE = "import.json"

    model: Words
    model_sha256: Annotated[str, text(64)]
    input_scale: Words | None = None
    nodes: Annotated[tuple[ImportedNode, ...], Length(1, 20_000)]
