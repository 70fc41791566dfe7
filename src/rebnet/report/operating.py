"""What a build does at each number of levels m that it serves, and which builds nothing else beats."""

from collections.abc import Sequence
from dataclasses import dataclass

from rebnet.records import Adaptive, Evaluation, Folding, Simulation, Synthesis, Training
from rebnet.report.records import Build, Record

CLOCK_MHZ = 200
"""Assumed clock of images/s, as in the paper's Table III."""


@dataclass(frozen=True)
class Known:
    """A number and where it comes from, in words."""

    value: float
    origin: str
    is_measured: bool = True


@dataclass(frozen=True)
class Operating:
    """A build at m levels; None where no record says.

    Attributes:
        levels: m.
        accuracy: percent of test images, the integer network's, or else the float network's (`is_measured` False).
        cycles: per image, simulated, or else of the model (`is_measured` False).
    """

    levels: int
    accuracy: Known | None
    cycles: Known | None

    @property
    def images_per_second(self) -> float | None:
        """At the assumed clock."""
        return CLOCK_MHZ * 1e6 / self.cycles.value if self.cycles else None


def operating(build: Build, levels: int) -> Operating:
    """The build at m = `levels`, which it must serve."""
    return Operating(levels, _accuracy(build, levels), _cycles(build, levels))


def _accuracy(build: Build, levels: int) -> Known | None:
    evaluation = build.get(Evaluation)
    if evaluation is not None and evaluation.levels == levels and evaluation.accuracy is not None:
        return Known(evaluation.accuracy, f"integer network, {evaluation.images:,} images")
    adaptive = build.get(Adaptive)
    for rung in adaptive.rungs if adaptive is not None else ():
        if rung.levels == levels:
            assert adaptive is not None
            return Known(rung.test_accuracy, f"integer network, {adaptive.test_images:,} images")
    training = build.get(Training)
    if training is None or training.test_accuracy is None:
        return None
    each = training.test_accuracies or ()
    if levels <= len(each):
        return Known(each[levels - 1], "float network", is_measured=False)
    if levels == training.levels:
        return Known(training.test_accuracy, "float network", is_measured=False)
    return None


def _cycles(build: Build, levels: int) -> Known | None:
    simulation = build.get(Simulation)
    if simulation is not None and set(simulation.levels) == {levels} and simulation.cycles_per_image is not None:
        return Known(simulation.cycles_per_image, f"simulated, {simulation.images:,} images")
    folding = build.get(Folding)
    if folding is not None and folding.levels == levels:
        return Known(folding.predicted_cycles_per_image, "cycle model", is_measured=False)
    if build.accelerator is None:
        return None
    return Known(build.accelerator.bound_cycles(levels), "bound of the slowest part", is_measured=False)


@dataclass(frozen=True)
class Resources:
    """What an accelerator takes, and what the device has, by the keys of `RESOURCES`."""

    used: Record
    device: Record
    origin: str
    is_measured: bool

    @property
    def bram(self) -> float:
        """Block RAMs of 36 kbit, two of 18 kbit counted as one."""
        return bram(self.used)


def bram(values: Record) -> float:
    """Block RAMs of 36 kbit, two of 18 kbit counted as one."""
    return float(values["BRAM_36K"] + values["BRAM_18K"] / 2)


def resources(build: Build) -> Resources | None:
    """Resources as synthesised, or else as the cost model predicts them."""
    return synthesised(build) or predicted(build)


def synthesised(build: Build) -> Resources | None:
    """What synthesis counted."""
    record = build.get(Synthesis)
    if record is None:
        return None
    origin = f"synthesised for {record['part']} with {record['tool']}"
    return Resources(record["total"], record["device"], origin, is_measured=True)


def predicted(build: Build) -> Resources | None:
    """What the cost model says."""
    folding = build.get(Folding)
    record = folding.predicted_resources if folding is not None else None
    if record is None:
        return None
    origin = f"predicted for {record['part']} by the cost model"
    return Resources(record["total"], record["device"], origin, is_measured=False)


def lanes(build: Build) -> int | None:
    """XNOR lanes of all layers: PE x SIMD x LEVEL_LANES x PLANE_LANES, summed."""
    if build.accelerator is None:
        return None
    return sum(layer.xnor_lanes for layer in build.accelerator.layers)


def front(points: Sequence[tuple[float, float] | None]) -> list[int]:
    """Places of the points that no other beats, by rising first coordinate; larger is better in both.

    A point is beaten by one that is at least as good in both and better in one. None is no point.
    """
    places = [place for place, point in enumerate(points) if point is not None]

    def beaten(point: tuple[float, float]) -> bool:
        others = (points[place] for place in places)
        return any(o is not None and o != point and o[0] >= point[0] and o[1] >= point[1] for o in others)

    kept = [(point, place) for place in places if (point := points[place]) is not None and not beaten(point)]
    return [place for _, place in sorted(kept)]
