"""What flows between the nodes of a network while an engine runs it."""

from typing import Any, Generic, TypeVar

from rebnet.ir.network import PIXELS, Network, Node

T = TypeVar("T")


class Values(dict[str, T], Generic[T]):
    """The value that every node gives, by its name, kept until the last node that reads it has.

    Args:
        network: what runs.
        pixels: the image's value.
    """

    def __init__(self, network: Network, pixels: T) -> None:
        super().__init__({PIXELS: pixels})
        self._network = network

    def read(self, node: Node[Any]) -> T:
        """The one value that a node reads."""
        (value,) = self.reads(node)
        return value

    def reads(self, node: Node[Any]) -> list[T]:
        """The values that a node reads."""
        sources = self._network.sources(node)
        found = [self[source] for source in sources]
        for source in dict.fromkeys(sources):
            if self._network.users[source][-1] is node:
                del self[source]
        return found
