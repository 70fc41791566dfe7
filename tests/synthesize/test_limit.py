"""A limit that was asked for when the folding was chosen, held against the count."""

import json

import pytest

from rebnet import boards
from rebnet.boards import Resources
from rebnet.errors import FileFormatError, OptionError
from rebnet.synthesize.limit import limit_record

PART = boards.find("xc7s50").part  # 32,600 LUT, 65,200 FF, 75 block RAM, 120 DSP


def asked(folder, **entries):
    (folder / "folding.json").write_text(json.dumps({"schema": 1, **entries}))
    return folder


def searched(folder, board, percent):
    return asked(folder, search={"board": board, "max_utilisation": percent})


def test_a_count_that_keeps_the_limit(tmp_path):
    counted = Resources(lut=29_340, ff=58_680, bram_36k=60, bram_18k=15, dsp=108)
    record = limit_record(searched(tmp_path, "xc7s50", 90.0), PART, counted)
    assert record == {"max_utilisation": 90.0, "within": True, "exceeded": []}


@pytest.mark.parametrize(
    ("counted", "resource", "needed", "allowed", "percent"),
    [
        (Resources(lut=29_341), "LUT", 29_341, 29_340, 90.0),
        (Resources(ff=58_681), "FF", 58_681, 58_680, 90.0),
        (Resources(bram_36k=60, bram_18k=16), "BRAM", 68, 67.5, 90.67),
        (Resources(bram_18k=137), "BRAM", 68.5, 67.5, 91.33),
        (Resources(dsp=109), "DSP", 109, 108, 90.83),
    ],
)
def test_one_more_than_the_limit(tmp_path, counted, resource, needed, allowed, percent):
    record = limit_record(searched(tmp_path, "XC7S50", 90), PART, counted)
    assert record == {
        "max_utilisation": 90.0,
        "within": False,
        "exceeded": [{"resource": resource, "needed": needed, "allowed": allowed, "percent": percent}],
    }


def test_a_board_of_the_same_part_is_meant_too(tmp_path):
    counted = Resources(lut=32_000)
    folder = searched(tmp_path, "arty-s7-50", 90)
    assert limit_record(folder, PART, counted)["within"] is False
    assert limit_record(folder, boards.find("xc7z020").part, counted) is None


def test_nothing_was_asked(tmp_path):
    assert limit_record(tmp_path, PART, Resources()) is None
    assert limit_record(asked(tmp_path), PART, Resources()) is None
    given = {"part": "xc7s50", "max_utilisation": None}
    assert limit_record(asked(tmp_path, predicted_resources=given), PART, Resources()) is None


def test_a_folding_that_was_given_with_a_limit(tmp_path):
    given = {"part": "xc7s50", "max_utilisation": 50}
    record = limit_record(asked(tmp_path, predicted_resources=given), PART, Resources(dsp=61))
    assert record["exceeded"] == [{"resource": "DSP", "needed": 61, "allowed": 60, "percent": 50.83}]


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ([], "key 'search' holds [], it must hold an object"),
        ({"max_utilisation": 90}, "key 'search.board' is missing"),
        (
            {"board": "xc7s50", "max_utilisation": True},
            "key 'search.max_utilisation' holds True, it must hold a number above 0",
        ),
        (
            {"board": "xc7s50", "max_utilisation": 0},
            "key 'search.max_utilisation' holds 0, it must hold a number above 0",
        ),
    ],
)
def test_a_damaged_record(tmp_path, search, message):
    with pytest.raises(FileFormatError) as caught:
        limit_record(asked(tmp_path, search=search), PART, Resources())
    assert str(caught.value).startswith(f"{tmp_path}/folding.json: {message}")


def test_a_device_that_there_is_not(tmp_path):
    with pytest.raises(OptionError, match="part or board 'x9' is not known"):
        limit_record(searched(tmp_path, "x9", 90), PART, Resources())
