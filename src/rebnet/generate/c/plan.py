"""A chain as C will run it: its layers one by one, and the memory between them.

Rows of a feature map go on as soon as they are made. A layer keeps only the rows of its input that its next windows
need, in a ring; a dense layer keeps its whole input. A pool merges pixels into its output as they come.
"""

from dataclasses import dataclass
from functools import cached_property

from rebnet.errors import OptionError
from rebnet.ir.features import Rescale
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, Scores, Threshold
from rebnet.ir.values import Code
from rebnet.spec.window import Window

WORD_BITS = 32


def words(bits: int) -> int:
    """32-bit words that hold `bits` bits."""
    return -(-bits // WORD_BITS)


@dataclass(frozen=True)
class Layer:
    """One layer with weights, its encoder, rescale or scores, and the pool behind it.

    A dense layer is the one window that is as large as its map.

    Attributes:
        number: from 1, of which the names of its functions and tables are made.
        name: of its node.
        source: name of the value that it reads.
        gives: name of the value that it hands on, behind the pool.
        dense: weights and gains.
        tail: what becomes of the accumulators.
        pool: the pool behind it.
        height: rows of its input.
        width: pixels of a row.
        channels: of a pixel.
        planes: bits of a channel, the most.
    """

    number: int
    name: str
    source: str
    gives: str
    dense: Dense
    tail: Threshold | Rescale | Scores
    pool: Window | None
    height: int
    width: int
    channels: int
    planes: int

    @property
    def first(self) -> bool:
        """Whether it reads pixels."""
        return self.source == PIXELS

    @property
    def pushed(self) -> bool:
        """Whether it runs row by row, as its input comes: a convolution that reads codes."""
        return isinstance(self.dense, Conv) and not self.first

    @property
    def rows(self) -> int:
        """Outputs of a window."""
        return self.dense.weights.rows

    @property
    def columns(self) -> int:
        """Inputs of a window."""
        return self.dense.weights.columns

    @property
    def weight_planes(self) -> int:
        """Planes of the weights."""
        return len(self.dense.weights.gains)

    @property
    def column_words(self) -> int:
        """Words of one plane of a window of one group, and of a row of weights."""
        return words(self.columns)

    @property
    def groups(self) -> int:
        """Groups of rows, each with channels and so a window of its own."""
        return self.dense.group_count

    @property
    def window_words(self) -> int:
        """Words of one plane of a window, group by group."""
        return self.groups * self.column_words

    @property
    def row_words(self) -> int:
        """Words of one plane of an output pixel."""
        return words(self.rows)

    @property
    def channel_words(self) -> int:
        """Words of one plane of an input pixel."""
        return words(self.channels)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window."""
        window = self._window
        return (self.height, self.width) if window is None else window.kernel

    @property
    def stride(self) -> tuple[int, int]:
        """Rows and pixels from window to window."""
        return (1, 1) if self._window is None else self._window.stride

    @property
    def padding(self) -> tuple[int, int]:
        """Rows above and pixels left of the map."""
        return (0, 0) if self._window is None else self._window.before(self.height, self.width)

    @property
    def padded(self) -> bool:
        """Whether its map is padded."""
        return self._window is not None and self._window.padded

    @property
    def windows(self) -> tuple[int, int]:
        """Windows along both axes."""
        return (1, 1) if self._window is None else self._window.output(self.height, self.width)

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what it hands on, behind the pool."""
        return self.windows if self.pool is None else self.pool.output(*self.windows)

    @property
    def _window(self) -> Window | None:
        return self.dense.window if isinstance(self.dense, Conv) else None


@dataclass(frozen=True)
class Plan:
    """A chain, its layers, and the words of working memory by name, in their order."""

    network: Network
    layers: tuple[Layer, ...]

    @cached_property
    def readers(self) -> dict[str, Layer]:
        """The layer that reads what another hands on, by the name of the latter."""
        by_source = {layer.source: layer for layer in self.layers}
        return {layer.name: by_source[layer.gives] for layer in self.layers if layer.gives in by_source}

    @property
    def rings(self) -> dict[int, int]:
        """Rows that are kept of the input of each layer that reads codes."""
        front = {layer.gives: layer for layer in self.layers}
        return {layer.number: _ring(front[layer.source], layer) for layer in self.layers if not layer.first}

    @property
    def memory(self) -> dict[str, int]:
        """Words of the working memory by name."""
        levels = self.network.levels
        memory = {"window": max(layer.planes * layer.window_words for layer in self.layers)}
        pooled = [layer.row_words for layer in self.layers if layer.pool]
        if pooled:
            memory["pixel"] = levels * max(pooled)
        rings = self.rings
        for layer in self.layers:
            if not layer.first:
                memory[f"map{layer.number}"] = rings[layer.number] * layer.width * levels * layer.channel_words
        return memory

    @property
    def memory_bytes(self) -> int:
        """Bytes of the working memory."""
        return sum(self.memory.values()) * WORD_BITS // 8


def _ring(front: Layer, layer: Layer) -> int:
    """Rows of `layer`'s input that are alive at a time.

    Those of a window, and those that an overlapping pool has begun beyond the last finished one.
    """
    if not layer.pushed:
        return layer.height
    begun = 0 if front.pool is None else -(-front.pool.kernel[0] // front.pool.stride[0]) - 1
    return min(layer.height, layer.kernel[0] + begun)


def plan(network: Network) -> Plan:
    """The plan of a lowered chain.

    Raises:
        OptionError: the network is not lowered.
    """
    return Plan(network, tuple(_layer(network, layer, number) for number, layer in enumerate(network.layers, start=1)))


def _layer(network: Network, node: Node[Dense], number: int) -> Layer:
    """A layer with what stands behind it, up to the next one."""
    codes = network.read(node)
    tail = next(iter(network.users[node.name]), None)
    if node.op.gains is None or tail is None or not isinstance(tail.op, Threshold | Scores):
        raise OptionError(f"{network.name}: lower the network before writing it as C")
    assert isinstance(codes, Code)
    (source,) = network.sources(node)
    gives, window = tail.name, None
    for user in network.users[tail.name]:
        if isinstance(user.op, MaxPool):
            gives, window = user.name, user.op.window
    return Layer(number, node.name, source, gives, node.op, tail.op, window, *codes.shape, codes.planes)
