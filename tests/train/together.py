"""Twenty steps of a small convolutional network, in one process or in those that torchrun starts; see test_devices."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rebnet.datasets import Dataset
from rebnet.files import write_tensors
from rebnet.nn.load import state_arrays
from rebnet.train import loop, recipe

NETWORK = "8x8x2 - C8:3x3+same - MP2 - C8 - D16 - D3"
STEPS = 20
RECIPE = replace(recipe.RECIPES["default"], batch_size=32, warmup_steps=1, shift_pixels=1, flip=True)
FILE = "steps.safetensors"


def stripes() -> Dataset:
    """Three classes of images with a bright row; 320 of 350 are trained on, ten batches."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 450)
    images = random.integers(0, 150, (450, 8, 8, 2))
    images[np.arange(450), 2 * labels + 1] += 100
    images = images.astype(np.uint8)
    return Dataset("stripes", 3, images[:350], labels[:350], images[350:], labels[350:])


def follow(run: Path) -> None:
    """Train two epochs; write the loss of every step and the weights after the last."""
    losses, state = [], {}
    real = loop.take_step

    def take_step(model, *arguments, processes, **options):
        loss = real(model, *arguments, processes=processes, **options)
        losses.append(processes.sum(loss) / processes.count)
        if len(losses) == STEPS:
            for name, tensor in model.state_dict().items():
                state[name] = tensor.double()
                assert torch.equal(processes.sum(state[name]), processes.count * state[name]), name
        return loss

    loop.take_step = take_step
    recipe.RECIPES["stripes"] = RECIPE
    try:
        record = loop.train(NETWORK, stripes, 2, run, epochs=2, device="cpu", quiet=True)
    finally:
        loop.take_step = real
        del recipe.RECIPES["stripes"]
    assert len(losses) == STEPS
    assert record["network"] == NETWORK
    if loop.connect("cpu").leads:
        write_tensors(run / FILE, state_arrays({**state, "losses": torch.stack(losses)}), {})


if __name__ == "__main__":
    follow(Path(sys.argv[1]))
