"""The cheapest accelerator that reaches a frame rate on a device, or the fastest that fits, with a certificate.

Cheapest is what leaves the most room: the least largest share of the device's LUT, block RAM and multipliers, and among
equals the least sum of the three shares. The search is exact in the model: every PE, SIMD, number of level lanes and
weight style of every layer takes part, with the windows, pools and converters that they bring along.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rebnet.boards import Board, boards
from rebnet.errors import FoldingError
from rebnet.fold.search.choices import Choices
from rebnet.fold.search.edges import TOLERANCE, Edges
from rebnet.fold.search.fronts import least_luts
from rebnet.fold.search.paths import Outcome, Path, cheapest
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding
from rebnet.records import folding as records
from rebnet.stages.accelerator import layers_of
from rebnet.stages.ends import MAX_SAMPLES_PER_BEAT
from rebnet.stages.folding import WEIGHT_STYLES
from rebnet.stages.places import widest

_UNLIMITED = 16.0
"""How many times as large a device is looked at to say what a target would need."""


@dataclass(frozen=True)
class Goal:
    """What is asked for: a device, what share of it may be taken (percent), and cycles per image at M levels.

    Without `target_cycles` the fewest that fit are looked for. `most_samples`: of an input beat, a power of two.
    """

    board: Board
    clock_mhz: float
    max_utilisation: float
    target_cycles: int | None
    most_samples: int = MAX_SAMPLES_PER_BEAT


@dataclass(frozen=True)
class Found:
    """The best accelerator.

    Attributes:
        foldings: of each layer.
        weight_styles: of each layer.
        samples_per_beat: of the input.
        costs: LUT, halves of a block RAM of 36 kbit, multipliers and FF, of the whole accelerator.
        largest_share: of the device, 1 for all.
        target_cycles: per image at M, that it keeps.
        certificate: what was proved, and how much was looked at.
    """

    foldings: tuple[Folding, ...]
    weight_styles: tuple[str, ...]
    samples_per_beat: int
    costs: tuple[int, ...]
    largest_share: float
    target_cycles: int
    certificate: records.Search


def device_of(board: Board) -> NDArray[np.float64]:
    """LUT, halves of a block RAM, multipliers and FF of a board's device."""
    device = board.part.device
    halves = 2 * device.bram_36k if board.part.family in ("xc7", "xcup") else device.bram_18k
    return np.array([device.lut, halves, device.dsp, device.ff], dtype=np.float64)


