"""What each kind of cell takes of a device."""

import pytest

from rebnet.boards import Resources
from rebnet.synthesize.count import memory_luts, resources


def test_amd():
    cells = {"LUT1": 1, "LUT2": 2, "LUT6": 30, "INV": 400, "FDRE": 5, "FDSE": 6, "CARRY4": 9, "MUXF7": 9, "MUXF8": 9}
    cells |= {"RAM32M": 3, "RAM64M": 10, "RAM32X1D": 100, "RAM64X1D": 1000, "SRL16E": 7, "SRLC32E": 8, "DSP48E1": 2}
    cells |= {"RAMB36E1": 3, "RAMB18E1": 4}
    lut = 1 + 2 + 30 + 400
    memory = 4 * 3 + 4 * 10 + 2 * 100 + 2 * 1000 + 7 + 8
    assert resources(cells, "xc7") == Resources(lut + memory, 11, 3, 4, 2)
    assert memory_luts(cells, "xc7") == memory
    ultra = {"RAM32M16": 1, "RAM64M8": 1, "RAMB36E2": 1, "RAMB18E2": 2, "DSP48E2": 3, "CARRY8": 1, "LUT5": 1}
    assert resources(ultra, "xcup") == Resources(17, 0, 1, 2, 3)


def test_ecp5():
    """A DPR16X4 takes three slices, as nextpnr counts it: four LUTs of RAM and two of its write port."""
    cells = {"LUT4": 5, "CCU2C": 10, "TRELLIS_DPR16X4": 100, "TRELLIS_FF": 7, "DP16KD": 3, "MULT18X18D": 2, "PFUMX": 9}
    assert resources(cells, "ecp5") == Resources(5 + 20 + 600, 7, 0, 3, 2)


def test_ice40():
    cells = {"SB_LUT4": 5, "SB_CARRY": 9, "SB_DFF": 1, "SB_DFFESR": 2, "SB_RAM40_4K": 3, "SB_MAC16": 4}
    assert resources(cells, "ice40") == Resources(5, 3, 0, 3, 4)


def test_gowin():
    cells = {"LUT1": 1, "LUT4": 5, "ALU": 9, "RAM16SDP4": 3, "DFF": 1, "DFFRE": 2, "MUX2_LUT5": 7, "GND": 1}
    cells |= {"SP": 1, "SPX9": 2, "SDPX9B": 4, "SDPB": 8, "DPB": 16, "MULT18X18": 2}
    assert resources(cells, "gowin") == Resources(1 + 5 + 9 + 12, 3, 0, 31, 2)
    assert memory_luts(cells, "gowin") == 12


@pytest.mark.parametrize(
    ("cell", "family"), [("$mem_v2", "xc7"), ("LUT4", "ice40"), ("LUT66", "xc7"), ("URAM288", "xcup")]
)
def test_an_unknown_cell_is_not_left_out(cell, family):
    with pytest.raises(KeyError) as error:
        resources({cell: 1}, family)
    assert error.value.args == (cell,)
