"""The training loop, from a network text to a finished run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.datasets import Dataset
from rebnet.datasets.split import Draw, random_seed
from rebnet.errors import OptionError, TrainingError
from rebnet.files import file_hash, write_record
from rebnet.ir.notation import Architecture
from rebnet.methods import METHODS
from rebnet.nn.any_levels import level_counts, signs_at
from rebnet.nn.build import build, use_real_activations, use_real_weights
from rebnet.nn.calibration import calibrate
from rebnet.nn.load import ModelMetadata, save_model
from rebnet.nn.options import FLOAT_LEVELS, MODEL_FILE
from rebnet.records.request import Request
from rebnet.records.training import Epoch, Gammas, ToldRecipe, Training
from rebnet.train.any_levels import drawn_sets, level_sets
from rebnet.train.batches import batches, calibration_pixels, check_fit, share_of_batch, split, steps_per_epoch
from rebnet.train.checkpoint import Curve, load_checkpoint, save_checkpoint
from rebnet.train.devices import ALONE, Processes, connect
from rebnet.train.folder import RECORD_FILE, check_output, held_folder
from rebnet.train.images import Source, place
from rebnet.train.judge import Judged, judged
from rebnet.train.machine import machine
from rebnet.train.optimizers import make_optimizer
from rebnet.train.progress import reporting
from rebnet.train.recipe import Recipe
from rebnet.train.request import check_request, recordable, weights_of
from rebnet.train.start import Scaling, load_teacher, run_summary, start_from, start_with_shares_
from rebnet.train.step import (
    is_compiled,
    make_loss,
    runnable,
    sharpen_,
    spread_latents_,
    take_step,
)
from rebnet.train.threads import threads_for

_CALMER = (
    "lower the recipe's peak_learning_rate or raise its warmup_steps; the checkpoint of the last epoch that was finite "
    "stays where there is one"
)


@dataclass(frozen=True, eq=False)
class _Job:
    """What the epochs need to know."""

    settings: dict[str, Any]
    recipe: Recipe
    training: Source
    validation: Source
    output: Path
    seed: int
    teacher: nn.Module | None
    processes: Processes
    scaling: Scaling | None

    def judged(self, model: nn.Module, images: Source, processes: Processes = ALONE) -> Judged:
        """How good the model is on images."""
        return judged(model, images, None if self.scaling is None else self.scaling.deviation, processes)


def train(
    network: str,
    dataset: Dataset | Callable[[], Dataset],
    levels: int,
    output: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    recipe: str | Recipe | None = None,
    start: Path | None = None,
    teacher: Path | None = None,
    resume: bool = False,
    input_bits: int = 8,
    width: float = 1,
    gain_bits: int = 8,
    any_levels: bool = False,
    device: str = "auto",
    quiet: bool = False,
    request: Request | None = None,
) -> Training:
    """Train a network and write `model.safetensors` and `training.json` into `output`.

    A checkpoint is written after every epoch. Everything random is a function of the seed and the epoch, so
    that a training that was interrupted and resumed ends in the same weights, bit for bit, as one that was not.
    The test images are looked at once, after the last epoch: they choose nothing.

    Under `torchrun` the processes train one network together, see `rebnet.train.devices`; the first of them writes.

    Args:
        network: Name of a network or a network text.
        dataset: The images to train, judge and test on, or what loads them: one process of a machine calls it before
            the others do, so that files are downloaded and decoded once.
        levels: Residual levels M of every hidden activation, 1 to 8; 0 trains the float network of the same shape.
        output: Folder of the run.
        epochs: Passes over the training images, in place of the recipe's.
        seed: Seed of weights, validation split, order and augmentation, 0 or more.
        recipe: A recipe or the name of one, in place of the one for the data set.
        start: Folder of a finished run of the same network, with as many levels or fewer or any-level, to start from.
        teacher: Folder of a finished run on the same images, whose scores the network learns to give.
        resume: Go on from the checkpoint in `output`, if there is one.
        input_bits: Bits kept of each pixel, 1 to 8.
        width: Factor on the outputs of every hidden layer.
        gain_bits: Width of the sum of a layer's integer gains, in bits.
        any_levels: Train one set of weights for all m = 1 … M, each with BatchNorms and factors of its own.
        device: "cpu", "cuda", or "auto" for a CUDA GPU where there is one.
        quiet: Show no progress bar.
        request: What the caller was asked for; the record keeps it.

    Returns:
        The record written to `training.json`, in every process; accuracies in percent.

    Raises:
        NotationError: `network` is neither a name nor a legal text.
        OptionError: An option is outside its range, this machine has less memory than the network takes, the checkpoint
            was made under other settings, `start` holds a training of another network or of more levels, or `teacher`
            one of other images.
        FileFormatError: `start` or `teacher` holds no finished training, or the checkpoint is corrupt.
        DatasetError: Images or classes do not fit the network.
        OutputError: `output` cannot be written, holds something else, or another training writes there now.
        TrainingError: The loss or a weight is no longer finite, or memory has run out.
        KeyboardInterrupt: Interrupted; the checkpoint of the last finished epoch stays.
    """
    check_output(output, resume)
    asked: dict[str, Any] = {
        "epochs": epochs, "seed": seed, "recipe": recipe, "input_bits": input_bits, "width": width,
        "gain_bits": gain_bits, "any_levels": any_levels, "device": device,
    }  # fmt: skip
    check_request(network, dataset.name if isinstance(dataset, Dataset) else "", levels, **asked)
    processes = connect(device)
    if not isinstance(dataset, Dataset):
        with processes.first_alone(local=True):
            dataset = dataset()
    dataset = replace(dataset, name=recordable(dataset.name))
    described, chosen = check_request(network, dataset.name, levels, **asked)
    chosen = runnable(chosen, processes.device)
    if dataset.regression:
        chosen = replace(chosen, loss="squared_error")
    check_fit(dataset, described, chosen)
    _check_learning(teacher, chosen, dataset)
    scaling = Scaling.of(dataset) if dataset.regression else None
    dataset = dataset if scaling is None else scaling.scaled(dataset)
    with _memory_errors(described, chosen):
        model = _initial_model(described, levels, input_bits, chosen, seed, any_levels)
        if dataset.map_shape and chosen.loss == "cross_entropy":
            start_with_shares_(model, dataset.train_labels)
        started = None
        if start is not None:
            started = start_from(model, described, input_bits, start, RECORD_FILE, dataset.regression)
        if scaling is not None and started is not None:
            scaling.take_(model)
        taught = None if teacher is None else load_teacher(teacher, described, chosen.attention).to(processes.device)
        teaching = None if teacher is None else run_summary(teacher, RECORD_FILE)
        model = model.to(processes.device)
        training, validation = split(dataset, chosen.validation_fraction, seed, processes.device)
    share_of_batch(training, chosen.batch_size, processes.count)
    settings = {
        "network": str(described),
        "dataset": dataset.name,
        "recipe": chosen.recorded(),
        "levels": levels,
        "any_levels": any_levels,
        "input_bits": input_bits,
        "seed": int(seed),
        "epochs": chosen.epochs,
        "start_from": started,
        "teacher": teaching,
    }
    job = _Job(settings, chosen, training, validation, output, int(seed), taught, processes, scaling)
    record: Training | None = None
    holding = held_folder(output, sum(weights_of(described))) if processes.leads else nullcontext()
    with holding, _memory_errors(described, chosen), processes.exact():
        if processes.leads:
            check_output(output, resume)  # again: another training may have come and ended while the images were read
        with threads_for(model):
            run_on = machine(processes.device)
            curve, compiled = _run_epochs(model, job, resume, quiet)
        with processes.first_alone():
            if processes.leads:
                record = replace(
                    _finish(model, job, curve, int(gain_bits), dataset),
                    **run_on._asdict(),
                    compiled=compiled,
                    request=request,
                )
                _check_finite(model, f"{output}: after the last epoch")
                made = (levels, input_bits, dataset.name, any_levels, chosen.gradient, chosen.estimator)
                metadata = ModelMetadata(str(described), *made, regression=dataset.regression, method=chosen.method)
                save_model(output, model, metadata)
                record = replace(record, inputs={"model": file_hash(output / MODEL_FILE)})
                write_record(output / RECORD_FILE, record)
    return processes.tell(record)


def _check_learning(teacher: Path | None, recipe: Recipe, dataset: Dataset) -> None:
    """Refuse what targets and label maps cannot teach."""
    if teacher is not None and dataset.regression:
        raise OptionError(
            f"teacher {teacher}: teaches scores of classes, and data set {dataset.name} holds targets; train without"
        )
    if recipe.label_aware and (dataset.regression or dataset.map_shape):
        held = "targets" if dataset.regression else "label maps"
        raise OptionError(
            f"recipe: label_aware={recipe.label_aware} compares images of a class, and data set {dataset.name} holds "
            f"{held}; use label_aware=0"
        )


def _finish(model: nn.Module, job: _Job, curve: Curve, gain_bits: int, dataset: Dataset) -> Training:
    """Snap the factors, fit the statistics, look at the test images: the record of the training."""
    if job.settings["levels"] != FLOAT_LEVELS:  # a float network's factors need no fitting, nor do its statistics
        pixels = calibration_pixels(job.training, job.recipe, job.seed)
        calibrate(model, pixels, gain_bits, job.recipe.feature_bits)
    test = place(dataset.test_images, dataset.test_labels, None, job.processes.device)
    figures = job.judged(model, test).entries("test") | job.judged(model, job.validation).entries("validation")
    if job.scaling is not None:
        job.scaling.put_(model)
    return Training(
        **{**job.settings, "recipe": ToldRecipe.from_json("recipe", job.settings["recipe"])},
        device=job.processes.device.type,
        processes=job.processes.count,
        gain_bits=gain_bits,
        curve=tuple(curve),
        **figures,
        gammas=_gammas(model),
        class_names=tuple(dataset.class_names) or None,
    )


def _gammas(model: nn.Module) -> tuple[Gammas, ...]:
    """The factors of every hidden layer; of an any-level network, those for each of 1 … M."""
    signs = [[tuple(one.gammas.tolist()) for one in signs_at(model, m)] for m in level_counts(model)]
    return tuple(signs[0] if len(signs) == 1 else zip(*signs, strict=True))


@contextmanager
def _memory_errors(described: Architecture, recipe: Recipe) -> Iterator[None]:
    """One sentence where memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not memory:
            raise
        raise TrainingError(
            f"network {described}: memory ran out in a training with batches of {recipe.batch_size}; use a recipe with "
            "a smaller batch_size, a smaller --width, or a machine with more memory"
        ) from error


