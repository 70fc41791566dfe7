"""The verb `sweep`: the points of a study, each of them what the other verbs do in a row."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile, ZipFile

from rebnet.errors import FoldingError, OptionError
from rebnet.flow.network import compile, dataset_of, model_of, source_of, train  # noqa: A004 - the verb's name
from rebnet.flow.proof import evaluate, simulate, synthesize
from rebnet.flow.say import Say, silent
from rebnet.paths import followed, path_of, some_path_of

if TYPE_CHECKING:
    from rebnet.records.sweep import StepVerb, Sweep
    from rebnet.sweep.job import Executor
    from rebnet.sweep.plan import Step

_VERBS: Mapping["StepVerb", Callable[..., object]] = {
    "train": train,
    "compile": compile,
    "evaluate": evaluate,
    "simulate": simulate,
    "synthesize": synthesize,
}
_LEFT_OUT: Mapping[str, frozenset[str]] = {
    "train": frozenset({"output", "data_dir", "resume", "quiet"}),
    "compile": frozenset({"output", "until", "margin", "image", "say"}),
    "evaluate": frozenset({"build", "data_dir", "levels", "adaptive", "max_loss", "online", "progress", "answered"}),
    "simulate": frozenset(
        {"build", "data_dir", "levels", "processes", "trace", "edited", "cache_dir", "say", "progress"}
    ),
    "synthesize": frozenset({"build", "tool", "seed", "processes", "edited", "cache_dir", "progress"}),
}
"""What a point does not name: where things are, what the sweep itself says, and what means another verb's option."""
_WORKER = "rebnet.flow.steps"
_MIB = 2**20
_TORCH_MIB, _OTHER_MIB = 700, 500
"""What a process takes that has imported torch, and any other, beside what it computes on."""
_IMAGES_MIB = {"mnist": 52, "fashion-mnist": 52, "cifar10": 176, "svhn": 1846}
"""Pixels of published data sets, a byte each."""


def takes() -> dict["StepVerb", tuple[str, ...]]:
    """The options that a point may name, by the verb."""
    return {
        verb: tuple(name for name in inspect.signature(function).parameters if name not in _LEFT_OUT[verb])
        for verb, function in _VERBS.items()
    }


def known() -> dict[str, Any]:
    """The types of these options."""
    kinds = {
        name: _kind(inspect.signature(_VERBS[verb]).parameters[name].annotation)
        for verb, names in takes().items()
        for name in names
    }
    return kinds | {"images": int | Literal["all"]}


def _kind(annotation: Any) -> Any:
    """A type; one that is written as a text, as it names what is imported later, by what of it a study can hold."""
    if not isinstance(annotation, str):
        return annotation
    plain: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool}
    kinds = [plain[name] for name in annotation.replace(" ", "").split("|") if name in plain]
    return reduce(or_, kinds) if kinds else str


def sweep(
    study: str | Path,
    output: str | Path,
    *,
    workers: int | None = None,
    ray: str | None = None,
    threads: int | None = None,
    dry_run: bool = False,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    note: Say = silent,
    progress: "Callable[[Sweep], None]" = silent,
) -> "Sweep":
    """Do all points of a study, and write sweep.json and the page sweep.html; return the record.

    What is done already is not done again: the same study goes on, a training from its last checkpoint, and a changed
    one does what is new. What breaks ends no more than its own points, and is tried again by the next start.

    Args:
        study: STUDY.toml, see `rebnet.sweep.study`.
        output: folder of the sweep.
        workers: processes at once; one per core if None, or as many as the cluster has cores.
        ray: address of a Ray cluster whose machines do the steps; they must all see `output`, and have rebnet.
        threads: of a step; the cores shared among those that run if None, 1 on a cluster.
        dry_run: only tell what there would be to do; nothing is written.
        data_dir: folder that holds the data sets.
        cache_dir: folder of kept results of synthesis and built simulators.
        note: called with what a reader should know before it begins.
        progress: called with the record whenever something has changed.

    Raises:
        FileFormatError: the study is no TOML.
        MissingExtraError: Ray is asked for and not installed.
        OptionError: the study asks for what is not known, or a point is not legal; nothing was started.
        OutputError: the folder holds something else, or another sweep runs there.
    """
    from rebnet.files import write_record
    from rebnet.records.sweep import Sweep
    from rebnet.sweep import folder as folders
    from rebnet.sweep.plan import plan
    from rebnet.sweep.run import Run
    from rebnet.sweep.study import read_study

    path, place = path_of(study), followed(path_of(output)).absolute()
    if ray is not None and workers is not None:
        raise OptionError(f"workers={workers}: a cluster gives as many as it has cores; leave --workers or --ray out")
    if threads is not None and threads < 1:
        raise OptionError(f"threads={threads}: a step computes on one at least; use 1 or more")
    planned = plan(read_study(path, known()), takes(), _check, dataset_of)
    folders.check(place)
    folder = folders.Folder(place)
    runs_on: Literal["processes", "ray"] = "processes" if ray is None else "ray"
    dirs = {"data_dir": some_path_of(data_dir), "cache_dir": some_path_of(cache_dir)}
    if dry_run:
        return Run(planned, folder, runs_on=runs_on).record
    with ExitStack() as open_:
        open_.enter_context(folders.held(place))
        folder.prepare(path)
        run = Run(planned, folder, runs_on=runs_on, memory=_memory, watch=progress, **dirs)
        for sentence in _told(run.record):
            note(sentence)
        if all(step.state == "done" for step in run.record.steps):
            executor: Executor | None = None
        else:
            executor = open_.enter_context(_executor(place, ray, workers, threads, len(planned.points)))
        record = run.go(executor)
        write_record(place / Sweep.FILE, record)
        note(f"the page: {_page(place, record)}")
    return record


