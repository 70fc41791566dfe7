"""A lowered network, operation by operation, as a graph of ONNX in one of its forms.

Codes stand in the graph as what they are worth, e = Σ g_i·s_i in whole numbers, so that a layer is a matrix product of
whole numbers: its sums are v = 2A - R. What a code is worth, the layer that reads it says; so gains are first handed
from the layers to what they read, and a code has a tensor for each set of them.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import numpy as np

from rebnet.errors import ModelError
from rebnet.exporting.codes import in_order, order_gains
from rebnet.exporting.draft import Draft, Tensor
from rebnet.exporting.forms import Form
from rebnet.exporting.rules import RULES, At, Gains
from rebnet.ir.features import Stack
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import Dense, MaxPool, Op
from rebnet.ir.values import Code


def draft_of(network: Network, form: Form, index: int, *, float_scores: bool = False) -> tuple[Draft, Tensor]:
    """The graph of a lowered network at the served level count of that index, and its scores.

    Args:
        network: the network.
        form: how it is said.
        index: of the served level count.
        float_scores: the last product and sum are float32's, so that nothing in front of them makes float64.

    Raises:
        ModelError: the form cannot say it exactly.
    """
    try:
        return _draft_of(network, form, index, float_scores)
    except ModelError as error:
        raise ModelError(f"{network.name}: {error}") from None


def _draft_of(network: Network, form: Form, index: int, float_scores: bool) -> tuple[Draft, Tensor]:
    for node in network.nodes:
        if type(node.op) not in RULES or (isinstance(node.op, Dense) and node.op.gains is None):
            raise ModelError(f"{node.name}, {type(node.op).__name__}: lower the network before exporting it")
    wanted = _wanted(network, index)
    draft = Draft()
    pixels = form.image(draft, network.input)
    made: dict[tuple[str, Gains], Tensor] = {(PIXELS, gains): pixels for gains in wanted[PIXELS]}
    for node in network.nodes:
        for gains in wanted.get(node.name, [()]):
            inputs = [made[source] for source in _sources(network, node, index, gains)]
            reads = tuple(network.values[name] for name in network.sources(node))
            at = At(draft, form, index, node.name, network.values[node.name], reads, gains, float_scores)
            made[node.name, gains] = RULES[type(node.op)](at, node.op, *inputs)
    answer = made[network.answers[0].name, ()]
    draft.keep(answer)
    return draft, answer


def _wanted(network: Network, index: int) -> dict[str, list[Gains]]:
    """What the codes of each value must count: one set, or some where layers that read them differ."""
    wanted: dict[str, list[Gains]] = {}
    for node in reversed(network.nodes):
        for gains in wanted.get(node.name, [()]):
            for source, own in _sources(network, node, index, gains):
                if own not in wanted.setdefault(source, []):
                    wanted[source].append(own)
    return wanted


def _sources(network: Network, node: Node[Op], index: int, gains: Gains) -> Iterator[tuple[str, Gains]]:
    """What a node reads, and of codes what they must count so that it gives codes that count `gains`."""
    names = network.sources(node)
    reads = [network.values[name] for name in names]
    each: list[Gains] = [gains] * len(reads) if isinstance(reads[0], Code) else [()] * len(reads)
    if isinstance(node.op, Dense):
        each = [(node.op.gains or ())[index]]
    elif isinstance(node.op, Stack):
        ends = np.cumsum([0, *(cast(Code, code).planes for code in reads)]).tolist()
        each = [gains[start:end] for start, end in pairwise(ends)]
    elif isinstance(node.op, MaxPool) and gains and not in_order(gains):
        each = [order_gains(gains)]
    return zip(names, each, strict=True)
