"""`explain`: what a method costs on a network, and what a run is."""

import subprocess
import sys

import pytest

from rebnet import flow
from rebnet.errors import OptionError

TEXT = "8x8x1 - D6 - { D6 | }+ - D10"


def test_units_are_the_difference_of_two_builds():
    found = flow.explain("reactnet", network=TEXT, board="zc702")
    (row,) = found["units"]
    assert row["modules"] == {"two_slope": 2}
    assert row["DSP"] > 0
    plain = flow.explain("reactnet", network=TEXT, levels=2)
    assert [one["is"] for one in plain["units"]] == ["RPReLU", "2 levels"]
    assert plain["units"][1]["LUT"] > 0
    assert "run_time" not in found
    assert found["taken"]["LUT"] > row["LUT"] > 0


def test_two_codes_take_an_encoder_more():
    (row,) = flow.explain("ie-net", network=TEXT)["units"]
    assert row["part"] == "activations"
    assert row["LUT"] > 0
    assert row["modules"]


def test_what_hardware_has_not_is_counted_beside_what_it_has():
    found = flow.explain("real-to-binary", network=TEXT)
    assert [row["is"] for row in found["units"]] == ["PReLU"]
    assert [row["part"] for row in found["run_time"]] == ["scale of sums"]


def test_nothing_is_compiled_where_nothing_is_taken():
    found = flow.explain("bnn", network="resnet-20")
    assert found["at_inference"] == "H1"
    assert not {"units", "taken", "run_time", "board"} & set(found)


def test_a_method_is_explained_without_torch():
    code = (
        "import sys; from rebnet import flow\n"
        "assert flow.explain('adabin')['at_inference'] == 'H3'\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_run_is_its_method_on_its_network(tmp_path):
    flow.train(TEXT, "digits", 1, tmp_path / "run", epochs=1, method="xnor-net", quiet=True)
    found = flow.explain(tmp_path / "run")
    assert (found["method"], found["network"], found["levels"]) == ("xnor-net", TEXT, 1)
    assert found["run_time"][0]["part"] == "scale of sums"
    with pytest.raises(OptionError) as caught:
        flow.compile(tmp_path / "run", tmp_path / "build")
    assert str(caught.value) == f"{tmp_path / 'run'}: {found['sentence'].removesuffix('.')}"


def test_refusals(tmp_path):
    with pytest.raises(
        OptionError, match=r"^xnor: neither a method nor a folder of a finished training; methods are re"
    ):
        flow.explain("xnor")
    with pytest.raises(OptionError, match=r"^board=zc702: is of a network; name one with --network, or leave it out$"):
        flow.explain("bnn", board="zc702")
    with pytest.raises(OptionError, match="levels=9"):
        flow.explain("bnn", network=TEXT, levels=9)
    with pytest.raises(OptionError, match="part or board 'zc7' is not known"):
        flow.explain("bnn", network=TEXT, board="zc7")
    flow.train(TEXT, "digits", 0, tmp_path / "float", epochs=1, quiet=True)
    with pytest.raises(OptionError, match="holds a float network, which binarizes nothing"):
        flow.explain(tmp_path / "float")
