"""The one driver of all passes: nodes in order, each replaced by what a rule says, the result verified."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rebnet.ir.network import PIXELS, Names, Network, Node, names_unsaid
from rebnet.ir.ops import Op
from rebnet.ir.verify import verify

Rule = Callable[[Node[Op]], Sequence[Op | Node[Op]]]
"""What stands in the place of a node: operations in a row, of which the first reads what the node read and the last is
read by the node's users. No operation: the users read what the node read. An operation of the node's own kind keeps
its name, the last one also a name that was given; a node that is handed on keeps its own."""


def rewritten(network: Network, rule: Rule) -> Network:
    """`network` with every node replaced by what `rule` says of it, without the nodes that nothing reads any more.

    Raises:
        VerifyError: the result breaks a rule of the intermediate representation.
    """
    names = Names()
    stands = {PIXELS: PIXELS}  # the new name of each old value
    nodes: list[Node[Op]] = []
    for node, unsaid in zip(network.nodes, names_unsaid(network), strict=True):
        sources = tuple(stands[source] for source in network.sources(node))
        items = rule(node)
        for place, item in enumerate(items, start=1):
            if isinstance(item, Node):
                name, op = item.name, item.op
            else:
                given = node.name != unsaid and place == len(items)
                name, op = node.name if given or type(item) is type(node.op) else "", item
            nodes.append(names.add(Node(name, op, sources)))
            sources = (nodes[-1].name,)
        (stands[node.name],) = sources
    outputs = tuple(stands[node.name] for node in network.answers)
    return verify(replace(network, nodes=_alive(nodes, outputs), outputs=outputs))


def _alive(nodes: Sequence[Node[Op]], outputs: Sequence[str]) -> tuple[Node[Op], ...]:
    """The nodes that the outputs need."""
    needed, kept = set(outputs), []
    for node, source in zip(reversed(nodes), [*(n.name for n in reversed(nodes[:-1])), PIXELS], strict=True):
        if node.name in needed:
            needed |= set(node.of or (source,))
            kept.append(replace(node, of=node.of or (source,)))
    return tuple(reversed(kept))
