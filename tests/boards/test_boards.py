"""The table of parts and boards, and the arithmetic of resources."""

import pytest

from rebnet.boards import FAMILIES, KEYS, OpenTools, Part, Resources, boards, find, parts
from rebnet.errors import OptionError


@pytest.mark.parametrize(
    ("name", "family", "values"),
    [
        ("arty-s7-50", "xc7", (32600, 65200, 75, 0, 120)),
        ("zybo", "xc7", (17600, 35200, 60, 0, 80)),
        ("zc702", "xc7", (53200, 106400, 140, 0, 220)),
        ("pynq-z2", "xc7", (53200, 106400, 140, 0, 220)),
        ("kc705", "xc7", (203800, 407600, 445, 0, 840)),
        ("vc709", "xc7", (433200, 866400, 1470, 0, 3600)),
        ("vcu108", "xcup", (537600, 1075200, 1728, 0, 768)),
        ("ultra96-v2", "xcup", (70560, 141120, 216, 0, 360)),
        ("kv260", "xcup", (117120, 234240, 144, 0, 1248)),
        ("zcu104", "xcup", (230400, 460800, 312, 0, 1728)),
        ("ulx3s-85", "ecp5", (83640, 83640, 0, 208, 156)),
        ("tang-nano-9k", "gowin", (8640, 6480, 0, 26, 20)),
        ("tang-nano-20k", "gowin", (20736, 15552, 0, 46, 48)),
        ("icebreaker", "ice40", (5280, 5280, 0, 30, 8)),
    ],
)
def test_a_board_has_the_resources_of_its_data_sheet(name, family, values):
    board = find(name)
    assert (board.name, board.part.family) == (name, family)
    assert board.part.device.as_record() == dict(zip(KEYS, values, strict=True))


def test_names_in_any_case_and_order_codes():
    assert find("ZC702") is find("zc702")
    assert find("XC7Z020").part == find("pynq-z2").part
    assert find("xc7s50csga324-1").part.name == "xc7s50"
    assert find("zc702").part.order_code == find("xc7z020clg484-1").part.order_code
    assert (find("xc7s50").name, find("xc7s50").clock_mhz) == ("xc7s50", 200)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError) as error:
        find("xc7k160t")
    message = str(error.value)
    assert message.startswith("part or board 'xc7k160t' is not known; use a board (arty-s7-50, ")
    assert all(board.name in message for board in (*boards(), *parts()))


def test_every_entry_is_whole():
    for board in (*boards(), *parts()):
        device = board.part.device
        assert board.part.family in FAMILIES
        assert min(device.lut, device.ff, device.bram, device.dsp) > 0
        assert (device.bram_18k == 0) == (board.part.family in ("xc7", "xcup"))
        assert board.part.order_code.lower().startswith(board.part.name)
        assert board.clock_mhz > 0
    names = [board.name for board in (*boards(), *parts())]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() for name in names)
    assert {board.part.name for board in boards()} == {part.name for part in parts()}


@pytest.mark.parametrize(
    ("name", "device", "package", "speed", "cells"),
    [
        ("lfe5um5g-85f", "um5g-85k", "CABGA381", None, None),
        ("ecpix-5-85", "um5g-85k", "CABGA554", None, None),
        ("ulx3s-45", "45k", "CABGA381", None, None),
        ("colorlight-i5", "25k", "CABGA381", "6", None),
        ("orangecrab-85", "85k", "CSFBGA285", "8", None),
        ("tang-nano-9k", "GW1NR-LV9QN88PC6/I5", "GW1N-9C", None, "gw1n"),
        ("tang-nano-20k", "GW2AR-LV18QN88C8/I7", "GW2A-18C", None, "gw2a"),
        ("icebreaker", "up5k", "sg48", None, None),
    ],
)
def test_what_open_tools_are_told(name, device, package, speed, cells):
    assert find(name).part.for_open_tools() == OpenTools(device, package, speed, cells)


def test_a_part_that_open_tools_do_not_place():
    with pytest.raises(OptionError) as error:
        find("zc702").part.for_open_tools()
    assert str(error.value) == (
        "part 'xc7z020': no open tools place and route it; use one of lfe5u-25f, lfe5u-45f, lfe5u-85f, lfe5um5g-85f, "
        "ice40up5k, gw1nr-lv9, gw2ar-lv18"
    )


def test_a_serial_line_is_known_where_the_shell_has_one():
    """The open tools place what has such a shell, and Yosys is told the cells where a family has several."""
    for board in boards():
        assert (board.serial is not None) == (board.shell == "uart")
        assert board.serial is None or board.part.open_tools is not None
        assert (board.part.open_tools is not None and board.part.open_tools.cells is not None) == (
            board.part.family == "gowin"
        )


def test_resources_add_up():
    one = Resources(1, 2, 3, 4, 5)
    assert one + Resources(10, 20, 30, 40, 50) == Resources(11, 22, 33, 44, 55)
    assert one * 3 == one + one + one
    assert one.bram == 5
    assert Resources.from_record({**one.as_record(), "count": 7}) == one


def test_shortages_count_whole_blocks():
    part = find("xc7s50").part
    assert part.fits(part.device)
    assert part.fits(Resources(bram_36k=74, bram_18k=2))
    assert part.shortages(Resources(bram_36k=74, bram_18k=3)) == {"BRAM": (76, 75)}
    assert part.shortages(Resources(lut=32601, ff=65200, dsp=121)) == {"LUT": (32601, 32600), "DSP": (121, 120)}
    small = find("icebreaker").part
    assert isinstance(small, Part)
    assert not small.fits(Resources(ff=5281))
    assert small.fits(Resources(bram_18k=30))
    assert not small.fits(Resources(bram_18k=31))
