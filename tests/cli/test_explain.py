"""`rebnet explain`: a sentence and tables, and one JSON document."""

import json


def test_a_method(rebnet):
    code, out, err = rebnet("explain", "xnor-net", "--network", "8x8x1 - D16 - D16 - D10")
    assert (code, err) == (0, "")
    assert out.startswith("XNOR-Net (arXiv:1603.05279): H3\nmethod xnor-net multiplies every sum by the mean size of")
    assert "what hardware does not have, per image, counted from the shapes:" in out


def test_units(rebnet):
    code, out, err = rebnet("explain", "reactnet", "--network", "8x8x1 - D16 - D16 - D10", "--part", "xc7s50")
    assert code == 0
    assert "on xc7s50, by the cost model, not trained:" in out
    assert "2 two_slope" in out
    assert err.count("compiling") == 2


def test_json(rebnet):
    code, out, _ = rebnet("explain", "reactnet", "--json")
    assert (code, json.loads(out)["at_inference"]) == (0, "H2")


def test_no_such_method(rebnet):
    code, out, err = rebnet("explain", "reactnett")
    assert (code, out) == (2, "")
    assert "reactnett: neither a method nor a folder of a finished training; methods are rebnet," in err
