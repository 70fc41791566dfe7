"""Shells as tools see them: which a board has, and what they say of themselves."""

import re

import pytest

from rebnet.boards import boards, find, parts
from rebnet.boards.shells import SHELLS, placement_of, widest_beat_bits
from rebnet.boards.shells import find as find_shell
from rebnet.boards.shells.uart import source
from rebnet.errors import OptionError


def test_every_shell_of_the_table_is_there():
    named = {board.shell for board in (*boards(), *parts()) if board.shell}
    assert named == set(SHELLS)
    assert all(shell.name == name for name, shell in SHELLS.items())


def test_an_unknown_shell_lists_the_known_ones():
    with pytest.raises(OptionError) as error:
        find_shell("pcie")
    assert str(error.value) == f"shell='pcie': use {' or '.join(SHELLS)}"


def test_what_place_and_route_gets():
    placement = placement_of(find("ulx3s-45"))
    assert find("ulx3s-45").part.for_open_tools().device == "45k"
    assert placement.parameters(80) == {"BIT_CLOCKS": 100, "TIMEOUT": 8_000_000}
    assert placement.facts(80) == {"baud": 800_000}
    with pytest.raises(OptionError, match=r"^board 'xc7s50' has no pin file to place and route for; use colorlight"):
        placement_of(find("xc7s50"))


@pytest.mark.parametrize(
    ("board", "baud"), [("tang-nano-9k", 1_000_000), ("tang-nano-20k", 1_000_000), ("icebreaker", 1_000_000)]
)
def test_an_oscillator_gives_a_whole_rate(board: str, baud: int):
    placement = placement_of(find(board))
    assert placement.clock_net is None
    assert placement.facts(placement.oscillator_mhz) == {"baud": baud}


def test_every_port_of_a_top_has_a_pin():
    """Each bit of a port stands in the pin file, and nothing else does."""
    for board in boards():
        if board.shell != "uart":
            continue
        placement = placement_of(board)
        header = source(placement.top).read_text().split("module ")[1].split(");")[0]
        values = {"LEDS": placement.parameters(80).get("LEDS", 8)}
        expected = set()
        for width, name in re.findall(r"put +logic +(?:\[(\w+)(?:-1)?:0\])? *(\w+)", header):
            bits = 0 if not width else int(values[width]) if width in values else int(width) + 1
            expected |= {f"{name}[{bit}]" for bit in range(bits)} if bits else {name}
        text = placement.pins.read_text()
        found = re.findall(r'^(?:LOCATE COMP|IO_LOC|set_io(?: -\w+ yes)?) "?([\w\[\]]+)', text, re.MULTILINE)
        assert sorted(found) == sorted(expected), board.name


def test_the_widest_beat_of_a_board():
    assert widest_beat_bits("axi", find("pynq-z2")) == widest_beat_bits("axi", find("xc7z010")) == 64
    assert widest_beat_bits("axi", find("zcu104")) == 128
    assert widest_beat_bits("uart", find("ulx3s-25")) is None
    with pytest.raises(OptionError) as error:
        widest_beat_bits("axi", find("arty-a7-35"))
    assert str(error.value) == (
        "board 'arty-a7-35' has no shell 'axi'; use zybo, pynq-z1, pynq-z2, zc702, ultra96, ultra96-v2, "
        "zcu104, kv260, or leave the board "
        "or the shell out"
    )
