"""The synthesized netlist of a whole board answers on its serial line as the law; see benchmarks/netlist.py."""

from pathlib import Path

import numpy as np
import pytest

import netlist
from rebnet import boards
from rebnet.boards.shells.uart.identity import Identity
from rebnet.synthesize import files_of

IMAGES = 20


@pytest.mark.rtl
def test_the_netlist_answers_as_the_law(compiled: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyosys", reason="install it with: pip install 'rebnet[synthesize]'")
    ports = files_of(compiled, False).ports
    images = np.random.default_rng(1).integers(0, 256, (IMAGES, *ports.s_axis.image), dtype=np.uint8)
    expected = netlist.expected(compiled, images)
    size = len(expected) // IMAGES
    assert len(set(expected[size - 1 :: size])) > 1
    played = netlist.play(compiled, boards.find("icebreaker"), images, tmp_path)
    assert played.identity == Identity.of(ports)
    assert played.answers == expected
