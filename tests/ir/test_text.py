"""The printed form."""

from dataclasses import replace

import numpy as np
from tests.ir.networks import exported, from_text, tiny, tiny_any, tiny_conv

from rebnet.ir.ops import BitMatrix, Scores
from rebnet.ir.text import to_text
from rebnet.lower import lower


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
