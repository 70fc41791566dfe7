"""Steps in a few processes of this machine, which share its cores and its memory.

A worker lives as long as the sweep and does one step after another, so that what takes seconds to import is imported
once. It reads jobs from its stdin and answers on its stdout, a line of JSON each. One that dies takes no more than its
step along, and another takes its place. All end with the sweep, however that ends (`rebnet.processes`).
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import IO, cast

from rebnet import processes
from rebnet.errors import OptionError
from rebnet.sweep.job import Job, Outcome

SHARE = 0.85
"""Of the memory that is free, what steps may take."""
_END_S = 2.0
_NO_MEMORY = ", as happens where memory runs out"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def free_bytes() -> int:
    """Memory that is free on this machine, or in the group of processes that the kernel limits us to."""
    free = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")]
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
        free = [int(line.split()[1]) * 1024]
    with suppress(OSError, ValueError):  # cgroup v2; "max" is no limit
        group = Path("/sys/fs/cgroup")
        free.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return max(min(free), 0)


class Local:
    """An `Executor` of so many processes.

    Args:
        module: a module that reads jobs and answers, run as `python -m`.
        workers: processes at most; as many as there are cores, but no more than `most`, if None.
        most: steps that could run at once.
        threads: of a step; the cores shared among those that run, if None.
    """

    def __init__(self, module: str, workers: int | None, most: int, threads: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise OptionError(f"workers={workers}: a sweep needs a process; use 1 or more")
        self.workers = workers or max(1, min(cores(), most))
        self._module, self._threads = module, threads
        self._budget = int(free_bytes() * SHARE)
        self._idle: list[_Worker] = []
        self._busy: dict[str, _Worker] = {}
        self._heard = selectors.DefaultSelector()
        self._alone: set[str] = set()

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *error: object) -> None:
        for worker in (*self._idle, *self._busy.values()):
            worker.stop()
        self._heard.close()

    def node(self) -> str:
        """This machine."""
        return socket.gethostname() or "here"

    def threads(self, waiting: int) -> int:
        """The cores shared among those that run; one that is alone has all."""
        return self._threads or max(1, cores() // max(1, min(self.workers, waiting)))

    def takes(self, job: Job, running: Sequence[Job]) -> bool:
        """Where a process is idle and memory is left; one whose process died runs alone."""
        if not running:
            return True
        if len(running) >= self.workers or job.step in self._alone or any(one.step in self._alone for one in running):
            return False
        return sum(one.memory for one in running) + job.memory <= self._budget

    def start(self, job: Job) -> None:
        """Hand it to an idle worker, or to a new one."""
        worker = self._idle.pop() if self._idle else _Worker(self._module)
        self._busy[job.step] = worker
        self._heard.register(worker.answers, selectors.EVENT_READ, job)
        worker.hand(job)

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """What has ended."""
        outcomes = []
        for key, _ in self._heard.select(seconds):
            job: Job = key.data
            worker = self._busy[job.step]
            line = worker.answers.readline()
            self._heard.unregister(worker.answers)
            del self._busy[job.step]
            if line.endswith(b"\n"):
                self._idle.append(worker)
                outcomes.append(Outcome(job.step, job.attempt, node=self.node(), **json.loads(line)))
            else:
                self._alone.add(job.step)
                outcomes.append(Outcome(job.step, job.attempt, "lost", self.node(), 0.0, worker.end()))
        return outcomes


class _Worker:
    """A process that does one job after another."""

    def __init__(self, module: str) -> None:
        self._open = ExitStack()
        command = [sys.executable, "-P", "-m", module]
        child = cast(
            "AbstractContextManager[subprocess.Popen[bytes]]",
            processes.child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE),
        )
        self._process = self._open.enter_context(child)

    @property
    def answers(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def hand(self, job: Job) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, and `wait` will hear nothing of it
            self._process.stdin.write(json.dumps(job.plain()).encode() + b"\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """End it, with all that it has started."""
        self._open.close()

    def end(self) -> str:
        """How it ended, now that it answers no more."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        code = self._process.poll()
        self.stop()
        if code is None:
            return "its process was ended"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}{_NO_MEMORY * (-code == signal.SIGKILL)}"
        return f"its process ended with code {code}"
