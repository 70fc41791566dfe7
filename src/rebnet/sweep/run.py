"""The run of a sweep: which step comes next, what came of it, and what is tried again.

One process, this one, holds the folder, gives out every attempt and puts what it made in its place; so no step is done
twice, and what comes back late from an attempt that was thought lost is not taken.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rebnet.files import write_record
from rebnet.records.sweep import Attempt, Figures, Point, PointState, Step, Sweep
from rebnet.sweep import plan as plans
from rebnet.sweep.figures import figures
from rebnet.sweep.folder import Folder
from rebnet.sweep.job import Executor, Job, Outcome
from rebnet.sweep.plan import Plan

TRIES = 3
"""Attempts of a step that goes down with its process or machine, in one start."""
_WAIT_S = 0.25
_WRITE_S = 2.0
Watch = Callable[[Sweep], None]


class Run:
    """A sweep that runs, or will.

    Args:
        plan: what is asked for.
        folder: where, held.
        runs_on: how it says what its executor is.
        memory: bytes that a step is likely to take.
        data_dir: folder that holds the data sets.
        cache_dir: folder of kept results.
        watch: called with the record when something has changed, and now and then.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Folder,
        *,
        runs_on: Literal["processes", "ray"] = "processes",
        memory: Callable[[plans.Step], int] = lambda step: 0,
        data_dir: Path | None = None,
        cache_dir: Path | None = None,
        watch: Watch = lambda record: None,
    ) -> None:
        self._plan, self._folder, self._watch, self._memory = plan, folder, watch, memory
        self._runs_on: Literal["processes", "ray"] = runs_on
        self._dirs = tuple(None if path is None else str(path.absolute()) for path in (data_dir, cache_dir))
        self._steps = {name: folder.known(step) for name, step in plan.steps.items()}
        self._found = {name for name, step in self._steps.items() if step.state == "done"}
        first: dict[str, int] = {}
        self._points_of: dict[str, list[int]] = {name: [] for name in plan.steps}
        for place, point in enumerate(plan.points):
            for name in point.steps.values():
                first.setdefault(name, place)
                self._points_of[name].append(place)
        ranks = {name: rank for rank, name in enumerate(plan.steps)}
        self._order = sorted(plan.steps, key=lambda name: (first[name], ranks[name]))
        self._names = [folder.point(point.name, plan.study.shown(point.coordinates)) for point in plan.points]
        self._points: list[Point] = []
        self._running: dict[str, Job] = {}
        self._needs: dict[str, int] = {}
        self._lost: Counter[str] = Counter()
        self._began, self._worked, self._ran, self._written = time.monotonic(), 0.0, 0, 0.0
        self._workers: int | None = None
        self._settle()
        self._points = [self._point(place) for place in range(len(plan.points))]

    @property
    def record(self) -> Sweep:
        """How far it is."""
        study = self._plan.study
        return Sweep(
            study=study.name,
            study_sha256=study.sha256,
            stages=study.stages,
            runs_on=self._runs_on,
            workers=self._workers,
            varied=study.varied,
            points=tuple(self._points),
            steps=tuple(self._steps.values()),
            left=self._folder.others(self._names),
            steps_run=self._ran,
            steps_found=len(self._found),
            seconds=round(time.monotonic() - self._began, 3),
            work_seconds=round(self._worked, 3),
        )

    def go(self, executor: Executor | None) -> Sweep:
        """Do all that is left; what is broken ends no more than what reads it.

        Args:
            executor: does it, open; None where nothing is left.

        Whatever ends this, the record says how far it came, and the next start goes on from there.
        """
        self._workers = executor.workers if executor else None
        try:
            for place in range(len(self._points)):
                self._assemble(place)
            self._tell(now=True)
            while executor is not None:
                self._give(executor)
                if not self._running:
                    break
                for outcome in executor.wait(_WAIT_S):
                    self._take(outcome)
                self._tell()
        finally:
            for name, job in self._running.items():
                self._end(Outcome(name, job.attempt, "lost", self._steps[name].attempts[-1].node, 0.0), "waiting")
            self._running.clear()
            self._tell(now=True)
        return self.record

    def _give(self, executor: Executor) -> None:
        """Start what is ready, as far as there is room."""
        ready = [name for name in self._order if self._is_ready(name)]
        for name in ready:
            if len(self._running) >= executor.workers:
                return
            step = self._plan.steps[name]
            attempt = len(self._steps[name].attempts) + 1
            threads = executor.threads(len(ready) + len(self._running))
            job = Job(
                step=name,
                attempt=attempt,
                verb=step.verb,
                options=step.options,
                reads={verb: str(self._folder.made(read)) for verb, read in step.reads.items()},
                place=str(self._folder.path / "steps" / f"{name}.try-{attempt}"),
                threads=threads,
                memory=self._bytes(step),
                data_dir=self._dirs[0],
                cache_dir=self._dirs[1],
            )
            if not executor.takes(job, list(self._running.values())):
                continue
            self._folder.begin(name, attempt, keep=step.verb == "train")
            claim = Attempt(node=executor.node(), outcome="running")
            known = self._steps[name]
            self._set(replace(known, state="running", attempts=(*known.attempts, claim), error=None))
            self._running[name] = job
            executor.start(job)

    def _bytes(self, step: plans.Step) -> int:
        """What a step is likely to take; asked once, since it may wait for long."""
        if step.name not in self._needs:
            self._needs[step.name] = self._memory(step)
        return self._needs[step.name]

    def _is_ready(self, name: str) -> bool:
        reads = self._plan.steps[name].reads.values()
        return self._steps[name].state == "waiting" and all(self._steps[read].state == "done" for read in reads)

    def _take(self, outcome: Outcome) -> None:
        """What came back of an attempt."""
        name = outcome.step
        job = self._running.get(name)
        if job is None or job.attempt != outcome.attempt:
            return
        del self._running[name]
        if outcome.outcome == "done":
            self._folder.finish(name, outcome.attempt)
            self._worked += outcome.seconds
            self._ran += 1
            self._end(outcome, "done")
            for place in self._points_of[name]:
                self._assemble(place)
        elif outcome.outcome == "failed":
            self._end(outcome, "broken")
        else:
            self._lost[name] += 1
            if self._lost[name] < TRIES:
                self._end(outcome, "waiting")
            else:
                error = f"was lost {TRIES} times, the last on {outcome.node}: {outcome.error or 'without a word'}"
                self._end(replace(outcome, error=error), "broken")
        self._settle()
        for place in self._points_of[name]:
            self._points[place] = self._point(place)

    def _end(self, outcome: Outcome, state: Literal["waiting", "done", "broken"]) -> None:
        known = self._steps[outcome.step]
        seconds = round(outcome.seconds, 3) if outcome.seconds else None
        attempt = Attempt(node=outcome.node, outcome=outcome.outcome, seconds=seconds)
        self._set(replace(known, state=state, attempts=(*known.attempts[:-1], attempt), error=outcome.error or None))

    def _set(self, step: Step) -> None:
        self._steps[step.name] = step
        self._folder.keep(step)

    def _settle(self) -> None:
        """Block what reads a step that came to nothing."""
        for name, step in self._plan.steps.items():
            known = self._steps[name]
            stopped = [read for read in step.reads.values() if self._steps[read].state in ("broken", "blocked")]
            if known.state == "waiting" and stopped:
                self._steps[name] = replace(known, state="blocked", error=f"{stopped[0]} is broken")

    def _point(self, place: int) -> Point:
        point = self._plan.points[place]
        steps = {verb: self._steps[name] for verb, name in point.steps.items()}
        broken = [step for step in steps.values() if step.state == "broken"]
        open_ = any(step.state in ("waiting", "running") for step in steps.values())
        state: PointState = "broken" if broken else "open" if open_ else "done"
        return Point(
            name=self._names[place],
            coordinates=point.coordinates,
            steps={str(verb): name for verb, name in point.steps.items()},
            state=state,
            error=f"{broken[0].verb}: {broken[0].error}" if broken else None,
            figures=self._figures(steps.values()),
        )

    def _figures(self, steps: Iterable[Step]) -> Figures:
        done = [step for step in steps if step.state == "done"]
        return figures({step.verb: self._folder.made(step.name) for step in done}, sum(step.seconds for step in done))

    def _assemble(self, place: int) -> None:
        """Put the folder of a point together, where it has a build."""
        own = self._plan.points[place].steps
        done = {verb: name for verb, name in own.items() if self._steps[name].state == "done"}
        if "compile" in done:
            self._folder.assemble(self._names[place], {verb: self._folder.made(name) for verb, name in done.items()})

    def _tell(self, *, now: bool = False) -> None:
        record = self.record
        if now or time.monotonic() - self._written > _WRITE_S:
            write_record(self._folder.path / Sweep.FILE, record)
            self._written = time.monotonic()
        self._watch(record)
