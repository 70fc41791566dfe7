"""The verbs in the order that data flows; `demo` runs all of them, and any other function stops where it says.

    train     images, a network text          -> run/    model.safetensors, training.json
    retrain   the record of a run             -> run/    the same, and before/ with the runs that came before
    compile   a run, or a network of the zoo  -> build/  exported/, network.json, tensors.safetensors,
                                                         folding.json, rtl/, mem/, ports.json
    generate  build                           -> build/  c/ (NAME.c, NAME.h), or rtl/, mem/, ports.json once more
    evaluate  build, images                   -> build/  evaluation.json, adaptive.json or online.json
    simulate  build, images                   -> build/  simulation.json
    report    records of builds               -> report.html
    reproduce records of runs and builds      -> TARGET.json, TARGET.md, TARGET.svg, TARGET.png

The command line offers the same verbs with the same options. torch is needed by `train`, by `retrain`, and by `compile`
where it reads a run.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from rebnet import boards, datasets, zoo
from rebnet.build_folder import EXPORTED, TRAINING_FILE, check_output, replace_build
from rebnet.errors import OptionError
from rebnet.evaluate import Engine
from rebnet.evaluate import evaluate as evaluate_network
from rebnet.evaluate.adaptive import evaluate_adaptive
from rebnet.evaluate.online import evaluate_online
from rebnet.files import file_hash, make_folder, output_errors, read_record
from rebnet.fold import fold
from rebnet.fold.fit import requested
from rebnet.fold.from_text import bound_cycles
from rebnet.generate import Target as GenerateTarget
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.ops import Network
from rebnet.lower import lower
from rebnet.report import report as report_builds
from rebnet.report import write_report
from rebnet.reproduce import Reproduction, Target
from rebnet.reproduce import reproduce as reproduce_target
from rebnet.simulate import Simulation
from rebnet.simulate import simulate as simulate_build
from rebnet.synthesize import DEFAULT_TIMEOUT_S
from rebnet.synthesize import synthesize as synthesize_build
from rebnet.synthesize.place import TIMEOUT_S as PLACE_TIMEOUT_S
from rebnet.synthesize.place import check as check_place
from rebnet.synthesize.place import place_and_route as place_build
from rebnet.synthesize.vivado import synthesize_with_vivado

REPORT_FILE = "report.html"
DEMO_NETWORK = "8x8x1 - D128(16,16) - D128(16,16) - D10(2,16)"

Say = Callable[[str], None]
Stage = Literal["lower", "generate"]
Synthesizer = Literal["yosys", "vivado"]


def _silent(stage: str) -> None:
    """Say nothing."""


def train(
    network: str,
    dataset: str,
    levels: int,
    output: Path,
    *,
    data_dir: Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    recipe: str | None = None,
    start: Path | None = None,
    teacher: Path | None = None,
    resume: bool = False,
    input_bits: int = 8,
    width: float = 1,
    gain_bits: int = 8,
    any_levels: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> dict[str, Any]:
    """Train a network; see `rebnet.train.train`. Returns the record of training.json."""
    from rebnet.train import train as train_network

    return train_network(
        network,
        partial(datasets.load, dataset, data_dir),
        levels,
        output,
        epochs=epochs,
        seed=seed,
        recipe=recipe,
        start=start,
        teacher=teacher,
        resume=resume,
        input_bits=input_bits,
        width=width,
        gain_bits=gain_bits,
        any_levels=any_levels,
        device=device,
        quiet=quiet,
    )


def retrain(
    source: str | Path,
    output: Path,
    *,
    data_dir: Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    say: Say = _silent,
) -> dict[str, Any]:
    """Train again what the record of a run or a network of the zoo tells; see `rebnet.train.again.retrain`."""
    from rebnet.train import retrain as train_again

    load = partial(datasets.load, data_dir=data_dir)
    return train_again(
        _source(str(source)), load, output, seed=seed, resume=resume, device=device, quiet=quiet, say=say
    )


def compile(  # noqa: A001 - the verb's name
    source: str | Path,
    output: Path,
    *,
    folding: str | None = None,
    target_cycles: int | None = None,
    board: str | None = None,
    target_fps: float | None = None,
    max_utilisation: float | None = None,
    clock_mhz: float | None = None,
    fixed_levels: bool = False,
    threshold_bits: int = 24,
    until: Stage = "generate",
    say: Say = _silent,
) -> Network:
    """Turn a trained network into SystemVerilog: export, lower, fold, generate.

    Everything is made beside `output` and put in its place at the end, so `output` is the old build or the new one.

    Args:
        source: folder of a finished training, or `zoo:NAME`.
        output: folder of the build.
        folding: "paper", "balanced", a folding.json, or None for the text's where given, else balanced.
        target_cycles: most cycles per image that a balanced layer may take.
        board: board or part. Without a `folding`, the cheapest for it that reaches `target_fps` is searched, or without
            a target the fastest that fits; with one, what it takes of the board is predicted.
        target_fps: images per second at M levels and the clock.
        max_utilisation: percent of the device's LUT, block RAM and multipliers that may be taken; 90 if None.
        clock_mhz: clock, MHz; None for the board's.
        fixed_levels: drop the constants for fewer than M levels.
        threshold_bits: T, width of thresholds and steps.
        until: the last stage; "lower" ends with the integer network, which `evaluate` runs.
        say: called with the name of each stage.

    Returns:
        The lowered network.

    Raises:
        RebnetError: see the stages.
    """
    if until not in get_args(Stage):
        raise OptionError(f"until={until!r}: use {' or '.join(get_args(Stage))}")
    request = requested(board, target_fps, max_utilisation, clock_mhz)
    run = _source(str(source))
    check_output(output)
    make_folder(output.parent)
    with (
        output_errors(output.parent),
        tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as place,
    ):
        build = Path(place) / "build"
        say("exporting")
        exported = _export(run)
        read_record(run / TRAINING_FILE, {})
        storage.save(exported, build / EXPORTED, training=file_hash(run / TRAINING_FILE))
        shutil.copyfile(run / TRAINING_FILE, build / TRAINING_FILE)
        say("lowering")
        network = lower(exported, fixed_levels=fixed_levels, threshold_bits=threshold_bits)
        storage.save(network, build, exported=file_hash(build / EXPORTED / storage.NETWORK_FILE))
        if until == "generate":
            say("folding")
            fold(build, folding=folding, target_cycles=target_cycles, request=request, progress=say)
            say("generating")
            generate(build)
        replace_build(build, output)
    return network


def _source(source: str) -> Path:
    """The folder that `source` names."""
    if source.startswith(zoo.PREFIX):
        return zoo.folder(source)
    if source in zoo.NAMES and not Path(source).is_dir():
        raise OptionError(f"{source}: no such folder; write {zoo.PREFIX}{source} for the network of the zoo")
    if not Path(source).is_dir():
        raise OptionError(
            f"{source}: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
            f"{zoo.PREFIX}{zoo.NAMES[0]}"
        )
    return Path(source)


def dataset_of(source: str) -> str:
    """The data set that a training was made with; source and errors as in `compile`."""
    return str(read_record(_source(source) / TRAINING_FILE, {"dataset": str})["dataset"])


def _export(run: Path) -> Network:
    if (run / storage.NETWORK_FILE).is_file():
        return storage.load(run)
    from rebnet.export import export_run

    return export_run(run)


def evaluate(
    build: Path,
    dataset: str,
    *,
    data_dir: Path | None = None,
    levels: int | None = None,
    engine: Engine = "packed",
    adaptive: tuple[int, ...] | None = None,
    max_loss: float = 0.5,
    online: bool = False,
    progress: Callable[[int], None] = lambda images_done: None,
) -> dict[str, Any]:
    """Run the integer network and the float one over the whole test set; write and return evaluation.json.

    With `adaptive`, a ladder of level counts such as (1, 3), write and return adaptive.json instead; see
    `rebnet.evaluate.adaptive.evaluate_adaptive`. With `online`, write and return online.json; see
    `rebnet.evaluate.online.evaluate_online`.
    """
    if online:
        if levels is not None or adaptive is not None or engine != "packed":
            raise OptionError(
                "online: runs the float network at all levels; leave --levels, --engine and --adaptive out"
            )
        return evaluate_online(build, build / EXPORTED, datasets.load(dataset, data_dir))
    if adaptive is None:
        return evaluate_network(build, build / EXPORTED, datasets.load(dataset, data_dir), levels, engine, progress)
    if levels is not None:
        raise OptionError(f"levels={levels}: an adaptive evaluation runs at its ladder's levels; leave --levels out")
    if engine != "packed":
        raise OptionError(f"engine={engine!r}: an adaptive evaluation uses the packed engine; leave --engine out")
    return evaluate_adaptive(build, datasets.load(dataset, data_dir), adaptive, max_loss=max_loss, progress=progress)


def simulate(
    build: Path,
    dataset: str,
    *,
    data_dir: Path | None = None,
    images: int | None = None,
    levels: tuple[int, ...] | None = None,
    stalls: int | None = None,
    processes: int | None = None,
    trace: Path | None = None,
    trees: bool = False,
    say: Say = _silent,
    progress: Callable[[int], None] = lambda images_done: None,
) -> Simulation:
    """Send test images through the RTL under Verilator; see `rebnet.simulate.simulate`."""
    return simulate_build(
        build,
        datasets.load(dataset, data_dir),
        images=images,
        levels=levels,
        stalls=stalls,
        processes=processes,
        trace=trace,
        trees=trees,
        status=say,
        progress=progress,
    )


def synthesize(
    build: Path,
    *,
    part: str | None = None,
    board: str | None = None,
    tool: Synthesizer = "yosys",
    timeout_s: float = DEFAULT_TIMEOUT_S,
    processes: int | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda module, done, total: None,
) -> dict[str, Any]:
    """Count what the accelerator takes of a part or board; see `rebnet.synthesize.synthesize`.

    With `tool="vivado"`, write a project for it, run it where Vivado is installed, and take the figures from its
    reports; see `rebnet.synthesize.vivado`.
    """
    chosen = boards.named_once(part, board)
    if tool not in get_args(Synthesizer):
        raise OptionError(f"tool={tool!r}: use {' or '.join(get_args(Synthesizer))}")
    if tool == "vivado":
        return synthesize_with_vivado(build, chosen, say=lambda stage: progress(stage, 0, 0))
    return synthesize_build(
        build, chosen, cache_dir=cache_dir, timeout_s=timeout_s, processes=processes, progress=progress
    )


def report(builds: Sequence[Path], output: Path | None = None) -> Path:
    """Write the page of one build or of several; see `rebnet.report.report`.

    Args:
        builds: folders that `compile` made.
        output: the page; report.html in the build if not given, or build/report.html for several.
    """
    place = Path("build") if len(builds) > 1 else next(iter(builds), Path("build"))
    return report_builds(builds, output or place / REPORT_FILE)


def place_and_route(
    build: Path,
    board: str,
    *,
    target_mhz: float | None = None,
    seed: int = 1,
    scores: bool = True,
    timeout_s: float = PLACE_TIMEOUT_S,
    say: Say = _silent,
) -> dict[str, Any]:
    """Make the bitstream of a board, once `synthesize` has counted for it; add what was reached to synthesis.json.

    See `rebnet.synthesize.place.place_and_route`.
    """
    return place_build(
        build, boards.find(board), target_mhz=target_mhz, seed=seed, scores=scores, timeout_s=timeout_s, say=say
    )


def check_place_and_route(
    board: str, *, target_mhz: float | None = None, seed: int = 1, timeout_s: float = PLACE_TIMEOUT_S
) -> None:
    """Raise what `place_and_route` would for these options or a missing tool, before `synthesize` takes its time."""
    check_place(boards.find(board), target_mhz=target_mhz, seed=seed, timeout_s=timeout_s)


def reproduce(
    target: Target,
    output: Path = Path("build/reproduce"),
    *,
    dataset: str | None = None,
    from_: Sequence[str | Path] = (),
) -> Reproduction:
    """Make a table or figure of the paper from records; see `rebnet.reproduce.reproduce`."""
    return reproduce_target(target, output, dataset=dataset, sources=from_, bound_cycles=bound_cycles)


def demo(output: Path, *, quiet: bool = False, say: Say = _silent) -> list[dict[str, Any]]:
    """Everything on embedded data: train M = 1, 2, 3, compile, evaluate, simulate, report; return the report's rows."""
    builds = []
    for levels in (1, 2, 3):
        run, build = output / f"run-m{levels}", output / f"build-m{levels}"
        say(f"M={levels}: training {DEMO_NETWORK} on digits")
        train(DEMO_NETWORK, "digits", levels, run, quiet=quiet)
        say(f"M={levels}: compiling")
        compile(run, build)
        say(f"M={levels}: evaluating the integer network")
        evaluate(build, "digits")
        say(f"M={levels}: simulating the RTL, every held-out image")
        simulate(build, "digits")
        builds.append(build)
    rows = write_report(builds, output / "report.json")
    report(builds, output / REPORT_FILE)
    return rows


__all__ = [
    "DEFAULT_TIMEOUT_S",
    "PLACE_TIMEOUT_S",
    "Engine",
    "GenerateTarget",
    "Stage",
    "Synthesizer",
    "Target",
    "check_place_and_route",
    "compile",
    "dataset_of",
    "demo",
    "evaluate",
    "generate",
    "place_and_route",
    "report",
    "reproduce",
    "retrain",
    "simulate",
    "synthesize",
    "train",
]
