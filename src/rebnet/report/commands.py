"""The commands that write the records of a build."""

import shlex

from rebnet.report.records import Build


def command(build: Build, file: str) -> str:
    """The command that writes this record into the build; what the records do not say stands in capitals."""
    place = shlex.quote(build.name)
    dataset = shlex.quote(build.dataset or "DATASET")
    last = build.served[-1]
    simulation = build.get("simulation.json")
    synthesis = build.get("synthesis.json")
    match file:
        case "training.json" | "network.json" | "folding.json" | "ports.json":
            return f"rebnet compile SOURCE --output {place}"
        case "evaluation.json":
            return f"rebnet evaluate {place} --dataset {dataset}"
        case "adaptive.json":
            ladder = ",".join(map(str, dict.fromkeys((build.served[0], last))))
            return f"rebnet evaluate {place} --dataset {dataset} --adaptive {ladder}"
        case "simulation.json" if simulation is not None:
            levels = ",".join(map(str, simulation["levels"]))
            stalls = "" if simulation["stalls"] is None else f" --stalls {simulation['stalls']}"
            images = f"--images {simulation['images']}"
            return f"rebnet simulate {place} --dataset {dataset} {images} --levels {levels}{stalls}"
        case "simulation.json":
            return f"rebnet simulate {place} --dataset {dataset} --images 100"
        case "synthesis.json":
            return f"rebnet synthesize {place} --part {shlex.quote(synthesis['part']) if synthesis else 'xc7z020'}"
    raise AssertionError(file)
