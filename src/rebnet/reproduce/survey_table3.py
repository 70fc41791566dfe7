"""A survey's comparison of tool flows for FPGAs, and our accelerators of the networks that it names.

Source: Su et al., "Binary Neural Networks in FPGAs: Architectures, Tool Flows and Hardware Comparisons" (Sensors
23(22), 9254, 2023), table 3. The table's numbers could not be read while this was written, so none of them stands here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet import zoo
from rebnet.reproduce.picture import COLORS, GREY
from rebnet.reproduce.published import CLOCK_MHZ
from rebnet.reproduce.records import Figure, Run
from rebnet.reproduce.table import Table, percent, whole
from rebnet.reproduce.target import Reproduction, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TOOLS = ("FINN", "hls4ml")
NETWORKS = (("mlp-4", "mnist"), ("cnv-4", "mnist"), ("cnv-8", "cifar10"))
NOT_AT_HAND = "printed, not at hand"
_NOT_RUN = {
    "cnv-8": "not run: rebnet train --network cnv-8 --width 0.5 --dataset cifar10, hours of a core",
}
_HEADINGS = ("network", "by", "data set", "part", "accuracy %", "LUT", "FF", "BRAM", "cycles", "µs an image", "power")
_CAPTION = (
    "Accuracy: the integer network's where it was evaluated. LUT are logic, LUT RAM and shift registers together, "
    "which Yosys counts and we do not tell apart; BRAM are blocks of 36 kbit. Cycles an image: the RTL's where it was "
    f"simulated; µs are those at {CLOCK_MHZ} MHz, a clock that is assumed. Power is not measured. The survey's own "
    "numbers (doi:10.3390/s23229254, table 3) could not be read and are not shown."
)


def survey_table3(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """The survey's rows, which say that they are not at hand, and a row of every run that is not of the zoo."""
    own = [run for run in runs if not run.name.startswith(zoo.PREFIX) and dataset in (None, run.dataset)]
    rows: list[Row] = []
    for network, data in NETWORKS:
        if dataset in (None, data):
            rows += [{"network": network, "by": by, "dataset": data, "notes": [NOT_AT_HAND]} for by in TOOLS]
            if network in _NOT_RUN:
                rows.append({"network": network, "by": "rebnet", "dataset": data, "notes": [_NOT_RUN[network]]})
    rows += map(_row, own)
    table = Table("MLP-4, CNV-4 and CNV-8 on FPGAs", _HEADINGS, tuple(map(_cells, rows)), _CAPTION)

    def draw(canvas: "Canvas") -> None:
        _draw(canvas.subplots(), [row for row in rows if "LUT" in row and "time" in row])

    return Reproduction({"clock_mhz_assumed": CLOCK_MHZ, "rows": rows}, table, draw, (5.5, 3.8))


def _row(run: Run) -> Row:
    row: Row = {"network": str(run.network), "by": "rebnet", "dataset": run.dataset, "run": run.name}
    row |= {"levels": run.levels, "epochs": run.epochs, "accuracy": run.accuracy.record, "notes": []}
    if run.utilisation is not None:
        row["part"] = run.utilisation.part
        for resource in ("LUT", "FF", "BRAM"):
            row[resource] = Figure(run.utilisation.used[resource], "", run.utilisation.origin).record
    cycles = run.rtl_cycles or run.model_cycles
    if cycles is not None:
        row["cycles"] = cycles.record
        row["time"] = Figure(cycles.value / CLOCK_MHZ, "µs", f"cycles / {CLOCK_MHZ} MHz, assumed").record
    return row


def _cells(row: Row) -> tuple[str, ...]:
    def value(key: str) -> float | None:
        return float(row[key]["value"]) if key in row else None

    time = value("time")
    return (
        row["network"],
        "; ".join((str(row.get("run", row["by"])), *row["notes"])),
        row["dataset"],
        row.get("part", ""),
        percent(value("accuracy")),
        whole(value("LUT")),
        whole(value("FF")),
        "" if "BRAM" not in row else f"{row['BRAM']['value']:g}",
        whole(value("cycles")),
        "" if time is None else f"{time:.2f}",
        "not measured" if row["by"] == "rebnet" else "",
    )


def _draw(axes: "Axes", rows: Sequence[Row]) -> None:
    """LUT against the time of an image."""
    for place, row in enumerate(rows):
        axes.plot(row["time"]["value"], row["LUT"]["value"], "D", color=COLORS[place % len(COLORS)], label=row["run"])
    axes.set_xlabel(f"µs an image at {CLOCK_MHZ} MHz (assumed)")
    axes.set_ylabel("LUT")
    if rows:
        axes.legend()
    else:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=GREY)
