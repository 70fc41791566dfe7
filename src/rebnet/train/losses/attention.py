"""Attention matching: a network looks where its teacher looks.

Source: Martinez et al., "Training Binary Neural Networks with Real-to-Binary Convolutions" (arXiv:2003.11535), section
4.2, equation 4, after Zagoruyko and Komodakis (arXiv:1612.03928).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from rebnet.errors import OptionError
from rebnet.ir.architecture import Architecture, Block, Item, behind, met
from rebnet.ir.values import Shape
from rebnet.nn.graph import Join, Step, Sum


def attention(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Distance of where two networks look, summed over their blocks and averaged over the batch.

    With Q = sum over channels of the squares of what a block gives, one number a place, it is

        sum over blocks of || Q_S / ||Q_S|| - Q_T / ||Q_T|| ||,

    all norms Euclidean over the places of a map. A map of zeros looks nowhere: its Q is 0. Gradient: of this, to the
    first network alone where the other's values have none; 0 where both are equal.

    Args:
        ours: N x C x H x W or N x C of each block.
        theirs: The same of the teacher; C may be another.
    """
    total = torch.zeros((), device=ours[0].device)
    for one, other in zip(ours, theirs, strict=True):
        distances = torch.linalg.vector_norm(_looks(one) - _looks(other), dim=1)
        total = total + distances.mean()
    return total


def _looks(values: Tensor) -> Tensor:
    places = values.square().sum(1).reshape(len(values), -1)
    return functional.normalize(places, dim=1)


def blocks(flow: Sequence[Step], taught: Sequence[Step]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers of the steps that are compared: sums and joins, every k-th where the teacher has fewer of them."""
    ours, theirs = (
        [number for number, step in enumerate(one) if isinstance(step.module, Sum | Join)] for one in (flow, taught)
    )
    times = len(ours) // max(1, len(theirs))
    return tuple(ours[times - 1 :: times] if times else ()), tuple(theirs)


def check_attention(teacher: str, described: Architecture, taught: Architecture) -> None:
    """Raise `OptionError` where there are no blocks to compare, or they do not belong together.

    Args:
        teacher: What the message calls the teacher.
        described: The network.
        taught: The teacher's network.
    """
    ours, theirs = (_block_shapes(one) for one in (described, taught))
    if not ours or not theirs:
        which, one = ("the network", described) if not ours else ("the teacher", taught)
        raise OptionError(
            f"{teacher}: the recipe's attention compares what blocks give, and {which}, {one}, has none; "
            "use attention=0"
        )
    times = len(ours) // len(theirs)
    places = [shape._replace(channels=0) for shape in ours[times - 1 :: times or 1]]
    if len(ours) % len(theirs) or places != [shape._replace(channels=0) for shape in theirs]:
        raise OptionError(
            f"{teacher}: has {len(theirs)} blocks, this network {len(ours)}; the recipe's attention compares every "
            "k-th block of the network with one of the teacher, on maps of equal size; use a teacher of the same "
            "topology, or attention=0"
        )


def _block_shapes(described: Architecture) -> list[Shape]:
    """What each block gives, in the order in which modules are built."""
    found: list[Shape] = []
    _walk(described.items, described.image, found)
    return found


def _walk(items: Sequence[Item], shape: Shape, found: list[Shape]) -> Shape:
    for item in items:
        if not isinstance(item, Block):
            shape = behind(item, shape)
            continue
        for _ in range(item.times):
            shape = met(item.meet, [_walk(branch, shape, found) for branch in item.branches])
            found += [shape] * (2 if item.meet == "<" else 1)  # a sum and a join
    return shape
