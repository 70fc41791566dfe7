"""What a network becomes in C, piece by piece: a chain and a network with branches give one of these."""

from dataclasses import dataclass

from rebnet.generate.c.tables import Table
from rebnet.ir.network import Network


@dataclass(frozen=True)
class Program:
    """The pieces of NAME.h and NAME.c that are a network's own.

    Attributes:
        network: lowered.
        text: it in one line.
        note: lines of the source's first comment about what only some networks have.
        lines: of that comment, what every function computes.
        score: type of a score.
        members: declarations of the working memory's members.
        memory_bytes: bytes of the working memory.
        tables: constants, in order.
        prototypes: of functions that are called before they stand.
        functions: one for each layer or step.
        calls: statements that run an image.
    """

    network: Network
    text: str
    note: str
    lines: tuple[str, ...]
    score: str
    members: tuple[str, ...]
    memory_bytes: int
    tables: tuple[Table, ...]
    prototypes: tuple[str, ...]
    functions: tuple[str, ...]
    calls: tuple[str, ...]

    @property
    def constant_bytes(self) -> int:
        """Bytes of all constants."""
        return sum(table.nbytes for table in self.tables)
