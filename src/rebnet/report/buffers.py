"""FIFOs: how deep, how full."""

from rebnet.records import Folding, Simulation
from rebnet.report.commands import command
from rebnet.report.html import Html, number, table, tag, words
from rebnet.report.page import missing, section
from rebnet.report.records import Build


def buffers(build: Build) -> Html:
    """Depth, predicted and measured peak, and bits of every FIFO."""
    title = "FIFO occupancy"
    folding, simulation = build.get(Folding), build.get(Simulation)
    if folding is None:
        return section("fifos", title, missing("folding.json", command(build, "folding.json"),
                                               build.unused.get("folding.json")))  # fmt: skip
    peaks = (simulation.fifo_peaks or {}) if simulation is not None else {}
    rows = []
    for fifo in folding.fifos:
        depth, peak, measured = fifo.depth, fifo.predicted_peak, peaks.get(fifo.name)
        bar = [tag("i", style=f"--share:{_share(peak, depth)}")]
        if measured is not None:
            bar.append(tag("b", style=f"--share:{_share(measured, depth)}"))
        limits = fifo.name in folding.limiting_fifos
        rows.append(
            (
                fifo.name,
                tag("td", tag("span", *bar, class_="gauge limit" if limits else "gauge"), class_="wide"),
                number(depth),
                number(peak),
                number(measured),
                number(fifo.width_bits),
                number(depth * fifo.width_bits),
            )
        )
    bits = sum(fifo.depth * fifo.width_bits for fifo in folding.fifos)
    headings = (
        "FIFO",
        words("fill at the peak", "th"),
        "depth, words",
        "predicted peak",
        "measured peak",
        "width, bits",
        "bits",
    )
    after = f"{len(rows)} FIFOs, {bits:,} bits ({bits / 8 / 1024:.1f} KiB) of storage in all, level tags not counted."
    lead = "Bars: the predicted peak of the depth. Ticks: the peak that the RTL reached. A FIFO in colour costs cycles."
    return section("fifos", title, table(headings, rows), tag("p", after), lead=lead)


def _share(words: int, depth: int) -> str:
    return f"{100 * min(words / depth, 1):.1f}%"
