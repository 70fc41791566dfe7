"""A network: named nodes that read each other, and the type of every value between them.

A node reads the node before it unless it says otherwise, so a chain says nothing. Nodes stand in an order in which
everything is there before it is read; the first may read the image, whose value is called `pixels`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Generic, TypeVar, cast

from rebnet.ir.features import Add, DepthToSpace, Join, Moved, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.ops import (
    Affine,
    BatchNorm,
    Dense,
    MaxPool,
    MultiThreshold,
    Op,
    PixelInput,
    ResidualSign,
    Scores,
    Threshold,
    same,
)
from rebnet.ir.values import Feature, LevelCounts, Shape, Value

PIXELS = "pixels"
"""Name of the image's value; no node may have it."""

_SUFFIX: dict[type[Op], str] = {
    MaxPool: "pool",
    BatchNorm: "batchnorm",
    Affine: "affine",
    ResidualSign: "sign",
    MultiThreshold: "codes",
    Threshold: "threshold",
    Rescale: "rescale",
    TwoSlope: "two_slope",
    Add: "add",
    SumPool: "sum_pool",
    Upsample: "upsample",
    DepthToSpace: "depth_to_space",
    Join: "join",
    Stack: "stack",
    Scores: "scores",
}

AnOp_co = TypeVar("AnOp_co", bound=Op, covariant=True)


