"""The verbs in a row: `build`, and `demo`, which trains first."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from rebnet.flow.network import compile, dataset_of, train  # noqa: A004 - the verb's name
from rebnet.flow.proof import REPORT_FILE, evaluate, report, simulate, synthesize
from rebnet.flow.say import Done, Progress, Say, silent
from rebnet.paths import path_of

DEMO_NETWORK = "8x8x1 - D128(16,16) - D128(16,16) - D10(2,16)"


def build(
    source: str | Path,
    output: str | Path,
    *,
    board: str | None = None,
    part: str | None = None,
    folding: str | Path | None = None,
    target_fps: float | None = None,
    images: int | None = 100,
    dataset: str | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    begin: Say = silent,
    done: Done = silent,
    say: Say = silent,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Everything from a trained network to the page: compile, evaluate, simulate, synthesize, report.

    A stage that fails leaves those before it as they are.

    Args:
        source: folder of a finished training, or `zoo:NAME`.
        output: folder of the build.
        board: a board, such as "zc702".
        part: a part, such as "xc7s50", instead of a board.
        folding: as in `compile`; searched for the device if None.
        target_fps: images per second that the searched folding has to reach.
        images: how many test images go through the RTL; all if None.
        dataset: test images; the training's own if None.
        data_dir: folder that holds the data sets.
        cache_dir: folder of kept results of synthesis.
        begin: called with the name of each stage before it starts.
        done: called with the name of each stage and what its function returned.
        say: called with what a stage is at.
        progress: called with the number of images done since the last call.

    Returns:
        What each stage's function returned, by its name, and `seconds`, wall time of each and their total.
    """
    from rebnet.boards import named_once

    named_once(part, board)
    chosen = dataset or dataset_of(source)
    fits = partial(compile, folding=folding, target_fps=target_fps, say=say)
    if folding is None:  # searched for the device
        fits = partial(fits, board=board, part=part)
    stages: dict[str, Callable[[], Any]] = {
        "compile": partial(fits, source, output),
        "evaluate": partial(evaluate, output, chosen, data_dir=data_dir, progress=progress),
        "simulate": partial(simulate, output, chosen, images=images, data_dir=data_dir, say=say, progress=progress),
        "synthesize": partial(
            synthesize,
            output,
            board=board,
            part=part,
            cache_dir=cache_dir,
            progress=lambda module, *_: say(f"synthesizing {module}"),
        ),
        "report": partial(report, [output]),
    }
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for name, stage in stages.items():
        begin(name)
        started = monotonic()
        results[name] = stage()
        seconds[name] = round(monotonic() - started, 1)
        done(name, results[name])
    return results | {"seconds": seconds | {"total": round(sum(seconds.values()), 1)}}


def demo(output: str | Path = Path("build/demo"), *, quiet: bool = False, say: Say = silent) -> list[dict[str, Any]]:
    """Everything on embedded data: train M = 1, 2, 3, compile, evaluate, simulate, report; return the report's rows."""
    from rebnet.report import write_report

    output, builds = path_of(output), []
    for levels in (1, 2, 3):
        run, place = output / f"run-m{levels}", output / f"build-m{levels}"
        say(f"M={levels}: training {DEMO_NETWORK} on digits")
        train(DEMO_NETWORK, "digits", levels, run, quiet=quiet)
        say(f"M={levels}: compiling")
        compile(run, place)
        say(f"M={levels}: evaluating the integer network")
        evaluate(place, "digits")
        say(f"M={levels}: simulating the RTL, every held-out image")
        simulate(place, "digits")
        builds.append(place)
    rows = write_report(builds, output / "report.json")
    report(builds, output / REPORT_FILE)
    return rows
