"""From images to a build: `train`, `retrain`, `compile`, `generate`, `export`."""

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rebnet.choices import ExportForm, ExportTarget, GenerateTarget, Shell, Stage
from rebnet.errors import OptionError
from rebnet.flow.ends import check_ends, widest_beat
from rebnet.flow.say import Say, silent
from rebnet.flow.words import words_of
from rebnet.paths import followed, path_of, some_path_of
from rebnet.records.request import request_of

if TYPE_CHECKING:
    from rebnet.importing import Imported
    from rebnet.ir.network import Network
    from rebnet.records import Ports, Weights
    from rebnet.records.exporting import Export
    from rebnet.records.generated import Deployed, GeneratedC, ZynqProject
    from rebnet.records.shell import ShellBuild
    from rebnet.records.training import Training
    from rebnet.train.recipe import Recipe


def train(
    network: str,
    dataset: str,
    levels: int,
    output: str | Path,
    *,
    data_dir: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    recipe: "str | Recipe | None" = None,
    start: str | Path | None = None,
    teacher: str | Path | None = None,
    resume: bool = False,
    input_bits: int = 8,
    width: float = 1,
    gain_bits: int = 8,
    weight_bits: int | None = None,
    first_weight_bits: int | None = None,
    last_weight_bits: int | None = None,
    method: str | None = None,
    any_levels: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> "Training":
    """Train a network; see `rebnet.train.train`. Returns the record of training.json.

    Bits of weights and a method of binarization that are given stand in the place of the recipe's.
    """
    told = recipe if recipe is None or isinstance(recipe, str) else recipe.recorded()
    request = request_of(train, {**locals(), "recipe": told})
    from rebnet.train.folder import check_output
    from rebnet.train.recipe import with_options
    from rebnet.train.request import check_request, recordable

    bits = (weight_bits, first_weight_bits, last_weight_bits)
    chosen = with_options(recordable(dataset), recipe, *bits, method)
    asked: dict[str, Any] = {
        "epochs": epochs, "seed": seed, "recipe": chosen, "input_bits": input_bits, "width": width,
        "gain_bits": gain_bits, "any_levels": any_levels, "device": device,
    }  # fmt: skip
    check_request(network, recordable(dataset), levels, **asked)  # before torch is imported, which takes seconds
    check_output(path_of(output), resume)

    from rebnet import datasets
    from rebnet.train import train as train_network

    return train_network(
        network,
        partial(datasets.load, dataset, some_path_of(data_dir)),
        levels,
        path_of(output),
        start=some_path_of(start),
        teacher=some_path_of(teacher),
        resume=resume,
        quiet=quiet,
        **asked,
        request=request,
    )


def retrain(
    source: str | Path,
    output: str | Path,
    *,
    data_dir: str | Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
    say: Say = silent,
) -> "Training":
    """Train again what the record of a run or a network of the zoo tells; see `rebnet.train.again.retrain`."""
    asked = request_of(retrain, locals())
    from rebnet.train.folder import BEFORE, check_output

    check_output(path_of(output), resume, kept=(BEFORE,) if resume else ())

    from rebnet import datasets
    from rebnet.train import retrain as train_again

    load = partial(datasets.load, data_dir=some_path_of(data_dir))
    return train_again(
        source_of(source),
        load,
        path_of(output),
        seed=seed,
        resume=resume,
        device=device,
        quiet=quiet,
        say=say,
        request=asked,
    )


def compile(  # noqa: A001 - the verb's name
    source: str | Path | object,
    output: str | Path,
    *,
    folding: str | Path | None = None,
    target_cycles: int | None = None,
    board: str | None = None,
    part: str | None = None,
    target_fps: float | None = None,
    max_utilisation: float | None = None,
    clock_mhz: float | None = None,
    shell: Shell | None = None,
    runtime_weights: bool = False,
    fixed_levels: bool = False,
    threshold_bits: int = 24,
    input_scale: str | None = None,
    image: Sequence[int] | None = None,
    until: Stage = "generate",
    margin: Mapping[str, float] | None = None,
    say: Say = silent,
) -> "Network":
    """Turn a trained network into SystemVerilog: export, lower, fold, generate.

    Everything is made beside `output` and put in its place at the end, so `output` is the old build or the new one.
    Where `output` is a link, what it names is meant.

    Args:
        source: folder of a finished training, or of an exported network alone, `zoo:NAME`, or a model of another
            framework: FILE.onnx, or a module of Brevitas or torch, which is exported to BUILD/model.onnx first.
        output: folder of the build.
        folding: "paper", "balanced", "unrolled", a folding.json, or None for the text's where given, else balanced.
        target_cycles: most cycles per image that a balanced layer may take.
        board: a board, such as "zc702". Without a `folding`, the cheapest for it that reaches `target_fps` is searched,
            or without a target the fastest that fits; with one, what it takes of the board is predicted.
        part: a part, such as "xc7z020", instead of a board.
        target_fps: images per second at M levels and the clock.
        max_utilisation: percent of the device's LUT, block RAM, multipliers and FF that may be taken; 90 if None.
        clock_mhz: clock, MHz; None for the board's.
        shell: "axi" writes the shell between the accelerator and a processor with a DMA too, and keeps the input's
            beats as narrow as the board's memory ports are.
        runtime_weights: constants can be written at run time; `generate` makes the words with the target "weights".
        fixed_levels: drop the constants for fewer than M levels.
        threshold_bits: T, width of thresholds and steps.
        input_scale: of a model of another framework, what its image is; see `rebnet.importing.read_onnx`.
        image: of a module, its images' channels, height and width.
        until: the last stage; "lower" ends with the integer network, which `evaluate` runs.
        margin: percent by which a synthesis counted more than was predicted, by resource (LUT, BRAM, DSP, FF): a search
            leaves that free. `build` measures it.
        say: called with the name of each stage.

    Returns:
        The lowered network.

    Raises:
        RebnetError: see the stages.
    """
    from rebnet.build_folder import MODEL_FILE

    module = None if isinstance(source, str | os.PathLike) else source
    shown = None if module is None else type(module).__name__
    if module is not None:
        source = path_of(output) / MODEL_FILE
    asked = request_of(compile, {**locals(), "image": None})
    named = cast("str | Path", source)
    if (module is None) != (image is None):
        raise OptionError(f"image={image}: goes with a module of another framework, and must be given there")
    check_ends(until, board, part, runtime_weights)
    widest = widest_beat(shell, board or part, until)
    from rebnet.build_folder import EXPORTED, check_output, keep_request, replace_build
    from rebnet.files import file_hash, make_folder
    from rebnet.fold import fold
    from rebnet.fold.search.fit import requested
    from rebnet.generate import generate
    from rebnet.ir import storage
    from rebnet.lower import lower
    from rebnet.swap import workplace

    to_predict = shell is None or folding is None  # else the board says how wide the shell's beats may be
    request = requested(board or part, target_fps, max_utilisation, clock_mhz, margin, to_predict=to_predict)
    model = model_of(named)
    if model is None and input_scale is not None:
        raise OptionError(f"input_scale={input_scale}: belongs to a model of another framework, FILE.onnx")
    run, output = model or source_of(named), followed(path_of(output))
    check_output(output)
    output = output.resolve()
    make_folder(output.parent)
    with workplace(output.parent, output.name) as work:
        build = work / output.name
        if module is not None:
            say("writing QONNX")
            model = _written(module, image or (), make_folder(build) / MODEL_FILE)
        elif model is not None and model.resolve() == output / MODEL_FILE:  # of this build, once more
            shutil.copyfile(model, make_folder(build) / MODEL_FILE)
        say("exporting" if model is None else "importing")
        exported = _exported(run, build) if model is None else _imported(model, build, input_scale, shown)
        say("lowering")
        network = lower(exported, fixed_levels=fixed_levels, threshold_bits=threshold_bits)
        storage.save(network, build, exported=file_hash(build / EXPORTED / storage.NETWORK_FILE))
        if until == "generate":
            say("folding")
            fold(
                build,
                folding=None if folding is None else str(folding),
                target_cycles=target_cycles,
                request=request,
                most_samples_per_beat=widest,
                progress=say,
            )
            say("generating")
            generate(build, runtime_weights=runtime_weights)
            if shell is not None:
                generate(build, target=shell, board=board or part)
        keep_request(build, asked)
        replace_build(build, output)
    return network


def _exported(run: Path, build: Path) -> "Network":
    """The exported network of a run, into `build` with its training's record; a folder may hold the network alone."""
    from rebnet.build_folder import EXPORTED, TRAINING_FILE
    from rebnet.files import file_hash
    from rebnet.ir import storage
    from rebnet.records import Training, read
    from rebnet.records.chain import check_origin

    check_origin(run)
    exported, record = _export(run), run / TRAINING_FILE
    if (run / storage.NETWORK_FILE).is_file() and not record.exists():
        storage.save(exported, build / EXPORTED)
        return exported
    read(record, Training)
    storage.save(exported, build / EXPORTED, training=file_hash(record))
    shutil.copyfile(record, build / TRAINING_FILE)
    return exported


def _written(module: object, image: Sequence[int], path: Path) -> Path:
    """The QONNX file of a module."""
    from rebnet.export.foreign import write_qonnx

    return write_qonnx(module, image, path)


def _imported(model: Path, build: Path, input_scale: str | None, shown: str | None) -> "Network":
    """The exported network of a model of another framework, into `build` with what was recognised of it."""
    from rebnet.build_folder import EXPORTED, IMPORT_FILE
    from rebnet.files import file_hash, make_folder, write_record
    from rebnet.importing import read_onnx
    from rebnet.ir import storage
    from rebnet.records.importing import Import

    imported = read_onnx(model, input_scale=input_scale, shown=shown)
    record = Import(model=model.name, model_sha256=file_hash(model), input_scale=input_scale, nodes=imported.recognised)
    write_record(make_folder(build) / IMPORT_FILE, record)
    storage.save(imported.network, build / EXPORTED, **{"import": file_hash(build / IMPORT_FILE)})
    return imported.network


def import_(model: str | Path, *, input_scale: str | None = None) -> "Imported":
    """What a model of another framework, FILE.onnx, becomes; nothing is written. See `rebnet.importing.read_onnx`."""
    from rebnet.importing import read_onnx

    return read_onnx(path_of(model), input_scale=input_scale)


def model_of(source: str | Path) -> Path | None:
    """The file of a model of another framework that `source` names; None where it names something else."""
    path = path_of(source)
    return path if path.suffix.lower() == ".onnx" and not path.is_dir() else None


def _export(run: Path) -> "Network":
    from rebnet.ir import storage

    if (run / storage.NETWORK_FILE).is_file():
        return storage.load(run)
    from rebnet.export import export_run

    return export_run(run)


def generate(
    build: str | Path,
    *,
    target: GenerateTarget = "rtl",
    output: str | Path | None = None,
    name: str | None = None,
    board: str | None = None,
    runtime_weights: bool = False,
    network: str | Path | None = None,
    run: bool = False,
    say: Say = silent,
) -> "Ports | GeneratedC | ShellBuild | Weights | Deployed | ZynqProject":
    """Write a build's C, SystemVerilog, shell, words, files for a board or its project; see `rebnet.generate.generate`.

    `network` may be `zoo:NAME`. With `run`, the project makes its bitstream, told by `say`: `rebnet.synthesize.zynq`.
    """
    from rebnet.generate import generate as generate_build
    from rebnet.records.generated import ZynqProject

    if run and target != "zynq":
        raise OptionError(f"run: is of projects of Vivado, with --target zynq, and not of {target}; leave --run out")
    with words_of(path_of(build), network, target) as (folder, named):
        made = generate_build(
            path_of(build),
            target=target,
            output=some_path_of(output),
            name=name,
            board=board,
            runtime_weights=runtime_weights,
            network=folder,
            named=named,
        )
    if not run or not isinstance(made, ZynqProject):
        return made
    from rebnet.synthesize.zynq import run_zynq

    return run_zynq(made, say=say)


def export(
    source: str | Path,
    output: str | Path,
    *,
    to: ExportTarget = "qonnx",
    form: ExportForm | None = None,
    levels: tuple[int, ...] | None = None,
    float_scores: bool = False,
    replace: bool = False,
) -> "Export":
    """Write a network for the tools of others, FILE.onnx; see `rebnet.exporting.write_onnx`.

    `source` is a build, as it was compiled; or what `compile` takes, a run or `zoo:NAME`, as that compiles it unasked.
    """
    from rebnet.build_folder import EXPORTED
    from rebnet.exporting import write_onnx
    from rebnet.ir import storage
    from rebnet.lower import lower

    folder = source_of(source)
    network = storage.load(folder) if (folder / EXPORTED).is_dir() else lower(_export(folder))
    asked = {"to": to, "form": form, "levels": levels, "float_scores": float_scores, "replace": replace}
    return write_onnx(network, path_of(output), **asked)  # type: ignore[arg-type]


def source_of(source: str | Path) -> Path:
    """The folder that `source` names."""
    from rebnet import zoo
    from rebnet.build_folder import check_build

    name = str(source)
    if name.startswith(zoo.PREFIX):
        return zoo.folder(name)
    folder = path_of(source)
    if folder.is_dir():
        check_build(folder)
        return folder
    if name in zoo.NAMES:
        raise OptionError(f"{name}: no such folder; write {zoo.PREFIX}{name} for the network of the zoo")
    raise OptionError(
        f"{name}: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
        f"{zoo.PREFIX}{zoo.NAMES[0]}"
    )


def dataset_of(source: str | Path) -> str:
    """The data set that a training was made with; source and errors as in `compile`."""
    if model_of(source) is not None:
        raise OptionError(f"{source}: says nothing of a data set; name one with --dataset")
    from rebnet.build_folder import TRAINING_FILE
    from rebnet.ir import storage
    from rebnet.records import Training, read

    folder = source_of(source)
    if (folder / storage.NETWORK_FILE).is_file() and not (folder / TRAINING_FILE).exists():
        raise OptionError(f"{source}: says nothing of a data set; name one with --dataset")
    return read(folder / TRAINING_FILE, Training).dataset