def _check_finite(model: nn.Module, place: str) -> None:
    """Raise `TrainingError` where a number of the model is none any more."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise TrainingError(f"{place}, {name} is not finite; {_CALMER}")


def _check_loss(loss: Tensor, job: _Job, epoch: int, step: str, rate: float) -> None:
    if not loss.isfinite():
        raise TrainingError(
            f"{job.output}: the loss is {loss.item()} in {step}epoch {epoch + 1}, at a learning rate of {rate:.3g}; "
            f"{_CALMER}"
        )


def _initial_model(
    described: Architecture, levels: int, input_bits: int, recipe: Recipe, seed: int, any_levels: bool
) -> nn.Module:
    """The untrained network; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed(seed, Draw.WEIGHTS))
        method = METHODS[recipe.method]
        model = build(described, levels, input_bits, recipe.gradient, recipe.estimator, any_levels, method)
        spread_latents_(model, recipe.initial_spread)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model


def _run_epochs(model: nn.Module, job: _Job, resume: bool, quiet: bool) -> tuple[Curve, bool]:
    """Train the epochs that are not yet done; return the whole learning curve, and whether its steps were compiled."""
    recipe, processes = job.recipe, job.processes
    real = job.settings["levels"] == FLOAT_LEVELS

    def optimizer_of(epoch: int) -> torch.optim.Optimizer:
        span = recipe.span_of(epoch)
        return make_optimizer(model, recipe.within(span), real or span.stage.real_weights)

    curve: Curve = []
    if resume:
        curve, optimizer = load_checkpoint(job.output, model, optimizer_of, job.settings)
    _check_same_epoch(job, len(curve))
    if len(curve) == recipe.epochs:
        return curve, False
    processes.align_(model.state_dict().values())
    steps = steps_per_epoch(job.training, recipe.batch_size)
    share = share_of_batch(job.training, recipe.batch_size, processes.count)
    example = next(job.training.walk(torch.arange(share), share))
    loss_of = make_loss(model, recipe, steps * recipe.epochs, example, job.teacher, processes, _warn)
    alone = processes.count == 1 and processes.device.type == "cpu"  # nobody else waits, and looking costs nothing
    with reporting(job.settings["network"], recipe.epochs, quiet or not processes.leads, len(curve)) as reporter:
        for epoch in range(len(curve), recipe.epochs):
            model.train()
            span = recipe.span_of(epoch)
            now, first = recipe.within(span), span.first * steps
            if epoch == span.first:
                optimizer = optimizer_of(epoch)
            order = batches(job.training, recipe, job.seed, epoch, processes)
            levels = drawn_sets(level_sets(model, recipe), steps, job.seed, epoch)
            total = torch.zeros((), device=processes.device)
            use_real_weights(model, real or span.stage.real_weights or epoch < recipe.real_weight_epochs)
            use_real_activations(model, span.stage.real_activations)
            for step, batch in enumerate(order, start=epoch * steps):
                rate = now.learning_rate(step - first, steps * now.epochs)
                if recipe.sharpens:
                    sharpen_(model, (step - first) / (steps * now.epochs))
                loss = take_step(
                    model,
                    optimizer,
                    loss_of,
                    batch,
                    rate,
                    levels[step - epoch * steps],
                    latent_clip=recipe.latent_clip,
                    processes=processes,
                )
                if alone:
                    _check_loss(loss, job, epoch, f"step {step - epoch * steps + 1} of {steps} of ", rate)
                total += loss
                reporter.step((step + 1) / steps)
            loss = processes.sum(total) / (steps * processes.count)
            _check_loss(loss, job, epoch, "", rate)
            _check_finite(model, f"{job.output}: in epoch {epoch + 1}")
            validation = job.judged(model, job.validation, processes)
            curve.append(
                Epoch(
                    epoch=epoch + 1,
                    loss=loss.item(),
                    **validation.entries("validation"),
                    learning_rate=rate,
                )
            )
            reporter.epoch(loss.item(), str(validation))
            if processes.leads:
                save_checkpoint(job.output, model, optimizer, job.settings, curve)
    return curve, is_compiled(loss_of)


def _warn(sentence: str) -> None:
    print(f"rebnet: {sentence}", file=sys.stderr)


def _check_same_epoch(job: _Job, epochs: int) -> None:
    """Refuse to go on where the processes have found different checkpoints."""
    together = job.processes.sum(torch.tensor(epochs, device=job.processes.device))
    if together != epochs * job.processes.count:
        raise OptionError(
            f"{job.output}: holds a checkpoint of {epochs} epochs for process {job.processes.rank} of "
            f"{job.processes.count} and another or none for others; name an --output that all machines share"
        )
