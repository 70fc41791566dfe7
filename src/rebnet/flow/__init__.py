"""The verbs in the order that data flows; `demo` runs all of them, and any other function stops where it says.

    train     images, a network text          -> run/    model.safetensors, training.json
    retrain   the record of a run             -> run/    the same, and before/ with the runs that came before
    import_  FILE.onnx                   -> what its nodes become
    compile   a run, or a network of the zoo  -> build/  exported/, network.json, tensors.safetensors,
                                                         folding.json, rtl/, mem/, ports.json
    generate  build                           -> build/  c/ (NAME.c, NAME.h), or rtl/, mem/, ports.json once more
    export    a build, or a network of the zoo -> FILE.onnx, for the tools of others
    evaluate  build, images                   -> build/  evaluation.json, adaptive.json or online.json
    simulate  build, images                   -> build/  simulation.json
    synthesize  build, a part or board        -> build/  synthesis.json, device/ or vivado/
    report    records of builds               -> report.html
    reproduce records of runs and builds      -> TARGET.json, TARGET.md, TARGET.svg, TARGET.png
    explain   a method, or a run              -> what it costs in hardware
    build     a run, images, a part or board  -> build/  what compile to report make
    sweep     a study, STUDY.toml        -> sweep/  points/, each a build, and sweep.html

The command line offers the same verbs with the same options; `list_` is its `list`, `import_` its `import`. torch
is needed by `train`, by `retrain`, and by `compile` where it reads a run. A room is imported by the verb that it
belongs to, so that none waits for what it does not use.

    flow.network     images to a build: train, retrain, import_, compile, generate, export
    flow.proof       a build to its records: evaluate, simulate, synthesize, report, reproduce
    flow.whole       all of these in a row: build, demo
    flow.points      the same at every point of a study: sweep
    flow.catalogue   what there is by name: list_
    flow.explanation what a method of binarization costs: explain
"""

from rebnet.choices import Engine, ExportForm, ExportTarget, GenerateTarget, Kind, Stage, Synthesizer, Target
from rebnet.flow.catalogue import list_
from rebnet.flow.explanation import explain
from rebnet.flow.network import (
    compile,  # noqa: A004 - the verb's name
    dataset_of,
    export,
    generate,
    import_,
    retrain,
    train,
)
from rebnet.flow.points import sweep
from rebnet.flow.proof import evaluate, report, reproduce, simulate, synthesize
from rebnet.flow.whole import build, demo

__all__ = [
    "Engine",
    "ExportForm",
    "ExportTarget",
    "GenerateTarget",
    "Kind",
    "Stage",
    "Synthesizer",
    "Target",
    "build",
    "compile",
    "dataset_of",
    "demo",
    "evaluate",
    "explain",
    "export",
    "generate",
    "import_",
    "list_",
    "report",
    "reproduce",
    "retrain",
    "simulate",
    "sweep",
    "synthesize",
    "train",
]