@dataclass(frozen=True)
class Node(Generic[AnOp_co]):
    """An operation where it stands.

    Attributes:
        name: unique in its network; where it is empty, the network names the node after its kind and the layer with
            weights that it stands behind.
        op: the operation.
        of: names of the nodes that it reads; empty for the node before it.
    """

    name: str
    op: AnOp_co
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A network: its input, its nodes in order, and the widths they were made for.

    Attributes:
        name: for people, and for the files that are made of it.
        levels: M.
        input: the image.
        nodes: in an order in which everything is there before it is read.
        outputs: names of the nodes whose values are the answer; empty for the last node.
        threshold_bits: T.
        served: level counts m that it can run at, (1, …, M) or (M,); empty for (1, …, M).
        regression: whether its scores are values in a unit, where they else are those of classes.
    """

    name: str
    levels: int
    input: PixelInput
    nodes: tuple[Node[Op], ...]
    outputs: tuple[str, ...] = ()
    threshold_bits: int = 24
    served: tuple[int, ...] = ()
    regression: bool = False

    def __post_init__(self) -> None:
        if not self.served:
            object.__setattr__(self, "served", tuple(range(1, self.levels + 1)))
        object.__setattr__(self, "nodes", named(self.nodes))
        if self.nodes and self.outputs == (self.nodes[-1].name,):
            object.__setattr__(self, "outputs", ())

    @classmethod
    def chain(
        cls,
        name: str,
        levels: int,
        image: PixelInput,
        ops: Iterable[Op | tuple[str, Op]],
        *,
        threshold_bits: int = 24,
        served: tuple[int, ...] = (),
    ) -> "Network":
        """A network in which every node reads the one before; an operation may come with its name."""
        nodes = tuple(Node(*op) if isinstance(op, tuple) else Node("", op) for op in ops)
        return cls(name, levels, image, nodes, threshold_bits=threshold_bits, served=served)

    def with_ops(self, ops: Iterable[Op]) -> "Network":
        """The same network with other operations in the places of its own."""
        nodes = tuple(replace(node, op=op) for node, op in zip(self.nodes, ops, strict=True))
        return replace(self, nodes=nodes)

    @property
    def counts(self) -> LevelCounts:
        """What the operations' rules may ask of the network."""
        return LevelCounts(self.levels, self.served)

    @cached_property
    def by_name(self) -> Mapping[str, Node[Op]]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def _sources(self) -> Mapping[str, tuple[str, ...]]:
        before = [PIXELS, *(node.name for node in self.nodes)]
        return {node.name: node.of or (name,) for node, name in zip(self.nodes, before, strict=False)}

    def sources(self, node: Node[Op]) -> tuple[str, ...]:
        """Names of the values that a node reads: of nodes, or `PIXELS`."""
        return self._sources[node.name]

    @cached_property
    def users(self) -> Mapping[str, tuple[Node[Op], ...]]:
        """The nodes that read each value, in order."""
        found: dict[str, list[Node[Op]]] = {name: [] for name in (PIXELS, *self.by_name)}
        for node in self.nodes:
            for source in self.sources(node):
                found[source].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """The type of every value, by the name of what gives it.

        Raises:
            VerifyError: an operation cannot read what stands in front of it; `rebnet.ir.verify` says where.
        """
        values: dict[str, Value] = {PIXELS: self.input.result(self.counts)}
        for node in self.nodes:
            values[node.name] = node.op.result(self.counts, *(values[source] for source in self.sources(node)))
        return values

    def read(self, node: Node[Op]) -> Value:
        """The type of the one value that a node reads."""
        (source,) = self.sources(node)
        return self.values[source]

    def before(self, node: Node[Op]) -> Node[Op] | None:
        """The one node that `node` reads; None where that is the image, or where it reads several."""
        first, *others = self.sources(node)
        return None if others else self.by_name.get(first)

    def front(self, node: Node[Op]) -> tuple[Node[Op], ...]:
        """The nodes in front of one, the nearest first, up to its layer with weights or to where branches meet."""
        found: list[Node[Op]] = []
        at = self.before(node)
        while at is not None:
            found.append(at)
            at = None if isinstance(at.op, Dense) else self.before(at)
        return tuple(found)

    def layer_of(self, node: Node[Op]) -> "Node[Dense] | None":
        """The layer with weights whose sums `node` reads, however far in front; None where there is none."""
        last = next(reversed(self.front(node)), None)
        return cast("Node[Dense] | None", last if last is not None and isinstance(last.op, Dense) else None)

    @cached_property
    def answers(self) -> tuple[Node[Op], ...]:
        """The nodes whose values are the answer."""
        return tuple(self.by_name[name] for name in self.outputs) or self.nodes[-1:]

    @cached_property
    def layers(self) -> tuple[Node[Dense], ...]:
        """The nodes with weights, dense layers and convolutions, in order."""
        return tuple(cast(Node[Dense], node) for node in self.nodes if isinstance(node.op, Dense))

    def layer(self, name: str) -> Dense:
        """The operation of the layer with weights of that name."""
        op = self.by_name[name].op
        assert isinstance(op, Dense)
        return op

    @cached_property
    def is_chain(self) -> bool:
        """Whether every node reads the one before alone, and none makes features or moves what it reads."""
        alone = all(not node.of for node in self.nodes) and all(len(users) <= 1 for users in self.users.values())
        plain = not any(isinstance(op, Moved) for op in self.ops)
        return alone and plain and not any(isinstance(value, Feature) for value in self.values.values())

    @property
    def ops(self) -> tuple[Op, ...]:
        """The operations in order."""
        return tuple(node.op for node in self.nodes)

    @property
    def classes(self) -> int:
        """Scores per image, or per place of a map."""
        return self.answer.channels

    @property
    def answer(self) -> Shape:
        """The map of scores; 1 x 1 x classes of a network that answers once per image."""
        return self.values[self.answers[-1].name].shape

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """Shape of an image's scores: (classes,), or (height, width, classes) of a network that answers on a map."""
        return self.answer.scores

    @property
    def score_units(self) -> tuple[float, ...]:
        """What 1 of a score is worth at each served m, of a lowered regression; empty of others."""
        op = self.answers[0].op
        return op.unit if isinstance(op, Scores) else ()

    @property
    def weight_bytes(self) -> int:
        """Bytes of all packed weights."""
        return sum(layer.op.weights.nbytes for layer in self.layers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and same(self, other)

    __hash__ = None  # type: ignore[assignment]


class Names:
    """Names for nodes in their order; what goes without saying is not said.

    A layer with weights is `layer_N`, another node is called after its kind and the layer that it stands behind.
    """

    def __init__(self) -> None:
        self._layer = {PIXELS: PIXELS}
        self._before = PIXELS
        self._layers = 0

    def copy(self) -> "Names":
        """The same names so far, to go on from."""
        other = Names()
        other._layer, other._before, other._layers = dict(self._layer), self._before, self._layers
        return other

    def add(self, node: Node[Op]) -> Node[Op]:
        """`node`, named where it has no name."""
        of = () if node.of == (self._before,) else node.of
        layer = self._layer.get((of or (self._before,))[0], PIXELS)
        if isinstance(node.op, Dense):
            self._layers += 1
            layer = name = node.name or f"layer_{self._layers}"
        else:
            name = node.name or self._free(f"{layer}_{_SUFFIX[type(node.op)]}")
        self._layer[name], self._before = layer, name
        return node if (name, of) == (node.name, node.of) else replace(node, name=name, of=of)

    def _free(self, name: str) -> str:
        """`name`, with a number where it is taken."""
        numbered = (f"{name}_{number}" for number in count(2))
        return next(free for free in chain([name], numbered) if free not in self._layer)


def named(nodes: Iterable[Node[Op]]) -> tuple[Node[Op], ...]:
    """The nodes, each with a name."""
    names = Names()
    return tuple(names.add(node) for node in nodes)


def names_unsaid(network: Network) -> tuple[str, ...]:
    """The name that each node would have without one of its own; layers with weights always say theirs."""
    bare = (replace(node, name=node.name if isinstance(node.op, Dense) else "") for node in network.nodes)
    return tuple(node.name for node in named(bare))