class Search:
    """All searches for one network and goal.

    Args:
        network: a lowered network.
        goal: what is asked for.
        reserve: LUT, halves of a block RAM, multipliers and FF that are spoken for.
    """

    def __init__(self, network: Network, goal: Goal, reserve: NDArray[np.float64] | None = None) -> None:
        self.network, self.goal = network, goal
        self._serial = layers_of(network, (Folding(1, 1, 1),) * len(network.layers))
        self._widest = widest(network)
        self.share = goal.max_utilisation / 100
        self.device = device_of(goal.board)
        if reserve is not None:
            self.device = np.maximum(self.device - reserve / self.share, 0)

    def run(self) -> Found:
        """The cheapest within the target, or the fastest that fits and of these the cheapest.

        Raises:
            FoldingError: nothing reaches the target, or nothing fits at all.
        """
        target = self.goal.target_cycles
        if target is not None:
            self._refuse_at_once(target)
            choices = self._choices(target)
            found = self._cheapest(choices, target)
            if found.path is None:
                raise FoldingError(self._too_small(target))
            return self._found(choices, found, target, None)
        slowest = self.most_cycles()
        self._refuse_at_once(slowest)
        fastest = self._fewest_cycles()
        if fastest is None:
            raise FoldingError(self._too_small(slowest))
        choices, cycles, proof = fastest
        return self._found(choices, self._cheapest(choices, cycles), cycles, proof)

    def _cheapest(self, choices: Choices, cycles: int) -> "Best":
        """The cheapest of all foldings; the cheapest of the few even ones says before what need not be looked at."""
        few = best_path(self._choices(cycles, even=True), cycles, self.device, self.share)
        most = self.share if few.path is None else few.path.largest
        return best_path(choices, cycles, self.device, most, weights=few.weights)

    def _choices(self, most_cycles: int, room: float = 1.0, *, even: bool = False) -> Choices:
        most = room * self.share * self.device
        family, samples = self.goal.board.part.family, self.goal.most_samples
        return Choices(self.network, family, most, most_cycles, even=even, most_samples=samples)

    def _fewest_cycles(self, *, even: bool = False) -> tuple[Choices, int, records.Search] | None:
        """The fewest cycles per image that fit, and why fewer do not; None where nothing fits."""
        slowest = self.most_cycles()
        low, high = 0, min(self._guess(), slowest)
        if not even:
            quick = self._fewest_cycles(even=True)
            high = slowest if quick is None else quick[1]
        while True:
            choices = self._choices(high, even=even)
            if best_path(choices, high, self.device, self.share, any_will_do=True).path is not None:
                break
            if high == slowest:
                return None
            low, high = high, min(4 * high, slowest)
        values = sorted({int(c) for layer in choices.layers for c in np.unique(layer.cycles)} | {high})
        values += [-(-self.network.input.samples // 2**power) for power in range(7)]
        values += [self.network.answer.elements, self._widest[0]]
        values = sorted({value for value in values if low < value <= high})
        first, last, refused = 0, len(values) - 1, math.nan
        while first < last:
            middle = (first + last) // 2
            found = best_path(choices, values[middle], self.device, self.share, any_will_do=True)
            if found.path is not None:
                last = middle
            else:
                first, refused = middle + 1, found.bound
        below = values[first - 1] if first else low
        proof = records.Search(cycles_refused=below)
        if first and not math.isnan(refused):
            proof = replace(proof, refused_bound=round(100 * refused, 2) if math.isfinite(refused) else None)
        return choices, values[first], proof

    def most_cycles(self) -> int:
        """Cycles per image with one lane in every layer, or of the input or output where they take more."""
        layers = self._serial
        return max(
            *(layer.cycles(self.network.levels) for layer in layers),
            self.network.input.samples,
            self.network.answer.elements,
            self._widest[0],
        )

    def _guess(self) -> int:
        """Cycles per image that a device of this size may well reach: its LUT as lanes, four each."""
        work = sum(layer.cycles(self.network.levels) for layer in self._serial)
        lanes = max(self.share * float(self.device[0]) / 4, 1)
        beats = -(-self.network.input.samples // self.goal.most_samples)
        return max(int(work / lanes), beats, self.network.answer.elements, self._widest[0], 16)

    def _found(self, choices: Choices, best: "Best", cycles: int, proof: records.Search | None) -> Found:
        path = best.path
        assert path is not None
        chosen = [
            (step.foldings, int(step.places[edge]))
            for step, edge in zip(best.steps, path.edges, strict=True)
            if step.foldings is not None
        ]
        foldings = tuple(
            f.folding(i, layer.weight_planes > 1) for (f, i), layer in zip(chosen, self._serial, strict=True)
        )
        styles = tuple(WEIGHT_STYLES[int(f.style[i])] for f, i in chosen)
        over = path.costs[3] > self.share * self.device[3]
        if over:
            raise FoldingError(
                f"board {self.goal.board.name}: the cheapest accelerator needs {path.costs[3]} flip-flops, more than "
                f"{self.goal.max_utilisation:g} % of {self.device[3]:.0f}; allow more with --max-utilisation"
            )
        certificate = replace(
            proof or records.Search(),
            objective="least largest share of LUT, BRAM and DSP, then least sum of the three",
            proved="optimal in the cost model"
            if not proof
            else "fewest cycles and, of these, optimal in the cost model",
            largest_share=round(100 * path.largest, 2),
            bound=round(100 * best.bound, 2),
            gap=round(100 * (path.largest - best.bound), 2),
            foldings_enumerated=choices.enumerated,
            foldings_kept=sum(len(layer) for layer in choices.layers),
            partial_accelerators=best.labels,
        )
        return Found(
            foldings,
            styles,
            best.samples_per_beat,
            tuple(int(cost) for cost in path.costs),
            path.largest,
            cycles,
            certificate,
        )

    def _refuse_at_once(self, cycles: int) -> None:
        """Raise `FoldingError` where bounds that are known at once say that no folding takes at most `cycles`.

        They are the cycles of layers with all lanes there can be and of the widest input and output, and the LUT of the
        processing elements alone.
        """
        layers = self._serial
        slowest = max(layers, key=lambda layer: max(layer.vectors, layer.map_positions))
        beats = -(-self.network.input.samples // self.goal.most_samples)
        least, why = max(
            (slowest.vectors, f"{slowest.name} works on {slowest.vectors} vectors, one a cycle"),
            (slowest.map_positions, f"{slowest.name} takes {slowest.map_positions} pixels, one a cycle"),
            (beats, f"its {self.network.input.samples} samples come at most {self.goal.most_samples} a cycle"),
            (self.network.answer.elements, f"its {self.network.answer.elements} scores leave one a cycle"),
            (self._widest[0], f"{self._widest[1]} takes an image in as many at its widest"),
        )
        if cycles < least:
            narrow = (
                least == beats and self.goal.most_samples < MAX_SAMPLES_PER_BEAT
            )  # by the shell, not by the network
            elsewhere = " with its shell" if narrow else ", nor of any other device"
            rate = 1e6 * self.goal.clock_mhz / least
            raise FoldingError(
                f"{self._no_folding(cycles)}{elsewhere}: an image takes {least} cycles or more, because "
                f"{why}, which is {rate:.0f} images/s; {self._reached()}"
            )
        luts = sum(least_luts(layer, self.network.served, self.goal.board.part.family, cycles) for layer in layers)
        if luts > self.share * float(self.device[0]):
            raise FoldingError(self._too_small(cycles))

    def _no_folding(self, cycles: int) -> str:
        board, clock = self.goal.board, self.goal.clock_mhz
        return (
            f"board {board.name} ({board.part.name}): no folding takes at most {cycles} cycles per image "
            f"({1e6 * clock / cycles:.0f} images/s at {clock:g} MHz) within {self.goal.max_utilisation:g} % of it"
        )

    def _too_small(self, cycles: int) -> str:
        """What the target would need, who has it, and what this board reaches, by quick searches of even foldings."""
        board, start = self.goal.board, self._no_folding(cycles)
        best = best_path(self._choices(cycles, _UNLIMITED, even=True), cycles, self.device, _UNLIMITED * self.share)
        if best.path is None:
            return f"{start}, nor on one {_UNLIMITED:g} times as large; {self._reached()}"
        needed = best.path.costs
        names = zip(("LUT", "BRAM", "DSP"), needed[:3] / (1, 2, 1), self.device[:3] / (1, 2, 1), strict=True)
        short = [
            f"{name} {need:g} of {self.share * has:g} ({need - self.share * has:g} too many)"
            for name, need, has in names
            if need > self.share * has
        ]
        others = [
            other.name
            for other in boards()
            if other.part.family == board.part.family and (needed <= self.share * device_of(other)).all()
        ]
        fits = f"it fits {', '.join(others)}" if others else "no board of this family has that much"
        return f"{start}: one that does needs {', '.join(short)}; {fits}; {self._reached()}"

    def _reached(self) -> str:
        """What this board surely reaches."""
        name = self.goal.board.name
        if self.goal.target_cycles is None:
            return f"no folding at all fits {name}"
        quick = self._fewest_cycles(even=True)
        if quick is None:
            return f"no folding that was tried fits {name}"
        rate = 1e6 * self.goal.clock_mhz / quick[1]
        return (
            f"{name} surely reaches {quick[1]} cycles, {rate:.0f} images/s: ask for that, or leave --target-fps out "
            "for the fastest"
        )


@dataclass(frozen=True)
class Best:
    """The best path over all ranges of paces, with the graph that it is in, and the weights of its bounds."""

    path: Path | None
    bound: float
    labels: int
    steps: list[Edges]
    samples_per_beat: int
    weights: Sequence[NDArray[np.float64]] = ()


def best_path(
    choices: Choices,
    cycles: int,
    device: NDArray[np.float64],
    share: float,
    any_will_do: bool = False,
    weights: Sequence[NDArray[np.float64]] = (),
) -> Best:
    """The best path within `cycles` at M and `share` of the device; its bound is that of all ranges.

    `weights` are more of those by whose bounds foldings are left out before a graph is made.
    """
    best = Best(None, math.inf, 0, [], 1)
    weights = [np.full(3, 1 / 3), *np.eye(3), *weights]
    device = np.maximum(device[:3], TOLERANCE)
    most, labels, bound = share, 0, math.inf
    for least, last in choices.ranges(cycles):
        hopeful = choices.hopeful(cycles, last, device, weights, most)
        if hopeful is None:  # nor in the ranges of faster paces, which have fewer foldings
            break
        steps = choices.graph(hopeful, cycles, least)
        if steps is None:
            continue
        outcome: Outcome = cheapest(steps, device, most, any_will_do=any_will_do)
        weights.append(outcome.weights)
        labels += outcome.labels
        bound = min(bound, outcome.bound)
        if outcome.path is not None and (best.path is None or outcome.path.key < best.path.key):
            best = Best(outcome.path, 0, 0, steps, choices.samples_per_beat(least))
            most = outcome.path.largest
            if any_will_do:
                break
    return replace(best, bound=bound, labels=labels, weights=weights)
