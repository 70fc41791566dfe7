"""Reporting: the records of one or more builds as one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebnet.files import read_record, write_record

CLOCK_MHZ = 200
"""Assumed clock of the images/s column, as in the paper's Table III."""
_NUMBER = (int, float)


def write_report(builds: Sequence[Path], path: Path) -> list[dict[str, Any]]:
    """Gather the records of `builds` into `path`, one row a build; return the rows.

    Raises:
        FileFormatError: a record is missing, damaged or edited into nonsense.
    """
    rows = [row(build) for build in builds]
    write_record(path, {"clock_mhz_assumed": CLOCK_MHZ, "rows": rows})
    return rows


def row(build: Path) -> dict[str, Any]:
    """What the records of one build say, measured figures and the bound beside each other.

    Accuracies are percent, `images_per_second` is at the assumed clock, `weight_kib` the packed weights.
    """
    training = read_record(
        build / "training.json", {"network": str, "dataset": str, "levels": int, "test_accuracy": _NUMBER}
    )
    network = read_record(build / "network.json", {"weight_bytes": int})
    evaluation = read_record(build / "evaluation.json", {"accuracy": _NUMBER, "float_accuracy": _NUMBER, "images": int})
    simulation = read_record(
        build / "simulation.json",
        {
            "images": int,
            "mismatches": int,
            "accuracy": _NUMBER,
            "cycles_per_image": (*_NUMBER, type(None)),
            "bound_cycles": _NUMBER,
        },
    )
    cycles = simulation["cycles_per_image"]
    return {
        "network": training["network"],
        "dataset": training["dataset"],
        "levels": training["levels"],
        "accuracy_float": training["test_accuracy"],
        "accuracy_integer": evaluation["accuracy"],
        "accuracy_rtl": simulation["accuracy"],
        "images": simulation["images"],
        "mismatches": simulation["mismatches"],
        "cycles_per_image": cycles,
        "bound_cycles": simulation["bound_cycles"],
        "images_per_second": round(CLOCK_MHZ * 1e6 / cycles) if cycles else None,
        "weight_kib": round(network["weight_bytes"] / 1024, 2),
    }
