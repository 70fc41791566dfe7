"""What may stand at the end of a network only, and pads, which stand in front of a layer only."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rebnet.errors import ModelError
from rebnet.files import Array
from rebnet.importing.graph import OnnxNode
from rebnet.importing.layers import check_pads
from rebnet.importing.values import Codes, Ended, Order, Padded, Tensor, Value

ENDS = ("Softmax", "LogSoftmax", "Sigmoid", "TopK", "ArgMax")


def with_pads(node: OnnxNode, tensor: Padded) -> tuple[OnnxNode, Codes]:
    """A convolution or a max-pool that pads as the node in front of it does, and what that reads."""
    if node.kind not in ("Conv", "MaxPool"):
        raise ModelError(f"{node}: reads pads; they are read in front of Conv and MaxPool")
    if node.kind == "Conv":
        check_pads(node, tensor.codes)
    own = tuple(node.attributes.get("pads", (0, 0, 0, 0)))
    pads = [mine + more for mine, more in zip(own, tensor.pads, strict=False)]
    return replace(node, attributes={**node.attributes, "pads": pads if len(own) == 4 else own}), tensor.codes


def not_ended(node: OnnxNode, tensor: Tensor) -> Value:
    """A tensor that something may still stand behind."""
    if isinstance(tensor, Padded):
        raise ModelError(f"{node}: reads pads; they are read in front of Conv and MaxPool")
    if isinstance(tensor, Ended):
        raise ModelError(f"{node}: stands behind {tensor.by}, which is read at the end of a network only")
    return tensor


def ended(node: OnnxNode, tensor: Tensor, given: Sequence[Array]) -> Ended:
    """The scores in front of a node that ends a network, which must tell one that is larger as larger."""
    if isinstance(tensor, Ended) and tensor.by.kind in ("TopK", "ArgMax"):
        raise ModelError(f"{node}: stands behind {tensor.by}, which ends a network")
    before = tensor.scores if isinstance(tensor, Ended) else not_ended(node, tensor)
    order, get = tensor.order, node.attributes.get
    axis = int(get("axis", 0 if node.kind == "ArgMax" else -1))
    if node.kind != "Sigmoid" and not _of_classes(before, order, axis):
        raise ModelError(f"{node}: works along axis {axis} of {order.shape}; that of the scores is read")
    if node.kind == "TopK" and not get("largest", 1):
        raise ModelError(f"{node}: takes the smallest score; the largest is read")
    if node.kind == "ArgMax" and get("select_last_index", 0):
        raise ModelError(f"{node}: takes the last of equal scores; the first is read")
    if node.kind == "TopK":
        order = np.take(order, range(min(int(given[0].ravel()[0]), order.size)) if given else [0], axis=axis)
    elif node.kind == "ArgMax":
        order = np.take(order, [0] if get("keepdims", 1) else 0, axis=axis)
    return Ended(before, node, order)


def _of_classes(scores: Value, order: Order, axis: int) -> bool:
    """Whether the classes of each place, and nothing else, stand along an axis in their order."""
    if not -order.ndim <= axis < order.ndim or order.shape[axis] != scores.shape.channels:
        return False
    return bool((np.diff(order, axis=axis) == 1).all() and (np.take(order, 0, axis) % scores.shape.channels == 0).all())
