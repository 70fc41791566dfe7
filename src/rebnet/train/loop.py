"""The training loop, from a network text to a finished run."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.datasets import Dataset
from rebnet.datasets.split import Draw, random_seed
from rebnet.errors import OptionError
from rebnet.files import make_folder, write_record
from rebnet.ir.notation import Architecture
from rebnet.nn.build import build
from rebnet.nn.calibration import inference_batch, recalibrate, snap_gains
from rebnet.nn.load import ModelMetadata, save_model
from rebnet.nn.networks import architecture, widen
from rebnet.nn.residual import ResidualSign, check_levels
from rebnet.train.batches import Images, batches, check_fit, split, steps_per_epoch
from rebnet.train.checkpoint import Curve, load_checkpoint, save_checkpoint
from rebnet.train.progress import reporting
from rebnet.train.recipe import Recipe, recipe_for
from rebnet.train.step import make_loss, make_optimizer, runnable, sharpen_, take_step
from rebnet.train.threads import threads_for

RECORD_FILE = "training.json"
MAX_GAIN_BITS = 16


@dataclass(frozen=True, eq=False)
class _Job:
    """What the epochs need to know."""

    settings: dict[str, Any]
    recipe: Recipe
    training: Images
    validation: Images
    output: Path
    seed: int


def train(
    network: str,
    dataset: Dataset,
    levels: int,
    output: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    recipe: str | None = None,
    resume: bool = False,
    input_bits: int = 8,
    width: float = 1,
    gain_bits: int = 8,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train a network and write `model.safetensors` and `training.json` into `output`.

    A checkpoint is written after every epoch. Everything random is a function of the seed and the epoch, so
    that a training that was interrupted and resumed ends in the same weights, bit for bit, as one that was not.
    The test images are looked at once, after the last epoch: they choose nothing.

    Args:
        network: Name of a network or a network text.
        dataset: The images to train, judge and test on.
        levels: Residual levels M of every hidden activation, 1 to 8.
        output: Folder of the run.
        epochs: Passes over the training images, in place of the recipe's.
        seed: Seed of weights, validation split, order and augmentation, 0 or more.
        recipe: Name of a recipe, in place of the one for the data set.
        resume: Go on from the checkpoint in `output`, if there is one.
        input_bits: Bits kept of each pixel, 1 to 8.
        width: Factor on the outputs of every hidden layer.
        gain_bits: Width of the sum of a layer's integer gains, in bits.
        quiet: Show no progress bar.

    Returns:
        The record written to `training.json`; accuracies in percent.

    Raises:
        NotationError: `network` is neither a name nor a legal text.
        OptionError: An option is outside its range, or the checkpoint was made under other settings.
        DatasetError: Images or classes do not fit the network.
        OutputError: `output` cannot be written.
        KeyboardInterrupt: Interrupted; the checkpoint of the last finished epoch stays.
    """
    described = widen(architecture(network), width)
    chosen = runnable(recipe_for(dataset.name, recipe, epochs))
    _check_options(levels, seed, gain_bits)
    check_fit(dataset, described)
    model = _initial_model(described, levels, input_bits, chosen, seed)
    training, validation = split(dataset, chosen.validation_fraction, seed)
    make_folder(output)
    settings = {
        "network": str(described),
        "dataset": dataset.name,
        "recipe": asdict(chosen),
        "levels": levels,
        "input_bits": input_bits,
        "seed": seed,
        "epochs": chosen.epochs,
    }
    with threads_for(model):
        curve = _run_epochs(model, _Job(settings, chosen, training, validation, output, seed), resume, quiet)
    snap_gains(model, gain_bits)
    recalibrate(model, training.pixels[: chosen.calibration_images])
    test = Images(torch.from_numpy(dataset.test_images), torch.from_numpy(dataset.test_labels))
    record = {
        **settings,
        "gain_bits": gain_bits,
        "curve": curve,
        "test_accuracy": accuracy(model, test),
        "validation_accuracy": accuracy(model, validation),
        "gammas": [module.gammas.tolist() for module in model if isinstance(module, ResidualSign)],
    }
    save_model(output, model, ModelMetadata(str(described), levels, input_bits, dataset.name))
    write_record(output / RECORD_FILE, record)
    return record


@torch.no_grad()
def accuracy(model: nn.Sequential, images: Images) -> float:
    """Percent of images whose largest score is their label's, in eval mode and float32."""
    was_training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64)
    batch_size = inference_batch(images.pixels)
    for pixels, labels in zip(
        torch.split(images.pixels, batch_size), torch.split(images.labels, batch_size), strict=True
    ):
        correct += (model(pixels).argmax(1) == labels).sum()
    model.train(was_training)
    return 100 * correct.item() / len(images)


def _check_options(levels: int, seed: int, gain_bits: int) -> None:
    check_levels(levels)
    if seed < 0:
        raise OptionError(f"seed={seed}: a seed is a whole number, 0 or more; use 0 or more")
    if not levels <= gain_bits <= MAX_GAIN_BITS:
        raise OptionError(
            f"gain_bits={gain_bits}: the gains of {levels} levels need {levels} to {MAX_GAIN_BITS} bits; "
            f"use {levels} to {MAX_GAIN_BITS}"
        )


def _initial_model(described: Architecture, levels: int, input_bits: int, recipe: Recipe, seed: int) -> nn.Sequential:
    """The untrained network; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_seed(seed, Draw.WEIGHTS))
        model = build(described, levels, input_bits, recipe.gradient, recipe.estimator)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model


def _run_epochs(model: nn.Sequential, job: _Job, resume: bool, quiet: bool) -> Curve:
    """Train the epochs that are not yet done; return the whole learning curve."""
    recipe = job.recipe
    optimizer = make_optimizer(model, recipe)
    curve = load_checkpoint(job.output, model, optimizer, job.settings) if resume else []
    if len(curve) == recipe.epochs:
        return curve
    steps = steps_per_epoch(job.training, recipe.batch_size)
    example = Images(job.training.pixels[: recipe.batch_size], job.training.labels[: recipe.batch_size])
    loss_of = make_loss(model, recipe, steps * recipe.epochs, example)
    with reporting(job.settings["network"], recipe.epochs, quiet) as reporter:
        for epoch in range(len(curve), recipe.epochs):
            model.train()
            order = batches(job.training, recipe, job.seed, epoch)
            total = torch.zeros(())
            for step, batch in enumerate(order, start=epoch * steps):
                rate = recipe.learning_rate(step, steps * recipe.epochs)
                if recipe.estimator == "ede":
                    sharpen_(model, step / (steps * recipe.epochs))
                total += take_step(model, optimizer, loss_of, batch, rate)
                reporter.step((step + 1) / steps)
            curve.append(_epoch_entry(epoch, total / steps, accuracy(model, job.validation), rate))
            reporter.epoch(curve[-1]["loss"], curve[-1]["validation_accuracy"])
            save_checkpoint(job.output, model, optimizer, job.settings, curve)
    return curve


def _epoch_entry(epoch: int, loss: Tensor, validation_accuracy: float, rate: float) -> dict[str, float]:
    return {
        "epoch": epoch + 1,
        "loss": loss.item(),
        "validation_accuracy": validation_accuracy,
        "learning_rate": rate,
    }
