"""Damaged runs, checkpoints and folders of pictures, and what reads them."""

import contextlib
import io
import random
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from tests.fuzz.mutate import damaged_bytes, damaged_json, damaged_tensors
from tests.fuzz.mutation import Mutation, Read, small

from rebnet import datasets, flow
from rebnet.cli import main, signals
from rebnet.datasets import Dataset, imagenet
from rebnet.errors import DatasetError
from rebnet.files import file_hash, read_json, write_record
from rebnet.train import loop
from rebnet.train.again import retrain
from rebnet.train.folder import CHECKPOINT_FILE
from rebnet.train.loop import train
from rebnet.train.recipe import Recipe

TEXT = "8x8x1 - D6 - D10"
RECIPE = Recipe(epochs=2, batch_size=10, validation_fraction=0.25, calibration_images=10)
SIDES = {"resize": 16, "crop": 12}


def prepare_runs(place: Path) -> None:
    """A run that started from another one, one that was interrupted after its first epoch, and pictures."""
    train(TEXT, small(), 1, place / "first", recipe=replace(RECIPE, epochs=1), quiet=True)
    whole = partial(train, TEXT, small(), 2, recipe=RECIPE, start=place / "first", quiet=True)
    whole(output=place / "trained")
    with contextlib.suppress(KeyboardInterrupt), mock.patch.object(loop, "save_checkpoint", _saved_and_interrupted):
        whole(output=place / "interrupted")
    from PIL import Image

    draw = np.random.default_rng(0)
    for part in imagenet.PARTS:
        for name in ("a/1.png", "a/2.jpg", "b/3.jpeg"):
            path = place / "pictures" / "imagenet" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 256, (20, 18, 3), np.uint8)).save(path)
    imagenet.load(place / "pictures", cache=place / "pictures" / "cache", **SIDES)


def _saved_and_interrupted(*arguments: object) -> None:
    from rebnet.train.checkpoint import save_checkpoint

    save_checkpoint(*arguments)  # type: ignore[arg-type]
    raise KeyboardInterrupt


def damaged_run(place: Path, work: Path, draw: random.Random) -> Mutation:
    """A finished training whose model or record is damaged; mostly each is still tied to the other."""
    run = shutil.copytree(place / "trained", work / "run")
    model, training = run / "model.safetensors", run / "training.json"
    if draw.random() < 0.5:
        model.write_bytes(damaged_tensors(model.read_bytes(), draw))
        if draw.random() < 0.8:
            record = read_json(training)
            record["inputs"] = {"model": file_hash(model)}
            write_record(training, {key: value for key, value in record.items() if key != "schema"})
        name = model.name
    else:
        training.write_text(damaged_json(training.read_text(), draw), encoding="utf-8")
        name = training.name
    fresh = partial(train, TEXT, small(), 2, recipe=replace(RECIPE, epochs=1), quiet=True)
    readers: dict[str, Read] = {
        "compile": lambda: flow.compile(run, work / "build", until="lower"),
        "retrain": lambda: retrain(run, no_images, work / "again", quiet=True),
        "resume retrain": lambda: _retrain_on(run, work / "on"),
        "start": lambda: fresh(output=work / "started", start=run),
        "teacher": lambda: fresh(output=work / "taught", teacher=run),
        "train": lambda: fresh(output=run),
        "rebnet compile": lambda: command("compile", run, "--output", work / "built"),
        "rebnet retrain": lambda: _retrain_command(run, work),
    }
    return Mutation(f"run {name}", tuple(readers.items()))


def no_images(name: str) -> Dataset:
    raise DatasetError(f"{name}: all that comes before the images is right")


def _retrain_command(run: Path, work: Path) -> int:
    """Up to the images: a million epochs are a training, not a fault."""
    with mock.patch.object(datasets, "load", lambda name, **_: no_images(name)):
        return command("retrain", run, "--output", work / "out")


def _retrain_on(run: Path, output: Path) -> object:
    """Go on with a chain whose first training is the damaged one."""
    (output / "before").mkdir(parents=True)
    shutil.copytree(run, output / "before" / "1")
    return retrain(run, no_images, output, resume=True, quiet=True)


def damaged_checkpoint(place: Path, work: Path, draw: random.Random) -> Mutation:
    """An interrupted training whose checkpoint is damaged."""
    run = shutil.copytree(place / "interrupted", work / "run")
    checkpoint = run / CHECKPOINT_FILE
    checkpoint.write_bytes(damaged_tensors(checkpoint.read_bytes(), draw, texts=True))
    resume = partial(train, TEXT, small(), 2, run, recipe=RECIPE, start=place / "first", quiet=True)
    return Mutation("checkpoint", (("resume", lambda: resume(resume=True)), ("compile", lambda: flow.compile(
        run, work / "build", until="lower"))))  # fmt: skip


def damaged_pictures(place: Path, work: Path, draw: random.Random) -> Mutation:
    """ImageNet's layout with a damaged picture, another layout, or a damaged cache."""
    folder = shutil.copytree(place / "pictures", work / "pictures")
    pictures = sorted((folder / "imagenet").rglob("*.*"))
    chosen = draw.choice(pictures)
    kind = draw.choice(("picture", "picture", "picture", "cache", "cache", "layout"))
    if kind == "picture":
        chosen.write_bytes(damaged_bytes(chosen.read_bytes(), draw))
    elif kind == "cache":
        kept = draw.choice(sorted((folder / "cache").rglob("*.npy")))
        damaged = damaged_bytes(kept.read_bytes(), draw)
        if draw.random() < 0.5:  # of a decoding that was stopped
            for file in (folder / "cache").rglob("*.npy"):
                file.unlink()
        kept.write_bytes(damaged)
    else:
        _move_about(chosen, draw)
    return Mutation(f"pictures {kind}", (
        ("imagenet", lambda: imagenet.load(folder, cache=folder / "cache", **SIDES)),
        ("imagenet anew", lambda: imagenet.load(folder, cache=folder / "another", **SIDES)),
    ))  # fmt: skip


def _move_about(picture: Path, draw: random.Random) -> None:
    kind = draw.randrange(7)
    if kind == 0:
        shutil.rmtree(picture.parent)
    elif kind == 1:
        shutil.rmtree(picture.parent.parent)
    elif kind == 5:
        picture.parent.rename(picture.parent.with_name("another"))
    else:
        picture.unlink()
    if kind == 2:
        picture.mkdir()
    elif kind == 3:
        picture.symlink_to(draw.choice((picture.name, "nothing", "/dev/zero", "..")))
    elif kind == 4:
        picture.write_bytes(b"")


def command(*arguments: object) -> int:
    """The command line in this process: an exit code of 0 to 2, and no traceback."""
    errors = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["rebnet", *map(str, arguments)]),
        mock.patch.object(signals, "heed", return_value=None),  # the signals are the caller's
        mock.patch.object(signals, "leave", return_value=None),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = 0 if end.code is None else int(end.code)
    if code not in (0, 1, 2) or "Traceback" in errors.getvalue() or (code == 2 and not errors.getvalue()):
        raise AssertionError(f"rebnet {arguments[0]}: exit code {code}, {errors.getvalue()[-300:]!r}")
    return code
