"""`compile` with a shell: the input is as narrow as the board's ports, and the shell is there."""

import json

import pytest
from tests.ir.networks import from_text

from rebnet import flow
from rebnet.errors import FoldingError, OptionError
from rebnet.ir import storage

TEXT = "16x16x4 - D8(8,1024) - D4(4,8)"
"""A layer that takes an image in one cycle, so that the widest input there is would be chosen: 64 samples a beat."""


@pytest.fixture
def exported(tmp_path):
    storage.save(from_text(TEXT, levels=1), tmp_path / "exported")
    return tmp_path / "exported"


@pytest.mark.parametrize(("board", "samples"), [(None, 64), ("pynq-z2", 8), ("zcu104", 16)])
def test_beats_as_wide_as_the_port(exported, tmp_path, board, samples):
    build = tmp_path / "build"
    flow.compile(exported, build, folding="paper", shell="axi", board=board)
    record = json.loads((build / "axi" / "shell.json").read_text())
    assert record["s_axis"]["samples_per_beat"] == samples
    assert record["s_axis"]["tdata_bits"] == 8 * samples
    assert record["facts"]["BEATS"] == -(-1024 // samples)
    assert record.get("board") == board


def test_a_build_that_is_too_wide_is_refused(exported, tmp_path):
    build = tmp_path / "build"
    flow.compile(exported, build, folding="paper")
    with pytest.raises(OptionError) as error:
        flow.generate(build, target="axi", board="pynq-z2")
    assert str(error.value) == (
        "input beats of 512 bits: a DMA on pynq-z2 (xc7z020) reads 64 bits a cycle; compile with --shell axi and the "
        "board, or a folding.json with samples_per_beat of at most 8"
    )
    assert not (build / "axi").exists()
    with pytest.raises(FoldingError, match=r"samples_per_beat=64, and the shell takes at most 8 a beat; write no more"):
        flow.compile(exported, tmp_path / "other", folding=build / "folding.json", shell="axi", board="pynq-z2")


def test_a_searched_folding_is_as_narrow(exported, tmp_path):
    flow.compile(exported, tmp_path / "build", board="pynq-z2", shell="axi")
    assert json.loads((tmp_path / "build" / "folding.json").read_text())["samples_per_beat"] == 8


def test_a_board_whose_costs_are_not_known_is_asked_for_its_ports_alone(exported, tmp_path):
    flow.compile(exported, tmp_path / "build", folding="paper", shell="axi", board="zcu104")
    folding = json.loads((tmp_path / "build" / "folding.json").read_text())
    assert folding["samples_per_beat"] == 16
    assert "predicted_resources" not in folding
    for options in ({"folding": "paper", "max_utilisation": 50}, {}):
        with pytest.raises(OptionError, match="family xcup: its costs were not calibrated"):
            flow.compile(exported, tmp_path / "other", shell="axi", board="zcu104", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shell": "pcie"}, "shell='pcie': use axi"),
        (
            {"shell": "axi", "until": "lower"},
            "shell=axi: stands around RTL, and --until lower makes none; leave one of",
        ),
        ({"shell": "axi", "board": "ulx3s-85"}, "board 'ulx3s-85' has no shell 'axi'; use zybo, "),
    ],
)
def test_options_that_cannot_be(exported, tmp_path, options, message):
    with pytest.raises(OptionError) as error:
        flow.compile(exported, tmp_path / "build", **options)
    assert str(error.value).startswith(message)
    assert not (tmp_path / "build").exists()
