"""The printed form."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ir.networks import exported, finer, from_text, tiny, tiny_any, tiny_conv, treed, with_own_sets

from rebnet.errors import NotationError
from rebnet.ir.ops import BitMatrix, Scores
from rebnet.ir.text import parse, tensors_of, to_text
from rebnet.lower import PASSES, lower
from rebnet.lower.fix_levels import fix_levels


def test_a_network_in_full():
    assert to_text(tiny(1)) == (
        "network tiny levels=1 serves=(1) T=24\n"
        "  pixels 1x1x2 bits=2\n"
        "  dense layer1 2x2 weights=++|+- scale=0.5 folding=(2,1)\n"
        "  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1\n"
        "  residual_sign gammas=(0.75) fraction_bits=0\n"
        "  dense layer2 2x2 weights=-+|++ scale=1\n"
        "  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05\n"
    )


def test_a_convolution_in_full():
    assert to_text(tiny_conv(1)) == (
        "network tiny levels=1 serves=(1) T=24\n"
        "  pixels 3x3x1 bits=2\n"
        "  conv layer1 2x4 window=2x2 weights=+-++|--+- scale=0.5 folding=(2,4)\n"
        "  batchnorm mean=[0.5,0.25] variance=[3,0] weight=[2,-0.5] bias=[0,1] eps=1\n"
        "  max_pool window=2x2/2\n"
        "  residual_sign gammas=(0.75) fraction_bits=0\n"
        "  dense layer2 2x2 weights=-+|++ scale=1\n"
        "  batchnorm mean=[0,0] variance=[1,1] weight=[2,-1] bias=[0.5,1] eps=1e-05\n"
    )


def test_windows_that_differ_are_printed_differently():
    texts = {to_text(from_text(f"5x5x1 - C2:{window} - D2")) for window in ("2x2/3", "2x2/3+same", "3x3/2", "3x3/4")}
    assert len(texts) == 4


def test_one_level_has_no_steps():
    assert "  threshold t=[[5,-3]] steps=[[[],[]]]\n" in to_text(lower(tiny(1)))


def test_integers_are_printed_in_full():
    network = lower(tiny(1))
    big = Scores(np.asarray([[1, 2]]), np.asarray([[123456789012, -123456789013]]))
    text = to_text(network.with_ops((*network.ops[:-1], big)))
    assert text.endswith("  scores scale=[[1,2]] bias=[[123456789012,-123456789013]]\n")


def test_large_arrays_are_a_range_and_a_checksum():
    network = exported(hidden=(30, 20))
    dense, norm = to_text(network).splitlines()[2:4]
    assert " 30x6 weights=crc:" in dense
    assert norm.count("..") == 4
    assert norm.count("crc:") == 4


def test_a_change_of_one_bit_or_number_changes_the_text():
    network = exported(hidden=(30, 20))
    bits = network.ops[0].weights.bits
    bits[7, 3] ^= True
    other_weights = replace(network.ops[0], weights=BitMatrix.pack(bits))
    mean = network.ops[1].mean.copy()
    mean[5] = np.nextafter(mean[5], 9)
    other_mean = replace(network.ops[1], mean=mean)
    texts = {to_text(network.with_ops(ops)) for ops in (
        network.ops,
        (other_weights, *network.ops[1:]),
        (network.ops[0], other_mean, *network.ops[2:]),
    )}  # fmt: skip
    assert len(texts) == 3


def test_numbers_for_every_level_count():
    lines = to_text(tiny_any()).splitlines()
    assert lines[3] == (
        "  batchnorm mean=[[0,0.5],[0.5,0.25]] variance=[[0,3],[3,0]] weight=[[1,-2],[2,-0.5]] "
        "bias=[[0.25,0],[0,1]] eps=1"
    )
    assert lines[4] == "  residual_sign gammas=(0.5)/(0.75,0.25) fraction_bits=0/2"


def every_stage(network):
    yield network
    for one_pass in PASSES:
        network = one_pass(network)
        yield network


TEXTS = st.sampled_from(
    (
        "1x2x3 - D4 - D3",
        "2x3x1 - D30(2,3) - D20(3,2,2) - D4",
        "7x6x3 - C5(2,9):3x3+same - MP2 - C4:2x2/2 - D6(2,3,2) - D3",
        "9x8x2 - C13:5x5/2+same - MP3/2 - C40:1x1 - D2",
    )
)


@settings(max_examples=12)
@given(TEXTS, st.integers(0, 999), st.integers(1, 8), st.booleans(), st.booleans())
def test_what_is_printed_can_be_read_at_every_stage(text, seed, levels, any_levels, fixed):
    network = from_text(text, seed, levels, dead=0.2)
    network = with_own_sets(network, seed) if any_levels else network
    for stage in every_stage(fix_levels(network) if fixed else network):
        assert parse(to_text(stage), tensors_of(stage)) == stage


TREED = treed(np.random.default_rng(0), lower(tiny(2)), share=1)


@pytest.mark.parametrize(
    "network",
    [tiny(1), tiny(2), lower(tiny(2)), lower(tiny_conv()), finer(lower(tiny(2)), 1), TREED],
    ids=lambda n: n.ops[1],
)
def test_a_text_that_shows_all_needs_no_tensors(network):
    text = to_text(network)
    assert to_text(parse(text, {})) == text


def test_names_and_sources_that_do_not_go_without_saying():
    network = tiny()
    named = replace(network, nodes=tuple(replace(node, name=f"n{i}") for i, node in enumerate(network.nodes)))
    text = to_text(named)
    assert [line.split(" name=")[1] for line in text.splitlines() if " name=" in line] == ["n1", "n2", "n4"]
    assert parse(text, tensors_of(named)) == named


def test_tensors_of_another_network():
    tensors = tensors_of(exported(1, hidden=(30, 20)))
    with pytest.raises(NotationError) as refusal:
        parse(to_text(exported(2, hidden=(30, 20))), tensors)
    assert str(refusal.value) == (
        "network text of random: is not the text of these tensors; take both from one network"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "network text: must begin with a line 'network NAME levels=…' and a line 'pixels HxWxC …'"),
        (
            to_text(tiny()).replace("  dense layer2 2x2", "  dense layer2 2by2"),
            "network text, line 6, dense: cannot be read (invalid literal for int() with base 10: '2by2')",
        ),
        (
            to_text(tiny()).replace("residual_sign", "sign"),
            "network text, line 5, sign: cannot be read ('sign')",
        ),
    ],
)
def test_a_text_that_cannot_be_read(text, message):
    with pytest.raises(NotationError) as refusal:
        parse(text, {})
    assert str(refusal.value) == message
