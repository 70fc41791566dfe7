"""The verbs in a row: `build`, and `demo`, which trains first."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from rebnet.choices import Shell
from rebnet.errors import FoldingError
from rebnet.flow.network import compile, dataset_of, train  # noqa: A004 - the verb's name
from rebnet.flow.proof import REPORT_FILE, evaluate, report, simulate, synthesize
from rebnet.flow.say import Done, Progress, Say, silent
from rebnet.paths import path_of

if TYPE_CHECKING:
    from rebnet.records import Synthesis
    from rebnet.records.report import Row

ROUNDS = 3
"""Searches of `build` at most, each with a margin measured from the synthesis before."""
DEMO_NETWORK = "8x8x1 - D16(8,16) - D16(4,4) - D10(2,8)"


def build(
    source: str | Path,
    output: str | Path,
    *,
    board: str | None = None,
    part: str | None = None,
    folding: str | Path | None = None,
    target_fps: float | None = None,
    max_utilisation: float | None = None,
    clock_mhz: float | None = None,
    shell: Shell | None = None,
    input_scale: str | None = None,
    images: int | None = 100,
    dataset: str | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    begin: Say = silent,
    done: Done = silent,
    note: Say = silent,
    say: Say = silent,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Everything from a trained network to the page: compile, synthesize, evaluate, simulate, report.

    A stage that fails leaves those before it as they are. Where the count of a searched folding breaks the limit that
    was asked for, the search is done again and leaves free what was counted beyond the prediction, `ROUNDS` times at
    most.

    Args:
        source: folder of a finished training, or of an exported network alone, `zoo:NAME`, or a model of another
            framework, FILE.onnx.
        output: folder of the build.
        board: a board, such as "zc702".
        part: a part, such as "xc7s50", instead of a board.
        folding: as in `compile`; searched for the device if None.
        target_fps: images per second that the searched folding has to reach.
        max_utilisation: percent of the device that may be taken, counted; 90 for a searched folding if None.
        clock_mhz: clock, MHz; None for the board's.
        shell: as in `compile`.
        input_scale: as in `compile`.
        images: how many test images go through the RTL; all if None.
        dataset: test images; the training's own if None.
        data_dir: folder that holds the data sets.
        cache_dir: folder of kept results of synthesis and built simulators.
        begin: called with the name of each stage before it starts.
        done: called with the name of each stage and what its function returned.
        note: called with what a reader should know: that a limit is broken, and what follows.
        say: called with what a stage is at.
        progress: called with the number of images done since the last call.

    Returns:
        What each stage's function returned, by its name, and `seconds`, wall time of each and their total.

    Raises:
        FoldingError: what was counted breaks the limit, and no folding that was searched keeps it.
        RebnetError: see the stages.
    """
    from rebnet.boards import named_once

    named_once(part, board)
    chosen = dataset or dataset_of(source)
    fits = partial(
        compile,
        source,
        output,
        folding=folding,
        target_fps=target_fps,
        max_utilisation=max_utilisation,
        clock_mhz=clock_mhz,
        shell=shell,
        input_scale=input_scale,
        say=say,
    )
    if folding is None or any(asked is not None for asked in (max_utilisation, clock_mhz, shell)):
        fits = partial(fits, board=board, part=part)
    counts = partial(
        synthesize,
        output,
        board=board,
        part=part,
        cache_dir=cache_dir,
        progress=lambda module, *_: say(f"synthesizing {module}"),
    )
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}

    def run(name: str, stage: Callable[[], Any]) -> None:
        begin(name)
        started = monotonic()
        results[name] = stage()
        seconds[name] = round(seconds.get(name, 0.0) + monotonic() - started, 1)
        done(name, results[name])

    margin: dict[str, float] = {}
    for last in (*(False,) * (ROUNDS - 1), True):
        run("compile", partial(fits, margin=margin))
        run("synthesize", counts)
        if not broken(results["synthesize"]):
            break
        margin = _search_again(path_of(output), results["synthesize"], margin, last=last or folding is not None)
        note(f"{broken(results['synthesize'])}; searching again with that margin: {_words(margin)}")
    run("evaluate", partial(evaluate, output, chosen, data_dir=data_dir, progress=progress))
    run(
        "simulate",
        partial(
            simulate, output, chosen, images=images, data_dir=data_dir, cache_dir=cache_dir, say=say, progress=progress
        ),
    )
    run("report", partial(report, [output]))
    return results | {"seconds": seconds | {"total": round(sum(seconds.values()), 1)}}


def broken(synthesis: "Synthesis") -> str:
    """What a count says against the limit that was asked for; "" where it keeps it or there is none."""
    limit = synthesis.limit
    if not limit or limit.within:
        return ""
    return "counted " + ", ".join(
        f"{over.resource} {over.needed:g} of {over.allowed:.10g} allowed ({over.percent:.2f} % of the "
        f"device, more than the {limit.max_utilisation:g} % that were asked for)"
        for over in limit.exceeded or ()
    )


def _search_again(build: Path, synthesis: "Synthesis", margin: Mapping[str, float], *, last: bool) -> dict[str, float]:
    """The margin that the next search keeps.

    Raises:
        FoldingError: there is none to do, or it would find the same.
    """
    from rebnet import records
    from rebnet.boards import Resources
    from rebnet.fold.search.fit import counted_more

    folding = records.read(build / records.Folding.FILE, records.Folding, needs=("predicted_resources",))
    assert folding.predicted_resources is not None
    predicted, counted = (Resources.from_record(record.total) for record in (folding.predicted_resources, synthesis))
    measured = counted_more(predicted, counted)
    wider = {name: max(margin.get(name, 0.0), measured.get(name, 0.0)) for name in {**margin, **measured}}
    if last or wider == margin:
        tried = f" after {ROUNDS} searches" if last and folding.search is not None else ""
        raise FoldingError(
            f"{build}: {broken(synthesis)}{tried}; allow more with --max-utilisation, ask for fewer images per second, "
            "or name a larger device"
        )
    return wider


def _words(margin: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {percent:.1f} % more than predicted" for name, percent in margin.items())


def demo(
    output: str | Path = Path("build/demo"),
    *,
    cache_dir: str | Path | None = None,
    quiet: bool = False,
    say: Say = silent,
) -> "list[Row]":
    """Everything on embedded data: train M = 1, 2, 3, compile, evaluate, simulate, report; return the report's rows.

    Each training starts from the network of one level less, so that what a level is worth is more than chance.
    """
    from rebnet.report import write_report

    output, builds = path_of(output), []
    for levels in (1, 2, 3):
        run, place = output / f"run-m{levels}", output / f"build-m{levels}"
        say(f"M={levels}: training {DEMO_NETWORK} on digits")
        start = output / f"run-m{levels - 1}" if levels > 1 else None
        train(DEMO_NETWORK, "digits", levels, run, start=start, resume=True, quiet=quiet)
        say(f"M={levels}: compiling")
        compile(run, place)
        say(f"M={levels}: evaluating the integer network")
        evaluate(place, "digits")
        say(f"M={levels}: simulating the RTL, every held-out image")
        simulate(place, "digits", cache_dir=cache_dir)
        builds.append(place)
    rows = write_report(builds, output / "report.json")
    report(builds, output / REPORT_FILE)
    return rows
