"""The commands that write the records of a build: as they were asked for, or else what the records can still tell."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from rebnet.records import Simulation, Synthesis
from rebnet.records.request import Request, command_line
from rebnet.report.records import Build
from rebnet.rtl.ports import PORTS_FILE
from rebnet.stages.folding import FOLDING_FILE


def command(build: Build, file: str) -> str:
    """The command that writes this record into the build; what the records do not say stands in capitals."""
    request = asked(build, file)
    if request is None:
        return _guess(build, file)
    if file in (FOLDING_FILE, PORTS_FILE):  # one that ended with the integer network has neither
        request = replace(request, options={k: v for k, v in request.options.items() if k != "until"})
    return command_line(request, build.name)


def _guess(build: Build, file: str) -> str:
    """A command from what the records tell beside a request."""
    place = shlex.quote(build.name)
    dataset = shlex.quote(build.dataset or "DATASET")
    simulation = build.get(Simulation)
    synthesis = build.get(Synthesis)
    match file:
        case "network.json" | "folding.json" | "ports.json" | "compile.json":
            return f"rebnet compile SOURCE --output {place}"
        case "evaluation.json":
            return f"rebnet evaluate {place} --dataset {dataset}"
        case "adaptive.json":
            return ladder_command(build, (build.served[0], build.served[-1]))
        case "simulation.json" if simulation is not None:
            levels = ",".join(map(str, simulation.levels))
            stalls = "" if simulation.stalls is None else f" --stalls {simulation.stalls}"
            images = f"--images {simulation.images}"
            return f"rebnet simulate {place} --dataset {dataset} {images} --levels {levels}{stalls}"
        case "simulation.json":
            return f"rebnet simulate {place} --dataset {dataset} --images 100"
        case "synthesis.json":
            part = "xc7z020" if synthesis is None else shlex.quote(synthesis.part)
            return f"rebnet synthesize {place} --part {part}"
    raise AssertionError(file)


def ladder_command(build: Build, ladder: Sequence[int]) -> str:
    """The command that evaluates a build along a ladder of levels."""
    rungs = ",".join(map(str, dict.fromkeys(ladder)))
    dataset = shlex.quote(build.dataset or "DATASET")
    return f"rebnet evaluate {shlex.quote(build.name)} --dataset {dataset} --adaptive {rungs}"


def asked(build: Build, file: str) -> Request | None:
    """The request that this record, or the build's own, was made for; None where no record holds one."""
    if file in ("network.json", "folding.json", "ports.json"):
        file = "compile.json"
    return build.requests.get(file)


def made_by(build: Build, files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The commands that make the records of a build again, in their order; and those records that hold no request.

    The training is among them where the build was compiled from a run whose record holds its request.
    """
    commands: dict[str, None] = {}
    training, compiled = asked(build, "training.json"), asked(build, "compile.json")
    source = str(compiled.options.get("source", "")) if compiled else ""
    if training is not None and source and not source.startswith("zoo:"):
        commands[command_line(training, source)] = None
    present = [file for file in files if file != "training.json" and file in build.hashes]
    for file in ("compile.json", *present):
        commands[command(build, file)] = None
    untold = [file for file in present if asked(build, file) is None]
    return list(commands), untold
