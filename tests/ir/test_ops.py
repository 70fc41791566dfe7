"""The data types: packed weights, equality, what a network says about itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ir.networks import exported, tiny, tiny_any

from rebnet.ir.network import Network
from rebnet.ir.ops import BitMatrix, PixelInput, same
from rebnet.lower import lower


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 40))
def test_packing_keeps_every_bit(seed, rows, columns):
    bits = np.random.default_rng(seed).random((rows, columns)) < 0.5
    matrix = BitMatrix.pack(bits)
    assert np.array_equal(matrix.bits, bits)
    assert matrix.packed.shape == (rows, -(-columns // 8))
    assert matrix.nbytes == matrix.packed.size


def test_flipping_rows():
    matrix = BitMatrix.pack(np.asarray([[True, False, True], [True, True, True]]))
    flipped = matrix.flip_rows(np.asarray([True, False]))
    assert flipped.bits.tolist() == [[False, True, False], [True, True, True]]
    assert same(flipped.flip_rows(np.asarray([True, False])), matrix)


def test_networks_compare_by_value():
    assert exported(1) == exported(1)
    assert exported(1) != exported(2)
    assert lower(tiny()) != tiny()
    assert tiny() != replace(tiny(), name="other")
    assert tiny() != "tiny"


def test_a_network_is_not_hashable():
    with pytest.raises(TypeError):
        hash(tiny())


def test_what_a_network_says_about_itself():
    network = exported(levels=3, image=(2, 3, 1), hidden=(6, 5), classes=4)
    assert [layer.name for layer in network.layers] == ["layer1", "layer2", "layer3"]
    assert network.classes == 4
    assert network.weight_bytes == 6 + 5 + 4  # six, six and five columns: a byte a row
    assert network.served == (1, 2, 3)
    assert network.input.samples == 6


def test_reaches_per_served_level_count():
    first, second = (layer.op for layer in lower(tiny()).layers)
    assert first.reaches == (6, 6)
    assert second.reaches == (6, 8)


def test_served_defaults_to_every_level_count():
    assert Network("n", 3, PixelInput(1, 1, 1, 1), ()).served == (1, 2, 3)
    assert Network("n", 3, PixelInput(1, 1, 1, 1), (), served=(3,)).served == (3,)


def test_numbers_for_a_level_count():
    _, hidden, sign, _, _ = tiny_any().ops
    assert [hidden.at(m).weight.tolist() for m in (1, 2)] == [[1.0, -2.0], [2.0, -0.5]]
    assert [sign.factors(m) for m in (1, 2)] == [(0.5,), (0.75, 0.25)]


def test_a_network_trained_for_one_level_count_is_truncated():
    _, hidden, sign, _, _ = tiny().ops
    assert hidden.at(1) is hidden
    assert [sign.factors(m) for m in (1, 2)] == [(0.75,), (0.75, 0.25)]
