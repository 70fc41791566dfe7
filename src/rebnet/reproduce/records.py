"""The records of runs and builds, as numbers that know where they come from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rebnet import zoo
from rebnet.errors import FileFormatError, FoldingError, NotationError, OptionError
from rebnet.ir.notation import Architecture, parse
from rebnet.records import (
    Evaluation,
    Folding,
    Online,
    Record,
    Simulation,
    Synthesis,
    Training,
    among,
    read,
    read_if_there,
)
from rebnet.records.chain import read_whole
from rebnet.records.training import Told
from rebnet.reproduce.published import CLOCK_MHZ
from rebnet.reproduce.utilisation import Utilisation, utilisation_of

Source = str | Path
BoundCycles = Callable[[Architecture, int, int], int | None]
"""Cycles per image of a network, its levels and its input bits at the foldings of its text; None where one is open."""

_TRAINING = ("input_bits", "seed", "epochs", "curve", "validation_accuracy")


@dataclass(frozen=True)
class Figure:
    """A number, its unit, and where it comes from."""

    value: float
    unit: str
    origin: str

    @property
    def record(self) -> dict[str, object]:
        """As the JSON holds it."""
        return vars(self)


@dataclass(frozen=True)
class Run:
    """What the records of one folder say of a trained network.

    Attributes:
        name: the folder as it was named, or zoo:NAME.
        network: its network.
        dataset: name of the data set it was trained on.
        levels: M.
        input_bits: bits of a pixel.
        seed: seed of the training.
        epochs: passes over the training images.
        validation: validation accuracy after each epoch, percent.
        float_accuracy: test accuracy of the float network with snapped gains.
        integer_accuracy: test accuracy of the integer network at M levels, where `evaluate` ran.
        model_cycles: cycles per image that the cycle model says: the build's, or else those of the text's folding.
        rtl_cycles: cycles per image that the RTL took at M levels, where `simulate` ran without stalls.
        paper_folding: whether the cycles are those of the foldings in the network's text.
        model_latency: cycles from the first image's first beat to its last score that the cycle model says at M levels.
        rtl_latency: the same as the RTL took it, where `simulate` ran at M levels without stalls.
        utilisation: what synthesis counted, where `synthesize` ran.
        online: online.json, where `evaluate --online` ran on this data set.
        recipe: fields of the recipe, as the record holds them.
        taught: whether another network taught it.
    """

    name: str
    network: Architecture
    dataset: str
    levels: int
    input_bits: int
    seed: int
    epochs: int
    validation: tuple[float, ...]
    float_accuracy: Figure
    integer_accuracy: Figure | None
    model_cycles: Figure | None
    rtl_cycles: Figure | None
    paper_folding: bool
    model_latency: Figure | None = None
    rtl_latency: Figure | None = None
    utilisation: Utilisation | None = None
    online: Online | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    taught: bool = False

    @property
    def accuracy(self) -> Figure:
        """The integer network's accuracy, or else the float network's."""
        return self.integer_accuracy or self.float_accuracy

    @property
    def images_per_second(self) -> Figure | None:
        """Throughput at the assumed clock, from the RTL's cycles, or else the model's."""
        cycles, name = (self.rtl_cycles, "rtl_cycles") if self.rtl_cycles else (self.model_cycles, "model_cycles")
        if cycles is None:
            return None
        origin = f"{CLOCK_MHZ} MHz (assumed, as in the paper's Table III) / {name}"
        return Figure(round(CLOCK_MHZ * 1e6 / cycles.value), "images/s", origin)


def datasets_of(runs: Sequence[Run], dataset: str | None, folders: str) -> list[str]:
    """The data sets that the runs were trained on, in their order, or the one that was asked for.

    Args:
        runs: all that there are.
        dataset: the one that was asked for, if any.
        folders: what to name with --from, "runs" or "builds", where it is missing.

    Raises:
        OptionError: no run was trained on the data set that was asked for.
    """
    datasets = list(dict.fromkeys(run.dataset for run in runs))
    if dataset is None:
        return datasets
    if dataset not in datasets:
        raise OptionError(
            f"dataset={dataset!r}: none of the records is of a training on it, they are of {', '.join(datasets)}; "
            f"name folders of its {folders} with --from"
        )
    return [dataset]


def read_runs(sources: Sequence[Source], bound_cycles: BoundCycles) -> list[Run]:
    """The runs in these folders, in their order; those of the zoo where none is named.

    Raises:
        OptionError: a network of the zoo that there is not, or a simulation that found mismatches.
        FileFormatError: a record is missing, damaged or edited into nonsense.
    """
    return [read_run(source, bound_cycles) for source in sources or [zoo.PREFIX + name for name in zoo.OF_THE_PAPER]]


def read_run(source: Source, bound_cycles: BoundCycles) -> Run:
    """What the records in one folder, a run or a build, or those of `zoo:NAME` say; see `read_runs`."""
    name = str(source)
    folder = zoo.folder(name) if name.startswith(zoo.PREFIX) else Path(name)
    path = folder / "training.json"
    if read(path, Training).test_accuracy is None:
        raise FileFormatError(f"{path}: is of a regression, and what is reproduced are accuracies; leave it out")
    training = read(path, Training, needs=_TRAINING)
    assert training.test_accuracy is not None
    network = _network(path, training.network)
    levels, dataset = training.levels, training.dataset
    records = _records(name, folder)
    folding = among(records, Folding)
    model, is_paper = _model_cycles(name, network, training, folding, bound_cycles)
    return Run(
        name=name,
        network=network,
        dataset=dataset,
        levels=levels,
        input_bits=training.input_bits or 0,
        seed=training.seed or 0,
        epochs=training.epochs or 0,
        validation=tuple(entry.judged for entry in training.curve or ()),
        float_accuracy=Figure(training.test_accuracy, "%", f"{name}/training.json test_accuracy"),
        integer_accuracy=_integer_accuracy(name, among(records, Evaluation), dataset, levels),
        model_cycles=model,
        rtl_cycles=_rtl_figure(name, among(records, Simulation), dataset, levels, "cycles_per_image"),
        paper_folding=is_paper,
        model_latency=_model_latency(name, folding, levels),
        rtl_latency=_rtl_figure(name, among(records, Simulation), dataset, levels, "latency_cycles"),
        utilisation=utilisation_of(name, among(records, Synthesis)),
        online=_online(among(records, Online), dataset),
        recipe=dict(training.recipe or {}),
        taught=isinstance(training.teacher, Told),
    )


def _records(name: str, folder: Path) -> Mapping[str, Record]:
    """All records of the folder; they must be of each other, but in the zoo, which has no build to compare with."""
    if not name.startswith(zoo.PREFIX):
        return read_whole(folder)
    evaluation = read_if_there(folder / Evaluation.FILE, Evaluation)
    return {} if evaluation is None else {"evaluation.json": evaluation}


def _network(path: Path, text: str) -> Architecture:
    try:
        return parse(text)
    except (NotationError, FoldingError) as error:
        raise FileFormatError(f"{path}: key 'network' holds no network text ({error}); train again") from None


def _integer_accuracy(name: str, evaluation: Evaluation | None, dataset: str, levels: int) -> Figure | None:
    """The accuracy of evaluation.json, where it is of this data set at all levels."""
    if evaluation is None or (evaluation.dataset, evaluation.levels) != (dataset, levels):
        return None
    assert evaluation.accuracy is not None
    return Figure(evaluation.accuracy, "%", f"{name}/evaluation.json accuracy")


def _online(online: Online | None, dataset: str) -> Online | None:
    """The record, where it is of this data set."""
    return online if online is not None and online.dataset == dataset else None


def _model_latency(name: str, folding: Folding | None, levels: int) -> Figure | None:
    if folding is None or folding.levels != levels:
        return None
    return Figure(folding.predicted_latency_cycles, "cycles", f"{name}/folding.json predicted_latency_cycles")


def _rtl_figure(name: str, simulation: Simulation | None, dataset: str, levels: int, key: str) -> Figure | None:
    """Cycles of simulation.json, where all images ran at all levels and nothing stalled."""
    if simulation is None:
        return None
    if simulation.mismatches:
        raise OptionError(
            f"{name}/simulation.json: mismatches={simulation.mismatches}; an RTL that computes something "
            "else has no place in a comparison; compile and simulate again, or leave the folder out"
        )
    cycles = simulation.latency_cycles if key == "latency_cycles" else simulation.cycles_per_image
    if simulation.levels != (levels,) or simulation.dataset != dataset or not cycles:
        return None
    origin = f"{name}/simulation.json {key}, {simulation.images} images"
    return Figure(cycles, "cycles", origin)


def _model_cycles(
    name: str,
    network: Architecture,
    training: Training,
    folding: Folding | None,
    bound_cycles: BoundCycles,
) -> tuple[Figure | None, bool]:
    """Cycles per image, and whether they are those of the text's foldings."""
    levels = training.levels
    if folding is not None and folding.levels == levels:
        built = [(layer.pe, layer.simd) for layer in folding.layers]
        text = [(layer.folding.pe, layer.folding.simd) for layer in network.weighted if layer.folding is not None]
        cycles = folding.predicted_cycles_per_image
        return Figure(cycles, "cycles", f"{name}/folding.json predicted_cycles_per_image"), built == text
    bound = bound_cycles(network, levels, training.input_bits or 0)
    if bound is None:
        return None, False
    return Figure(bound, "cycles", "slowest part at the foldings of the network's text"), True
