"""From a build to its records: `evaluate`, `simulate`, `synthesize`, `report`, `reproduce`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rebnet.choices import MODULE_TIMEOUT_S, PLACE_TIMEOUT_S, Engine, Synthesizer, Target, Timing
from rebnet.errors import OptionError
from rebnet.flow.say import ModuleProgress, Progress, Say, silent
from rebnet.paths import followed, path_of, some_path_of
from rebnet.records.request import request_of

if TYPE_CHECKING:
    from rebnet.datasets.dataset import Dataset
    from rebnet.ir.network import Network
    from rebnet.records import Adaptive, Evaluation, Online, Synthesis
    from rebnet.records.elsewhere import Elsewhere
    from rebnet.records.evaluation import Answered
    from rebnet.records.synthesis import VivadoProject, VivadoSynthesis
    from rebnet.reproduce import Reproduction
    from rebnet.simulate import Simulation

REPORT_FILE = "report.html"


def evaluate(
    build: str | Path,
    dataset: str,
    *,
    data_dir: str | Path | None = None,
    levels: int | None = None,
    engine: Engine = "packed",
    adaptive: tuple[int, ...] | None = None,
    max_loss: float = 0.5,
    online: bool = False,
    no_float: bool = False,
    where: str | Path | None = None,
    images: int | None = None,
    progress: Progress = silent,
    answered: "Callable[[Answered], None]" = silent,
) -> "Evaluation | Adaptive | Online | Elsewhere":
    """Run the integer network and the float one over the whole test set; write and return evaluation.json.

    The integer network answers first, and `answered` is called with its figures while the float one still runs. With
    `no_float` it answers alone.

    With `adaptive`, a ladder of level counts such as (1, 3), write and return adaptive.json instead; see
    `rebnet.evaluate.adaptive.evaluate_adaptive`. With `online`, write and return online.json; see
    `rebnet.evaluate.online.evaluate_online`.

    With `where`, a place that `rebnet.connect` knows, ask what answers there for the labels of `images` test images,
    all if None, count those that differ from the integer network's, and write nothing; see
    `rebnet.evaluate.elsewhere.evaluate_elsewhere`.
    """
    asked = request_of(evaluate, locals())
    _check_evaluation(levels, engine, adaptive, online, no_float)
    _check_place(build, engine, adaptive, online, no_float, where, images)
    from rebnet import datasets
    from rebnet.build_folder import EXPORTED, check_build
    from rebnet.engine.reference import served_index
    from rebnet.evaluate import evaluate as evaluate_network
    from rebnet.evaluate.adaptive import evaluate_adaptive
    from rebnet.evaluate.online import evaluate_online
    from rebnet.files import make_folder
    from rebnet.ir import storage

    build = path_of(build)
    check_build(build)
    network = storage.load(build)
    served_index(network, levels)  # refusals before anything takes its time
    if where is None:
        make_folder(build)
    data = datasets.load(dataset, some_path_of(data_dir))
    if where is not None:
        return _elsewhere(build, network, data, where, images, levels, progress)
    if online:
        return evaluate_online(build, build / EXPORTED, data, asked)
    if adaptive is not None:
        return evaluate_adaptive(build, data, adaptive, max_loss=max_loss, progress=progress, request=asked)
    return evaluate_network(build, build / EXPORTED, data, levels, engine, progress, answered, asked, no_float)


def _elsewhere(
    build: Path,
    network: "Network",
    data: "Dataset",
    where: str | Path,
    images: int | None,
    levels: int | None,
    progress: Progress,
) -> "Elsewhere":
    from rebnet.connections import connect_as
    from rebnet.evaluate.elsewhere import check_asked, evaluate_elsewhere

    check_asked(network, data, images, levels)
    with connect_as(where, build) as there:
        return evaluate_elsewhere(there, str(where), data, images, levels, progress)


def _check_evaluation(
    levels: int | None, engine: str, adaptive: tuple[int, ...] | None, online: bool, no_float: bool
) -> None:
    if engine not in get_args(Engine):
        raise OptionError(f"engine={engine!r}: use {', '.join(get_args(Engine))}")
    if no_float and (online or adaptive is not None):
        given = "online compares float networks" if online else "an adaptive evaluation runs none"
        raise OptionError(f"no_float: leaves the float network out, and {given}; leave --no-float out")
    if online and (levels is not None or adaptive is not None or engine != "packed"):
        raise OptionError("online: runs the float network at all levels; leave --levels, --engine and --adaptive out")
    if adaptive is not None and levels is not None:
        raise OptionError(f"levels={levels}: an adaptive evaluation runs at its ladder's levels; leave --levels out")
    if adaptive is not None and engine != "packed":
        raise OptionError(f"engine={engine!r}: an adaptive evaluation uses the packed engine; leave --engine out")


def _check_place(
    build: str | Path,
    engine: str,
    adaptive: tuple[int, ...] | None,
    online: bool,
    no_float: bool,
    where: str | Path | None,
    images: int | None,
) -> None:
    """What is evaluated is a build, here or elsewhere; elsewhere only labels are asked for."""
    from rebnet.zoo import PREFIX

    name = str(build)
    if name.startswith(PREFIX):
        made = f"build/{name.removeprefix(PREFIX)}"
        raise OptionError(
            f"{name}: is a trained network, and what is evaluated is a build; run 'rebnet compile {name} --output "
            f"{made}', with --until lower where no RTL is wanted, and evaluate {made}"
        )
    if where is None:
        if images is not None:
            raise OptionError(
                f"images={images}: evaluation.json is of all test images; name a --where, or leave --images out"
            )
        return
    for given, shown in ((adaptive is not None, "--adaptive"), (online, "--online"), (no_float, "--no-float")):
        if given:
            raise OptionError(
                f"where={str(where)!r}: no float network and no ladder runs elsewhere, labels are compared with the "
                f"integer network's; leave {shown} out"
            )
    if engine != "packed":
        raise OptionError(
            f"engine={engine!r}: what answers elsewhere is compared with the packed engine; leave --engine out"
        )


def simulate(
    build: str | Path,
    dataset: str,
    *,
    data_dir: str | Path | None = None,
    images: int | None = None,
    levels: tuple[int, ...] | None = None,
    stalls: int | None = None,
    processes: int | None = None,
    trace: str | Path | None = None,
    trees: bool = False,
    edited: bool = False,
    cache_dir: str | Path | None = None,
    say: Say = silent,
    progress: Progress = silent,
) -> "Simulation":
    """Send test images through the RTL under Verilator; see `rebnet.simulate.simulate`."""
    asked = request_of(simulate, locals())
    from rebnet import datasets
    from rebnet.build_folder import check_build
    from rebnet.files import make_folder
    from rebnet.ir import storage
    from rebnet.simulate import check_options
    from rebnet.simulate import simulate as simulate_build

    build = path_of(build)
    check_options(stalls, processes, some_path_of(trace))  # refusals before anything takes its time
    check_build(build)
    storage.load(build)
    make_folder(build)
    return simulate_build(
        build,
        datasets.load(dataset, some_path_of(data_dir)),
        images=images,
        levels=levels,
        stalls=stalls,
        processes=processes,
        trace=some_path_of(trace),
        trees=trees,
        edited=edited,
        cache_dir=some_path_of(cache_dir),
        status=say,
        progress=progress,
        request=asked,
    )


def synthesize(
    build: str | Path,
    *,
    part: str | None = None,
    board: str | None = None,
    tool: Synthesizer = "yosys",
    timing: Timing | None = None,
    place_and_route: bool = False,
    target_mhz: float | None = None,
    seed: int = 1,
    scores: bool = True,
    place_timeout: float = PLACE_TIMEOUT_S,
    timeout: float = MODULE_TIMEOUT_S,
    processes: int | None = None,
    cache_dir: str | Path | None = None,
    edited: bool = False,
    progress: ModuleProgress = silent,
) -> "Synthesis | VivadoSynthesis | VivadoProject":
    """Count what the accelerator takes of a part or board; see `rebnet.synthesize.synthesize`.

    With `timing`, each unit alone is timed as well, by "levels" of logic or "routed", in nanoseconds too; see
    `rebnet.synthesize.alone`. With `tool="vivado"`, write a project for it, run it where Vivado is installed, and take
    the figures from its reports; see `rebnet.synthesize.vivado`. With `place_and_route`, make the bitstream of a board
    too; see `rebnet.synthesize.place.place_and_route`, which takes `target_mhz`, `seed`, `scores` and `place_timeout`,
    seconds.
    With `edited`, take the build's `rtl/` and `mem/` also where its network and folding generate others.
    """
    asked = request_of(synthesize, locals())
    from rebnet import boards
    from rebnet.files import make_folder
    from rebnet.synthesize import alone, place
    from rebnet.synthesize import synthesize as synthesize_build
    from rebnet.synthesize.vivado import synthesize_with_vivado

    if tool not in get_args(Synthesizer):
        raise OptionError(f"tool={tool!r}: use {' or '.join(get_args(Synthesizer))}")
    if place_and_route and (board is None or tool != "yosys"):
        raise OptionError("place-and-route: needs a board with a pin file, and yosys; use --board ulx3s-85")
    chosen, build = boards.named_once(part, board), path_of(build)
    if timing is not None:
        alone.check(chosen, timing, tool, seed)
    if tool == "vivado":
        return synthesize_with_vivado(
            build, chosen, edited=edited, say=lambda stage: progress(stage, 0, 0), request=asked
        )
    if build.is_dir():  # a refusal before the count takes its time, as the next
        make_folder(build)
    if place_and_route:
        place.check(chosen, target_mhz=target_mhz, seed=seed, timeout_s=place_timeout)
    cache = some_path_of(cache_dir)

    def timed(record: "Synthesis") -> "Synthesis":
        if timing is None or (place_and_route and not record.fits):  # refused next, by what was counted
            return record
        return alone.add_timing(
            build,
            chosen,
            record,
            routed=timing == "routed",
            seed=seed,
            timeout_s=timeout,
            processes=processes,
            edited=edited,
            progress=progress,
        )

    record = synthesize_build(
        build,
        chosen,
        cache_dir=cache,
        timeout_s=timeout,
        processes=processes,
        edited=edited,
        progress=progress,
        request=asked,
        more=timed,
    )
    if not place_and_route:
        return record
    return place.place_and_route(
        build,
        chosen,
        target_mhz=target_mhz,
        seed=seed,
        scores=scores,
        timeout_s=place_timeout,
        edited=edited,
        say=lambda stage: progress(stage, 0, 0),
    )


def report(builds: str | Path | Sequence[str | Path], output: str | Path | None = None) -> Path:
    """Write the page of one build or of several; see `rebnet.report.report`.

    Args:
        builds: a folder that `compile` made, or several.
        output: the page, or a link to it; report.html in the build if not given, or build/report.html for several.
    """
    from rebnet.build_folder import check_build
    from rebnet.report import report as report_builds

    folders = [path_of(build) for build in _several(builds)]
    for folder in folders:
        check_build(folder)
    if output is not None:
        return report_builds(folders, followed(path_of(output)))
    place = Path("build") if len(folders) > 1 else next(iter(folders), Path("build"))
    return report_builds(folders, place / REPORT_FILE)


def _several(paths: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """Paths, where one may stand for itself."""
    return [paths] if isinstance(paths, str | Path) else paths


def reproduce(
    target: Target,
    output: str | Path = Path("build/reproduce"),
    *,
    dataset: str | None = None,
    from_: str | Path | Sequence[str | Path] = (),
    train: str | Path | None = None,
    epochs: int | None = None,
    rows: Sequence[str] = (),
    data_dir: str | Path | None = None,
    device: str = "auto",
    quiet: bool = False,
    say: Say = silent,
) -> "Reproduction":
    """Make a table, a figure or a study from records; see `rebnet.reproduce.reproduce`.

    `train` names the folder of a study's runs: what is missing there is trained first, see `rebnet.flow.study`, with
    `epochs`, `rows` and what follows.

    Raises:
        OptionError: `train`, or what belongs to it, is given to a target that trains nothing; and see there.
    """
    from rebnet import zoo
    from rebnet.build_folder import check_build
    from rebnet.flow.study import EPOCHS, train_rows
    from rebnet.fold.timing.from_text import bound_cycles
    from rebnet.reproduce import STUDIES
    from rebnet.reproduce import reproduce as reproduce_target

    sources = _several(from_)
    if train is None and (epochs is not None or rows):
        raise OptionError("--epochs and --rows say what --train trains; name the folder of the runs with --train")
    if train is not None:
        if target not in STUDIES:
            raise OptionError(f"--train: {target} is made from records; studies are {', '.join(STUDIES)}")
        runs, told = path_of(train), {"data_dir": data_dir, "device": device, "quiet": quiet, "say": say}
        train_rows(runs, dataset or "cifar10", epochs=epochs or EPOCHS, rows=rows, **told)  # type: ignore[arg-type]
        sources = [*sources, runs]
    for source in sources:
        if not str(source).startswith(zoo.PREFIX):
            check_build(path_of(source))
    return reproduce_target(target, path_of(output), dataset=dataset, sources=sources, bound_cycles=bound_cycles)
