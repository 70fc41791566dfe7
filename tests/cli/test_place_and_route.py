"""`rebnet synthesize --place-and-route` and `--tool vivado`: what is printed, refusals before anything takes time."""

import os

import pytest
from tests.synthesize.test_place import PACKER, ROUTER
from tests.synthesize.tools import read, replace_yosys, use_path, write_synthesis, write_tool

from rebnet import records, synthesize
from rebnet.boards import find
from rebnet.choices import MODULE_TIMEOUT_S
from rebnet.records.synthesis import RoutedPath, Synthesis, UnitTiming
from rebnet.synthesize import alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--part", "lfe5u-85f"], "place-and-route: needs a board with a pin file, and yosys; use --board ulx3s-85"),
        (
            ["--board", "zc702"],
            "board 'zc702' has no pin file to place and route for; use colorlight-i5, ulx3s-25, ulx3s-45, ulx3s-85, "
            "ecpix-5-85, orangecrab-25, orangecrab-85, tang-nano-9k, tang-nano-20k, icebreaker",
        ),
        (
            ["--board", "ulx3s-85", "--target-mhz", "500"],
            "clock of 500 MHz: the PLL makes 10 to 400 MHz; use one of these",
        ),
        (["--board", "ulx3s-85", "--seed", "-1"], "seed=-1: must be 0 to 2147483647"),
    ],
)
def test_refused_before_the_count(refuse, build, options, message):
    refuse(message, "synthesize", build, "--place-and-route", *options)


def test_what_is_printed(rebnet, build, tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "nextpnr-ecp5", ROUTER)
    write_tool(tmp_path / "bin", "ecppack", PACKER)
    use_path(monkeypatch, tmp_path / "bin")
    replace_yosys(monkeypatch)
    figures = {"LUT": 5, "FF": 4, "BRAM_36K": 0, "BRAM_18K": 1, "DSP": 0}

    def count(folder, board, **options):
        write_synthesis(
            build, "ulx3s-85", part="lfe5u-85f", total=figures, device=figures, utilisation={}, modules=[], tool="x"
        )
        return read(build)

    monkeypatch.setattr(synthesize, "synthesize", count)
    code, out, _ = rebnet("synthesize", build, "--board", "ulx3s-85", "--place-and-route", "--target-mhz", "60")
    assert code == 0
    assert out.splitlines()[-7:] == [
        "fits ulx3s-85 (lfe5u-85f)",
        "placed and routed  LUT 500 of 83640, FF 400 of 83640, BRAM_18K 3 of 208, DSP 2 of 156, seed 1",
        "fmax               71.234 MHz, aimed at 60 MHz",
        "longest path       first.count_q[1] > ready > next.left_q (CE), 2 levels of logic, 3.097 ns: "
        "0.997 in cells, 2.1 on wires",
        "clock              60.0 MHz, serial line 600000 baud",
        "bitstream          device/device.bit, 100 bytes",
        next(line for line in out.splitlines() if line.startswith("seconds            synthesis ")),
    ]


def test_the_table_of_units(rebnet, build, monkeypatch):
    figures = {"LUT": 5, "FF": 4, "BRAM_36K": 0, "BRAM_18K": 1, "DSP": 0}
    routed = RoutedPath(
        begin="read_q", end="full_q", end_port="DI", through=(), levels=9, ns=4.126, logic_ns=1, routing_ns=3.126
    )
    seen = {}

    def count(folder, board, **options):
        write_synthesis(
            build, "ulx3s-85", part="lfe5u-85f", total=figures, device=figures, utilisation={}, modules=[], tool="x"
        )
        return options["more"](records.read(build / "synthesis.json", Synthesis))

    def timed(sources, top, way, **options):
        seen["way"] = way
        unit = {"module": "fifo", "levels": 4, "begin": "a_q[1]", "through": ("ready",), "end": "c_q"}
        first = UnitTiming(names=("x", "y"), routed=routed, **unit)
        return first, UnitTiming(names=("z",), routed=routed, **unit)

    monkeypatch.setattr(synthesize, "synthesize", count)
    monkeypatch.setattr(alone, "time_units", timed)
    code, out, err = rebnet("synthesize", build, "--board", "ulx3s-85", "--timing", "levels", "--seed", "7")
    assert (code, err) == (0, "")
    assert [line.replace("│", "").split() for line in out.splitlines() if "read_q" in line] == [
        ["x", "and", "1", "more", "fifo", "4", "4.13", "1.00", "read_q", ">", "full_q"],
        ["z", "fifo", "4", "4.13", "1.00", "read_q", ">", "full_q"],
    ]
    assert seen["way"] == alone.Way(False, find("lfe5u-85f").part, 7, MODULE_TIMEOUT_S, os.cpu_count() or 1)


def test_a_project_for_vivado(rebnet, build, tmp_path, monkeypatch):
    use_path(monkeypatch, tmp_path / "bin")
    code, out, err = rebnet("synthesize", build, "--board", "zc702", "--tool", "vivado")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        f"rebnet: vivado is not on PATH, so nothing was synthesized; wrote the project {build}/vivado, run it where "
        f"Vivado is installed: cd {build}/vivado && vivado -mode batch -source accelerator.tcl"
    )
    assert (build / "vivado" / "accelerator.tcl").is_file()


def test_too_small_is_said_before_units_are_timed(rebnet, build, tmp_path, monkeypatch):
    write_tool(tmp_path / "bin", "nextpnr-ecp5", ROUTER)
    write_tool(tmp_path / "bin", "ecppack", PACKER)
    use_path(monkeypatch, tmp_path / "bin")
    replace_yosys(monkeypatch)

    def count(folder, board, **options):
        lacks = [{"resource": "LUT", "needed": 30000, "available": 24288}]
        write_synthesis(build, "ulx3s-25", fits=False, shortages=lacks, boards_that_fit=["ulx3s-45"])
        return options["more"](records.read(build / "synthesis.json", Synthesis))

    monkeypatch.setattr(synthesize, "synthesize", count)
    monkeypatch.setattr(alone, "time_units", lambda *arguments, **options: pytest.fail("units were timed"))
    code, _, err = rebnet("synthesize", build, "--board", "ulx3s-25", "--place-and-route", "--timing", "levels")
    assert code == 2
    assert err.endswith(
        "rebnet: board 'ulx3s-25' (lfe5u-25f) is too small: the accelerator takes 30000 LUT of 24288; fold it less, or "
        "use a board where it fits: ulx3s-45\n"
    )
    assert not read(build)["fits"]
