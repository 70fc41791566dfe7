"""Any-level networks in float: one set of 1-bit weights, BatchNorms and residual signs of its own for every m = 1 … M.

Slimmable networks (Yu et al., arXiv:1812.08928) share weights between widths and give each width BatchNorms of its own,
because it sees other statistics. Here levels do so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir.features import Rescale
from rebnet.ir.ops import BatchNorm, Op
from rebnet.ir.ops import ResidualSign as SignOp
from rebnet.nn.graph import Step, steps, values_of
from rebnet.nn.operations import Said, says
from rebnet.nn.residual import ResidualSign

_UNLIKE = "holds other things than BatchNorms of one epsilon and ResidualSigns, one of each for each of 1 … M levels"


class PerLevel(nn.ModuleList):
    """One module for each of m = 1 … M levels, at index m - 1; applies the active one.

    Shapes: those of the modules.

    Args:
        modules: For 1, 2 … M levels, in this order; M is active at first, see `set_levels`.

    Raises:
        OptionError: There is no module.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        super().__init__(modules)
        if len(self) == 0:
            raise OptionError("a PerLevel of no modules: it needs one for each of 1, 2 … M levels; give at least one")
        self.active = len(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the module of the active levels makes of `x`."""
        y: Tensor = self[self.active - 1](x)
        return y

    def operations(self, said: Said) -> Said:
        """The operations of its modules, each with the numbers of all level counts."""
        each = [says(module, said, name) for name, module in self._modules.items() if module is not None]
        own = [one.nodes[len(said.nodes) :] for one in each]
        if len({len(nodes) for nodes in own}) > 1:
            raise said.error(self, _UNLIKE)
        nodes = [
            replace(same[-1], op=self._together(said, [one.op for one in same])) for same in zip(*own, strict=True)
        ]
        origins = {node.name: tuple(one.origins[node.name][0] for one in each) for node in nodes}
        return replace(each[-1], nodes=(*said.nodes, *nodes), origins={**said.origins, **origins})

    def _together(self, said: Said, ops: Sequence[Op]) -> Op:
        """One operation with the numbers of all level counts."""
        norms = [op for op in ops if isinstance(op, BatchNorm)]
        signs = [op for op in ops if isinstance(op, SignOp)]
        rescales = [op for op in ops if isinstance(op, Rescale)]
        if len(signs) == len(ops):
            return replace(signs[-1], fewer=tuple(signs[:-1]))
        if len(rescales) == len(ops) and len({(op.shift, op.fraction_bits) for op in rescales}) == 1:
            scale, bias = (np.stack([getattr(op, name) for op in rescales]) for name in ("scale", "bias"))
            return replace(rescales[-1], scale=scale, bias=bias)
        if len(norms) < len(ops) or len({norm.epsilon for norm in norms}) > 1:
            raise said.error(self, _UNLIKE)
        mean, variance, weight, bias = (
            np.stack([getattr(norm, name) for norm in norms]) for name in ("mean", "variance", "weight", "bias")
        )
        return BatchNorm(mean, variance, weight, bias, norms[-1].epsilon)


def level_counts(model: nn.Module) -> Sequence[int]:
    """The level counts that `model` has numbers of its own for: 1 … M, or M alone where it is no any-level network.

    Raises:
        OptionError: Its modules disagree on M.
    """
    own = sorted({len(module) for module in model.modules() if isinstance(module, PerLevel)})
    if len(own) > 1:
        raise OptionError(
            f"modules for 1 to {own[0]} and for 1 to {own[-1]} levels; give every PerLevel the same number"
        )
    if own:
        return range(1, own[0] + 1)
    return (max((module.levels for module in model.modules() if isinstance(module, ResidualSign)), default=1),)


def set_levels(model: nn.Module, levels: int) -> None:
    """Let `model` run at `levels` levels from now on.

    Raises:
        OptionError: It has no numbers of its own for them.
    """
    counts = level_counts(model)
    if levels not in counts:
        raise OptionError(
            f"levels={levels}: this network was trained for {', '.join(map(str, counts))}; use one of these, or train "
            "with --any-levels"
        )
    for module in model.modules():
        if isinstance(module, PerLevel):
            module.active = levels


def is_any_level(model: nn.Module) -> bool:
    """Whether `model` has numbers of its own for each of 1 … M levels."""
    return any(isinstance(module, PerLevel) for module in model.modules())


def module_at(module: nn.Module, levels: int) -> nn.Module:
    """The module itself, or that of a `PerLevel` for `levels` levels."""
    return module[levels - 1] if isinstance(module, PerLevel) else module


def signs_at(model: nn.Module, levels: int) -> list[ResidualSign]:
    """The residual signs in order, of a `PerLevel` those for `levels` levels."""
    modules = (one for step in steps(model) for one in module_at(step.module, levels).modules())
    return [one for one in modules if isinstance(one, ResidualSign)]


def values_at(flow: Sequence[Step], images: Tensor, levels: Sequence[int]) -> list[dict[int, Tensor]]:
    """What the steps of a network make of `images` at each of `levels`, by their numbers; see `scores_at`."""
    own = {number for number, step in enumerate(flow) if isinstance(step.module, PerLevel)}
    shared = values_of(flow, {-1: images}, without=own)
    return [values_of(flow, dict(shared), partial(module_at, levels=m)) for m in levels]


def scores_at(
    model: nn.Module, images: Tensor, levels: Sequence[int], flow: Sequence[Step] | None = None
) -> list[Tensor]:
    """What `model` makes of `images` at each of `levels`, its scores of each; what all share is computed once.

    Args:
        model: The network.
        images: What goes into it.
        levels: Level counts; M alone where it is no any-level network.
        flow: Its `rebnet.nn.graph.steps`, for code that is compiled.
    """
    flow = steps(model) if flow is None else flow
    if not any(isinstance(step.module, PerLevel) for step in flow):
        return [model(images)]
    return [values[len(flow) - 1] for values in values_at(flow, images, levels)]
