"""Every reader of every damaged file ends in an answer or a `RebnetError`, soon and in little memory.

python -m tests.fuzz.outcomes --mutations 20000 --seed 1
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

from tests.fuzz.targets import Mutation, mutations, prepare

from rebnet.errors import RebnetError

DEADLINE_S = 20
MEMORY_BYTES = 6 << 30


class Hang(BaseException):
    """A reader that did not end in time."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `Hang` where the body takes longer."""

    def late(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
            with warnings.catch_warnings(), deadline(DEADLINE_S):
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
    asked = parser.parse_args()
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name, little_memory():
        place = prepare(Path(name))
        done = bad = 0
        for mutation in mutations(place, Path(name) / "work", asked.mutations, asked.seed):
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
