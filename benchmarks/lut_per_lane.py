"""LUTs per XNOR lane of one whole matrix-vector unit, and where they go, on 7-series by Yosys.

    python benchmarks/lut_per_lane.py [--fold 32,32 ...] [--levels 1 ...] [--family xc7]

The unit is a hidden layer of 256 rows and 1,152 columns, one level lane, inside a dense network with random weights
that rebnet lowers, folds and generates as any other: its parameters, thresholds, buffer depths and memory styles are
the generator's; only the weights are put into block RAM whatever their price. Everything in the unit counts:
buffer, weights, elements, tail, thresholds, output FIFO and control. Modules are synthesized one by one with the
hierarchy kept, and their counts added; nothing is flattened.

LC: Yosys' estimated logic cells, in which LUTs of few inputs share one, plus LUTs that are RAM or shift registers.
LUT: plain count of LUT cells and inverters, plus the same RAM and shift registers.
"""

import argparse
import itertools
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from rebnet.boards import Family
from rebnet.files import write_record, write_text
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, BitMatrix, Dense, Op, PixelInput, ResidualSign
from rebnet.lower import lower
from rebnet.rtl import MODULES
from rebnet.spec.gains import choose_gains
from rebnet.synthesize.hierarchy import synthesize_rtl
from rebnet.synthesize.usage import Netlist

ROWS, COLS, CLASSES = 256, 1152, 10
IMAGE = PixelInput(8, 8, 1, 1)
FOLDS = ("32,32", "16,16", "64,64", "8,8", "4,32")
NAME, TOP = "layer_2", "unit"
PARTS = {
    "mvtu": "control, drain and gains",
    "processing_element": "accumulators",
    "popcount": "XNOR and popcount",
    "vector_buffer": "input buffer",
    "rom": "weights and thresholds",
    "residual_encoder": "encoder",
    "fifo": "output FIFO",
}


class Figures(NamedTuple):
    """What something takes: LUTs by both counts, registers, block RAMs in halves of 36 Kib, multipliers."""

    lc: int
    lut: int
    ff: int
    bram_18k: int
    dsp: int


def network(levels: int) -> Network:
    """Three dense layers with random weights; the second one is measured."""
    rng = np.random.default_rng(0)
    gammas = [2.0**-level for level in range(levels)]
    sizes = (IMAGE.samples, COLS, ROWS, CLASSES)
    ops: list[Op] = []
    for index, (columns, rows) in enumerate(itertools.pairwise(sizes)):
        ops.append(Dense(BitMatrix.pack(rng.random((rows, columns)) < 0.5), 1.0))
        spread = np.sqrt(columns) * np.ones(rows)
        ops.append(BatchNorm(rng.normal(0, 0.3, rows) * spread, spread**2, np.ones(rows), np.zeros(rows), 1e-5))
        if rows == CLASSES:
            break
        gains, fraction = choose_gains(gammas, sizes[index + 1], levels) if levels > 1 else ((1,), 0)
        ops.append(ResidualSign(tuple(gain / 2.0**fraction for gain in gains), fraction))
    return lower(Network.chain("lut-per-lane", levels, IMAGE, ops))


def build_unit(place: Path, pe: int, simd: int, levels: int) -> None:
    """Generate the whole accelerator, and a top level with the unit alone beside it."""
    storage.save(network(levels), place)
    around = (max(pe // 2, 1), max(simd // 2, 1), 1)  # as fast as the unit
    foldings = zip(("layer_1", NAME, "layer_3"), (around, (pe, simd, 1), (2, 8, 1)), strict=True)
    layers = [{"name": name, "pe": p, "simd": s, "level_lanes": lanes} for name, (p, s, lanes) in foldings]
    write_record(place / "chosen.json", {"layers": layers})
    fold(place, folding=str(place / "chosen.json"))
    generate(place)
    text = (place / "rtl" / "accelerator.sv").read_text()
    found = re.search(rf"  mvtu #\([^;]*?\) {NAME} \(.*?\);\n", text, re.DOTALL)
    assert found is not None
    instance = re.sub(r'WEIGHT_STYLE\("\w+"\)', 'WEIGHT_STYLE("block")', found[0])
    nets = dict(re.findall(r"\.(\w+)\((\w+)\)", instance.split(f") {NAME} (")[1]))
    widths = {net: width for width, net in re.findall(r"logic (\[\d+:0\]) (\w+);", text)}
    ports = [
        f"{'output' if port in ('in_ready', 'out_valid', 'out_data', 'out_levels') else 'input'} logic "
        f"{widths.get(net, '')} {net}"
        for port, net in nets.items()
    ]
    write_text(place / "rtl" / f"{TOP}.sv", f"module {TOP} ({', '.join(ports)});\n{instance}endmodule\n")


def synthesize_unit(place: Path, pe: int, simd: int, levels: int, family: Family) -> Netlist:
    """The unit, synthesized module by module."""
    build_unit(place, pe, simd, levels)
    sources = [f"rtl/{module}.sv" for module in (*MODULES, TOP)]
    return synthesize_rtl(sources, TOP, family, folder=place)


def figures(netlist: Netlist) -> dict[str, Figures]:
    """Figures of every kind of module and of all together."""
    found: dict[str, Figures] = {}
    for part in (part for instance in netlist.instances for part in instance.parts):
        if part.module == TOP:
            continue
        takes = (part.each * part.count).resources
        own = Figures(
            part.count * (part.each.logic_cells or 0),
            takes.lut,
            takes.ff,
            2 * takes.bram_36k + takes.bram_18k,
            takes.dsp,
        )
        for kind in (part.module, "all"):
            found[kind] = Figures(*(a + b for a, b in zip(found.get(kind, Figures(0, 0, 0, 0, 0)), own, strict=True)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fold", nargs="+", default=FOLDS, metavar="PE,SIMD")
    parser.add_argument("--levels", nargs="+", type=int, default=[1])
    parser.add_argument("--family", default="xc7")
    options = parser.parse_args()
    print("| PE, SIMD | M | part | LC | LUT | FF | BRAM_18K | DSP | LC per lane | LUT per lane |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for fold_text in options.fold:
        pe, simd = (int(number) for number in fold_text.split(","))
        for levels in options.levels:
            with TemporaryDirectory() as place:
                found = figures(synthesize_unit(Path(place), pe, simd, levels, options.family))
            for kind, own in sorted(found.items(), key=lambda item: item[1].lc, reverse=True):
                per_lane = f"{own.lc / (pe * simd):.3f} | {own.lut / (pe * simd):.3f}"
                counts = " | ".join(map(str, own))
                part = PARTS.get(kind, "**all**")
                print(f"| {pe}, {simd} | {levels} | {part} | {counts} | {per_lane} |", flush=True)


if __name__ == "__main__":
    main()
