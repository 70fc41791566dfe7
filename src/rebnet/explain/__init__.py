"""Explaining: what becomes of a method of binarization in hardware, part by part, and what its parts would take.

`explained` tells of the method alone, `without` makes the network text that lacks a part, so that what the part takes
is the difference of two builds, and `run_time` counts what hardware does not have.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rebnet.explain.run_time import RunTime, run_time
from rebnet.ir.architecture import (
    ONE_BIT,
    Architecture,
    Block,
    DepthwiseText,
    Item,
    LayerText,
    TwoSlopeText,
    WeightedText,
    mapped,
)
from rebnet.methods.activations import Planes, Residual
from rebnet.methods.method import Judged, Method

__all__ = ["Counted", "RunTime", "counted", "explained", "run_time", "sentence", "units", "without"]

PLAIN = Residual()
"""Codes that take no unit."""


def explained(method: Method) -> dict[str, Any]:
    """What there is to know of a method without a network.

    Returns:
        `method`, `title`, `source`, `at_inference` ("H1", "H2" or "H3"), `sentence`, and of each of `parts` its
        `place`, its name there, what it `is`, its class `at_inference`, `why`, and of "H3" what to use `instead`.
    """
    return {
        "method": method.name,
        "title": method.title,
        "source": method.source,
        "at_inference": method.kind,
        "sentence": sentence(method),
        "parts": [
            {
                "place": judged.place,
                "part": judged.part,
                "is": judged.text,
                "at_inference": judged.verdict.kind,
                "why": judged.verdict.says,
            }
            | ({"instead": judged.verdict.instead} if judged.verdict.instead else {})
            for judged in method.parts
        ],
    }


def sentence(method: Method) -> str:
    """The class of a method in one sentence."""
    if method.refusal:
        return f"{method.refusal}."
    taking = units(method)
    if not taking:
        return (
            f"method {method.name} costs nothing at inference: each activation is compared with a channel's thresholds."
        )
    named = "; ".join(f"{_named(judged)}: {judged.text}, {judged.verdict.says}" for judged in taking)
    return f"method {method.name} takes an integer unit more ({named}); all else costs nothing."


def units(method: Method) -> tuple[Judged, ...]:
    """The parts of a method that take a unit."""
    return tuple(judged for judged in method.parts if judged.verdict.kind == "H2")


class Counted(NamedTuple):
    """A network as its units are counted.

    Attributes:
        network: Its text.
        planes: The codes of its activations; those that take a unit, or plain ones.
    """

    network: Architecture
    planes: Planes = PLAIN


def counted(method: Method, network: Architecture) -> Counted:
    """The network of a method, which `Method.applied` has seen, with all of its units."""
    takes = any(judged.place == "activations" for judged in units(method))
    return Counted(network, method.activation.planes if takes else PLAIN)


def without(judged: Judged, whole: Counted, method: Method) -> Counted:
    """The network of a method without one of its `units`: codes, a nonlinearity, or planes of weights."""
    network = whole.network
    if judged.place == "activations":
        return Counted(network)
    if judged.place == "nonlinearity":
        items = _kept(network.items, lambda item: not isinstance(item, TwoSlopeText))
        return whole._replace(network=replace(network, items=items))

    def one_bit(layer: WeightedText) -> LayerText:
        if isinstance(layer, DepthwiseText) or layer.weights != method.weight.planes:
            return layer
        return replace(layer, weights=ONE_BIT)

    return whole._replace(network=replace(network, items=mapped(network.items, one_bit)))


def _kept(items: Sequence[Item], keep: Callable[[Item], bool]) -> tuple[Item, ...]:
    """The items that are to be kept; a branch that holds no others stays as it is."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Block):
            found.append(replace(item, branches=tuple(_kept(branch, keep) or branch for branch in item.branches)))
        elif keep(item):
            found.append(item)
    return tuple(found)


def _named(judged: Judged) -> str:
    return f"{judged.place}, {judged.part}" if judged.part else judged.place
