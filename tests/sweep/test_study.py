"""STUDY.toml: what it means, and every way in which it is refused."""

import dataclasses

import pytest
from tests.sweep.studies import NETWORK, study

from rebnet.errors import FileFormatError, OptionError, RebnetError


def test_lists_are_axes_and_single_values_hold_for_all(tmp_path):
    found = study(tmp_path, f'[axes]\nnetwork = "{NETWORK}"\ndataset = "digits"\nlevels = [1, 2]\nseed = [0, 1, 2]')
    assert found.name == "study"
    assert found.varied == ("levels", "seed")
    assert [(point["levels"], point["seed"]) for point in found.points] == [(m, s) for m in (1, 2) for s in (0, 1, 2)]
    assert {point["network"] for point in found.points} == {NETWORK}
    assert found.stages == ("train", "compile", "evaluate", "simulate", "synthesize")
    assert found.shown(found.points[4]) == "levels 2, seed 1"
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.name = "other"


def test_points_by_hand_stand_beside_the_product_or_alone(tmp_path):
    both = study(tmp_path, "[axes]\nlevels = [1, 2]\nepochs = 3\n[[point]]\nlevels = 4\nepochs = 9\n")
    assert [dict(point) for point in both.points] == [
        {"levels": 1, "epochs": 3}, {"levels": 2, "epochs": 3}, {"levels": 4, "epochs": 9},
    ]  # fmt: skip
    alone = study(tmp_path, "[axes]\nepochs = 3\n[[point]]\nlevels = 4\n[[point]]\nlevels = 5\n")
    assert [dict(point) for point in alone.points] == [{"epochs": 3, "levels": 4}, {"epochs": 3, "levels": 5}]
    assert study(tmp_path, "[axes]\nepochs = 3").points == ({"epochs": 3},)


def test_a_point_by_hand_names_its_device_or_source_anew(tmp_path):
    found = study(tmp_path, '[axes]\npart = ["xc7s50"]\n[[point]]\nboard = "zc702"\npart = "xc7z020"\n')
    assert [set(point) for point in found.points] == [{"part"}, {"part", "board"}]
    found = study(tmp_path, '[axes]\npart = "xc7s50"\nnetwork = "a"\n[[point]]\nboard = "zc702"\nsource = "b"\n')
    assert [dict(point) for point in found.points] == [{"board": "zc702", "source": "b"}]


def test_equal_points_are_one_and_values_of_other_types_are_not(tmp_path):
    assert len(study(tmp_path, "[axes]\nlevels = [1, 1]\n[[point]]\nlevels = 1").points) == 1
    assert len(study(tmp_path, "[axes]\nwidth = [1, 1.0]").points) == 2


def test_stages_are_done_in_their_order(tmp_path):
    assert study(tmp_path, 'stages = ["evaluate", "train"]\n[axes]\nseed = 0').stages == ("train", "evaluate")
    assert study(tmp_path, 'stages = ["simulate"]\n[axes]\nseed = 0').stages == ("compile", "simulate")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[axes", "is no TOML that a study can be (Expected ']' at the end of a table declaration (at end of "
         "document)); correct it there"),
        ("", "asks for no point; name options below [axes], or points one by one as [[point]]"),
        ("levels = 2", "key 'levels' is not known; an option of a verb stands below [axes]: levels = …"),
        ("stage = 2", "key 'stage' is not known; did you mean 'stages'?"),
        ("[axes]\nnetworks = 2", "[axes]: option 'networks' is not known; did you mean 'network'?"),
        ("[axes]\nlevels = []", "axis levels has no values; give it one at least, or leave it out"),
        ("[axes]\nlevels = [1, '2']", "[axes]: levels holds '2', it must hold a whole number"),
        ("[axes]\nlevels = true", "[axes]: levels holds True, it must hold a whole number"),
        ("[axes]\nengine = 'both'\nany_levels = 1", "[axes]: any_levels holds 1, it must hold true or false"),
        ("[axes]\nengine = 'bath'",
         "[axes]: engine holds 'bath', it must hold 'packed' or 'reference' or 'both'"),
        ("[axes]\nimages = 'some'", "[axes]: images holds 'some', it must hold a whole number or 'all'"),
        ("[axes]\nlevels = [1, 2]\n[[point]]\nseed = 1",
         "[[point]] 1 names no levels, which is an axis; name one of its own there"),
        ("[[point]]\nseed = [1]", "[[point]] 1: seed holds a list; a point has one value of each"),
        ("[point]\nseed = 1", "key 'point' holds a table; write [[point]], once for each"),
        ("axes = 3", "[axes] holds int; it must be a table of options"),
        ("stages = ['training']\n[axes]\nseed = 1", "stage 'training' is not known; did you mean 'train'?"),
        ("stages = []\n[axes]\nseed = 1", "stages=[]; use a list of train, compile, evaluate, simulate, synthesize"),
        ("name = ''\n[axes]\nseed = 1", "name=''; use a text of 1 to 200 characters"),
        (f"[axes]\nseed = {list(range(400))}\nepochs = {list(range(1, 401))}",
         "its axes have 160,000 points, a study has at most 100,000; use fewer values"),
    ],
)  # fmt: skip
def test_what_it_refuses(tmp_path, text, message):
    with pytest.raises((OptionError, FileFormatError)) as refused:
        study(tmp_path, text)
    assert str(refused.value) == f"{tmp_path / 'study.toml'}: {message}"


def test_no_file(tmp_path):
    from rebnet.sweep.study import read_study

    with pytest.raises(RebnetError, match="no such file"):
        read_study(tmp_path / "study.toml", {})
