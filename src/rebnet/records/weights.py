"""weights.json: the words of a network for an accelerator whose constants are written at run time."""

from typing import Annotated

from rebnet.records.form import text, whole
from rebnet.records.kinds import Hashes, Path, Positive
from rebnet.records.record import Record, form

Word = Annotated[int, whole(0, (1 << 32) - 1)]


@form
class Weights(Record):
    """weights.json: for which accelerators the words are, of which network, and their checksum."""

    FILE = "weights.json"

    inputs: Hashes
    shape: Annotated[str, text(8)]
    network: Annotated[str, text(64)]
    file: Path
    words: Positive
    checksum: Word
