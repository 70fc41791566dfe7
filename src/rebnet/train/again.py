"""Train again what a record tells: the training itself and, before it, those that it started and learned from."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

from rebnet.datasets import Dataset
from rebnet.errors import FileFormatError
from rebnet.nn.options import FLOAT_LEVELS
from rebnet.records import Training, read
from rebnet.records.request import Request
from rebnet.records.training import Told
from rebnet.train.folder import BEFORE, RECORD_FILE, check_output
from rebnet.train.loop import train
from rebnet.train.recipe import Recipe, recipe_of

_ALL = {field.name for field in fields(Told)} - {"start_from", "teacher"}
"""Keys without which a training cannot be done again."""


@dataclass(frozen=True)
class Stage:
    """One training of a chain.

    Attributes:
        training: What a record says about it.
        recipe: Its recipe.
        folder: Its run.
        start: The run that it starts from.
        teacher: The run that it learns from.
    """

    training: Told
    recipe: Recipe
    folder: Path
    start: Path | None
    teacher: Path | None

    def __str__(self) -> str:
        """The stage in a few words, such as "M = 3, any level, 14 epochs"."""
        levels = "float" if self.training.levels == FLOAT_LEVELS else f"M = {self.training.levels}"
        kind = ", any level" if self.training.any_levels else ""
        epochs = self.training.epochs
        return f"{levels}{kind}, {epochs} epoch{'' if epochs == 1 else 's'}"


def retrain(
    source: Path,
    load: Callable[[str], Dataset],
    output: Path,
    *,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    say: Callable[[str], None] = lambda stage: None,
    request: Request | None = None,
) -> Training:
    """Train what the training.json in `source` tells, and write the run into `output`; see `rebnet.train.train`.

    The trainings before it lie in `output`/before. On the kind of machine that trained the record, the same processes
    and the same version, the weights are the same, bit for bit; elsewhere they differ as those of two seeds do.

    Args:
        source: Folder of a run, a build, or a network of the zoo.
        load: Loads the data set of a name.
        output: Folder of the run.
        seed: Seed of all trainings, in place of their own.
        resume: Go on where a call with the same arguments was interrupted; finished trainings are kept.
        device: As in `train`.
        quiet: Show no progress bars.
        say: Called with the name of each stage.
        request: What the caller was asked for; the last record keeps it.

    Returns:
        The record of the last training.

    Raises:
        FileFormatError: `source` holds no record, or one that does not tell how each training before it was done.
        RebnetError: As `train`.
    """
    path = source / RECORD_FILE
    check_output(output, resume, kept=(BEFORE,) if resume else ())
    record = read(path, Training)
    stages = plan(path, record, output, seed)
    for number, stage in enumerate(stages, start=1):
        if resume and stage is not stages[-1] and _is_done(stage):
            continue
        say(f"{number} of {len(stages)}: {stage}")
        record = train(
            stage.training.network or "",
            partial(load, stage.training.dataset or ""),
            stage.training.levels or 0,
            stage.folder,
            seed=stage.training.seed or 0,
            recipe=stage.recipe,
            input_bits=stage.training.input_bits or 0,
            gain_bits=stage.training.gain_bits or 0,
            any_levels=bool(stage.training.any_levels),
            start=stage.start,
            teacher=stage.teacher,
            resume=resume,
            device=device,
            quiet=quiet,
            request=request if stage is stages[-1] else None,
        )
    return record


def plan(path: Path, record: Training, output: Path, seed: int | None = None) -> list[Stage]:
    """The trainings that the record in file `path` tells, each behind those that it needs; every one once."""
    stages: list[Stage] = []

    def visit(training: Told | None, last: bool = False) -> Path | None:
        if training is None:
            return None
        told, recipe = _told(path, training, seed)
        start, teacher = visit(training.start_from), visit(training.teacher)
        for stage in stages:
            if (stage.training, stage.recipe, stage.start, stage.teacher) == (told, recipe, start, teacher):
                return stage.folder
        folder = output if last else output / BEFORE / str(len(stages) + 1)
        stages.append(Stage(told, recipe, folder, start, teacher))
        return folder

    visit(record.told, last=True)
    return stages


def _told(path: Path, training: Told, seed: int | None) -> tuple[Told, Recipe]:
    """What is told about one training, without what it started and learned from; complete, or an error."""
    told = replace(training, start_from=None, teacher=None)
    if training.recipe is None or told.keys() != _ALL:
        raise FileFormatError(
            f"{path}: does not tell how each training before this one was done; it was written by an older rebnet, "
            "train it step by step with 'rebnet train', --start and --teacher"
        )
    recipe = recipe_of(path, training.recipe)
    return (told if seed is None else replace(told, seed=seed)), recipe


def _is_done(stage: Stage) -> bool:
    """Whether a stage's run is finished, and was trained as told; the float type is the machine's choice."""
    path = stage.folder / RECORD_FILE
    if not path.is_file():
        return False
    told, recipe = _told(path, read(path, Training).told, None)
    same = replace(told, recipe=None) == replace(stage.training, recipe=None)
    return same and replace(recipe, precision=stage.recipe.precision) == stage.recipe
