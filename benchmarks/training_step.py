"""Time of a training step: Arch-2 with 1, 2 and 3 levels, a float network of its shape, and Brevitas' CNV.

    pip install -c constraints.txt -e '.[benchmark]'
    python benchmarks/training_step.py [--output FILE.json]

Measured in one run on this machine's CPU, all threads, on 100 synthetic images in the shape of CIFAR-10. A step is
loss, gradients, Adam and what the method does to its weights afterwards. Every contestant runs as it is fastest: ours
as `rebnet train` runs it, the others in whichever of the ways in `WAYS` is fastest here (compiled or not, bfloat16 or
not), channels last; a way that fails is recorded with its reason. Then come interleaved rounds, each of which starts
with another contestant; a round's figure is the mean of its steps, a contestant's the median of its rounds.
"""

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rebnet.files import write_record
from rebnet.ir.notation import Architecture, ConvText, DenseText, PoolText
from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import RECIPES
from rebnet.train.step import COMPILE_OPTIONS, is_compiled, make_loss, runnable, take_step

CLASSES = 10
GOALS = (
    ("M=3 / M=1", "rebnet M=3", "rebnet M=1", 1.15, "at most"),
    ("Brevitas W1A1 / M=1", "Brevitas W1A1", "rebnet M=1", 2.0, "at least"),
    ("Brevitas W1A2 / M=2", "Brevitas W1A2", "rebnet M=2", 2.0, "at least"),
    ("Brevitas W1A1 / M=3", "Brevitas W1A1", "rebnet M=3", None, ""),
    ("M=1 / float", "rebnet M=1", "float", None, ""),
    ("M=2 / float", "rebnet M=2", "float", None, ""),
    ("M=3 / float", "rebnet M=3", "float", None, ""),
)
"""Ratios: name, the times above and below the line, the goal and its direction."""

Step = Callable[[], object]
Loss = Callable[[nn.Module], Tensor]


@dataclass(frozen=True)
class Way:
    """How a network of others is run."""

    compiled: bool
    bfloat16: bool
    options: dict[str, Any] | None = None

    def __str__(self) -> str:
        how = "eager" if not self.compiled else "compiled" if self.options is None else "compiled, our options"
        return f"{how}, {'bfloat16' if self.bfloat16 else 'float32'}"


WAYS = (
    Way(compiled=False, bfloat16=False),
    Way(compiled=False, bfloat16=True),
    Way(compiled=True, bfloat16=False),
    Way(compiled=True, bfloat16=True),
    Way(compiled=True, bfloat16=True, options=COMPILE_OPTIONS),
)


@dataclass
class Contestant:
    """Something that takes training steps, the way it runs, and its milliseconds a step in each round."""

    name: str
    way: str
    step: Step
    tried: dict[str, float | str] = field(default_factory=dict)
    rounds_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Milliseconds a step, the median of the rounds."""
        return statistics.median(self.rounds_ms)


def ours(levels: int, batch: Images, compiled: bool, network: str = "arch-2") -> Contestant:
    """A network with M levels and the recipe of CIFAR-10, as `rebnet train` runs it."""
    recipe = runnable(RECIPES["cifar10"])
    model = build(architecture(network), levels, 8, recipe.gradient, recipe.estimator)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    loss_of = make_loss(model, recipe, 10**6 if compiled else 1, batch)
    optimizer = make_optimizer(model, recipe)
    way = f"{'compiled' if is_compiled(loss_of) else 'eager'}, {recipe.precision}"
    return Contestant(f"rebnet M={levels}", way, lambda: take_step(model, optimizer, loss_of, batch, 1e-3))


def float_network(described: Architecture) -> nn.Sequential:
    """The network in float: convolution or dense layer, BatchNorm, ReLU, and pools where they stand."""
    modules: list[nn.Module] = []
    flat = False
    for index, layer in enumerate(described.layers):
        height, width, channels = described.shapes[index]
        if isinstance(layer, PoolText):
            modules.append(nn.MaxPool2d(layer.window.kernel, layer.window.stride))
        elif isinstance(layer, ConvText):
            modules.append(nn.Conv2d(channels, layer.rows, layer.window.kernel, layer.window.stride, bias=False))
            modules += [nn.BatchNorm2d(layer.rows), nn.ReLU()]
        elif isinstance(layer, DenseText):
            modules += [] if flat else [nn.Flatten()]
            flat = True
            modules += [nn.Linear(height * width * channels, layer.rows, bias=False), nn.BatchNorm1d(layer.rows)]
            modules += [nn.ReLU()] if index + 1 < len(described.layers) else []
    return nn.Sequential(*modules)


def make_float(images: Tensor, labels: Tensor) -> tuple[nn.Module, Loss, Step]:
    """The float network of Arch-2's shape, with cross-entropy."""
    model = float_network(architecture("arch-2"))
    return model, lambda called: functional.cross_entropy(called(images).float(), labels), lambda: None


