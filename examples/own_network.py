"""A network of your own: an nn.Sequential built by hand, trained, exported, lowered, folded, generated, simulated.

    python examples/own_network.py build/own

Everything that `rebnet compile` does is here in five calls. The last step needs a C++ compiler and is left out without.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from rebnet import datasets
from rebnet.datasets import Dataset
from rebnet.engine.reference import run
from rebnet.export import export
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.notation import Folding
from rebnet.lower import lower
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.simulate import simulate
from rebnet.spec.scores import labels

LEVELS = 2
STEPS = 400
BATCH_SIZE = 50


def make_model() -> nn.Sequential:
    """8x8x1 pixels of 4 bits, hidden layers of 64 and 48, 10 classes; Dropout is passed over by export."""
    return nn.Sequential(
        PixelInput(8, 8, 1, bits=4),
        BinaryLinear(64, 64),
        nn.BatchNorm1d(64),
        ResidualSign(LEVELS),
        nn.Dropout(0.1),
        BinaryLinear(64, 48),
        nn.BatchNorm1d(48),
        ResidualSign(LEVELS),
        BinaryLinear(48, 10),
        nn.BatchNorm1d(10),
    )


def train(model: nn.Sequential, data: Dataset) -> None:
    """Plain PyTorch; binary weights ask for one thing more, clipping after each step."""
    images, targets = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    model.train()
    for _ in range(STEPS):
        chosen = torch.randint(len(images), (BATCH_SIZE,))
        loss = functional.cross_entropy(model(images[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        for module in model:
            if isinstance(module, BinaryLinear):
                module.clip_latent_()


def main(build: Path, say: Callable[[str], None] = print) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # layers this small are faster on one
    data = datasets.load("digits")
    model = make_model()
    train(model, data)

    # Given training images, export snaps the factors to integer gains and recalibrates BatchNorm, on a copy.
    foldings = [Folding(pe=8, simd=16), Folding(pe=8, simd=8), Folding(pe=2, simd=8)]
    exported = export(model, "own", foldings=foldings, images=data.train_images)

    network = lower(exported)
    storage.save(network, build)
    accelerator = fold(build)
    generate(build)

    integer = labels(run(network, data.test_images))
    say(f"integer network: {100 * np.mean(integer == data.test_labels):.1f} % of {len(integer)} test images")
    say(f"accelerator: one image every {accelerator.bound_cycles(LEVELS)} cycles, in {build / 'rtl'}")
    if shutil.which("g++") is None:
        say("no C++ compiler: the RTL is not simulated")
        return
    record = simulate(build, data).record
    say(f"RTL: {record['mismatches']} mismatches, {record['cycles_per_image']} cycles per image")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/own"))
