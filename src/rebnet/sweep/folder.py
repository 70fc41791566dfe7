"""The folder of a sweep: held by one sweep at a time, and what it holds of every step and point.

    DIR/
      sweep.json                 the record
      sweep.html                 the page
      study.toml                 the study that was asked for last
      steps/NAME.json            the record of a step: its claim while it runs, then what came of it
      steps/NAME/                what it made, put there whole when it was done
      steps/NAME.try-2/          what its second attempt is at, with its log.txt and, of a training, its checkpoint
      points/NAME-HASH/          the build of a point with all its records

An attempt has a folder of its own: one that is thought dead, and is not, finds that its folder is gone.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rebnet.errors import FileFormatError, OutputError
from rebnet.files import hold, make_folder, output_errors, write_bytes, write_record
from rebnet.records import read_if_there
from rebnet.records.sweep import Attempt, Step, Sweep
from rebnet.swap import put, workplace
from rebnet.sweep import plan

PAGE_FILE, STEPS, POINTS, STUDY_FILE = "sweep.html", "steps", "points", "study.toml"
LOG_FILE, LOCK_FILE = "log.txt", ".lock"
MADE = "made"
"""What a step made, in its folder."""
_OWN = {Sweep.FILE, PAGE_FILE, STUDY_FILE, STEPS, POINTS, LOCK_FILE}
_TRY = re.compile(r"(?P<step>[a-z]+-[0-9a-f]{12})\.try-(?P<number>[0-9]+)")
_SLUG = re.compile(r"[^A-Za-z0-9.]+")
_MOST_SLUG = 60


@contextmanager
def held(output: Path) -> Iterator[None]:
    """Make the folder of a sweep and hold it against others while the block runs.

    The lock is the operating system's and ends with this process, however that ends.

    Raises:
        OutputError: it holds something else, cannot be written, or another sweep runs there.
    """
    check(output)
    make_folder(output)
    with output_errors(output), (output / LOCK_FILE).open("a+") as lock:
        hold(lock, f"{output}: another sweep runs there now; wait for its end, or name another --output")
        yield


def check(output: Path) -> None:
    """Refuse a folder that holds anything but a sweep.

    Raises:
        OutputError: it does, or is a file.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: a file stands where a folder is needed; name another --output")
    found = {path.name for path in output.iterdir()} if output.is_dir() else set()
    foreign = sorted(name for name in found - _OWN if not name.startswith(".rebnet-"))
    if foreign and Sweep.FILE not in found:
        raise OutputError(f"{output}: holds {foreign[0]} and no sweep; name another --output")


class Folder:
    """The folder of a sweep that is held."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, study: Path) -> None:
        """Make the folders, and keep the study that is asked for; attempts that were put in place twice go."""
        for name in (STEPS, POINTS):
            make_folder(self.path / name)
        with output_errors(self.path):
            write_bytes(self.path / STUDY_FILE, study.read_bytes())

    def known(self, step: plan.Step) -> Step:
        """What is known of a step: as its record says where what it made is there too, else new.

        A claim is of a sweep that has ended, since this one holds the folder: its attempt is lost. What is broken is
        tried again.
        """
        fresh = Step(
            name=step.name,
            verb=step.verb,
            options=dict(step.options),
            reads=tuple(step.reads.values()),
            state="waiting",
        )
        path = self._record(step.name)
        try:
            record = read_if_there(path, Step)
        except FileFormatError:
            record = None
        if record is None or (record.state == "done" and not self.made(step.name).is_dir()):
            return fresh
        attempts = tuple(
            Attempt(node=one.node, outcome="lost") if one.outcome == "running" else one for one in record.attempts
        )
        return replace(fresh, state="done" if record.state == "done" else "waiting", attempts=attempts)

    def keep(self, step: Step) -> None:
        """Write the record of a step."""
        write_record(self._record(step.name), step)

    def made(self, name: str) -> Path:
        """What a step made."""
        return self.path / STEPS / name / MADE

    def log(self, name: str) -> Path:
        """What the last attempt of a step printed."""
        last = max(self._tries(name), default=None)
        return (self.path / STEPS / name if last is None else last[1]) / LOG_FILE

    def begin(self, name: str, attempt: int, *, keep: bool) -> Path:
        """The folder of a new attempt; it takes over what the last one left where `keep` says so."""
        place = self.path / STEPS / f"{name}.try-{attempt}"
        with output_errors(place):
            for number, old in sorted(self._tries(name), reverse=True):
                if keep and number < attempt and not place.exists():
                    old.rename(place)
                else:
                    shutil.rmtree(old, ignore_errors=True)
            place.mkdir(exist_ok=True)
        return place

    def finish(self, name: str, attempt: int) -> None:
        """Put what an attempt made in its place."""
        place = self.path / STEPS / name
        with output_errors(place):
            if place.exists():  # without a record that says so
                shutil.rmtree(place)
            (self.path / STEPS / f"{name}.try-{attempt}").rename(place)

    def point(self, hash_: str, words: str) -> str:
        """The name of a point's folder: that which it has, or a new one."""
        with suppress(OSError):
            for path in (self.path / POINTS).iterdir():
                if path.name.endswith(f"-{hash_}") or path.name == hash_:
                    return path.name
        slug = _SLUG.sub("-", words).strip("-.")[:_MOST_SLUG].strip("-.")
        return f"{slug}-{hash_}" if slug else hash_

    def assemble(self, point: str, made: Mapping[str, Path]) -> None:
        """Put the build of a point and its records together, as far as there are new ones.

        Args:
            point: the name of its folder.
            made: what its steps made, by their verbs; `compile` is there.
        """
        points = self.path / POINTS
        parts = [folder for verb, folder in made.items() if verb not in ("train", "compile")]
        files = [path for folder in (made["compile"], *parts) for path in folder.iterdir()]
        if all((points / point / path.name).exists() for path in files):
            return
        with workplace(points, point) as work, output_errors(points / point):
            build = work / point
            shutil.copytree(made["compile"], build)
            for folder in parts:
                shutil.copytree(folder, build, dirs_exist_ok=True)
            put([build], points)

    def others(self, asked: Iterable[str]) -> tuple[str, ...]:
        """Folders of points that are not asked for."""
        with suppress(OSError):
            held = {path.name for path in (self.path / POINTS).iterdir() if not path.name.startswith(".")}
            return tuple(sorted(held - set(asked)))
        return ()

    def record(self) -> Sweep | None:
        """The record that is there."""
        try:
            return read_if_there(self.path / Sweep.FILE, Sweep)
        except FileFormatError:
            return None

    def _record(self, name: str) -> Path:
        return self.path / STEPS / f"{name}.json"

    def _tries(self, name: str) -> list[tuple[int, Path]]:
        found = []
        with suppress(OSError):
            for path in (self.path / STEPS).glob(f"{name}.try-*"):
                if match := _TRY.fullmatch(path.name):
                    found.append((int(match["number"]), path))
        return found
