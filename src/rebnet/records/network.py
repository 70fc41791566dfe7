"""network.json: a network without its tensors; `rebnet.ir.storage` reads the operations."""

from typing import Annotated

from rebnet.records.form import Length, text, whole
from rebnet.records.kinds import Bits, Count, Hashes, Levels, Name, NetworkText, Positive, check_most
from rebnet.records.record import Record, form

Names = Annotated[tuple[Name, ...], Length(1, 64)]


@form
class Image(Record):
    """The input: its size, and bits of a pixel, the top ones of a byte or those that a table says."""

    height: Positive
    width: Positive
    channels: Positive
    bits: Annotated[int, whole(1, 8)]
    table: Annotated[tuple[Annotated[int, whole(0, 255)], ...], Length(256, 256)] | None = None


@form
class Operation(Record):
    """A node: its kind, and what each kind has beside."""

    op: Name
    name: Name | None = None
    of: Names | None = None


@form
class StoredNetwork(Record):
    """network.json: a network without its tensors."""

    FILE = "network.json"

    name: NetworkText
    levels: Levels
    served: Annotated[tuple[Levels, ...], Length(1, 8)]
    threshold_bits: Bits
    input: Image
    ops: Annotated[tuple[Operation, ...], Length(1, 10_000)]
    outputs: Names | None = None
    regression: bool | None = None
    weight_bytes: Count | None = None
    tensors_sha256: Annotated[str, text(200)]
    inputs: Hashes | None = None

    def check(self) -> None:
        """See `Record`."""
        for m in self.served:
            check_most("served", m, self.levels, "the levels of the network")
