"""Fit the cost model of `rebnet.fold` to synthesis, and measure its error on layers that it was not fitted to.

    python tools/calibrate_costs.py --family xc7

Synthesizes single modules over a grid of shapes with Yosys, many in one run, and keeps what every run gave: a second
call, or one after a call that was cut off, does what is missing. Coefficients are the non-negative ones with the least
squares of relative errors. The error is measured on the modules of builds that `rebnet synthesize` was run on:

    rebnet compile zoo:cifar10-arch-2-m1 --output build/a && rebnet synthesize build/a --part xc7z020
    python tools/calibrate_costs.py --held-out build/a
"""

import argparse
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from calibration_grid import fitted
from scipy.optimize import nnls

from rebnet.boards import Family, Resources
from rebnet.files import make_folder, read_json, write_record, write_text
from rebnet.fold.cost.branches import MEMORIES
from rebnet.fold.cost.fabric import FABRICS
from rebnet.fold.cost.model import COSTS_FILE, FF, LUT, PIECES, mvtu_pieces, piece_cost, predict, shape_of
from rebnet.generate.memory import piece_files
from rebnet.ir import storage
from rebnet.rtl import MODULES, source
from rebnet.stages.folding import FOLDING_FILE, read_accelerator, read_depths
from rebnet.stages.module import Module
from rebnet.synthesize import yosys
from rebnet.synthesize.count import resources
from rebnet.synthesize.hierarchy import COMMANDS, STATISTICS
from rebnet.synthesize.rtlil import library_name, parse

BATCH = 32
TOGETHER = (
    ("fifo", "residual_encoder", "width_converter", "pixel_input"),
    ("processing_element",),
    ("vector_buffer", "scores"),
    ("mvtu",),
    ("sliding_window", "max_pool"),
    ("rescale", "feature_encoder"),
    ("two_slope",),
    ("skip_buffer", "stream_fork", "join_add", "join_channels", "stack", "global_sum", "sum_pool"),
    ("upsample",),
    ("depth_to_space",),
)
PRIOR: dict[str, dict[str, dict[str, float]]] = json.loads(
    Path(__file__).with_name("calibration_prior.json").read_text()
)
"""What the structure of a piece says that a feature takes, for pieces with more features than measurements."""
PULL = 0.2
"""How much a coefficient's distance from that counts against errors of the fit."""
INNER = ("vector_buffer", "processing_element", "residual_encoder", "fifo")
"""Pieces of an mvtu, which stand in the grid by themselves."""
TIMEOUT_S = 3600.0
_HOLDS = {"popcount": "processing_element"}
"""Modules that are part of a piece other than the instance's own."""
FITTED = ("LUT", "FF")


@dataclass(frozen=True)
class Measured:
    """A piece of the model, and what one instance of it takes."""

    piece: str
    shape: dict[str, Any]
    taken: Resources


