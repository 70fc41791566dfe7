"""`rebnet compile`: every refusal whole; what is in the way stays."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import files_in
from tests.cli.test_train import without
from tests.ir.networks import from_text
from tests.simulate.builds import network, save_run

from rebnet import swap
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Dense


def edit(path: Path, change) -> Path:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    return path


def test_unknown_sources(refuse, tmp_path):
    refuse(
        "network 'zoo:mnist-arch-9' is not in the zoo; use zoo:mnist-arch-1-m1, zoo:mnist-arch-1-m2, "
        "zoo:mnist-arch-1-m3, zoo:mnist-arch-1-any, zoo:cifar10-arch-2-m1, zoo:cifar10-arch-2-m2, "
        "zoo:cifar10-arch-2-m3, zoo:cifar10-arch-2-any, zoo:cifar10-resnet-20-m1, "
        "zoo:cifar10-resnet-20-m2, zoo:cifar10-resnet-20-m3",
        "compile", "zoo:mnist-arch-9", "--output", tmp_path / "out",
    )  # fmt: skip
    refuse(
        "mnist-arch-1-m2: no such folder; write zoo:mnist-arch-1-m2 for the network of the zoo",
        "compile", "mnist-arch-1-m2", "--output", tmp_path / "out",
    )  # fmt: skip
    refuse(
        f"{tmp_path / 'none'}: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
        "zoo:mnist-arch-1-m1",
        "compile", tmp_path / "none", "--output", tmp_path / "out",
    )  # fmt: skip


def test_folder_that_is_no_run(refuse, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    refuse(
        f"{run}/model.safetensors: no such file, so {run} is not a finished training; run 'rebnet train' with "
        f"--output {run}, and --resume if it was interrupted",
        "compile", run, "--output", tmp_path / "out",
    )  # fmt: skip


def test_corrupt_run(refuse, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").write_bytes(b"not tensors at all")
    refuse(
        f"{run}/model.safetensors: not a readable safetensors file (Error while deserializing header: header too "
        "large); write it again",
        "compile", run, "--output", tmp_path / "out",
    )  # fmt: skip


def test_run_without_torch(refuse, tmp_path, monkeypatch):
    without(monkeypatch, "torch", "rebnet.nn", "rebnet.train", "rebnet.export")
    (tmp_path / "run").mkdir()
    refuse(
        "this needs PyTorch, which is not installed; run: pip install 'rebnet[train]'",
        "compile", tmp_path / "run", "--output", tmp_path / "out",
    )  # fmt: skip


def test_training_record(refuse, run_folder, tmp_path):
    path = run_folder / "training.json"
    path.write_text("{")
    refuse(
        f"{path}: not valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); write "
        "it again with the command that made it",
        "compile", run_folder, "--output", tmp_path / "out",
    )  # fmt: skip


AGAIN = "; run the stage that writes it again"
OTHERWISE = "; correct it, or compile with another --folding"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: r.pop("ops"),
            "{}: key 'ops' is missing, it must hold a list of 1 to 10,000 entries" + AGAIN,
        ),
        (
            lambda r: r.update(levels="3"),
            "{}: key 'levels' holds '3', it must hold a whole number from 1 to 8; run the stage that writes it again",
        ),
        (
            lambda r: r.update(schema=2),
            "{}: schema version 2, this rebnet reads version 1; write the file again with this version, or read it "
            "with the one that wrote it",
        ),
        (
            lambda r: r["ops"][0].update(columns=63),
            "{}: not a network (random, operation 1, Dense layer1: has 63 columns, its input has 64 values); write it "
            "again with the command that made it",
        ),
        (
            lambda r: r["ops"][0].update(folding=[0, 16, None]),
            "{}: not a network (random, operation 1, Dense layer1: PE=0; use at least 1); write it again with the "
            "command that made it",
        ),
        (
            lambda r: r.update(tensors_sha256="0" * 64),
            "{}: belongs to another tensors.safetensors; write both again with the command that made them",
        ),
    ],
)
def test_network_record(refuse, run_folder, tmp_path, change, message):
    path = edit(run_folder / "network.json", change)
    refuse(message.format(path), "compile", run_folder, "--output", tmp_path / "out")


def test_corrupt_tensors(refuse, run_folder, tmp_path):
    path = run_folder / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refuse(
        f"{path}: not a readable safetensors file (Error while deserializing header: incomplete metadata, file not "
        "fully covered); write it again",
        "compile", run_folder, "--output", tmp_path / "out",
    )  # fmt: skip


def test_a_build_is_no_source(refuse, build, tmp_path):
    refuse(
        "network random holds Threshold: it is lowered already; lower the exported network",
        "compile", build, "--output", tmp_path / "out",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--folding", "fast"),
            "folding 'fast': neither 'paper' nor 'balanced' nor 'unrolled' nor a folding.json that exists",
        ),
        (("--target-cycles", 0), "target_cycles=0; use at least 1"),
        (
            ("--folding", "paper", "--target-cycles", 100),
            "target_cycles=100: folding 'paper' gives every layer its folding and leaves nothing to choose; use "
            "--folding balanced, or leave the target out",
        ),
        (
            ("--target-cycles", 100),
            "target_cycles=100: the network text gives every layer its folding and leaves nothing to choose; use "
            "--folding balanced, or leave the target out",
        ),
        (
            ("--folding", "balanced", "--target-cycles", 2),
            "layer layer2: no folding takes at most 2 cycles per image, the fastest takes 3; raise --target-cycles or "
            "give the layer more level lanes",
        ),
        (("--threshold-bits", 33), "random: threshold_bits=33; must be 4 to 32"),
        (
            ("--threshold-bits", 8),
            "random, operation 1, Dense layer1: max(2, M)·(R + 2) with R=16320 leaves 8 bits; use fewer input bits "
            "or gain bits, or more threshold bits",
        ),
    ],
)
def test_options(refuse, run_folder, tmp_path, options, message):
    refuse(message, "compile", run_folder, "--output", tmp_path / "out", *options)


def test_paper_folding_of_an_open_text(refuse, tmp_path):
    drawn = network()
    keeps = drawn.layer("layer2")
    open_ops = [replace(op, folding=None) if isinstance(op, Dense) and op is not keeps else op for op in drawn.ops]
    run = save_run(tmp_path / "run", drawn.with_ops(tuple(open_ops)))
    refuse(
        "folding 'paper': the network text gives layer1, layer3 no (PE,SIMD); write them into the text or use "
        "'balanced'",
        "compile", run, "--output", tmp_path / "out", "--folding", "paper",
    )  # fmt: skip


def test_folding_of_too_many_lanes(refuse, tmp_path):
    drawn = network()
    wide = [replace(op, folding=Folding(10**9, 5)) if isinstance(op, Dense) else op for op in drawn.ops]
    run = save_run(tmp_path / "run", drawn.with_ops(tuple(wide)))
    refuse(
        "layer layer1: folding (1000000000,5) makes 5000000000 XNOR lanes, more than the 16777216 that any device "
        "could hold; use fewer",
        "compile", run, "--output", tmp_path / "out",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: r["layers"][0].update(pe=0),
            "{}: key 'layers[0].pe' holds 0, it must hold a whole number of at least 1" + OTHERWISE,
        ),
        (
            lambda r: r["layers"][1].update(simd=13),
            "{}: layer layer2: SIMD=13 is more than the layer's 12 inputs; use 1 to 12",
        ),
        (lambda r: r["layers"].pop(), "{}: has layers layer1, layer2; the network has layer1, layer2, layer3"),
        (
            lambda r: r["fifos"][0].update(depth=1),
            "fifo layer1.input: depth=1 is less than the 4 words that the layer needs to work at all; use at least 4",
        ),
        (
            lambda r: r["fifos"][1].update(depth="8"),
            "{}: key 'fifos[1].depth' holds '8', it must hold a whole number of at least 1" + OTHERWISE,
        ),
        (
            lambda r: r["fifos"].pop(),
            "{}: no fifo entry for layer3.output; add it, or fold the network again",
        ),
        (
            lambda r: r["layers"][0].update(weight_style="registers"),
            "{}: layer layer1: weight_style='registers'; use block, distributed, wires or auto",
        ),
        (lambda r: r.update(samples_per_beat=128), "{}: samples_per_beat=128; use a power of two from 1 to 64"),
        (lambda r: r.update(samples_per_beat=3), "{}: samples_per_beat=3; use a power of two from 1 to 64"),
        (
            lambda r: r.update(samples_per_beat="4"),
            "{}: key 'samples_per_beat' holds '4', it must hold a whole number of at least 1" + OTHERWISE,
        ),
        (
            lambda r: r.pop("layers"),
            "{}: key 'layers' is missing, it must hold a list of 1 to 10,000 entries" + OTHERWISE,
        ),
        (
            lambda r: r.pop("schema"),
            "{}: schema version None, this rebnet reads version 1; write the file again with this version, or read it "
            "with the one that wrote it",
        ),
    ],
)
def test_folding_file(refuse, compiled, run_folder, tmp_path, change, message):
    path = edit(Path(shutil.copy(compiled / "folding.json", tmp_path / "own.json")), change)
    refuse(message.format(path), "compile", run_folder, "--output", tmp_path / "out", "--folding", path)


def test_outputs_in_the_way(refuse, run_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes").write_text("mine")
    (tmp_path / "here").mkdir()
    for output, message in (
        (tmp_path / "file", "{}: a file stands where a folder is needed; name another --output"),
        (tmp_path / "file" / "out", "{.parent}: a file stands where a folder is needed; name another --output"),
        (tmp_path / "folder", "{}: holds files but no build, and would be replaced; name another --output"),
        (run_folder, "{}: holds files but no build, and would be replaced; name another --output"),
        (
            Path("/proc/rebnet/out"),
            "{.parent}: could not be written (no such file or directory); name another --output",
        ),
    ):
        refuse(message.format(output), "compile", run_folder, "--output", output)
    monkeypatch.chdir(tmp_path / "here")
    refuse(
        ".: is the current folder or holds it, and would be replaced; name another --output",
        "compile", run_folder, "--output", ".",
    )  # fmt: skip


@pytest.mark.parametrize("after", [0, 3, 15, 20])
def test_disk_full_keeps_the_old_build(rebnet, run_folder, build, tmp_path, monkeypatch, after):
    before = files_in(tmp_path)
    real, calls = os.fsync, iter(range(after))

    def full(handle):
        if next(calls, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    code, out, err = rebnet("compile", run_folder, "--output", build)
    if code == 0:
        pytest.fail(f"fewer than {after} files were written")
    assert err.strip().endswith(": the disk is full, nothing was written; free some space and run it again")
    assert (code, out) == (2, "")
    assert files_in(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "run"]


def test_swap_that_fails_brings_the_old_build_back(rebnet, run_folder, build, tmp_path, monkeypatch):
    before = files_in(tmp_path)

    def exchange(one, other):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(swap, "_exchange", exchange)
    code, _, err = rebnet("compile", run_folder, "--output", build)
    assert code == 2
    assert (
        err.strip().splitlines()[-1]
        == f"rebnet: {tmp_path}: could not be written (device or resource busy); name another --output"
    )
    assert files_in(tmp_path) == before


def test_prints_the_folding(rebnet, run_folder, tmp_path):
    code, out, _ = rebnet("compile", run_folder, "--output", tmp_path / "out")
    assert code == 0
    assert out.splitlines()[0] == "packed weights  0.13 KiB"
    assert out.splitlines()[-4:] == [
        "samples_per_beat            8",
        "bound_cycles                45",
        "predicted_cycles_per_image  45.0",
        "predicted_latency_cycles    132",
    ]


def test_until_the_integer_network(rebnet, run_folder, tmp_path):
    code, out, _ = rebnet("compile", run_folder, "--output", tmp_path / "out", "--until", "lower")
    assert (code, out) == (0, "packed weights  0.13 KiB\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "compile.json", "exported", "network.json", "tensors.safetensors", "training.json",
    ]  # fmt: skip
    assert rebnet("evaluate", tmp_path / "out", "--dataset", "digits")[0] == 0


def test_a_convolution(refuse, rebnet, tmp_path):
    run = save_run(tmp_path / "run", from_text("8x8x1 - C4 - MP2 - D10", levels=3))
    refuse(
        "folding 'paper': the network text gives layer1, layer2 no (PE,SIMD); write them into the text or use "
        "'balanced'",
        "compile", run, "--output", tmp_path / "out", "--folding", "paper",
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert rebnet("compile", run, "--output", tmp_path / "out", "--until", "lower")[0] == 0
    assert rebnet("evaluate", tmp_path / "out", "--dataset", "digits", "--engine", "both")[0] == 0
    refuse(
        f"{tmp_path}/out/folding.json: no such file; the stage that writes it has not run",
        "simulate", tmp_path / "out", "--dataset", "digits",
    )  # fmt: skip
    code, out, _ = rebnet("compile", run, "--output", tmp_path / "out")
    assert code == 0
    record = json.loads((tmp_path / "out" / "folding.json").read_text())
    assert f"bound_cycles                {record['bound_cycles']}" in out.splitlines()
