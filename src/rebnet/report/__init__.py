"""Reporting: the records of one or more builds as one table (JSON) and as one page (HTML)."""

from collections.abc import Sequence
from pathlib import Path

from rebnet.errors import OptionError
from rebnet.files import write_record, write_text
from rebnet.records import Evaluation, Simulation, StoredNetwork, Training, read, read_if_there
from rebnet.records.chain import read_whole
from rebnet.records.report import Report, Row
from rebnet.records.sweep import Sweep
from rebnet.report.accelerator import accelerator_page
from rebnet.report.operating import CLOCK_MHZ
from rebnet.report.records import read_build
from rebnet.report.study import study_page
from rebnet.report.sweep import sweep_page

__all__ = ["CLOCK_MHZ", "report", "report_sweep", "row", "write_report"]


def write_report(builds: Sequence[Path], path: Path) -> list[Row]:
    """Gather the records of `builds` into `path`, one row a build; return the rows.

    Raises:
        FileFormatError: a record is missing, damaged or edited into nonsense.
    """
    rows = [row(build) for build in builds]
    write_record(path, Report(clock_mhz_assumed=CLOCK_MHZ, rows=tuple(rows)))
    return rows


def row(build: Path) -> Row:
    """What the records of one build say, measured figures and the bound beside each other.

    Without a training the float figures are those of the evaluation, and the network is called by its name.

    Accuracies are percent, `images_per_second` is at the assumed clock, `weight_kib` the packed weights.
    """
    files = ("training.json", "evaluation.json", "simulation.json")
    training = read_if_there(build / Training.FILE, Training)
    evaluation, simulation = read(build / Evaluation.FILE, Evaluation), read(build / Simulation.FILE, Simulation)
    read_whole(build, files)
    network = read(build / StoredNetwork.FILE, StoredNetwork, needs=("weight_bytes",))
    cycles = simulation.cycles_per_image
    return Row(
        network=training.network if training else network.name,
        dataset=training.dataset if training else evaluation.dataset,
        levels=training.levels if training else network.levels,
        accuracy_float=training.test_accuracy if training else evaluation.float_accuracy,
        accuracy_integer=evaluation.accuracy,
        accuracy_rtl=simulation.accuracy,
        error_float=training.test_error if training else evaluation.float_error,
        error_integer=evaluation.error,
        error_rtl=simulation.error,
        images=simulation.images,
        mismatches=simulation.mismatches,
        cycles_per_image=cycles,
        bound_cycles=simulation.bound_cycles,
        images_per_second=round(CLOCK_MHZ * 1e6 / cycles) if cycles else None,
        weight_kib=round((network.weight_bytes or 0) / 1024, 2),
    )


def report(builds: Sequence[Path], path: Path) -> Path:
    """Write one self-contained HTML page: of an accelerator, or of a sweep where there are several builds.

    Args:
        builds: folders that `compile` made, each once.
        path: the page, FILE.html.

    Returns:
        `path`.

    Raises:
        OptionError: no build, one twice, or a folder that is none.
        FileFormatError: a record is damaged or edited into nonsense.
        OutputError: `path` cannot be written.
    """
    if not builds:
        raise OptionError("builds: none is named; name at least one folder that 'rebnet compile' made")
    for place, build in enumerate(builds):
        if build.resolve() in (other.resolve() for other in builds[:place]):
            raise OptionError(f"{build}: is named twice; name every build once")
    found = [read_build(build) for build in builds]
    text = accelerator_page(found[0]) if len(found) == 1 else sweep_page(found)
    write_text(path, text)
    return path


def report_sweep(folder: Path, record: Sweep, path: Path) -> Path:
    """Write the page of a sweep: every point of its study, and its builds beside each other.

    Args:
        folder: of the sweep.
        record: what it holds.
        path: the page, FILE.html.

    Returns:
        `path`.

    Raises:
        FileFormatError: a record of a point is damaged or edited into nonsense.
        OutputError: `path` cannot be written.
    """
    write_text(path, study_page(record, folder))
    return path