def _executor(place: Path, ray: str | None, workers: int | None, threads: int | None, points: int) -> Any:
    if ray is not None:
        from rebnet.sweep.cluster import Cluster

        return Cluster(_WORKER, ray, place, threads or 1)
    from rebnet.sweep.local import Local

    return Local(_WORKER, workers, points, threads)


def _page(place: Path, record: "Sweep") -> Path:
    from rebnet.report import report_sweep
    from rebnet.sweep.folder import PAGE_FILE

    return report_sweep(place, record, place / PAGE_FILE)


def _told(record: "Sweep") -> list[str]:
    """What there is to do, and what an earlier study has left."""
    states = [step.state for step in record.steps]
    users = sum(len(point.steps) for point in record.points)
    begun = f"; {done} are done already" if (done := states.count("done")) else ""
    said = [f"{len(record.points)} points, {len(states)} steps for what would be {users} alone{begun}"]
    if record.left:
        names = ", ".join(record.left[:3]) + ", …" * (len(record.left) > 3)
        many = len(record.left) > 1
        words = "points of an earlier study are not asked for now, and stay" if many else ""
        words = words or "point of an earlier study is not asked for now, and stays"
        said.append(f"{len(record.left)} {words} in points/: {names}")
    return said


def _check(verb: "StepVerb", options: Mapping[str, Any], at: Mapping[str, Any]) -> None:
    """Raise what a verb would say to these options, as far as that is known before anything is made."""
    if verb == "train":
        _check_training(options)
    elif verb == "compile":
        _check_compile(options, at)
    elif verb == "simulate":
        from rebnet.simulate import check_options

        check_options(options.get("stalls"), None, None)
        images = options.get("images", 1)
        if images != "all" and images < 1:
            raise OptionError(f"images={images}: use 1 or more, or 'all'")
    elif verb == "synthesize":
        from rebnet.boards import named_once

        named_once(options.get("part"), options.get("board"))
        if options.get("place_and_route") and "board" not in options:
            raise OptionError("place_and_route: needs a board with a pin file; name one, such as ulx3s-85")


def _check_training(options: Mapping[str, Any]) -> None:
    from rebnet.build_folder import TRAINING_FILE

    _trained(options)
    for name in ("start", "teacher"):
        if name in options and not (path_of(options[name]) / TRAINING_FILE).is_file():
            raise OptionError(f"{name}={options[name]}: holds no finished training; name a run")
    _check_dataset(options["dataset"])


def _trained(options: Mapping[str, Any]) -> Any:
    """The network and the recipe of a training.

    Raises:
        RebnetError: `rebnet.flow.train` would refuse it.
    """
    from rebnet.train.recipe import with_options
    from rebnet.train.request import check_request, recordable

    dataset = recordable(options["dataset"])
    said = (options.get(name) for name in ("weight_bits", "first_weight_bits", "last_weight_bits", "method"))
    own = {name: value for name, value in options.items() if name in inspect.signature(check_request).parameters}
    own |= {"dataset": dataset, "recipe": with_options(dataset, options.get("recipe"), *said)}
    return check_request(**own)


def _check_dataset(name: str) -> None:
    from rebnet.datasets import NAMES

    file = name.removeprefix("npz:")
    if name.startswith("npz:"):
        if not path_of(file).is_file():
            raise OptionError(f"dataset={name}: there is no such file")
    elif name not in NAMES:
        raise OptionError(f"dataset={name!r}: no such data set; use {', '.join(NAMES)}")


def _check_compile(options: Mapping[str, Any], at: Mapping[str, Any]) -> None:
    from rebnet.fold.search.choose import NAMES
    from rebnet.fold.search.fit import requested

    board, part, folding = (options.get(name) for name in ("board", "part", "folding"))
    if board is not None and part is not None:
        raise OptionError(f"board {board} and part {part}: name one of them")
    fit = (options.get(name) for name in ("target_fps", "max_utilisation", "clock_mhz"))
    requested(board or part, *fit)
    if folding is not None and folding not in NAMES and not path_of(folding).is_file():
        raise FoldingError(f"folding {folding!r}: use {', '.join(NAMES)}, search, or a folding.json that exists")
    if options.get("target_cycles", 1) < 1:
        raise FoldingError(f"target_cycles={options['target_cycles']}; use at least 1")
    source = options.get("source")
    if source is not None and model_of(source) is None:
        source_of(source)
    if folding == "paper" and "network" in at:
        _check_text(at["network"])


def _check_text(network: str) -> None:
    """Whether the text of a network gives every layer its folding."""
    from rebnet.ir.architecture import WeightedText, inside
    from rebnet.nn.networks import architecture

    for layer in inside(architecture(network).items):
        if isinstance(layer, WeightedText) and layer.folding is None:
            raise FoldingError(
                f"folding 'paper': layer {layer} has no (PE,SIMD); write them into the text, or use another"
            )


def _memory(step: "Step") -> int:
    """Bytes that a step is likely to take."""
    images = 2 * _image_bytes(str(step.options.get("dataset", "")))  # as they are read, and as they are used
    if step.verb != "train":
        return _OTHER_MIB * _MIB + images
    from rebnet.train.request import training_bytes

    return _TORCH_MIB * _MIB + images + training_bytes(*_trained(step.options))


def _image_bytes(dataset: str) -> int:
    """What all images of a data set take; those of folders stay on disk."""
    if not dataset.startswith("npz:"):
        return _IMAGES_MIB.get(dataset, 0) * _MIB
    try:
        with ZipFile(dataset.removeprefix("npz:")) as file:
            return sum(entry.file_size for entry in file.infolist())
    except (OSError, BadZipFile):  # its step will say so
        return 0
