"""Whose folders are trained into, one training at a time, and what a run says about itself."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rebnet.errors import FileFormatError, OptionError, OutputError, TrainingError
from rebnet.files import file_hash
from rebnet.train import RECIPES, folder, retrain, train
from rebnet.train.folder import check_output, held_folder

NETWORK = "6x6x1 - D8 - D3"
QUICK = replace(RECIPES["default"], epochs=1, batch_size=20, warmup_steps=10)


@pytest.fixture(scope="module")
def run(blob_dataset, tmp_path_factory):
    place = tmp_path_factory.mktemp("folder") / "run"
    train(NETWORK, blob_dataset, 2, place, recipe=QUICK, quiet=True)
    return place


def content(place: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}


FINISHED = "{}: holds a finished training, which a new one would replace; name another --output or delete it"
INTERRUPTED = (
    "{}: holds an interrupted training, which a new one would replace; go on with the same command and --resume, name "
    "another --output or delete it"
)
OTHER = "{}: holds files of something else; name another --output"


@pytest.mark.parametrize(
    ("names", "resume", "message"),
    [
        (["model.safetensors", "training.json", "checkpoint.safetensors"], False, FINISHED),
        (["model.safetensors", "training.json"], True, FINISHED),
        (["checkpoint.safetensors"], False, INTERRUPTED),
        (["checkpoint.safetensors", "model.safetensors"], False, INTERRUPTED),
        (["training.json"], False, OTHER),
        (["notes.txt"], True, OTHER),
        (["network.json", "training.json", "model.safetensors", "checkpoint.safetensors"], True, INTERRUPTED),
        (["network.json", "training.json"], False, OTHER),
    ],
)
def test_nothing_is_written_over(blob_dataset, tmp_path, names, resume, message):
    place = tmp_path / "a folder"
    place.mkdir()
    for name in names:
        (place / name).write_text("precious")
    before = content(place)
    with pytest.raises(OutputError) as caught:
        train(NETWORK, blob_dataset, 2, place, recipe=QUICK, resume=resume, quiet=True)
    assert str(caught.value) == message.format(place)
    assert content(place) == before


def test_a_new_training_takes_a_new_or_an_empty_folder(tmp_path):
    check_output(tmp_path / "new", resume=False)
    check_output(tmp_path, resume=False)
    (tmp_path / "before").mkdir()
    check_output(tmp_path, resume=False)
    with pytest.raises(OutputError, match="files of something else"):
        check_output(tmp_path, resume=False, kept=())


def test_retraining_writes_over_nothing(run, blob_dataset, tmp_path):
    (tmp_path / "notes").write_text("precious")
    with pytest.raises(OutputError, match="files of something else"):
        retrain(run, lambda name: blob_dataset, tmp_path, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


HOLDER = """
import sys
from pathlib import Path
from rebnet.train.folder import held_folder
with held_folder(Path(sys.argv[1]), 1):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_training_at_a_time_until_its_process_is_gone(run, tmp_path):
    place = shutil.copytree(run, tmp_path / "a run")
    command = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputError) as caught, held_folder(place, 1):
            pass
        other.kill()
    assert str(caught.value) == (
        f"{place}: another training writes there now; wait for its end, or name another --output"
    )
    with held_folder(place, 1):
        pass


def test_a_training_that_came_and_ended_while_the_images_were_read_is_kept(run, blob_dataset, tmp_path):
    place = tmp_path / "a run"

    def slow_images():
        shutil.copytree(run, place)
        return blob_dataset

    with pytest.raises(OutputError) as caught:
        train(NETWORK, slow_images, 2, place, recipe=QUICK, quiet=True)
    assert str(caught.value) == FINISHED.format(place)
    assert sorted(content(place).values()) == sorted(content(run).values())


def test_space_is_asked_for_at_the_beginning(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(2**30, 2**30, 2**20))
    with pytest.raises(OutputError) as caught, held_folder(tmp_path / "run", 2**20):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: 1 MiB are free, this training writes up to 28 MiB; free some space or name another "
        "--output"
    )
    assert not (tmp_path / "run").exists()


def test_a_record_knows_its_model_and_its_machine(run):
    record = json.loads((run / "training.json").read_text())
    assert record["inputs"] == {"model": file_hash(run / "model.safetensors")}
    assert record["threads"] == 1  # a small dense network
    assert record["processor"]
    assert record["instructions"]
    assert record["torch"]
    assert record["compiled"] is False


def test_a_model_beside_another_s_record_teaches_nobody(run, blob_dataset, tmp_path):
    mixed = shutil.copytree(run, tmp_path / "mixed")
    train(NETWORK, blob_dataset, 2, tmp_path / "other", recipe=QUICK, seed=1, quiet=True)
    shutil.copy(tmp_path / "other" / "model.safetensors", mixed)
    for part in ("start", "teacher"):
        with pytest.raises(FileFormatError, match="tells of another training than the one that made"):
            train(NETWORK, blob_dataset, 2, tmp_path / "run", recipe=QUICK, quiet=True, **{part: mixed})
    assert not (tmp_path / "run").exists()


def test_numbers_that_overflow_end_in_a_sentence(blob_dataset, tmp_path):
    wild = replace(QUICK, epochs=2, peak_learning_rate=1e38, warmup_steps=1)
    with pytest.raises(TrainingError) as caught:
        train(NETWORK, blob_dataset, 2, tmp_path / "run", recipe=wild, quiet=True)
    assert str(caught.value).startswith(f"{tmp_path / 'run'}: ")
    assert "epoch 1" in str(caught.value)
    assert "lower the recipe's peak_learning_rate or raise its warmup_steps" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_last_finite_checkpoint_stays(run, blob_dataset, tmp_path, monkeypatch):
    steps = iter(range(30))  # of 27 in an epoch
    real = train.__globals__["take_step"]

    def step(*arguments, **options):
        loss = real(*arguments, **options)
        return loss if next(steps, None) is not None else loss * float("nan")

    monkeypatch.setitem(train.__globals__, "take_step", step)
    with pytest.raises(TrainingError, match="the loss is nan in step 4 of 27 of epoch 2, at a learning rate of"):
        train(NETWORK, blob_dataset, 2, tmp_path / "run", recipe=replace(QUICK, epochs=3), quiet=True)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.safetensors"]


def test_memory_that_runs_out(blob_dataset, tmp_path, monkeypatch):
    def step(*_, **__):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setitem(train.__globals__, "take_step", step)
    with pytest.raises(TrainingError) as caught:
        train(NETWORK, blob_dataset, 2, tmp_path / "run", recipe=QUICK, quiet=True)
    assert str(caught.value) == (
        f"network {NETWORK}: memory ran out in a training with batches of 20; use a recipe with a smaller batch_size, "
        "a smaller --width, or a machine with more memory"
    )
    assert not (tmp_path / "run").exists()


def test_names_that_no_record_holds(blob_dataset, tmp_path):
    named = replace(blob_dataset, name=os.fsdecode(b"npz:b\xff.npz"))
    with pytest.raises(OptionError, match="its name is not UTF-8, which records are written in; give the file another"):
        train(NETWORK, named, 2, tmp_path / "run", recipe=QUICK, quiet=True)
    assert not (tmp_path / "run").exists()
    ascii_locale = replace(blob_dataset, name="npz:" + "ünï".encode().decode("ascii", "surrogateescape"))
    record = train(NETWORK, ascii_locale, 2, tmp_path / "run", recipe=QUICK, quiet=True)
    assert record["dataset"] == "npz:ünï"
