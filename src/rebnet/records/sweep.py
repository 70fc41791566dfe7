"""sweep.json: the points of a study, the steps that they share, and what came of each."""

from collections.abc import Mapping
from typing import Annotated, Literal

from rebnet.records.form import OPTIONS, Length, number, text, whole
from rebnet.records.kinds import Amount, Count, Cycles, Error, Name, Percent, Positive
from rebnet.records.record import Record, form

StepVerb = Literal["train", "compile", "evaluate", "simulate", "synthesize"]
"""The verbs of a point, in their order."""
Seconds = Annotated[float, number(0)]
Sentence = Annotated[str, text(20_000)]
Options = Annotated[Mapping[str, object], OPTIONS]
StepState = Literal["waiting", "running", "done", "broken", "blocked"]
PointState = Literal["open", "done", "broken"]
_AGAIN = "delete it, and its step is run again"


@form
class Attempt(Record):
    """One try of a step: the machine that it was given to, and how it ended; `lost` with the process or the machine."""

    node: Name
    outcome: Literal["running", "done", "failed", "lost"]
    seconds: Seconds | None = None


@form
class Step(Record):
    """steps/NAME.json: a verb with its options and the steps that it reads; the points that need it share it.

    A step that is `running` is claimed by its last attempt. A `blocked` one reads a step that is broken.
    """

    AGAIN = _AGAIN

    name: Name
    verb: StepVerb
    options: Options
    reads: tuple[Name, ...]
    state: StepState
    attempts: tuple[Attempt, ...] = ()
    error: Sentence | None = None

    @property
    def seconds(self) -> float:
        """What the attempt that did it took."""
        return next((one.seconds or 0.0 for one in reversed(self.attempts) if one.outcome == "done"), 0.0)

    def check(self) -> None:
        """See `Record`."""
        if self.state in ("running", "done") and (not self.attempts or self.attempts[-1].outcome != self.state):
            raise ValueError(f"key 'attempts' does not end as key 'state' says, {self.state}")


@form
class Figures(Record):
    """What the records of a point say; measured and modelled figures have keys of their own.

    Accuracies in percent, of a regression errors in their place; `seconds` of all its steps, shared ones too.
    """

    float_accuracy: Percent | None = None
    float_error: Error | None = None
    accuracy: Percent | None = None
    error: Error | None = None
    rtl_accuracy: Percent | None = None
    rtl_error: Error | None = None
    mismatches: Count | None = None
    predicted_cycles_per_image: Cycles | None = None
    cycles_per_image: Cycles | None = None
    predicted_lut: Amount | None = None
    LUT: Amount | None = None
    BRAM: Amount | None = None
    DSP: Amount | None = None
    fits: bool | None = None
    seconds: Seconds | None = None


@form
class Point(Record):
    """One point: its coordinates, its steps by their verbs, and its folder in points/ once there is a build."""

    name: Name
    coordinates: Options
    steps: Mapping[str, Name]
    state: PointState
    error: Sentence | None = None
    figures: Figures


@form
class Sweep(Record):
    """sweep.json: what a study asked for, and how far it is.

    `varied` are the coordinates in which points differ, `left` the folders of points that an earlier study on the same
    output asked for and this one does not. `seconds` is the wall time of the last start, `work_seconds` that of the
    steps that it ran, summed.
    """

    FILE = "sweep.json"
    AGAIN = "start the sweep again, which writes it anew"

    study: Name
    study_sha256: Annotated[str, text(64)]
    stages: Annotated[tuple[StepVerb, ...], Length(1, 5)]
    runs_on: Literal["processes", "ray"]
    workers: Positive | None = None
    varied: tuple[Name, ...]
    points: Annotated[tuple[Point, ...], Length(1)]
    steps: tuple[Step, ...]
    left: tuple[Name, ...]
    steps_run: Count
    steps_found: Annotated[int, whole()]
    seconds: Seconds
    work_seconds: Seconds

    @property
    def broken(self) -> tuple[Point, ...]:
        """Points that came to nothing."""
        return tuple(point for point in self.points if point.state == "broken")
