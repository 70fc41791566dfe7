"""What is damaged, and every reader that may then be given it.

`prepare` makes a folder once: a run, its build with all records, and one data file of each kind; `mutations` draws
from it.
"""

import gzip
import io
import json
import random
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.fuzz.mutate import damaged_bytes, damaged_json, damaged_npy, damaged_tensors
from tests.fuzz.mutation import IMAGES, Mutation, Read, small
from tests.fuzz.runs import command, damaged_checkpoint, damaged_pictures, damaged_run, no_images, prepare_runs
from tests.records.chained import put, rechain
from tests.simulate.builds import save_run

from rebnet import datasets, flow
from rebnet.boards import find
from rebnet.build_folder import EXPORTED
from rebnet.datasets import cifar10, idx, picture, svhn
from rebnet.evaluate import evaluate
from rebnet.evaluate.adaptive import evaluate_adaptive
from rebnet.evaluate.online import evaluate_online
from rebnet.files import file_hash, write_record
from rebnet.fold import fold
from rebnet.fold.timing.from_text import bound_cycles
from rebnet.generate import generate
from rebnet.generate.check import checked
from rebnet.ir import storage
from rebnet.report import report, row
from rebnet.reproduce.records import read_run
from rebnet.rtl.ports import read_ports
from rebnet.simulate import streams_of
from rebnet.stages.folding import read_accelerator, read_depths
from rebnet.synthesize.vivado import synthesize_with_vivado
from rebnet.train.again import retrain
from rebnet.train.start import run_summary

RESOURCES = {"LUT": 10, "FF": 5, "BRAM_36K": 1, "BRAM_18K": 0, "DSP": 0}
PART = "xc7s50"


def prepare(place: Path) -> Path:
    """The folder with everything whole."""
    run = save_run(place / "run")
    training = {
        "network": "8x8x1 - D12(5,16) - D9(2,5) - D10(3,4)", "dataset": "digits", "levels": 3, "any_levels": False,
        "input_bits": 8, "seed": 0, "epochs": 1, "recipe": {"validation_fraction": 0.25, "epochs": 1},
        "start_from": None, "teacher": None, "device": "cpu", "processes": 1, "gain_bits": 8,
        "curve": [{"epoch": 1, "loss": 2.0, "validation_accuracy": 11.0, "learning_rate": 1e-3}],
        "test_accuracy": 12.5, "validation_accuracy": 11.0, "gammas": [[0.5, 0.25, 0.125]] * 2,
    }  # fmt: skip
    write_record(run / "training.json", training)
    build = place / "build"
    flow.compile(run, build, board="zc702")
    digits = small()
    evaluate(build, build / EXPORTED, digits)
    evaluate_adaptive(build, digits, (1, 3))
    evaluate_online(build, build / EXPORTED, digits)
    simulation = {
        "dataset": "digits", "images": IMAGES, "levels": [3], "stalls": None, "mismatches": 0, "accuracy": 25,
        "cycles_per_image": 45.5, "bound_cycles": 45, "latency_cycles": 99, "fifo_peaks": {"layer1.input": 2},
    }  # fmt: skip
    put(build / "simulation.json", simulation)
    synthesis = {"part": "xc7s50", "tool": "Yosys 1", "total": RESOURCES, "device": RESOURCES, "modules": [RESOURCES]}
    put(build / "synthesis.json", synthesis)
    _data_files(place)
    prepare_runs(place)
    return place


def _data_files(place: Path) -> None:
    digits = small()
    np.savez_compressed(place / "a.npz", images=digits.train_images, labels=digits.train_labels)
    pixels = np.arange(2 * 4 * 4, dtype=np.uint8).tobytes()
    plain = bytes((0, 0, 8, 3)) + np.array((2, 4, 4), ">u4").tobytes() + pixels
    (place / "a-idx3").write_bytes(plain)
    (place / "a-idx3.gz").write_bytes(gzip.compress(plain, mtime=0))
    (place / "a.bin").write_bytes(b"\3" + bytes(3072) + b"\4" + bytes(3072))
    from PIL import Image
    from scipy.io import savemat

    savemat(place / "a.mat", {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)},
            do_compression=True)  # fmt: skip
    picture_ = Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
    for suffix in ("png", "jpg"):
        picture_.save(place / f"a.{suffix}")


def mutations(place: Path, work: Path, count: int, seed: int, most: int = 100) -> Iterator[Mutation]:
    """`count` damaged files, one at a time, with at most `most` of their readers; `work` is emptied for each."""
    for number in range(count):
        draw = random.Random(f"{seed}-{number}")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        kind = draw.choices(tuple(KINDS), tuple(KINDS.values()))[0]
        made = kind(place, work, draw)
        readers = tuple(draw.sample(made.readers, min(most, len(made.readers))))
        yield replace(made, name=f"{seed}-{number} {made.name}", readers=readers)


RECORDS = (
    "training.json", "network.json", "exported/network.json", "folding.json", "ports.json", "evaluation.json",
    "adaptive.json", "online.json", "simulation.json", "synthesis.json",
)  # fmt: skip


def _record(place: Path, work: Path, draw: random.Random) -> Mutation:
    build = shutil.copytree(place / "build", work / "build", symlinks=True)
    file = draw.choice(RECORDS)
    text = (build / file).read_text()
    (build / file).write_text(damaged_json(text, draw), encoding="utf-8")
    _tie(build, draw)
    return Mutation(file, _readers(build, place / "build"))


