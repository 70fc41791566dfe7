"""Every kernel of AVX2 on every layer that it can compute, and the bounds within which its sums are exact."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.test_native import drawn
from tests.generate.test_c_branches import from_training
from tests.ir.graphs import random_graph
from tests.ir.networks import exported, from_text, images_for

from rebnet.engine import native, reference
from rebnet.ir.ops import BitMatrix, Dense, Threshold
from rebnet.lower import lower

KERNELS = ("", "planes", "sums")
pytestmark = pytest.mark.skipif("avx2" not in native.instruction_sets(), reason="this processor has no AVX2")


def check(network, images):
    """All kernels equal the reference for every m; which they are, by name."""
    found = {}
    for kernel in KERNELS:
        engine = native.NativeEngine(network, 1, "avx2", kernel)
        for index, m in enumerate(network.served):
            assert np.array_equal(engine.run(images, index), reference.run(network, images, m)), (kernel, m)
        found[kernel] = engine.kernels
    return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_random_networks(seed, levels, fixed):
    network = drawn(seed, levels, 8, fixed)
    check(network, images_for(network, seed, 3))


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_with_branches(seed):
    network = lower(random_graph(seed), fixed_levels=seed % 5 == 0)
    check(network, images_for(network, seed, 3))


@pytest.mark.parametrize("levels", [2, 4])
def test_residual_network(levels):
    network = from_training("resnet-20", levels)
    check(network, images_for(network, levels, 2))


@pytest.mark.parametrize("rows", [1, 31, 33, 64, 97])
@pytest.mark.parametrize("window", ["1x1", "3x3+same", "5x3/2", "2x2/3", "1x4/1x2"])
@pytest.mark.parametrize("channels", [1, 15, 17, 65])
def test_windows(channels, window, rows):
    network = lower(from_text(f"9x11x1 - C{channels}:2x2 - C{rows}:{window} - MP2/1 - D3", rows, 3))
    assert "sums" in check(network, images_for(network, 1, 3))["sums"]


def test_what_is_taken():
    """Three planes and more are summed where a table serves enough windows and rows."""
    for levels, taken in ((1, "planes"), (2, "planes"), (3, "sums"), (4, "sums")):
        network = lower(from_text("12x12x3 - C64:3x3 - C64:3x3 - D10", 1, levels))
        kernels = native.NativeEngine(network, 1, "avx2").kernels
        assert kernels[:2] == ("bytes", taken)
        assert kernels[2] == "planes"  # scores of ten rows in one window
    small = lower(from_text("3x3x1 - C64:3x3 - D32 - D4", 1, 4))
    assert native.NativeEngine(small, 1, "avx2").kernels[1] == "planes"
    assert native.NativeEngine(small, 1, "generic").kernels == ("bytes", "bits", "bits")


@pytest.mark.parametrize("rows", [1, 33, 130, 161])
@pytest.mark.parametrize(
    "text", ["1x1x1 - D{}", "3x5x1 - D{}", "4x4x3 - D{}", "7x9x3 - D{}", "6x7x3 - C{}:3x3+same", "9x8x2 - C{}:5x3/2"]
)
def test_pixels(text, rows):
    network = lower(from_text(f"{text.format(rows)} - D3", rows, 2))
    images = images_for(network, 1, 4)
    images[1], images[2] = 0, 255
    found = check(network, images)
    assert (found["sums"][0], found["planes"][0]) == ("sums", "bytes")
    assert found[""][0] == ("sums" if text == "7x9x3 - D{}" else "bytes")


@pytest.mark.parametrize("bits", [1, 4, 7])
def test_pixels_of_few_bits(bits):
    network = lower(exported(bits, 3, bits, (5, 5, 3), (70, 33), 3))
    assert "sums" in check(network, images_for(network, 2, 5))["sums"][0]


@pytest.mark.parametrize("size", [(33, 128), (65, 65)])
def test_pixels_at_the_edge(size):
    """All pixels differ from all weights, or none do."""
    columns = size[0] * size[1]
    network = lower(exported(2, 2, 8, (*size, 1), (33,), 2))
    images = np.full((2, *size, 1), 255, dtype=np.uint8)
    images[1] = 0
    ones = BitMatrix.pack(np.ones((33, columns), dtype=bool))
    ops = [replace(op, weights=ones) if isinstance(op, Dense) and op.weights.rows == 33 else op for op in network.ops]
    for own in (network, network.with_ops(ops)):
        assert check(own, images)["sums"][0] == ("sums" if columns == 4224 else "bytes")


def edged(network, gains, threshold, step, seed=0):
    """Layers of codes with these gains; thresholds within reach and as far as `threshold`; steps of 0 and `step`."""
    rng = np.random.default_rng(seed)

    def rule(op):
        if isinstance(op, Dense) and op.gains is not None and len(op.gains[0]) == len(gains):
            return replace(op, gains=tuple((*gains[:m], *[0] * (len(gains) - m)) for m in network.served))
        if not isinstance(op, Threshold):
            return op
        far = rng.choice([-threshold, threshold], op.thresholds.shape)
        thresholds = np.where(rng.random(far.shape) < 0.5, far, op.thresholds)
        return replace(op, thresholds=thresholds, steps=rng.choice([0, step], op.steps.shape))

    return network.with_ops(map(rule, network.ops))


FITS = 1 << 26


@pytest.mark.parametrize("gains", [(200, 50, 5), (200, 50, 6), (255, 0, 0), ((1 << 15) - 1, 2, 1), (1 << 15, 2, 1)])
@pytest.mark.parametrize("threshold", [100, FITS - 1, FITS, 1 << 40])
@pytest.mark.parametrize("step", [100, (1 << 14) - 1, 1 << 14, (1 << 15) - 1, 1 << 15, FITS - 1, FITS])
def test_edges_of_ranges(gains, threshold, step):
    network = edged(lower(exported(1, 3, 8, (3, 3, 2), (65, 70, 33), 3)), gains, threshold, step)
    kernels = check(network, images_for(network, 2, 6))["sums"]
    fits = threshold < FITS and step < FITS and sum(gains) < 256
    assert kernels[1:3] == (("sums",) * 2 if fits else ("planes",) * 2)


@pytest.mark.parametrize("shift", [1, 7, 8, 12])
def test_shifts_at_the_edge(shift):
    """65 columns of gains that add up to 255 and are shifted: within 2^26 up to a shift of 11."""
    network = edged(lower(exported(3, 3, 8, (3, 3, 2), (65, 70), 3)), (200, 50, 5), 1 << 20, 3000)
    network = network.with_ops(replace(op, shift=shift) if isinstance(op, Threshold) else op for op in network.ops)
    kernels = check(network, images_for(network, 2, 6))["sums"]
    assert kernels[1] == ("sums" if 65 * 255 << shift < FITS else "planes")


@pytest.mark.parametrize("columns", [4224, 4225, 32767, 32768])
def test_columns_at_the_edge(columns):
    """All of a window's bits are 1 and differ from all weights: nothing that counts them wraps."""
    network = lower(exported(2, 3, 8, (1, 2, 1), (columns, 33), 2))

    def rule(node):
        op = node.op
        if isinstance(op, Threshold) and op.thresholds.shape[1] == columns:
            return replace(op, thresholds=np.full_like(op.thresholds, -(1 << 20)), steps=np.zeros_like(op.steps))
        if isinstance(op, Dense) and op.weights.rows == 33:
            weights = BitMatrix.pack(np.zeros((33, columns), dtype=bool))
            return replace(op, weights=weights, gains=tuple((85,) * m + (0,) * (3 - m) for m in network.served))
        return op

    network = network.with_ops(rule(node) for node in network.nodes)
    kernels = check(network, images_for(network, 2, 2))["sums"]
    words = (columns + 63) // 64
    most = 1057 // 16  # words of which 16 numbers of 5 bits each stay in 16 bits
    assert kernels[1] == ("sums" if words <= most else "planes" if columns < 1 << 15 else "bits")
