"""Figure 10: resources and latency of M = 1, 2, 3 against FINN's, as numbers."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rebnet.reproduce.picture import GREY, color
from rebnet.reproduce.published import CLOCK_MHZ, DATASETS
from rebnet.reproduce.published_hardware import DEVICES, HARDWARE, PARTS, Hardware
from rebnet.reproduce.records import Figure, Run, datasets_of
from rebnet.reproduce.table import Table, whole
from rebnet.reproduce.target import Reproduction, Row
from rebnet.reproduce.utilisation import RESOURCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_OURS = "rebnet"
_HEADINGS = (
    "data set", "by", "M", "part", "LUT", "FF", "BRAM", "DSP", "LUT %", "BRAM %", "LUT over M=1", "model latency",
    "RTL latency", "µs",
)  # fmt: skip
_CAPTION = (
    "LUT counts logic, LUT RAM and shift registers; BRAM blocks of 36 kbit. LUT % and BRAM %: of the part. LUT over "
    "M=1: against our run with one level for the same part. Latency: cycles from an image's first beat to its last "
    f"score, of the cycle model and of the RTL; µs: published, or at {CLOCK_MHZ} MHz (assumed). The paper's own figure "
    "has bars without numbers."
)


def figure10(runs: Sequence[Run], dataset: str | None) -> Reproduction:
    """Rows of every data set that the runs have, or of one; what has no record is "not synthesised" or "not simulated".

    Raises:
        OptionError: no run was trained on the data set that was asked for.
    """
    datasets = datasets_of(runs, dataset, "builds")
    rows = [row for name in datasets for row in _rows(name, [run for run in runs if run.dataset == name])]
    commands = [line for run in runs if run.dataset in datasets for line in commands_of(run)]
    if commands:
        sources = " ".join(f"--from {build_of(run)}" for run in runs if run.dataset in datasets)
        commands.append(f"rebnet reproduce figure10 {sources}")
    table = Table("Figure 10, resources and latency", _HEADINGS, tuple(map(_cells, rows)), _CAPTION, tuple(commands))

    def draw(canvas: "Canvas") -> None:
        panels = canvas.subplots(len(datasets), 2, squeeze=False, width_ratios=(2, 1))
        for name, (left, right) in zip(datasets, panels, strict=True):
            ours = [row for row in rows if row["dataset"] == name]
            _draw_shares(left, name, ours)
            _draw_latency(right, name, ours)

    record = {"clock_mhz_assumed": CLOCK_MHZ, "rows": rows, "missing": commands}
    return Reproduction(record, table, draw, (11, 3.8 * len(datasets)))


def build_of(run: Run) -> str:
    """The build that a run's records are or would be in."""
    is_build = run.model_latency is not None or run.rtl_latency is not None or run.utilisation is not None
    return shlex.quote(run.name) if is_build else shlex.quote(f"build/{run.name.split(':')[-1].split('/')[-1]}")


def commands_of(run: Run) -> list[str]:
    """The commands that make the measurements that a run does not have."""
    build, dataset = build_of(run), shlex.quote(run.dataset)
    lines = []
    if run.model_latency is None:
        folding = " --folding paper" if all(layer.folding for layer in run.network.weighted) else ""
        lines.append(f"rebnet compile {shlex.quote(run.name)}{folding} --output {build}")
    if run.rtl_latency is None:
        lines.append(f"rebnet simulate {build} --dataset {dataset} --images 100")
    if run.utilisation is None:
        lines.append(f"rebnet synthesize {build} --part {PARTS.get(run.dataset, 'xc7z020')}")
    return lines


def _rows(dataset: str, runs: Sequence[Run]) -> list[Row]:
    rows = [_published(each) for each in HARDWARE if each.dataset == dataset]
    return rows + [_ours(run, runs) for run in sorted(runs, key=lambda run: run.levels)]


def _published(each: Hardware) -> Row:
    row: Row = {
        "dataset": each.dataset,
        "by": f"{each.source} {each.name}",
        "levels": None,
        "part": each.part,
        "notes": [each.note],
    }
    if each.counts is not None:
        device = DEVICES[each.part]
        for resource, count, there in zip(RESOURCES, each.counts, device, strict=True):
            row[resource] = Figure(count, "", each.origin).record
            row[f"{resource}_share"] = Figure(round(100 * count / there, 2), "%", each.origin).record
    if each.latency_us is not None:
        row["latency_us"] = Figure(each.latency_us, "µs", each.origin).record
    return row


