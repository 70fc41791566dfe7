"""A folding for a board: searched, its FIFOs sized, and held against the device again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rebnet import boards
from rebnet.boards import Board, Resources
from rebnet.errors import FoldingError, OptionError
from rebnet.fold.cost import predict
from rebnet.fold.depths import size_fifos
from rebnet.fold.likely import likely_depths
from rebnet.fold.search import Found, Goal, Search, device_of
from rebnet.ir.ops import Network
from rebnet.rtl.accelerator import Accelerator, Depths, accelerator_of
from rebnet.rtl.parameters import Module, modules_of

MAX_UTILISATION = 90.0
"""Percent of a device that is taken at most, where nothing else is said: what place and route still manages."""
_TRIES = 4


@dataclass(frozen=True)
class Request:
    """What a user asks of a board.

    Attributes:
        board: name of a board or part.
        target_fps: images per second at M levels; None for as many as fit.
        max_utilisation: percent of LUT, block RAM and multipliers that may be taken.
        clock_mhz: clock, MHz; None for the board's.
    """

    board: str
    target_fps: float | None = None
    max_utilisation: float = MAX_UTILISATION
    clock_mhz: float | None = None

    def goal(self) -> Goal:
        """The request in cycles.

        Raises:
            OptionError: an unknown board, or a number outside its range.
        """
        board = boards.find(self.board)
        if not 0 < self.max_utilisation <= 100:
            raise OptionError(f"max_utilisation={self.max_utilisation:g}; use more than 0 and at most 100 percent")
        clock = board.clock_mhz if self.clock_mhz is None else self.clock_mhz
        if not 0 < clock < 10_000:
            raise OptionError(f"clock_mhz={clock:g}; use a clock above 0 and below 10000 MHz")
        if self.target_fps is None:
            return Goal(board, clock, self.max_utilisation, None)
        if not 0 < self.target_fps <= 1e6 * clock:
            raise OptionError(
                f"target_fps={self.target_fps:g}; use more than 0 and at most {1e6 * clock:g}, an image a cycle at "
                f"{clock:g} MHz"
            )
        return Goal(board, clock, self.max_utilisation, int(1e6 * clock / self.target_fps))


def requested(
    board: str | None, target_fps: float | None, max_utilisation: float | None, clock_mhz: float | None
) -> Request | None:
    """What is asked of a board; None where nothing is.

    Raises:
        OptionError: an unknown board, a number outside its range, or numbers without a board.
    """
    if board is None:
        given = {"target-fps": target_fps, "max-utilisation": max_utilisation, "clock-mhz": clock_mhz}
        for name, value in given.items():
            if value is not None:
                raise OptionError(f"--{name} {value:g} needs a device; name one with --board or --part")
        return None
    request = Request(board, target_fps, MAX_UTILISATION if max_utilisation is None else max_utilisation, clock_mhz)
    request.goal()
    return request


def fold_for_board(
    network: Network, goal: Goal, progress: Callable[[str], None]
) -> tuple[Accelerator, Depths, dict[str, Any]]:
    """The best accelerator for a goal, its FIFO depths and the record of the search.

    The search counts on likely FIFO depths; where the exact ones make the accelerator too large, it is repeated with
    the difference set aside.

    Raises:
        FoldingError: the board is too small.
    """
    reserve = np.zeros(4)
    for _ in range(_TRIES):
        found = Search(network, goal, reserve).run()
        accelerator = accelerator_of(network, found.foldings, found.samples_per_beat, found.weight_styles)
        _check(network, accelerator, found, goal.board)
        depths = size_fifos(accelerator, progress)
        needed = _vector(total(predicted(network, accelerator, depths, goal.board)))
        over = needed - goal.max_utilisation / 100 * device_of(goal.board)
        if (over <= 0).all():
            return accelerator, depths, _record(goal, found, reserve)
        reserve = reserve + np.maximum(needed - np.array(found.costs), 0)
    raise FoldingError(
        f"board {goal.board.name}: with its FIFOs sized the accelerator needs {needed[0]:.0f} LUT and "
        f"{needed[1] / 2:g} BRAM, more than {goal.max_utilisation:g} % of the device after {_TRIES} searches; allow "
        "more with --max-utilisation, or ask for fewer images per second"
    )


def predicted(
    network: Network, accelerator: Accelerator, depths: Depths, board: Board
) -> list[tuple[Module, Resources]]:
    """Every module and what it is expected to take."""
    family = board.part.family
    return [(module, predict(module, family)) for module in modules_of(network, accelerator, depths)]


def total(modules: list[tuple[Module, Resources]]) -> Resources:
    """What all modules take."""
    result = Resources()
    for _, taken in modules:
        result += taken
    return result


def resources_record(network: Network, accelerator: Accelerator, depths: Depths, board: Board) -> dict[str, Any]:
    """The `predicted_resources` entry: per module, in total, and the device."""
    modules = predicted(network, accelerator, depths, board)
    return {
        "part": board.part.name,
        "modules": [{"name": module.of, "module": module.name, **taken.as_record()} for module, taken in modules],
        "total": total(modules).as_record(),
        "device": board.part.device.as_record(),
    }


def _vector(taken: Resources) -> Any:
    return np.array([taken.lut, 2 * taken.bram_36k + taken.bram_18k, taken.dsp, taken.ff], dtype=np.float64)


def _check(network: Network, accelerator: Accelerator, found: Found, board: Board) -> None:
    """The graph that was searched and the chain that is built must agree."""
    built = predicted(network, accelerator, likely_depths(accelerator), board)
    needed = _vector(total(built))
    if tuple(needed) != tuple(float(cost) for cost in found.costs):
        raise AssertionError(f"the search counted {found.costs}, the accelerator has {needed}: {accelerator}")


def _record(goal: Goal, found: Found, reserve: Any) -> dict[str, Any]:
    return {
        "board": goal.board.name,
        "clock_mhz": goal.clock_mhz,
        "max_utilisation": goal.max_utilisation,
        "target_cycles": goal.target_cycles,
        "set_aside": [int(value) for value in reserve],
        **found.certificate,
    }