def _tensors(place: Path, work: Path, draw: random.Random) -> Mutation:
    build = shutil.copytree(place / "build", work / "build", symlinks=True)
    folder = draw.choice(("", EXPORTED))
    path = build / folder / "tensors.safetensors"
    path.write_bytes(damaged_tensors(path.read_bytes(), draw))
    if draw.random() < 0.8:
        network = build / folder / "network.json"
        record = json.loads(network.read_text())
        write_record(network, {key: value for key, value in record.items() if key != "schema"} | {
            "tensors_sha256": file_hash(path)
        })  # fmt: skip
        _tie(build, draw)
    return Mutation(str(path.relative_to(build)), _readers(build, place / "build"))


def _tie(build: Path, draw: random.Random) -> None:
    """Mostly, as a forger would: all hashes computed again."""
    if draw.random() < 0.8:
        try:
            rechain(build)
        except (ValueError, TypeError, AttributeError, KeyError):
            return  # what is no record any more stays as it is


def _readers(build: Path, whole: Path) -> tuple[tuple[str, Read], ...]:
    def hardware() -> None:
        network = storage.load(build)
        read_ports(build, {"network": "network.json", "folding": "folding.json"})
        streams_of(network, read_accelerator(build / "folding.json", network), build)

    def folded() -> None:
        network = storage.load(build)
        accelerator = read_accelerator(build / "folding.json", network)
        read_depths(build / "folding.json", accelerator)
        accelerator.bound_cycles(network.levels)

    def compiled() -> None:
        run = build.parent / "run"
        shutil.copytree(build / EXPORTED, run, dirs_exist_ok=True)
        shutil.copyfile(build / "training.json", run / "training.json")
        flow.compile(run, build.parent / "compiled", until="lower")

    def given() -> None:
        shutil.copyfile(build / "folding.json", build.parent / "mine.json")
        flow.compile(whole, build.parent / "asked", folding=str(build.parent / "mine.json"))

    return (
        ("report", lambda: report([build], build / "page.html")),
        ("sweep", lambda: report([build, whole], build / "page.html")),
        ("row", lambda: row(build)),
        ("reproduce", lambda: read_run(build, bound_cycles)),
        ("evaluate", lambda: evaluate(build, build / EXPORTED, small())),
        ("online", lambda: evaluate_online(build, build / EXPORTED, small())),
        ("adaptive", lambda: evaluate_adaptive(build, small(), (1, 3))),
        ("compile", compiled),
        ("fold", lambda: fold(build, folding=str(build / "folding.json"))),
        ("generate rtl", lambda: generate(build)),
        ("generate c", lambda: generate(build, target="c")),
        ("hardware", hardware),
        ("folding", folded),
        ("compile --folding", given),
        ("start", lambda: run_summary(build, "training.json")),
        ("retrain", lambda: retrain(build, no_images, build.parent / "again")),
        ("sources", lambda: checked(build)),
        ("edited sources", lambda: checked(build, edited=True)),
        ("vivado", lambda: synthesize_with_vivado(build, find(PART))),
        ("vivado --edited", lambda: synthesize_with_vivado(build, find(PART), edited=True)),
        ("rebnet report", lambda: command("report", build, "--output", build.parent / "page.html")),
        ("rebnet evaluate", lambda: command("evaluate", build)),
        ("rebnet generate", lambda: command("generate", build, "--target", "c")),
        ("rebnet synthesize", lambda: command("synthesize", build, "--part", PART, "--tool", "vivado")),
    )


def _data(place: Path, work: Path, draw: random.Random) -> Mutation:
    name = draw.choice(("a.npz", "a.npz", "a-idx3", "a-idx3.gz", "a.bin", "a.mat", "a.png", "a.jpg"))
    path = work / name
    if name == "a.npz":
        _write_npz(place / name, path, draw)
    else:
        path.write_bytes(damaged_bytes((place / name).read_bytes(), draw))
    return Mutation(name, ((name, lambda: _read_data(path)),))


def _write_npz(source: Path, path: Path, draw: random.Random) -> None:
    if draw.random() < 0.4:
        path.write_bytes(damaged_bytes(source.read_bytes(), draw))
        return
    with zipfile.ZipFile(source) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    chosen = draw.choice(sorted(members))
    members[chosen] = damaged_npy(members[chosen], draw)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as damaged:
        for name, data in members.items():
            damaged.writestr(zipfile.ZipInfo(name), data)
    path.write_bytes(held.getvalue())


def _read_data(path: Path) -> object:
    match path.suffix:
        case ".npz":
            return datasets.load(f"npz:{path}")
        case ".bin":
            records = cifar10.read_records(path, 2)
            images, labels = np.empty((2, 32, 32, 3), np.uint8), np.empty(2, np.int64)
            return cifar10._unpack(path, records, images, labels)
        case ".mat":
            return svhn.read_mat(path, 2)
        case ".png" | ".jpg":
            return picture.read_picture(path, 16, 12)
    return idx.read_idx(path, (2, 4, 4))


KINDS = {_record: 12, _tensors: 6, _data: 6, damaged_run: 6, damaged_checkpoint: 3, damaged_pictures: 3}
"""What is damaged, by how often."""
