"""A network with branches as C will run it: steps one by one, and the memory of what lies between them.

A step begins where elements are made: at a layer with weights, a pool, a join. What is then done with one element at a
time (a rescale, an add, a threshold) belongs to the last step that it needs something of, so that sums and most
features never stand in memory. What another step reads stands there whole, from the step that makes it to the last one
that reads it; a sum is written over the summand that nothing else will read. A stack takes no memory: the layer behind
it reads the codes that it stacks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.errors import OptionError
from rebnet.generate.c.arena import Buffer, arrange
from rebnet.generate.c.plan import WORD_BITS, Layer, words
from rebnet.ir.features import Add, DepthToSpace, Join, Moved, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Dense, MaxPool, Op, Scores, Threshold
from rebnet.ir.values import Code, Feature, Integer, Value

SIZES = {"int8_t": 1, "int16_t": 2, "int32_t": 4}
"""Bytes of the types of features in memory."""


@dataclass(frozen=True)
class Step:
    """A function of C: what it begins with, and what it does with every element of that.

    Attributes:
        number: from 1, its place.
        head: the layer, the pool or the join that it begins with.
        tail: the nodes behind it, in order.
        layer: the head, where that has weights.
    """

    number: int
    head: Node[Op]
    tail: tuple[Node[Op], ...]
    layer: Layer | None

    @property
    def nodes(self) -> tuple[Node[Op], ...]:
        """All that it computes."""
        return (self.head, *self.tail)

    @property
    def scores(self) -> bool:
        """Whether it is the last one."""
        return any(isinstance(node.op, Scores) for node in self.tail)


@dataclass(frozen=True)
class Graph:
    """A network with branches, its steps in order, and where its values stand.

    Attributes:
        network: lowered.
        steps: in the order in which they run.
        numbers: of the nodes, from 1, of which names in C are made.
        buffers: of values in memory, by name.
        arena_words: words of all of them.
    """

    network: Network
    steps: tuple[Step, ...]
    numbers: Mapping[str, int]
    buffers: Mapping[str, Buffer]
    arena_words: int

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers with weights."""
        return tuple(step.layer for step in self.steps if step.layer is not None)

    @property
    def window_words(self) -> int:
        """Words of the largest window."""
        return max(layer.planes * layer.window_words for layer in self.layers)

    @property
    def memory_bytes(self) -> int:
        """Bytes of the working memory."""
        return (self.window_words + self.arena_words) * WORD_BITS // 8


def graph(network: Network) -> Graph:
    """The plan of a lowered network.

    Raises:
        OptionError: the network is not lowered.
    """
    groups = _groups(network)
    step_of = {node.name: number for number, group in enumerate(groups, start=1) for node in group}
    numbers = {node.name: number for number, node in enumerate(network.nodes, start=1)}
    steps = tuple(_step(network, group, number, numbers) for number, group in enumerate(groups, start=1))
    buffers = _buffers(network, steps, step_of)
    places = list({id(buffer): buffer for buffer in buffers.values()}.values())
    return Graph(network, steps, numbers, buffers, arrange(places))


def reached(feature: Feature) -> int:
    """The largest size of a feature."""
    return max(max(abs(low), abs(high)) for low, high in zip(feature.low, feature.high, strict=True))


def kept_type(feature: Feature) -> str:
    """The type in C of a feature in memory, the narrowest that holds its bounds."""
    low, high = min(feature.low), max(feature.high)
    return next(kind for kind, size in SIZES.items() if -(1 << (8 * size - 1)) <= low and high < 1 << (8 * size - 1))


def stacked(network: Network, name: str) -> list[str]:
    """The codes that a value consists of: those of a stack, in order, else itself."""
    found, left = [], [name]
    while left:
        first = left.pop()
        node = network.by_name.get(first)
        if node is not None and isinstance(node.op, Stack):
            left += reversed(network.sources(node))
        else:
            found.append(first)
    return found


def _groups(network: Network) -> list[list[Node[Op]]]:
    """The nodes of every step."""
    groups: list[list[Node[Op]]] = []
    place: dict[str, int] = {}
    for node in network.nodes:
        reads = [network.values[source] for source in network.sources(node)]
        if isinstance(node.op, Stack):
            continue
        if not _lowered(node, reads):
            raise OptionError(f"{network.name}: lower the network before writing it as C")
        if isinstance(node.op, Dense | SumPool | MaxPool | Moved | Join):
            place[node.name] = len(groups)
            groups.append([node])
        else:
            place[node.name] = max(place[source] for source in network.sources(node))
            groups[place[node.name]].append(node)
    return groups


def _lowered(node: Node[Op], reads: list[Value]) -> bool:
    """Whether it is an operation of a lowered network, behind what stands in front of one there."""
    match node.op:
        case Dense():
            return node.op.gains is not None
        case Rescale() | Scores():
            return isinstance(reads[0], Integer)
        case Threshold():
            return isinstance(reads[0], Integer | Feature)
        case MaxPool() | Upsample() | DepthToSpace():
            return isinstance(reads[0], Code | Feature)
    return isinstance(node.op, TwoSlope | Add | Join | SumPool)


def _step(network: Network, nodes: list[Node[Op]], number: int, numbers: Mapping[str, int]) -> Step:
    head, *tail = nodes
    layer = None
    if isinstance(head.op, Dense):
        codes, (source,) = network.read(head), network.sources(head)
        behind = network.users[head.name][0]
        assert isinstance(codes, Code)
        assert isinstance(behind.op, Threshold | Rescale | Scores)
        layer = Layer(
            numbers[head.name], head.name, source, behind.name, head.op, behind.op, None, *codes.shape, codes.planes
        )
    return Step(number, head, tuple(tail), layer)


def _buffers(network: Network, steps: tuple[Step, ...], step_of: Mapping[str, int]) -> dict[str, Buffer]:
    """Memory of every value that a later step reads."""
    ends = dict(step_of)
    for name, number in step_of.items():
        for source in network.sources(network.by_name[name]):
            for code in stacked(network, source):
                ends[code] = max(ends.get(code, 0), number)
    buffers: dict[str, Buffer] = {}
    for step in steps:
        for node in step.nodes:
            if ends[node.name] == step.number:
                continue  # nothing else reads it
            size = _words(network, network.values[node.name])
            taken = _taken_over(network, step, node, buffers)
            if taken is None:
                buffers[node.name] = Buffer(size, step.number, ends[node.name])
            else:
                taken.end = ends[node.name]
                buffers[node.name] = taken
    return buffers


def _words(network: Network, value: Value) -> int:
    """Words of a map."""
    if isinstance(value, Code):
        return value.shape.positions * network.levels * words(value.shape.channels)
    assert isinstance(value, Feature)
    return -(-value.shape.elements * SIZES[kept_type(value)] // 4)


def _taken_over(network: Network, step: Step, node: Node[Op], buffers: Mapping[str, Buffer]) -> Buffer | None:
    """The memory of a feature that the step is the last to read, element by element, for one of the same size.

    A pool in front that reads it as well and keeps its size has windows of one element, read before that is written.
    """
    value = network.values[node.name]
    if not isinstance(value, Feature):
        return None
    for source in (source for reader in step.tail for source in network.sources(reader)):
        other, buffer = network.values[source], buffers.get(source)
        if buffer is None or buffer.end != step.number or not isinstance(other, Feature):
            continue
        if (other.shape, kept_type(other)) == (value.shape, kept_type(value)):
            return buffer
    return None
