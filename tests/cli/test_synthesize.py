"""`rebnet synthesize`: its table, refusals whole, a missing or dying tool, Ctrl-C."""

import importlib.util
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from tests.cli.test_compile import edit
from tests.synthesize.small import PART, build_small, synthesized

from rebnet import boards, flow
from rebnet import synthesize as synthesis
from rebnet.boards import Part, Resources
from rebnet.synthesize.usage import Instance, Netlist, Usage
from rebnet.synthesize.usage import Part as Counted

__all__ = ["build_small", "synthesized"]

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("pyosys") is None, reason="the synthesizer is not installed; pip install pyosys"
)


def test_unknown_part(rebnet, build_small):
    code, out, err = rebnet("synthesize", build_small, "--part", "xc7a999t")
    assert (code, out) == (2, "")
    assert err.strip().startswith("rebnet: part or board 'xc7a999t' is not known; use a board (arty-s7-50, ")


def test_part_and_board(refuse, build_small):
    refuse(
        "part=xc7s50, board=zc702: name the device once; use --part xc7s50 or --board zc702",
        "synthesize", build_small, "--part", "xc7s50", "--board", "zc702",
    )  # fmt: skip


def test_not_compiled(refuse, tmp_path):
    refuse(
        f"{tmp_path}/nothing/ports.json: no such file; name a folder that 'rebnet compile' filled",
        "synthesize", tmp_path / "nothing", "--part", PART,
    )  # fmt: skip


def test_damaged_build(refuse, build_small):
    (build_small / "mem" / "layer1_weights.hex").unlink()
    refuse(
        f"{build_small}/ports.json: key 'memories' names 'mem/layer1_weights.hex', which is not there; "
        "run 'rebnet compile' again",
        "synthesize", build_small, "--part", PART,
    )  # fmt: skip
    edit(build_small / "ports.json", lambda record: record.pop("top"))
    refuse(
        f"{build_small}/ports.json: key 'top' is missing, it must hold a text of 1 to 255 characters; run the stage "
        "that writes it again",
        "synthesize", build_small, "--part", PART,
    )  # fmt: skip


def test_not_installed(refuse, build_small, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyosys" else real(name))
    refuse(
        "the synthesizer is not installed; install it with: pip install 'rebnet[synthesize]'",
        "synthesize", build_small, "--part", PART,
    )  # fmt: skip


@needs_yosys
def test_prints_a_table_and_the_verdict(rebnet, synthesized, tmp_path, monkeypatch):
    build, cache = synthesized
    shutil.copytree(build, tmp_path / "build")
    code, out, _ = rebnet("synthesize", tmp_path / "build", "--board", "icebreaker", "--cache-dir", cache)
    assert code == 0
    for word in ("instance", "layer1", "mvtu", "total", "used %", "BRAM_18K"):
        assert word in out
    assert "BRAM_36K" not in out
    assert out.splitlines()[-1] == "fits icebreaker (ice40up5k)"
    assert "modules_synthesized  0" in out

    small = Part("ice40up5k", "ice40", Resources(100, 5280, 0, 2, 8), "iCE40UP5K-SG48I")
    monkeypatch.setattr(boards, "find", lambda name: boards.Board("tiny", small, 12))
    code, out, _ = rebnet("synthesize", tmp_path / "build", "--board", "tiny", "--cache-dir", cache)
    assert code == 0
    total = next(line.split() for line in out.splitlines() if " total " in line)
    needed = [int(word) for word in total if word.isdecimal()]
    verdict, others = " ".join(out.split()).split("does not fit ")[1].split(" would fit: ")
    assert verdict == (
        f"tiny (ice40up5k): LUT: {needed[0]} of 100, {needed[0] - 100} too many; "
        f"BRAM: {needed[2]} of 2, {needed[2] - 2} too many"
    )
    assert others == "icebreaker"


@pytest.mark.parametrize(("lut", "ends"), [(29_340, 0), (29_341, 1)])
def test_ends_with_1_where_the_count_breaks_the_limit(rebnet, build_small, monkeypatch, lut, ends):
    """90 % of the 32,600 LUT of an XC7S50 are 29,340."""
    usage = Usage(Resources(lut, 0, 0, 0, 0), None)
    netlist = Netlist((Instance("top", "top", (Counted("top", 1, usage),)),), "Yosys", 1, 0)
    monkeypatch.setattr(synthesis, "synthesize_rtl", lambda *arguments, **options: netlist)
    build = build_small.parent / "searched"
    flow.compile(build_small.parent / "run", build, part="xc7s50", max_utilisation=90)
    code, out, err = rebnet("synthesize", build, "--part", "xc7s50")
    assert code == ends, err
    assert json.loads((build / "synthesis.json").read_text())["limit"]["within"] == (ends == 0)
    assert "fits xc7s50" in out  # the device has room; the limit is what is broken


@needs_yosys
def test_a_broken_source(rebnet, build_small, tmp_path):
    (build_small / "rtl" / "fifo.sv").write_text("module fifo; endmodul\n")
    arguments = ("synthesize", build_small, "--part", PART, "--cache-dir", tmp_path / "cache")
    code, out, err = rebnet(*arguments)
    assert (code, out) == (2, "")
    assert err.strip() == (
        f"rebnet: {build_small}/rtl/fifo.sv: is not what the build's network and folding generate, so it was edited or "
        f"is of another version; run 'rebnet generate {build_small} --target rtl' to make it again, or insist with "
        "--edited"
    )
    code, out, err = rebnet(*arguments, "--edited")
    assert (code, out) == (2, "")
    assert "failed on the hierarchy below accelerator: rtl/fifo.sv:1: syntax error" in err
    assert err.endswith(f"its log is {build_small}/synthesis/elaboration.log\n")
    assert not (build_small / "synthesis.json").exists()


@needs_yosys
@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_half_way(start, build_small, tmp_path, how):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = sorted(build_small.rglob("*"))
    arguments = ("synthesize", build_small, "--part", "xc7s50", "--processes", "1", "--cache-dir", tmp_path / "cache")
    process = start(*arguments, TMPDIR=str(scratch))
    while not (children := workers(process.pid, "/1/script.ys")) and process.poll() is None:
        time.sleep(0.01)
    assert children
    target, sent = (children[0], signal.SIGKILL) if how == "killed" else (process.pid, signal.SIGINT)
    os.kill(target, sent)
    out, err = process.communicate(timeout=60)
    assert out == ""
    if how == "killed":
        assert process.returncode == 2
        assert (
            "failed on accelerator (accelerator): it was ended by SIGKILL, as happens where memory runs out; "
            f"its log is {build_small}/synthesis/accelerator.log"
        ) in " ".join(err.split())
        shutil.rmtree(build_small / "synthesis")
    else:
        assert process.returncode == 130
        assert err.strip().splitlines()[-1] == "rebnet: interrupted; no record was written"
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert list(scratch.iterdir()) == []
    assert sorted(build_small.rglob("*")) == before


def workers(parent: int, script: str) -> list[int]:
    """Processes that `parent` has started and that run this script."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "stat").read_bytes(), (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if (
            int(status.rpartition(b")")[2].split()[1]) == parent
            and script.encode() in command
            and b"worker.py" in command
        ):
            found.append(int(folder.name))
    return found
