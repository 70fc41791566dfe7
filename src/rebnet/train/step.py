"""One training step: loss, gradients, optimizer, clipped latent weights."""

import shutil
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from rebnet.nn.build import keep_order_
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.feature import share_statistics
from rebnet.nn.graph import steps as flow_of
from rebnet.nn.linear import BinaryLayer
from rebnet.nn.methods.absorb import set_progress
from rebnet.nn.residual import ResidualSign
from rebnet.train.any_levels import level_sets
from rebnet.train.devices import ALONE, Processes
from rebnet.train.images import Images
from rebnet.train.losses import Goal
from rebnet.train.patience import TookTooLong, at_most
from rebnet.train.recipe import Recipe

COMPILE_FROM_STEPS = 5_000
"""Trainings of at least so many steps pay back the seconds that compiling takes."""
COMPILE_CONVOLUTIONS_FROM_STEPS = 500
"""The same for networks with convolutions, where a step saves a hundred times as much."""

COMPILE_SECONDS = 600.0
"""Compiling is given up after so long; the longest of the paper's networks takes a fraction of it."""

COMPILE_OPTIONS: dict[str, Any] = {
    "realize_opcount_threshold": 10_000,
    "realize_reads_threshold": 1_000,
    "realize_acc_reads_threshold": 1_000,
    "realize_acc_reads_size_threshold": None,
}
"""On a CPU, compute the steps between two passes over a map again rather than store them: it waits for memory."""

LossFunction = Callable[[Tensor, Tensor, tuple[int, ...]], Tensor]
"""From pixels, labels and the level counts to run at, M last, to the loss; without level counts, at the first set."""


def runnable(recipe: Recipe, device: torch.device = ALONE.device) -> Recipe:
    """The recipe in the precision that `device` computes in hardware: float32 where it has no bfloat16."""
    if recipe.precision == "bfloat16" and not _has_bfloat16(device):
        return replace(recipe, precision="float32")
    return recipe


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def make_loss(
    model: nn.Module,
    recipe: Recipe,
    steps: int,
    example: Images,
    teacher: nn.Module | None = None,
    processes: Processes = ALONE,
    say: Callable[[str], None] = lambda sentence: None,
) -> LossFunction:
    """A function from pixels, labels and level counts to the loss of this process's images, compiled where that pays.

    Without a C++ compiler, or where compiling fails, takes more than `COMPILE_SECONDS` of processor time or gives a
    gradient that is no number, the plain function is used, which `say` is told; the two differ in float rounding only.
    See `is_compiled`.
    """
    kind, sets, flow = example.pixels.device.type, level_sets(model, recipe), flow_of(model)
    share_statistics(model, processes.total)
    goal = Goal(model, flow, recipe, teacher, () if teacher is None else flow_of(teacher))

    def loss_of(pixels: Tensor, labels: Tensor, levels: tuple[int, ...] = ()) -> Tensor:
        return goal(pixels, labels, levels or sets[0])

    convolves = any(isinstance(module, BinaryConv2d) for module in model.modules())
    least = COMPILE_CONVOLUTIONS_FROM_STEPS if convolves else COMPILE_FROM_STEPS
    if steps < least or not any(map(shutil.which, ("g++", "clang++", "c++"))):
        return loss_of
    untouched = deepcopy(model.state_dict())
    failed = ""
    try:
        with warnings.catch_warnings(), at_most(COMPILE_SECONDS):
            warnings.simplefilter("ignore")  # the compiler's own imports warn of torch's own deprecations
            options = COMPILE_OPTIONS if kind == "cpu" else None
            compiled: LossFunction = torch.compile(loss_of, dynamic=False, options=options)
            for levels in sets:  # one graph each
                compiled(example.pixels, example.labels, levels).backward()  # type: ignore[no-untyped-call]
            gradients = (parameter.grad for parameter in model.parameters() if parameter.grad is not None)
            if not all(gradient.isfinite().all() for gradient in gradients):
                failed = "gave a gradient that is no number"
    except TookTooLong:
        failed = f"took more than {COMPILE_SECONDS:g} s of processor time"
    except Exception as error:  # whatever a compiler may raise, training goes on without it
        failed = f"failed ({type(error).__name__})"
    if failed:
        say(f"compiling the training step {failed}; training goes on uncompiled, slower, with the same results")
        torch.compiler.reset()
    if processes.sum(torch.tensor(float(not failed), device=example.pixels.device)) < processes.count:
        compiled = loss_of
    model.load_state_dict(untouched)
    model.zero_grad(set_to_none=True)
    return compiled


def is_compiled(loss_of: LossFunction) -> bool:
    """Whether `make_loss` gave a compiled function."""
    return hasattr(loss_of, "_torchdynamo_orig_callable")


def take_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: LossFunction,
    batch: Images,
    rate: float,
    levels: tuple[int, ...] = (),
    *,
    latent_clip: float = 1.0,
    processes: Processes = ALONE,
) -> Tensor:
    """Update the model once, at these level counts, with the mean of all processes' gradients.

    Returns:
        The loss of this process's images, detached and still on its device.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(batch.pixels, batch.labels, levels)
    loss.backward()  # type: ignore[no-untyped-call]
    processes.average_gradients_(model)
    optimizer.step()
    for module in model.modules():
        if isinstance(module, BinaryLayer):
            module.clip_latent_(latent_clip)
    keep_order_(model)
    return loss.detach()


@torch.no_grad()
def sharpen_(model: nn.Module, progress: float) -> None:
    """Set t of the estimator "ede", which rises from 0.1 to 10 in even steps of its logarithm; `progress` is 0 to 1.

    So too the sharpness of the estimators of a method, on their own schedules.
    """
    set_progress(model, progress)
    for module in model.modules():
        if isinstance(module, ResidualSign):
            module.sharpness.fill_(10 ** (2 * progress - 1))


@torch.no_grad()
def spread_latents_(model: nn.Module, factor: float) -> None:
    """Multiply the initial latent weights; their signs stay, and how many steps it takes to turn them changes."""
    for module in model.modules():
        if isinstance(module, BinaryLayer):
            module.weight.mul_(factor)
