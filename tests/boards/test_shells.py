"""Shells as tools see them: which a board has, and what they say of themselves."""

import pytest

from rebnet.boards import boards, find, parts
from rebnet.boards.shells import SHELLS, placement_of, widest_beat_bits
from rebnet.boards.shells import find as find_shell
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
    assert placement.device["lfe5u-45f"] == "45k"
    assert placement.parameters(80) == {"BIT_CLOCKS": 100, "TIMEOUT": 8_000_000}
    assert placement.facts(80) == {"baud": 800_000}
    with pytest.raises(OptionError, match=r"^board 'xc7s50' has no pin file to place and route for; use ulx3s-25, "):
        placement_of(find("xc7s50"))


def test_the_widest_beat_of_a_board():
    assert widest_beat_bits("axi", find("pynq-z2")) == widest_beat_bits("axi", find("xc7z010")) == 64
    assert widest_beat_bits("axi", find("zcu104")) == 128
    assert widest_beat_bits("uart", find("ulx3s-25")) is None
    with pytest.raises(OptionError) as error:
        widest_beat_bits("axi", find("arty-a7-35"))
    assert str(error.value) == (
        "board 'arty-a7-35' has no shell 'axi'; use zybo, pynq-z1, pynq-z2, zc702, ultra96, zcu104, or leave the board "
        "or the shell out"
    )