def memory_images(folder: Path, module: Module, number: int) -> dict[str, str]:
    """Random memory images for the module, of the size and range of trained ones; returns the parameters."""
    draw = random.Random(number)
    shape = module.parameters
    if module.name == "scores":
        words = shape["SETS"] * shape["ROWS"]
        lines = [f"{draw.getrandbits(shape['SCORE_WIDTH'] - 8):x}{draw.getrandbits(16):04x}" for _ in range(words)]
        write_text(folder / f"scores_{number}.hex", "\n".join(lines))
        return {"CONSTANT_FILE": f"scores_{number}.hex"}
    if module.name in ("rescale", "two_slope", "feature_encoder"):
        memory, _ = MEMORIES[module.name]
        width, depth = (int(size) for size in memory(shape_of(module)))
        write_text(folder / f"own_{number}.hex", "\n".join(f"{draw.getrandbits(width):x}" for _ in range(depth)))
        return {"THRESHOLD_FILE" if module.name == "feature_encoder" else "CONSTANT_FILE": f"own_{number}.hex"}
    if module.name != "mvtu":
        return {}
    pe, simd, drain = shape["PE"], shape["SIMD"], shape["DRAIN"]
    folds, chunks = math.ceil(shape["ROWS"] / pe), math.ceil(shape["COLS"] / simd)
    lanes = shape.get("PLANE_LANES", 1)
    depth = folds * chunks * math.ceil(shape.get("WEIGHT_PLANES", 1) / lanes)
    word, column = pe * lanes * simd, shape["WEIGHT_COLUMN"]
    bank, columns = shape.get("WEIGHT_BANK", depth), math.ceil(word / column)
    for place, name in enumerate(piece_files(f"weights_{number}.hex", word, depth, column, bank)):
        bits = min(column, word - place % columns * column)
        rows = min(bank, depth - place // columns * bank)
        write_text(folder / name, "\n".join(f"{draw.getrandbits(bits):x}" for _ in range(rows)))
    files = {"WEIGHT_FILE": f"weights_{number}.hex"}
    levels, width = shape["LEVELS_OUT"], shape["THRESHOLD_WIDTH"]
    if levels:
        reach = 2 ** (shape["ACC_WIDTH"] - 1)
        lines = []
        for _ in range(shape["THRESHOLD_SETS"] * folds * pe // drain):
            word = 0
            for place in range(drain * levels):
                spread = reach // 2 if place % levels == 0 else reach // 8
                value = (reach if place % levels == 0 else spread) + draw.randint(-spread, spread)
                word |= (value % 2**width) << (place * width)
            lines.append(f"{word:x}")
        write_text(folder / f"thresholds_{number}.hex", "\n".join(lines))
        files["THRESHOLD_FILE"] = f"thresholds_{number}.hex"
    return files


def wrapper(modules: Sequence[Module], files: Sequence[dict[str, str]]) -> str:
    """A top level that holds every module once."""
    parts = ["module calibration;\n"]
    for number, (module, images) in enumerate(zip(modules, files, strict=True)):
        parameters = {**module.parameters, **{key: f'"{value}"' for key, value in images.items()}}
        inside = ", ".join(f".{key}({value})" for key, value in parameters.items())
        parts.append(f"  (* keep *) {module.name} #({inside}) point_{number} ();\n")
    return "".join([*parts, "endmodule\n"])


def synthesize(modules: Sequence[Module], family: Family, work: Path, known_only: bool = False) -> list[list[Measured]]:
    """What the pieces of every module take, from an earlier run or, unless `known_only`, from Yosys."""
    used = set().union(*(_below(module.name) for module in modules))
    text = "".join(source(module).read_text() for module in sorted(used))
    name = sha256(repr((list(modules), text, COMMANDS[family], yosys.version())).encode()).hexdigest()[:24]
    known = work / name / "measured.json"
    if not known.is_file() and known_only:
        return []
    if not known.is_file():
        print(f"synthesizing {', '.join(sorted(used))}: {len(modules)} modules", flush=True)
        write_record(known, {"points": _run(modules, family, make_folder(work / name))})
    points = read_json(known)["points"]
    return [
        [Measured(m["piece"], m["shape"], Resources.from_record(m["taken"])) for m in measured] for measured in points
    ]


def _below(name: str) -> set[str]:
    """The module and all that it may hold."""
    text = source(name).read_text()
    inner = [module for module in MODULES if module != name and f"  {module} #(" in text]
    return {name}.union(*(_below(module) for module in inner))


def _run(modules: Sequence[Module], family: Family, folder: Path) -> list[list[dict[str, Any]]]:
    files = [memory_images(folder, module, number) for number, module in enumerate(modules)]
    write_text(folder / "calibration.sv", wrapper(modules, files))
    sources = " ".join(str(source(module)) for module in MODULES)
    elaborate = (f"read_verilog -sv -defer {sources} calibration.sv", "hierarchy -check -top calibration")
    alone = [f"blackbox *{piece}*" for piece in INNER] if modules[0].of.startswith("layer_") else []
    synthesis = f"{COMMANDS[family]} -top calibration", f"tee -q -o statistics.json {STATISTICS[family]}"
    commands = (*elaborate, "write_rtlil calibration.il", *alone, *synthesis)
    yosys.run(commands, folder, cwd=folder, timeout_s=TIMEOUT_S, stop=Event())
    design = parse((folder / "calibration.il").read_text())
    found = json.loads((folder / "statistics.json").read_text())["modules"]
    cells = {name: entry["num_cells_by_type"] for name, entry in found.items()}
    (folder / "calibration.il").unlink()
    top = design.units[design.top].instances
    points = []
    for number, module in enumerate(modules):
        measured = _measured(module, top[f"point_{number}"], cells, family)
        points.append([{"piece": m.piece, "shape": m.shape, "taken": dict(m.taken.as_record())} for m in measured])
    return points


def _measured(module: Module, kind: str, cells: dict[str, dict[str, int]], family: Family) -> Iterator[Measured]:
    """The pieces of a module: those of its submodules that have their own, and the rest."""
    shapes = pieces(module)
    inner: dict[str, str] = {}
    own = Resources()
    for cell, count in cells[kind].items():
        base = library_name(cell) if cell.startswith("$paramod") else ""
        if base in shapes:
            inner[base] = cell
        else:
            own += _total(cell, cells, family) * count
    yield Measured(module.name, dict(shapes[module.name][0]), own)
    for base, cell in inner.items():
        if cell not in cells:  # a black box
            continue
        yield Measured(base, dict(shapes[base][0]), _total(cell, cells, family))


def _total(cell: str, cells: dict[str, dict[str, int]], family: Family) -> Resources:
    if cell not in cells:
        return resources({cell.removeprefix("\\"): 1}, family)
    total = Resources()
    for inner, count in cells[cell].items():
        total += _total(inner, cells, family) * count
    return total


def fit(
    measured: Sequence[Measured], before: dict[str, dict[str, dict[str, float]]], family: Family
) -> dict[str, dict[str, dict[str, float]]]:
    """Coefficients by piece, resource and feature; those `before` for a piece that nothing was measured of."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for piece, features_of in PIECES.items():
        chosen = [m for m in measured if m.piece == piece]
        if not chosen:
            if piece in before:
                result[piece] = before[piece]
            continue
        rows = [features_of(m.shape, FABRICS[family]) for m in chosen]
        names = list(rows[0])
        matrix = np.array([[float(row[name]) for name in names] for row in rows])
        result[piece] = {}
        for resource in FITTED:
            wanted = np.array([m.taken.as_record()[resource] for m in chosen], dtype=float)
            weight = 1 / np.maximum(wanted, 0.1 * wanted.mean() + 1)
            guess = np.array([PRIOR.get(piece, {}).get(resource, {}).get(name, 0.0) for name in names])
            pull = np.maximum(PULL * (matrix * weight[:, None]).mean(axis=0), 1e-3) * (piece in PRIOR)
            left = np.vstack([matrix * weight[:, None], np.diag(pull)])
            found, _ = nnls(left, np.concatenate([wanted * weight, pull * guess]), maxiter=1000)
            result[piece][resource] = {
                name: round(float(value), 4) for name, value in zip(names, found, strict=True) if value > 1e-4
            }
    return result


def batches(modules: Sequence[Module]) -> Iterator[Sequence[Module]]:
    """Modules that are synthesized together: of the kinds that change together, a few at a time."""
    for kinds in TOGETHER:
        alike = [module for module in modules if module.name in kinds]
        for start in range(0, len(alike), BATCH):
            yield alike[start : start + BATCH]


def pieces(module: Module) -> dict[str, tuple[dict[str, Any], int]]:
    """The pieces of a module: their parameters as plain numbers, and how many there are."""
    shape = shape_of(module)
    found: dict[str, tuple[dict[str, Any], int]] = {module.name: (shape, 1)}
    if module.name == "mvtu":
        for piece, (inner, count) in mvtu_pieces(shape).items():
            found[piece] = ({key: float(value) for key, value in inner.items()}, int(count))
    return found


def errors_of(
    modules: Sequence[Module], measured: Sequence[Sequence[Measured]], family: Family
) -> list[dict[str, Any]]:
    """Predicted against synthesized, whole modules."""
    table = []
    for module, parts in zip(modules, measured, strict=True):
        counts = {piece: shapes[1] for piece, shapes in pieces(module).items()}
        taken, guess = Resources(), np.zeros(5)
        for part in parts:  # some may be black boxes
            taken += part.taken * counts[part.piece]
            guess += counts[part.piece] * piece_cost(part.piece, part.shape, family)
        whole = dict(predict(module, family).as_record())
        whole |= {"LUT": round(float(guess[LUT])), "FF": round(float(guess[FF]))}
        if len(parts) < sum(count > 0 for count in counts.values()):  # its input buffer may hold block RAM
            whole |= dict.fromkeys(("BRAM_36K", "BRAM_18K"))
        counted = dict(taken.as_record())
        table.append({"module": module.name, "of": module.of, "synthesized": counted, "predicted": whole})
    return table


def summary(table: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median and worst error in percent by module and resource; BRAM and DSP count as wrong or right."""
    result: dict[str, Any] = {}
    for module in dict.fromkeys(entry["module"] for entry in table):
        rows = [entry for entry in table if entry["module"] == module]
        result[module] = {"modules": len(rows)}
        for resource in FITTED:
            errors = [
                100
                * abs(row["predicted"][resource] - row["synthesized"][resource])
                / max(row["synthesized"][resource], 1)
                for row in rows
            ]
            worst = rows[int(np.argmax(errors))]
            result[module][resource] = {
                "median_error": round(float(np.median(errors)), 1),
                "worst_error": round(max(errors), 1),
                "worst": worst["of"],
            }
        for resource in ("BRAM_36K", "BRAM_18K", "DSP"):
            result[module][f"{resource}_wrong"] = sum(
                row["predicted"][resource] not in (None, row["synthesized"][resource]) for row in rows
            )
    return result


def of_build(build: Path) -> tuple[list[Module], list[list[Measured]]]:
    """The modules of a build, and what the pieces of each took when it was synthesized."""
    network = storage.load(build)
    accelerator = read_accelerator(build / FOLDING_FILE, network)
    depths = read_depths(build / FOLDING_FILE, accelerator)
    taken = {entry["name"]: entry for entry in read_json(build / "synthesis.json")["modules"]}
    modules = [replace(module, of=f"{build.name} {module.of}") for module in accelerator.modules(depths)]
    return modules, [list(_of_record(module, taken[module.of.split()[-1]])) for module in modules]


def _of_record(module: Module, record: dict[str, Any]) -> Iterator[Measured]:
    """The pieces of a module from its entry in `synthesis.json`."""
    shapes = pieces(module)
    totals = {piece: Resources() for piece in shapes}
    for part in record["parts"]:
        piece = part["module"] if part["module"] in shapes else _HOLDS.get(part["module"], module.name)
        totals[piece] += Resources.from_record(part) * part["count"]
    for piece, (shape, count) in shapes.items():
        if count:
            each = {key: value / count for key, value in totals[piece].as_record().items()}
            yield Measured(piece, shape, Resources(*(round(value) for value in each.values())))


def main() -> None:
    """Synthesize what is missing, fit, and write `costs.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=sorted(FABRICS), default="xc7")
    parser.add_argument("--work", type=Path, default=Path("build/calibration"), help="keeps what runs of Yosys gave")
    parser.add_argument("--also-fit", type=Path, nargs="*", default=[], help="synthesized builds to fit to as well")
    parser.add_argument(
        "--held-out", type=Path, nargs="*", default=[], help="synthesized builds to measure the error on"
    )
    parser.add_argument("--only", nargs="*", default=[], help="modules to fit; the others keep their prices")
    parser.add_argument("--known", action="store_true", help="synthesize nothing: use what was kept")
    options = parser.parse_args()
    family: Family = options.family
    work = make_folder(options.work).resolve()
    modules: list[Module] = []
    measured: list[list[Measured]] = []
    chosen = [module for module in fitted() if not options.only or module.name in options.only]
    for batch in batches(chosen):
        found = synthesize(batch, family, work, known_only=options.known)
        modules += batch if found else []
        measured += found
    for build in options.also_fit:
        more, parts = of_build(build)
        modules += more
        measured += parts
    results = {"fitted": (modules, measured)}
    if options.held_out:
        builds = [of_build(build) for build in options.held_out]
        results["held_out"] = [m for b in builds for m in b[0]], [m for b in builds for m in b[1]]
    record = json.loads(COSTS_FILE.read_text())["families"] if COSTS_FILE.is_file() else {}
    before = record.get(family, {}) if options.only else {}
    record[family] = {
        **before,
        "tool": yosys.version(),
        "coefficients": fit(
            [part for parts in measured for part in parts], record.get(family, {}).get("coefficients", {}), family
        ),
    }
    write_record(COSTS_FILE, {"families": record})
    for title, (found_modules, parts) in results.items():
        table = errors_of(found_modules, parts, family)
        record[family][title] = {**before.get(title, {}), **summary(table)}
        if title == "held_out":
            record[family]["layers"] = [entry for entry in table if entry["module"] == "mvtu"]
        print(title, json.dumps(record[family][title], indent=1))
    write_record(COSTS_FILE, {"families": record})


if __name__ == "__main__":
    main()