def _ours(run: Run, runs: Sequence[Run]) -> Row:
    used = run.utilisation
    notes = []
    if used is None:
        notes.append("not synthesised")
    if run.rtl_latency is None:
        notes.append("not simulated")
    row: Row = {
        "dataset": run.dataset,
        "by": _OURS,
        "levels": run.levels,
        "run": run.name,
        "network": str(run.network),
        "part": used.part if used else None,
        "notes": notes,
    }
    if used is not None:
        for resource in RESOURCES:
            row[resource] = Figure(used.used[resource], "", used.origin).record
            share = used.share(resource)
            if share is not None:
                row[f"{resource}_share"] = Figure(round(share, 2), "%", used.origin).record
        row |= _overhead(run, runs)
    for key, latency in (("model_latency", run.model_latency), ("rtl_latency", run.rtl_latency)):
        if latency is not None:
            row[key] = latency.record
    latency = run.rtl_latency or run.model_latency
    if latency is not None:
        origin = f"{'rtl' if run.rtl_latency else 'model'}_latency / {CLOCK_MHZ} MHz (assumed)"
        row["latency_us"] = Figure(round(latency.value / CLOCK_MHZ, 3), "µs", origin).record
    return row


def _overhead(run: Run, runs: Sequence[Run]) -> Row:
    """LUTs beyond those of the one-level run of the same network at the same folding, for the same part and tool."""
    used = run.utilisation
    assert used is not None
    for base in runs:
        one = base.utilisation
        same = base.network == run.network and base.paper_folding == run.paper_folding
        if (
            base.levels == 1 < run.levels
            and one is not None
            and same
            and (one.part, one.tool) == (used.part, used.tool)
        ):
            more = 100 * (used.used["LUT"] / one.used["LUT"] - 1)
            return {"LUT_overhead": Figure(round(more, 2), "%", f"against {base.name}").record}
    return {}


def _cells(row: Row) -> tuple[str, ...]:
    def value(key: str) -> float | None:
        return float(row[key]["value"]) if key in row else None

    def share(key: str) -> str:
        return "" if key not in row else f"{row[key]['value']:.1f}"

    bram, over, time = value("BRAM"), value("LUT_overhead"), value("latency_us")
    return (
        DATASETS.get(row["dataset"], str(row["dataset"])),
        "; ".join((str(row.get("run", row["by"])), *row["notes"])),
        "" if row["levels"] is None else str(row["levels"]),
        str(row["part"] or ""),
        whole(value("LUT")),
        whole(value("FF")),
        "" if bram is None else f"{bram:g}",
        whole(value("DSP")),
        share("LUT_share"),
        share("BRAM_share"),
        "" if over is None else f"{over:+.1f} %",
        whole(value("model_latency")),
        whole(value("rtl_latency")),
        "" if time is None else f"{time:,.2f}",
    )


def _draw_shares(axes: "Axes", dataset: str, rows: Sequence[Row]) -> None:
    """Bars of percent of the device, one group a resource, numbers above them."""
    shown = [row for row in rows if "LUT_share" in row]
    width = 0.8 / max(len(shown), 1)
    for place, row in enumerate(shown):
        left = [index - 0.4 + (place + 0.5) * width for index in range(len(RESOURCES))]
        heights = [row[f"{resource}_share"]["value"] if f"{resource}_share" in row else 0 for resource in RESOURCES]
        label = row["by"] if row["levels"] is None else f"rebnet M={row['levels']}, {row['part']}"
        fill = GREY if row["levels"] is None else color(row["levels"])
        bars = axes.bar(
            left, heights, width * 0.92, color=fill, alpha=1 if row["levels"] else 0.3 + 0.25 * (place % 2), label=label
        )
        counts = [f"{row[resource]['value']:,g}" for resource in RESOURCES]
        axes.bar_label(bars, counts, fontsize=6, padding=1, rotation=90 if len(shown) > 3 else 0)
    axes.set_xticks(range(len(RESOURCES)), RESOURCES)
    axes.set_ylabel("% of the device")
    axes.margins(y=0.2)
    axes.set_title(f"{DATASETS.get(dataset, dataset)}: resources")
    if shown:
        axes.legend(loc="best")
    if not any(row["levels"] is not None for row in shown):
        axes.text(0.5, 0.94, "rebnet: not synthesised", transform=axes.transAxes, ha="center", color=GREY)


def _draw_latency(axes: "Axes", dataset: str, rows: Sequence[Row]) -> None:
    """Bars of microseconds, on a logarithmic axis."""
    shown = [row for row in rows if "latency_us" in row]
    names = [row["by"].split()[0] if row["levels"] is None else f"M={row['levels']}" for row in shown]
    fills = [GREY if row["levels"] is None else color(row["levels"]) for row in shown]
    if shown:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        bars = axes.bar(range(len(shown)), [row["latency_us"]["value"] for row in shown], color=fills)
        axes.bar_label(bars, [f"{row['latency_us']['value']:,g}" for row in shown], fontsize=7, padding=1)
        axes.set_xticks(range(len(shown)), names)
        axes.margins(y=0.25)
    axes.set_ylabel(f"µs (ours: {CLOCK_MHZ} MHz, assumed)")
    axes.set_title(f"{DATASETS.get(dataset, dataset)}: latency of one image")
