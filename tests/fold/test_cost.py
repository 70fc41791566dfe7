"""The closed forms: block RAMs as Yosys maps them, the same parameters."""

import numpy as np
import pytest

from rebnet.boards import Resources
from rebnet.errors import OptionError
from rebnet.fold.cost.fabric import FABRICS
from rebnet.fold.cost.features import processing_element
from rebnet.fold.cost.model import block_rams, predict, read_costs, rom_rams
from rebnet.stages.module import Module

# Width, depth, RAMB36E1, RAMB18E1: what synth_xilinx of Yosys 0.70 made of a registered ROM of random bits.
MAPPED = (
    (1024, 288, 0, 29), (512, 576, 0, 29), (72, 512, 1, 0), (73, 512, 0, 3), (36, 512, 0, 1), (37, 512, 1, 0),
    (16, 9, 0, 1), (256, 1152, 11, 0), (128, 1152, 0, 11), (64, 1500, 3, 0), (100, 1025, 0, 9), (100, 2049, 7, 0),
    (7, 5000, 1, 0), (4, 9216, 1, 0), (8, 65536, 0, 29), (1, 40000, 0, 3), (18, 1024, 0, 1), (9, 2048, 0, 1),
    (40, 3000, 0, 7), (54, 700, 0, 3), (96, 4608, 12, 0), (24, 1536, 1, 0),
)  # fmt: skip
# Width, depth, blocks of 18 kbit: what synth_lattice for the ECP5, and synth_gowin as well, made of such ROMs.
MAPPED_18K = (
    (512, 576, 29), (72, 512, 2), (36, 512, 1), (37, 512, 2), (16, 9, 1), (64, 1500, 6), (100, 1025, 9), (7, 5000, 2),
    (4, 9216, 2), (1, 40000, 3), (18, 1024, 1), (9, 2048, 1), (40, 3000, 7), (54, 700, 3), (24, 1536, 2), (20, 2100, 3),
)  # fmt: skip


def test_block_rams_are_those_of_yosys():
    width, depth, full, half = np.array(MAPPED).T
    assert np.array(block_rams(width, depth, "xc7")).tolist() == [full.tolist(), half.tolist()]


def test_banks_of_a_read_only_memory():
    """Nine banks of 2048 words of 32 bits, in two blocks of 36 kbit each; columns in small blocks."""
    assert [float(count) for count in rom_rams(32, 18_432, "xc7")] == [18, 0]
    assert [float(count) for count in rom_rams(256, 1152, "xc7", in_columns=True)] == [0, 29]


@pytest.mark.parametrize("family", ["ecp5", "gowin"])
def test_blocks_of_one_size_are_those_of_yosys(family):
    width, depth, blocks = np.array(MAPPED_18K).T
    assert np.array(block_rams(width, depth, family)).tolist() == [[0] * len(blocks), blocks.tolist()]


def test_what_tables_hold():
    """A RAM32M of the 7-series holds 6 bits of 32 words in four tables; a TRELLIS_DPR16X4 4 bits of 16 words in six."""
    assert FABRICS["xc7"].ram([6, 7, 3, 4], [32, 32, 64, 64]).tolist() == [4, 8, 4, 8]
    assert FABRICS["ecp5"].ram([4, 5, 4, 3], [16, 16, 17, 2]).tolist() == [6, 12, 12, 6]
    assert FABRICS["gowin"].ram([4, 5, 4, 3], [16, 16, 17, 2]).tolist() == [4, 8, 8, 4]
    assert FABRICS["xc7"].rom([64, 65, 1024]).tolist() == [1, 65 / 64 + 1, 16 + 5]
    assert FABRICS["ecp5"].mux([1, 2, 4, 5]).tolist() == [0, 1, 2, 3]


def test_popcount_features_count_the_tree():
    """16 lanes: 4 leaves; two adders of 3 bits and one of 4."""
    features = processing_element({"simd": 16, "level_lanes": 2, "sum_width": 7}, FABRICS["xc7"])
    assert [float(features[name]) for name in ("leaves", "adders", "sum")] == [8, 2 * (2 * 3 + 4), 14]


def test_a_module_is_predicted_in_whole_numbers():
    fifo = Module("fifo", {"WIDTH": 9, "DEPTH": 32})
    taken = predict(fifo, "xc7")
    assert isinstance(taken, Resources)
    assert taken.lut > 8
    assert (taken.bram_36k, taken.dsp) == (0, 0)
    assert predict(Module("fifo", {"WIDTH": 90, "DEPTH": 32}), "xc7").lut > taken.lut + 40


def test_a_family_that_was_not_calibrated():
    with pytest.raises(OptionError, match="family ice40: its costs were not calibrated, only those of ecp5, "):
        read_costs("ice40")
