"""What a step is handed to whoever does it, and what comes back: plain values, so that they go through any pipe."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from rebnet.records.sweep import StepVerb
from rebnet.sweep.study import Value


@dataclass(frozen=True)
class Job:
    """A step that is to be done now.

    Attributes:
        step: its name.
        attempt: counted from 1.
        verb: which.
        options: of its function in `rebnet.flow`.
        reads: the folder that each step made which it reads, by its verb.
        place: the folder of this attempt.
        threads: how many it may compute on.
        memory: bytes that it is likely to take.
        data_dir: folder that holds the data sets.
        cache_dir: folder of kept results.
    """

    step: str
    attempt: int
    verb: StepVerb
    options: Mapping[str, Value]
    reads: Mapping[str, str]
    place: str
    threads: int
    memory: int
    data_dir: str | None = None
    cache_dir: str | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt.

    Attributes:
        step: whose.
        attempt: which; one that is not the last is of a process that was thought dead.
        outcome: "done", "failed" with an error of its own, or "lost" with the process or the machine.
        node: the machine.
        seconds: wall time of the work alone.
        error: one sentence.
    """

    step: str
    attempt: int
    outcome: Literal["done", "failed", "lost"]
    node: str
    seconds: float
    error: str | None = None


class Executor(Protocol):
    """Does jobs, several at once; a context, which ends what still runs."""

    workers: int
    """How many at most."""

    def node(self) -> str:
        """The machine that the next job will run on, as far as that is known."""

    def threads(self, waiting: int) -> int:
        """Threads of a job that is started where so many are ready or run."""

    def takes(self, job: Job, running: Sequence[Job]) -> bool:
        """Whether there is room for a job beside those that run."""

    def start(self, job: Job) -> None:
        """Start it."""

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """What has ended, after so many seconds at most."""


CLAIM_FILE = "claim.json"
"""In the folder of an attempt: the machine and the process that took it."""
