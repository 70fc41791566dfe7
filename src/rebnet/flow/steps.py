"""One step of a sweep: a verb into a folder of its own, in whatever process does it.

    python -m rebnet.flow.steps

is such a process: it reads jobs from its stdin and answers on its stdout, a line of JSON each (`rebnet.sweep.job`).
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from rebnet.errors import OutputError, RebnetError
from rebnet.flow.network import compile, train  # noqa: A004 - the verb's name
from rebnet.flow.proof import evaluate, simulate, synthesize
from rebnet.sweep.folder import LOG_FILE, MADE

ALL = "all"
"""Images of a simulation that takes every one."""
_LOWERING = ("source", "fixed_levels", "threshold_bits", "input_scale")
_MOST = 2000
"""Characters of an error that nobody foresaw."""


def perform(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job; what it came to: `outcome` "done" or "failed", `seconds`, and an `error` of one sentence.

    Whatever it prints goes to the log in its folder.
    """
    place = Path(job["place"])
    began = monotonic()
    error = None
    if not place.is_dir():
        raise OutputError(f"{place}: is not there; the step was given to someone else")
    with _logged(place / LOG_FILE):
        try:
            _share(job["threads"], job["verb"])
            _VERBS[job["verb"]](job, place, dict(job["options"]))
        except RebnetError as known:
            error = str(known)
        except Exception as unknown:  # a broken step ends no sweep
            traceback.print_exc()
            error = f"{type(unknown).__name__}: {str(unknown)[:_MOST]}; the whole of it is in {place / LOG_FILE}"
        if error is not None:
            print(f"rebnet: {error}", file=sys.stderr)
    return {"outcome": "failed" if error else "done", "seconds": monotonic() - began, "error": error}


def _share(threads: int, verb: str) -> None:
    """Compute on so many threads from now on."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if verb == "train":
        from rebnet.train.threads import compute_on

        compute_on(threads)


def _train(job: Mapping[str, Any], place: Path, options: dict[str, Any]) -> None:
    run = place / MADE
    if (run / "training.json").is_file():  # all was done but to say so
        return
    train(**options, output=run, data_dir=job["data_dir"], resume=True)


def _compile(job: Mapping[str, Any], place: Path, options: dict[str, Any]) -> None:
    source = options.pop("source", None) or job["reads"]["train"]
    compile(source, place / MADE, **options)


def _evaluate(job: Mapping[str, Any], place: Path, options: dict[str, Any]) -> None:
    """Of the integer network alone, which all foldings share."""
    lowering = {name: options.pop(name) for name in _LOWERING if name in options}
    source = lowering.pop("source", None) or job["reads"]["train"]
    network = place / "network"
    compile(source, network, until="lower", **lowering)
    evaluate(network, options.pop("dataset"), data_dir=job["data_dir"], **options)
    _keep(network, place, "evaluation.json", "evaluation.png")


def _simulate(job: Mapping[str, Any], place: Path, options: dict[str, Any]) -> None:
    build = _copied(job, place)
    if options.get("images") == ALL:
        options["images"] = None
    dataset = options.pop("dataset")
    simulate(build, dataset, data_dir=job["data_dir"], cache_dir=job["cache_dir"], processes=job["threads"], **options)
    _keep(build, place, "simulation.json")


def _synthesize(job: Mapping[str, Any], place: Path, options: dict[str, Any]) -> None:
    build = _copied(job, place)
    synthesize(build, cache_dir=job["cache_dir"], processes=job["threads"], **options)
    _keep(build, place, "synthesis.json", "synthesis", "device")


_VERBS = {
    "train": _train,
    "compile": _compile,
    "evaluate": _evaluate,
    "simulate": _simulate,
    "synthesize": _synthesize,
}


def _copied(job: Mapping[str, Any], place: Path) -> Path:
    """The build that a step reads, where it may write beside it."""
    return Path(shutil.copytree(job["reads"]["compile"], place / "build"))


def _keep(build: Path, place: Path, *names: str) -> None:
    """Of a build that goes, what this step wrote."""
    made = place / MADE
    made.mkdir()
    for name in names:
        if (build / name).exists():
            (build / name).rename(made / name)
    shutil.rmtree(build)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """What this process and its children print goes to a file while the block runs."""
    streams = (sys.stdout, sys.stderr)
    kept = [os.dup(number) for number in (1, 2)]
    try:
        with path.open("ab") as log:
            for stream, number in zip(streams, (1, 2), strict=True):
                stream.flush()
                os.dup2(log.fileno(), number)
        yield
    finally:
        for stream, number, old in zip(streams, (1, 2), kept, strict=True):
            stream.flush()
            os.dup2(old, number)
            os.close(old)


def main() -> None:
    """Do jobs until there are no more."""
    for line in sys.stdin:
        answer = perform(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
