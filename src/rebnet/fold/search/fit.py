"""A folding for a board: searched, its FIFOs sized, and held against the device again."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rebnet import boards
from rebnet.boards import Board, Resources
from rebnet.errors import BreadthError, FoldingError, OptionError
from rebnet.fold.cost.model import is_calibrated, predict
from rebnet.fold.search.balanced import bisected
from rebnet.fold.search.search import Found, Goal, Search, device_of
from rebnet.fold.timing.depths import size_fifos
from rebnet.ir.network import Network
from rebnet.records import folding as records
from rebnet.records import kinds
from rebnet.stages.accelerator import Accelerator, accelerator_of
from rebnet.stages.buffers import Depths
from rebnet.stages.module import Module

MAX_UTILISATION = 90.0
"""Percent of a device that is taken at most, where nothing else is said: what place and route still manages."""
RESOURCES = ("LUT", "BRAM", "DSP", "FF")
"""What is limited, in the order of vectors of costs; BRAM in blocks of 36 kbit, two of 18 kbit counted as one."""
Costs = NDArray[np.float64]
_TRIES = 4
_MOST_CYCLES = 2.0**62


@dataclass(frozen=True)
class Constraints:
    """What a user asks of a board.

    Attributes:
        board: name of a board or part.
        target_fps: images per second at M levels; None for as many as fit.
        max_utilisation: percent of LUT, block RAM, multipliers and flip-flops that may be taken; None for
            `MAX_UTILISATION` in a search, and for any in a folding that is given.
        clock_mhz: clock, MHz; None for the board's.
        margin: percent by which a synthesis counted more than was predicted, by resource; the search leaves that free.
    """

    board: str
    target_fps: float | None = None
    max_utilisation: float | None = None
    clock_mhz: float | None = None
    margin: Mapping[str, float] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """Percent of the device that a search may take."""
        return MAX_UTILISATION if self.max_utilisation is None else self.max_utilisation

    def goal(self) -> Goal:
        """The request in cycles.

        Raises:
            OptionError: an unknown board, or a number outside its range.
        """
        board = boards.find(self.board)
        if not 0 < self.limit <= 100:
            raise OptionError(f"max_utilisation={self.limit:g}; use more than 0 and at most 100 percent")
        clock = board.clock_mhz if self.clock_mhz is None else self.clock_mhz
        if not 0 < clock < 10_000:
            raise OptionError(f"clock_mhz={clock:g}; use a clock above 0 and below 10000 MHz")
        if self.target_fps is None:
            return Goal(board, clock, self.limit, None)
        if not 0 < self.target_fps <= 1e6 * clock:
            raise OptionError(
                f"target_fps={self.target_fps:g}; use more than 0 and at most {1e6 * clock:g}, an image a cycle at "
                f"{clock:g} MHz"
            )
        return Goal(board, clock, self.limit, int(min(1e6 * clock / self.target_fps, _MOST_CYCLES)))


def requested(
    board: str | None,
    target_fps: float | None,
    max_utilisation: float | None,
    clock_mhz: float | None,
    margin: Mapping[str, float] | None = None,
    *,
    to_predict: bool = True,
) -> Constraints | None:
    """What is asked of a board; None where nothing is.

    Where a board was named for something else, not `to_predict`, it is asked nothing that its family has no costs for.

    Raises:
        OptionError: an unknown board, a number outside its range, or numbers without a board.
    """
    if board is None:
        given = {"target-fps": target_fps, "max-utilisation": max_utilisation, "clock-mhz": clock_mhz}
        for name, value in given.items():
            if value is not None:
                raise OptionError(f"--{name} {value:g} needs a device; name one with --board or --part")
        return None
    request = Constraints(board, target_fps, max_utilisation, clock_mhz, margin or {})
    board_there = request.goal().board
    unasked = not to_predict and target_fps is None and max_utilisation is None
    return None if unasked and not is_calibrated(board_there.part.family) else request


def fold_for_board(
    network: Network, goal: Goal, margin: Mapping[str, float], progress: Callable[[str], None]
) -> tuple[Accelerator, Depths, records.Search]:
    """The best accelerator for a goal, its FIFO depths and the record of the search.

    The search counts on likely FIFO depths; where the exact ones make the accelerator too large, it is repeated with
    the difference set aside. Of each resource, what `margin` says (`Constraints.margin`) is left free.

    Raises:
        FoldingError: the board is too small.
    """
    allowed = goal.max_utilisation / 100 * device_of(goal.board)
    more = np.array([margin.get(name, 0.0) / 100 for name in RESOURCES])
    free = allowed * more / (1 + more)
    reserve = np.zeros(4)
    for _ in range(_TRIES):
        found = _searched(network, goal, reserve + free, margin)
        accelerator = accelerator_of(network, found.foldings, found.samples_per_beat, found.weight_styles)
        depths = size_fifos(accelerator, progress)
        needed = _vector(total(predicted(accelerator, depths, goal.board)))
        if (needed <= allowed - free).all():
            return accelerator, depths, _record(goal, found, reserve, margin)
        reserve = reserve + np.maximum(needed - np.array(found.costs), 0)
    raise FoldingError(
        f"board {goal.board.name}: with its FIFOs sized the accelerator needs "
        f"{_over(needed, allowed - free, device_of(goal.board))} after {_TRIES} searches within "
        f"{goal.max_utilisation:g} %{_kept_free(margin)}; allow more with --max-utilisation, or ask for fewer images "
        "per second"
    )


def _found(network: Network, goal: Goal, reserve: Costs) -> Found:
    """What the exact search finds, or bisection of balanced foldings where branches are too many for it."""
    search = Search(network, goal, reserve)
    try:
        return search.run()
    except BreadthError:
        return bisected(search)


def _searched(network: Network, goal: Goal, reserve: Costs, margin: Mapping[str, float]) -> Found:
    """What the search finds; its refusal says what was left free."""
    try:
        return _found(network, goal, reserve)
    except FoldingError as error:
        if not margin:
            raise
        raise FoldingError(f"{error}; all of it{_kept_free(margin)}") from None


def check_limit(request: Constraints, folding: str, needed: Resources) -> None:
    """Raise `FoldingError` where a folding that was given is predicted to break the limit that was asked for."""
    if request.max_utilisation is None:
        return
    device = device_of(boards.find(request.board))
    allowed = request.max_utilisation / 100 * device
    if (_vector(needed) <= allowed).all():
        return
    raise FoldingError(
        f"folding {folding!r} on {request.board}: needs {_over(_vector(needed), allowed, device)}, by prediction, with "
        f"--max-utilisation {request.max_utilisation:g}; allow more, or leave --folding out and the largest that fits "
        "is searched"
    )


def counted_more(predicted_total: Resources, counted: Resources) -> dict[str, float]:
    """Percent by which a synthesis counted more than was predicted, for the resources of which it did.

    What was predicted as none and is there has no percentage: it is left out.
    """
    pairs = zip(RESOURCES, _vector(predicted_total), _vector(counted), strict=True)
    return {
        name: math.ceil(1000 * (taken / thought - 1) * 100) / 1000
        for name, thought, taken in pairs
        if 0 < thought < taken
    }


def _over(needed: Costs, allowed: Costs, device: Costs) -> str:
    """What is more than allowed: "LUT 29380 of 29340"."""
    halves = np.array([1, 2, 1, 1])
    rows = zip(RESOURCES, needed / halves, allowed / halves, device / halves, strict=True)
    return ", ".join(
        f"{name} {need:g} of {most:.10g} allowed ({100 * need / has:.1f} % of the device)"
        if has
        else f"{name} {need:g} of none"
        for name, need, most, has in rows
        if need > most
    )


def _kept_free(margin: Mapping[str, float]) -> str:
    """What the search leaves free because a synthesis counted more."""
    if not margin:
        return ""
    return (
        " less what a synthesis counted more than predicted ("
        + ", ".join(f"{name} {percent:.1f} %" for name, percent in margin.items())
        + ")"
    )


def predicted(accelerator: Accelerator, depths: Depths, board: Board) -> list[tuple[Module, Resources]]:
    """Every module and what it is expected to take."""
    family = board.part.family
    return [(module, predict(module, family)) for module in accelerator.modules(depths)]


def total(modules: list[tuple[Module, Resources]]) -> Resources:
    """What all modules take."""
    result = Resources()
    for _, taken in modules:
        result += taken
    return result


def resources_record(accelerator: Accelerator, depths: Depths, board: Board) -> records.Predicted:
    """The `predicted_resources` entry: per module, in total, and the device."""
    modules = predicted(accelerator, depths, board)
    return records.Predicted(
        part=board.part.name,
        modules=tuple(
            kinds.Module(name=module.of, module=module.name, **vars(taken.as_record())) for module, taken in modules
        ),
        total=total(modules).as_record(),
        device=board.part.device.as_record(),
    )


def _vector(taken: Resources) -> Costs:
    return np.array([taken.lut, 2 * taken.bram_36k + taken.bram_18k, taken.dsp, taken.ff], dtype=np.float64)


def _record(goal: Goal, found: Found, reserve: Costs, margin: Mapping[str, float]) -> records.Search:
    return replace(
        found.certificate,
        board=goal.board.name,
        clock_mhz=goal.clock_mhz,
        max_utilisation=goal.max_utilisation,
        target_cycles=goal.target_cycles,
        set_aside=tuple(int(value) for value in reserve),
        margin=dict(margin) or None,
    )
