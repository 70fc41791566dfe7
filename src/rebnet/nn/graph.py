"""Networks with branches: named modules that read each other, and what adds and joins what branches give.

`steps` reads any nest of `nn.Sequential` and `Graph` as one list, in which everything stands behind what it reads.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError, VerifyError
from rebnet.ir.features import Add, Stack
from rebnet.ir.features import Join as JoinOp
from rebnet.ir.values import Code
from rebnet.nn.operations import Said, check_hooks, says
from rebnet.nn.pixels import PixelInput
from rebnet.nn.stored import stored

INPUT = "input"
"""Name of what goes into a `Graph`."""


@dataclass(frozen=True)
class Part:
    """A module of a `Graph` and what it reads.

    Attributes:
        name: Of the module in the graph, and so of its parameters.
        module: The module, which takes as many values as it reads.
        of: Names of the parts that it reads, or `INPUT`; empty for the part before it.
    """

    name: str
    module: nn.Module
    of: tuple[str, ...] = ()


class Graph(nn.Module):
    """Named modules that read each other, as `nn.Sequential` is modules each of which reads the one before.

    Shapes: those of its parts; one value in, the last part's out.

    Args:
        parts: In an order in which each stands behind what it reads.

    Raises:
        OptionError: A name is taken, is `INPUT` or stands for nothing in front of the part that reads it.
    """

    def __init__(self, *parts: Part) -> None:
        super().__init__()
        self.sources: dict[str, tuple[str, ...]] = {}
        before = INPUT
        for part in parts:
            of = part.of or (before,)
            if part.name in self.sources or part.name == INPUT:
                raise OptionError(f"part {part.name!r}: the name is taken; give each part one of its own")
            unknown = next((source for source in of if source != INPUT and source not in self.sources), None)
            if unknown is not None:
                raise OptionError(
                    f"part {part.name!r}: reads {unknown!r}, which does not stand in front of it; it may read "
                    f"{', '.join((INPUT, *self.sources))}"
                )
            self.add_module(part.name, part.module)
            self.sources[part.name] = of
            before = part.name
        readers = [source for of in self.sources.values() for source in of]
        unread = next((name for name in self.sources if name not in (*readers, before)), None)
        if unread is not None:
            raise OptionError(f"part {unread!r}: is read by nothing and is not the last; leave it out")

    def forward(self, x: Tensor) -> Tensor:
        """Return what the last part gives."""
        values = {INPUT: x}
        for name, of in self.sources.items():
            x = values[name] = self._modules[name](*(values[source] for source in of))  # type: ignore[misc]
        return x

    def operations(self, said: Said) -> Said:
        """The operations of its parts."""
        values = {INPUT: said}
        for name, of in self.sources.items():
            module = self._modules[name]
            assert module is not None
            first, *others = (said.at(values[source]) for source in of)
            said = values[name] = says(module, first, name, tuple(others))
        return said


@dataclass(frozen=True)
class Step:
    """A module that is no container, where it stands.

    Attributes:
        path: Names from the whole network down, as torch writes them: "2.1" is the second of the third.
        module: The module.
        of: Numbers of the steps that it reads; -1 is what goes into the network.
    """

    path: str
    module: nn.Module
    of: tuple[int, ...]


def steps(model: nn.Module) -> tuple[Step, ...]:
    """The modules of any nest of `nn.Sequential` and `Graph`, each behind what it reads; the last gives the answer."""
    found: list[Step] = []
    _add_steps(model, "", (-1,), found)
    return tuple(found)


def _add_steps(module: nn.Module, path: str, of: tuple[int, ...], found: list[Step]) -> int:
    """The number of the step that gives what `module` gives."""
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if not isinstance(module, nn.Sequential | Graph):
        found.append(Step(path, module, of))
        return len(found) - 1
    (at,) = of
    numbers = {INPUT: at}
    for name, inner in module._modules.items():
        if inner is not None:
            below = tuple(numbers[source] for source in module.sources[name]) if isinstance(module, Graph) else (at,)
            at = numbers[name] = _add_steps(inner, f"{path}.{name}" if path else name, below, found)
    return at


def check_container(place: str, module: nn.Module) -> None:
    """Raise `OptionError` where calling a Sequential or a Graph does more than calling its modules in turn."""
    known = Graph if isinstance(module, Graph) else nn.Sequential
    if type(module).forward is not known.forward or "forward" in vars(module):
        raise OptionError(
            f"{place}, {type(module).__name__}: has a forward of its own, which export cannot see into; use "
            f"{known.__name__}"
        )
    check_hooks(place, module)


def _itself(module: nn.Module) -> nn.Module:
    return module


def values_of(
    flow: Sequence[Step],
    values: dict[int, Tensor],
    at: Callable[[nn.Module], nn.Module] = _itself,
    without: Collection[int] = (),
) -> dict[int, Tensor]:
    """What steps make of the values that are there, by the steps' numbers.

    Args:
        flow: Steps.
        values: What is there already; the others are added to it.
        at: The module that stands in the place of a step's own.
        without: Steps that are left out, and with them whatever reads them.
    """
    for number, step in enumerate(flow):
        if number not in values and number not in without and all(source in values for source in step.of):
            values[number] = at(step.module)(*(values[source] for source in step.of))
    return values


def said_by(flow: Sequence[Step], name: str) -> Said:
    """What the modules of a network say, a PixelInput first.

    Args:
        flow: The network's steps.
        name: Its name, for messages.

    Raises:
        OptionError: The first is no PixelInput, another reads the images too, or a module says nothing.
        VerifyError: The modules stand in an order that is no network.
    """
    first = flow[0].module if flow else None
    if not isinstance(first, PixelInput):
        what = "nothing" if first is None else type(first).__name__
        raise OptionError(f"{name}: starts with {what}; the first module must be rebnet.nn.pixels.PixelInput")
    said = first.said(f"{name}: module {flow[0].path}")
    values = [said]
    for step in flow[1:]:
        place = f"{name}: module {step.path}"
        if -1 in step.of:
            raise OptionError(f"{place}: reads the images themselves; let it read the PixelInput")
        try:
            here, *others = (replace(said.at(values[source]), place=place) for source in step.of)
            said = says(step.module, here, others=tuple(others))
        except VerifyError as error:
            raise VerifyError(f"{place}: {error}") from None
        values.append(said)
    return said


class Sum(nn.Module):
    """The sum of features, or of codes in front of a layer with weights.

    Shapes: any number of equal ones in, the same out.
    """

    def forward(self, *values: Tensor) -> Tensor:
        """Return the sum."""
        if len(values) == 1 or not torch.is_grad_enabled():
            return reduce(add, values)
        total: Tensor = _Sum.apply(*values)  # type: ignore[no-untyped-call]
        return total

    def operations(self, *said: Said) -> Said:
        """A sum of features, or codes side by side."""
        return said[0].together(self, said[1:], Stack() if isinstance(said[0].value, Code) else Add())


class _Sum(torch.autograd.Function):
    """A sum that a compiled step stores, and its gradient too: a chain of sums would unfold to all that it adds up."""

    @staticmethod
    def forward(ctx: Any, *values: Tensor) -> Tensor:
        ctx.count = len(values)
        return stored(reduce(add, values))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        count: int = ctx.count
        return (stored(gradient),) * count


class Join(nn.Module):
    """Channels of maps of one size, one behind the other; of features, or of codes of equal factors.

    Shapes: N x C_i or N x C_i x H x W in, the sum of channels out.
    """

    def forward(self, *values: Tensor) -> Tensor:
        """Return the joined maps."""
        return torch.cat(values, 1)

    def operations(self, *said: Said) -> Said:
        """A join of channels."""
        return said[0].together(self, said[1:], JoinOp())
