"""The trainings of `reproduce repair-study`: every row that has no run yet, one after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebnet.errors import OptionError
from rebnet.flow.say import Say, silent

if TYPE_CHECKING:
    from rebnet.reproduce.records import Run
    from rebnet.reproduce.repairs import Benchmark, Repair
    from rebnet.train.recipe import Recipe

EPOCHS = 20


def train_rows(
    runs: Path,
    dataset: str,
    *,
    epochs: int = EPOCHS,
    rows: Sequence[str] = (),
    data_dir: str | Path | None = None,
    device: str = "auto",
    quiet: bool = False,
    say: Say = silent,
) -> None:
    """Train what of the study is not in `runs` yet; a training that was ended goes on from its checkpoint.

    Args:
        runs: folder of the runs, each named as its row; the float network that teaches is `float-teacher` there.
        dataset: a data set that the study has a network for.
        epochs: of every row.
        rows: names of these alone; all if none is given. The best three together wait until all others have run.
        data_dir: folder that holds the data sets.
        device: what is computed on.
        quiet: without the progress of each epoch.
        say: called with the name of each row before it is trained.

    Raises:
        OptionError: an unknown row or data set, or a run there is not what its row says.
        RebnetError: see `rebnet.flow.train`.
    """
    from rebnet.reproduce.repair_study import NAMES, chosen
    from rebnet.reproduce.repairs import SINGLE, benchmark_of

    unknown = next((name for name in rows if name not in NAMES), None)
    if unknown is not None:
        raise OptionError(f"row {unknown!r}: the study has {', '.join(NAMES)}; use these")
    benchmark = benchmark_of(dataset)
    options: dict[str, Any] = {"data_dir": data_dir, "device": device, "quiet": quiet}
    for repair in SINGLE:
        if not rows or repair.name in rows:
            _train(runs, dataset, benchmark, repair, epochs, options, say)
    asked = [name for name in NAMES[len(SINGLE) :] if not rows or name in rows]
    if not asked:
        return
    done = [_read(runs / one.name) for one in SINGLE if (runs / one.name / "training.json").is_file()]
    best = chosen(done)
    if not best:
        say("the best three together wait until every other row has a run")
    for repair in best:
        if repair.name in asked:
            _train(runs, dataset, benchmark, repair, epochs, options, say)


def _train(
    runs: Path,
    dataset: str,
    benchmark: "Benchmark",
    repair: "Repair",
    epochs: int,
    options: dict[str, Any],
    say: Say,
) -> None:
    from rebnet.flow.network import train
    from rebnet.reproduce.repair_study import check_run
    from rebnet.reproduce.repairs import TEACHER, Repair

    output = runs / repair.name
    if (output / "training.json").is_file():
        run = _read(output)
        check_run(run, repair, benchmark)
        if run.epochs != epochs:
            raise OptionError(
                f"{output}: has {run.epochs} epochs, and {epochs} are asked for; use --epochs {run.epochs} or another "
                "folder"
            )
        return
    teacher = None
    if repair.taught:
        teacher = runs / TEACHER
        if not (teacher / "training.json").is_file():
            say(f"{TEACHER}: the float network")
            plain = Repair(TEACHER, "", "", "")
            network = benchmark.networks["block"]
            train(network, dataset, 0, teacher, recipe=_recipe(benchmark, plain, epochs), resume=True, **options)
    say(f"{repair.name}: {repair.changes}")
    train(
        str(benchmark.network(repair)),
        dataset,
        repair.levels,
        output,
        recipe=_recipe(benchmark, repair, epochs),
        seed=repair.seed,
        teacher=teacher,
        resume=True,
        **options,
    )


def _recipe(benchmark: "Benchmark", repair: "Repair", epochs: int) -> "Recipe":
    """The recipe of a row at so many epochs, of which stages have equal shares."""
    from rebnet.train.recipe import Recipe, recipe_for

    fields: dict[str, Any] = {**benchmark.recipe, **repair.recipe, "method": repair.method}
    stages = fields.get("stages", ())
    if stages:
        fields["epochs"] = sum(stage["epochs"] for stage in stages)
    return recipe_for("", Recipe(**fields), epochs)


def _read(folder: Path) -> "Run":
    from rebnet.fold.timing.from_text import bound_cycles
    from rebnet.reproduce.records import read_run

    return read_run(folder, bound_cycles)