def make_brevitas(bits: int, images: Tensor, labels: Tensor) -> tuple[nn.Module, Loss, Step]:
    """Brevitas' own CNV with 1-bit weights and `bits`-bit activations, trained as its example trains it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of its dependencies' deprecations
        from brevitas_examples.bnn_pynq.models.CNV import CNV
        from brevitas_examples.bnn_pynq.models.losses import SqrHingeLoss
    model = CNV(num_classes=CLASSES, weight_bit_width=1, act_bit_width=bits, in_bit_width=8, in_ch=3)
    criterion = SqrHingeLoss()
    targets = 2.0 * functional.one_hot(labels, CLASSES) - 1.0
    unit = (images + 1) / 2  # CNV takes pixels from 0 to 1
    unit = unit.contiguous(memory_format=torch.channels_last)
    return model, lambda called: criterion(called(unit).float(), targets), lambda: model.clip_weights(-1, 1)


def stepper(make: Callable[[], tuple[nn.Module, Loss, Step]], way: Way) -> Step:
    """A training step of a new network of others, in one way."""
    model, loss_of, afterwards = make()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    called = torch.compile(model, dynamic=False, options=way.options) if way.compiled else model
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
            loss = loss_of(called)  # type: ignore[arg-type]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        afterwards()

    return step


def fastest(name: str, make: Callable[[], tuple[nn.Module, Loss, Step]], ways: tuple[Way, ...]) -> Contestant:
    """Try every way for a few steps and keep the fastest."""
    best: tuple[float, str, Step] | None = None
    tried: dict[str, float | str] = {}
    for way in ways:
        torch.compiler.reset()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of compilers and of torch's own deprecations
                step = stepper(make, way)
                seconds = timed(step, 3, warm=2)
        except Exception as error:  # whatever a compiler may raise, this way is out
            tried[str(way)] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{name}, {way}: failed, {tried[str(way)]}", flush=True)
            continue
        tried[str(way)] = round(1e3 * seconds, 3)
        print(f"{name}, {way}: {1e3 * seconds:.1f} ms", flush=True)
        if best is None or seconds < best[0]:
            best = seconds, str(way), step
    if best is None:
        raise RuntimeError(f"{name}: no way of running it works: {tried}")
    return Contestant(name, best[1], best[2], tried)


def timed(step: Step, steps: int, warm: int = 0) -> float:
    """Seconds a step."""
    for _ in range(warm):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps


def run_rounds(contestants: list[Contestant], rounds: int, steps: int) -> None:
    """Interleaved rounds, each of which starts with another contestant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for contestant in contestants:
            timed(contestant.step, 1, warm=2)
        for number in range(rounds):
            first = number % len(contestants)
            for contestant in contestants[first:] + contestants[:first]:
                contestant.rounds_ms.append(1e3 * timed(contestant.step, steps, warm=1))


def ratios(medians: dict[str, float]) -> list[dict[str, Any]]:
    """Every ratio of `GOALS` whose contestants ran, and whether its goal is met; None where it has no goal."""
    found = []
    for name, above, below, goal, direction in GOALS:
        if above not in medians or below not in medians:
            continue
        ratio = medians[above] / medians[below]
        met = None if goal is None else ratio <= goal if direction == "at most" else ratio >= goal
        wanted = f"{direction} {goal}" if goal is not None else None
        found.append({"name": name, "ratio": round(ratio, 3), "goal": wanted, "met": met})
    return found


def record_of(contestants: list[Contestant], options: argparse.Namespace) -> dict[str, Any]:
    """What was measured and on what."""
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in ("torch", "brevitas")},
        "batch": options.batch,
        "rounds": options.rounds,
        "steps_per_round": options.steps,
        "contestants": [
            {
                "name": contestant.name,
                "way": contestant.way,
                "median_ms": round(contestant.median_ms, 3),
                "rounds_ms": [round(value, 3) for value in contestant.rounds_ms],
                "tried": contestant.tried,
            }
            for contestant in contestants
        ],
        "ratios": ratios({contestant.name: contestant.median_ms for contestant in contestants}),
    }


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--steps", type=int, default=5, help="steps of a contestant in a round")
    parser.add_argument("--batch", type=int, default=100, help="images of a step")
    parser.add_argument("--eager", action="store_true", help="compile nothing: only to see that everything runs")
    parser.add_argument("--output", type=Path, default=None, help="file of the record, in JSON")
    options = parser.parse_args()
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (options.batch, 32, 32, 3), dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (options.batch,))
    images = (2 * pixels.float() / 255 - 1).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    ways = tuple(way for way in WAYS if not (options.eager and way.compiled))
    contestants = [
        fastest("float", lambda: make_float(images, labels), ways),
        fastest("Brevitas W1A1", lambda: make_brevitas(1, images, labels), ways),
        fastest("Brevitas W1A2", lambda: make_brevitas(2, images, labels), ways),
        *(ours(levels, Images(pixels, labels), not options.eager) for levels in (1, 2, 3)),
    ]
    run_rounds(contestants, options.rounds, options.steps)
    record = record_of(contestants, options)
    for contestant in contestants:
        print(f"{contestant.name:<14} {contestant.median_ms:9.2f} ms a step, {contestant.way}")
    for ratio in record["ratios"]:
        goal = "" if ratio["goal"] is None else f"  goal {ratio['goal']}: {'met' if ratio['met'] else 'missed'}"
        print(f"{ratio['name']:<20} {ratio['ratio']:6.2f} x{goal}")
    if options.output is not None:
        write_record(options.output, record)
    else:
        print(json.dumps(record["versions"]))


if __name__ == "__main__":
    main()
