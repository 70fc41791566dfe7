"""Any-level networks in float: one set of 1-bit weights, BatchNorms and residual signs of its own for every m = 1 … M.

Slimmable networks (Yu et al., arXiv:1812.08928) share weights between widths and give each width BatchNorms of its own,
because it sees other statistics. Here levels do so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.ir.ops import BatchNorm, Op
from rebnet.ir.ops import ResidualSign as SignOp
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
        own = [one.ops[len(said.ops) :] for one in each]
        if len({len(ops) for ops in own}) > 1:
            raise said.error(self, _UNLIKE)
        return replace(each[-1], ops=(*said.ops, *(self._together(said, ops) for ops in zip(*own, strict=True))))

    def _together(self, said: Said, ops: Sequence[Op]) -> Op:
        """One operation with the numbers of all level counts."""
        norms = [op for op in ops if isinstance(op, BatchNorm)]
        signs = [op for op in ops if isinstance(op, SignOp)]
        if len(signs) == len(ops):
            return replace(signs[-1], fewer=tuple(signs[:-1]))
        if len(norms) < len(ops) or len({norm.epsilon for norm in norms}) > 1:
            raise said.error(self, _UNLIKE)
        mean, variance, weight, bias = (
            np.stack([getattr(norm, name) for norm in norms]) for name in ("mean", "variance", "weight", "bias")
        )
        return BatchNorm(mean, variance, weight, bias, norms[-1].epsilon)


def level_counts(model: nn.Sequential) -> Sequence[int]:
    """The level counts that `model` has numbers of its own for: 1 … M, or M alone where it is no any-level network.

    Raises:
        OptionError: Its modules disagree on M.
    """
    own = sorted({len(module) for module in model if isinstance(module, PerLevel)})
    if len(own) > 1:
        raise OptionError(
            f"modules for 1 to {own[0]} and for 1 to {own[-1]} levels; give every PerLevel the same number"
        )
    if own:
        return range(1, own[0] + 1)
    return (max((module.levels for module in model.modules() if isinstance(module, ResidualSign)), default=1),)


def set_levels(model: nn.Sequential, levels: int) -> None:
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
    for module in model:
        if isinstance(module, PerLevel):
            module.active = levels


def modules_at(model: Iterable[nn.Module], levels: int) -> list[nn.Module]:
    """The modules in order, in place of each `PerLevel` its module for `levels` levels."""
    return [module[levels - 1] if isinstance(module, PerLevel) else module for module in model]


def signs_at(model: nn.Sequential, levels: int) -> list[ResidualSign]:
    """The residual signs in order, of a `PerLevel` those for `levels` levels."""
    modules = (one for module in modules_at(model, levels) for one in module.modules())
    return [one for one in modules if isinstance(one, ResidualSign)]


def scores_at(model: nn.Sequential, images: Tensor, levels: Sequence[int]) -> list[Tensor]:
    """What `model` makes of `images` at each of `levels`, N x classes each; what all share is computed once."""
    own = next((place for place, module in enumerate(model) if isinstance(module, PerLevel)), None)
    if own is None:
        return [model(images)]
    shared, scores = model[:own](images), []
    for m in levels:
        values = shared
        for module in modules_at(list(model)[own:], m):
            values = module(values)
        scores.append(values)
    return scores
