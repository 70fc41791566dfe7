"""Every reader of every damaged file ends in an answer or a `RebnetError`, soon and in little memory.

python -m tests.fuzz.outcomes --mutations 20000 --seed 1 --readers 6
"""

import argparse
import collections
import contextlib
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tests.fuzz.mutation import Mutation
from tests.fuzz.targets import mutations, prepare

from rebnet.errors import RebnetError

DEADLINE_S = 20
"""Of processor time: a busy machine is no hang."""
WAITING_S = 300
"""Of the clock: a reader that waits for what never comes takes no processor time."""
MEMORY_BYTES = 6 << 30


class Hang(BaseException):
    """A reader that did not end in time."""


@contextlib.contextmanager
def deadline(seconds: float, waiting: float) -> Iterator[None]:
    """Raise `Hang` where the body takes so many seconds of the processor, or so many of the clock."""

    def late(number: int, frame: FrameType | None) -> None:
        raise Hang

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, seconds), (signal.SIGALRM, signal.ITIMER_REAL, waiting))
    before = [signal.signal(number, late) for number, _, _ in timers]
    for _, timer, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """No more memory than a small computer has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def faults(mutation: Mutation) -> Iterator[tuple[str, str]]:
    """The readers that ended otherwise: which, and how."""
    for name, read in mutation.readers:
        try:
            with warnings.catch_warnings(), deadline(DEADLINE_S, WAITING_S):
                warnings.simplefilter("ignore")
                read()
        except RebnetError:
            continue
        except Hang:
            yield name, "no end"
        except Exception:
            last = traceback.extract_tb(sys.exc_info()[2])
            own = [frame for frame in last if "/rebnet/" in frame.filename and "/tests/" not in frame.filename]
            where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
            yield name, f"{sys.exc_info()[0].__name__} in {where}: {str(sys.exc_info()[1])[:100]}"  # type: ignore[union-attr]


def main() -> None:
    """Print every fault, and how many there were."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", type=int, default=100, help="most readers that each is given to")
    asked = parser.parse_args()
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name, little_memory():
        place = prepare(Path(name))
        done = bad = 0
        for mutation in mutations(place, Path(name) / "work", asked.mutations, asked.seed, asked.readers):
            done += 1
            ends = list(faults(mutation))
            bad += bool(ends)
            for reader, how in ends:
                kind = how.split(":")[0] + how.partition(":")[2].split(":")[0]
                found[kind] += 1
                if found[kind] <= 3:
                    print(mutation.name, reader, how, flush=True)
            if done % 500 == 0:
                print(f"{done} mutations, {bad} with a fault", flush=True)
    print(f"{done} mutations, {bad} with a fault: {sum(found.values())} faults of {len(found)} kinds")
    for kind, count in found.most_common():
        print(f"{count:6} {kind}")


if __name__ == "__main__":
    main()
