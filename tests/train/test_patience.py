"""A block that takes too long is given up: in Python, in a wait for a child, in any thread."""

import subprocess
import threading
import time

import pytest
import torch

from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.train import step
from rebnet.train.images import Images
from rebnet.train.patience import TookTooLong, at_most
from rebnet.train.recipe import Recipe


def compute():
    while True:
        try:
            time.perf_counter()
        except Exception:  # as compilers do
            continue


def test_python_and_waits_are_given_up():
    with pytest.raises(TookTooLong), at_most(0.05):
        compute()
    with pytest.raises(TookTooLong), at_most(0.05):
        subprocess.run(["sleep", "1000"], check=True)


def test_in_another_thread():
    ended = []

    def work():
        try:
            with at_most(0.05):
                compute()
        except TookTooLong:
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert ended == [True]


def test_what_ends_in_time_is_left_alone():
    with at_most(60):
        done = True
    assert done


def test_a_training_step_that_does_not_compile_in_time(monkeypatch):
    def compiler(function, dynamic, options):
        return lambda *_: compute()

    monkeypatch.setattr(torch, "compile", compiler)
    monkeypatch.setattr(step.shutil, "which", lambda name: name)
    monkeypatch.setattr(step, "COMPILE_SECONDS", 0.05)
    model = build(architecture("4x4x1 - D8 - D3"), 2)
    batch = Images(torch.zeros(6, 4, 4, 1, dtype=torch.uint8), torch.arange(6) % 3)
    said = []
    loss_of = step.make_loss(model, Recipe(), step.COMPILE_FROM_STEPS, batch, say=said.append)
    assert said == [
        "compiling the training step took more than 0.05 s of processor time; training goes on uncompiled, slower, "
        "with the same results"
    ]
    assert not step.is_compiled(loss_of)
    assert loss_of(batch.pixels, batch.labels).isfinite()
