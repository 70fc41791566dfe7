"""What becomes of methods in hardware: sentences, the texts without a part, and what parts of run time take."""

import pytest

from rebnet.explain import counted, explained, run_time, sentence, units, without
from rebnet.ir.notation import parse
from rebnet.methods import METHODS

TEXT = "8x8x1 - C6:3x3+same - { C6:3x3/2+same | AP2 }+ - C4:1x1 - D10"
SENTENCES = {
    "rebnet": "method rebnet costs nothing at inference: each activation is compared with a channel's thresholds.",
    "reactnet": (
        "method reactnet takes an integer unit more (nonlinearity: RPReLU, takes a two-slope unit, and features in "
        "front of it); all else costs nothing."
    ),
    "xnor-net": (
        "method xnor-net multiplies every sum by the mean size of the real numbers in its window (scale of sums: K "
        "map), which hardware does not have; train with --method xnor-net-alpha, or leave the map out (scale=None), as "
        "the authors' own code does."
    ),
    "dy-bnn": (
        "method dy-bnn computes thresholds of every image by two dense layers of real numbers (activations, threshold: "
        "of each image, by two dense layers (1/16)), which hardware does not have; train with --method reactnet, or "
        "learn them once for all images: threshold=Learned('channel')."
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences(name):
    assert sentence(METHODS[name]) == SENTENCES[name]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_explained(name):
    method = METHODS[name]
    found = explained(method)
    assert found["at_inference"] == max(row["at_inference"] for row in found["parts"])
    assert all(("instead" in row) == (row["at_inference"] == "H3") for row in found["parts"])
    assert found["sentence"].endswith(".")
    assert found["sentence"].count(". ") == 0
    rows = run_time(method, method.applied(parse(TEXT)))
    assert len(rows) == sum(row["at_inference"] == "H3" for row in found["parts"])
    assert all(row.additions + row.multiplications > 0 for row in rows)


def test_the_text_without_a_part():
    method = METHODS["reactnet"]
    whole = method.applied(parse(TEXT))
    (bend,) = units(method)
    assert "RPReLU" in str(whole)
    assert str(without(bend, counted(method, whole), method).network) == TEXT
    own = parse("8x8x1 - C6:3x3+same - { C6:3x3+same - PReLU | }+ - { PReLU | C6:1x1 }+ - D10")
    assert str(without(bend, counted(method, own), method).network) == (
        "8x8x1 - C6:3x3+same - { C6:3x3+same | }+ - { PReLU | C6:1x1 }+ - D10"  # an empty branch is another network
    )


def test_codes_that_take_a_unit():
    method = METHODS["ie-net"]
    (codes,) = units(method)
    whole = counted(method, parse(TEXT))
    assert whole.planes == method.activation.planes
    assert without(codes, whole, method).planes == counted(METHODS["rebnet"], parse(TEXT)).planes != whole.planes


def counts(name, text=TEXT, levels=1):
    (row,) = run_time(METHODS[name], parse(text), levels)
    return row[2:]


def test_a_gate_by_hand():
    """Layers on 6 channels of 8x8, 6 of 4x4 and 4 of 4x4, an eighth of them at least 1."""
    means = 6 * 64 + 6 * 16 + 4 * 16
    dense = (6 + 6) + (6 + 4) + (4 + 10)
    sums = (6 * 16, 4 * 16, 10)
    held = sum(count * (inputs.bit_length() + 1) for count, inputs in zip(sums, (54, 6, 64), strict=True))
    assert counts("real-to-binary") == (means + dense, dense + sum(sums), held, 1)
    more = sum(count * ((2 * inputs).bit_length() + 1) for count, inputs in zip(sums, (54, 6, 64), strict=True))
    assert counts("real-to-binary", levels=2)[2] == more


def test_a_k_map_by_hand():
    additions = 6 * 64 + 9 * 16 + 6 * 16 + 16 + 4 * 16 + 1
    held = 24 * (3 * 8 + 1 * 4 + 1)
    assert counts("xnor-net") == (additions, 6 * 16 + 4 * 16 + 10, held, 0)


def test_thresholds_of_each_image_by_hand():
    dense = 2 * (6 + 6 + 4)
    values = 6 * 64 + 6 * 16 + 4 * 16
    assert counts("dy-bnn") == (values + dense, dense, 24 * values, 1)


def test_real_numbers_by_hand():
    products = 54 * 6 * 16 + 6 * 4 * 16 + 64 * 10
    first = 9 * 6 * 64
    assert counts("binary-connect")[:2] == (products, products)
    assert counts("xnor-net-plus-plus")[:2] == (0, 3 * (6 * 16 + 4 * 16 + 10))
    windows = 9 * 64 + 54 * 16 + 6 * 16 + 64
    sums = 6 * 64 + 6 * 16 + 4 * 16 + 10
    assert counts("adabin")[:2] == (windows + sums, sums)
    assert first > 0


def test_a_network_of_one_layer_has_nothing_to_scale():
    assert counts("xnor-net", "8x8x1 - D10") == (0, 0, 0, 0)
