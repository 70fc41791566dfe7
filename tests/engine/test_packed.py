"""The packed engine against the reference: every score equal."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ir.networks import (
    exported,
    from_text,
    images_for,
    random_images,
    random_text,
    tiny,
    tiny_conv,
    with_own_sets,
)

from rebnet.engine import packed, reference
from rebnet.engine.packed import PackedEngine
from rebnet.errors import DatasetError, OptionError
from rebnet.lower import lower
from rebnet.lower.assign_gains import assign_gains

CHANNELS = (1, 2, 7, 63, 64, 65, 128)


def run(network, images, levels=None, progress=lambda images_done: None, threads=1):
    return PackedEngine(network, threads).run(images, levels, progress)


def check(network, images):
    """Both engines give the same scores at every served level count."""
    engine = PackedEngine(network)
    for m in network.served:
        scores = engine.run(images, m)
        assert scores.dtype == np.int64
        assert np.array_equal(scores, reference.run(network, images, m))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 8), st.booleans(), st.sampled_from([0, 1, 5]))
@settings(max_examples=300)
def test_random_networks(seed, levels, bits, fixed, count):
    rng = np.random.default_rng(seed)
    network = from_text(random_text(rng, CHANNELS), seed, levels, bits, 0.1, bool(rng.integers(2)))
    network = lower(network, fixed_levels=fixed)
    check(network, images_for(network, seed, count))


@pytest.mark.parametrize("channels", [63, 64, 65, 128])
@pytest.mark.parametrize("window", ["1x1", "2x2", "3x3+same", "4x4/3+same", "5x5/2", "2x2/3"])
def test_words_of_channels(channels, window):
    """Maps of whole words are packed by channel, others by window; both behind a pool and without."""
    for pool in ("", " - MP2/1"):
        network = lower(from_text(f"8x7x2 - C{channels}:2x2{pool} - C3:{window} - D4", channels, 2))
        check(network, images_for(network, 1, 5))


def test_pixels_of_whole_words():
    network = lower(from_text("3x3x64 - C5:2x2+same - C3:2x2 - D3", 1, 2, 4))
    check(network, images_for(network, 1, 4))


def test_which_layers_move_no_bit_to_build_a_window():
    network = lower(from_text("6x6x3 - C64:2x2 - C128:2x2 - C65:2x2 - C3:2x2 - D64 - D3"))
    engine = PackedEngine(network)
    assert [engine._layers[layer.name].by_channel for layer in network.layers] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("inputs", [1, 63, 64, 65, 129])
def test_dense_networks(levels, inputs):
    network = lower(exported(levels, levels, image=(1, inputs, 1), hidden=(65, 64), classes=5, dead=0.1))
    check(network, random_images(levels, 7, (1, inputs, 1)))


def test_more_vectors_than_one_block(monkeypatch):
    network = lower(from_text("9x9x1 - C70 - C64:3x3+same - D5"))
    images = images_for(network, 1, 6)
    expected = reference.run(network, images)
    for size in (1, 8 * 70 * 13, 1 << 30):  # bytes: one vector, thirteen, all
        monkeypatch.setattr(packed, "_BLOCK_BYTES", size)
        assert np.array_equal(run(network, images), expected)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_batches_and_progress(threads, monkeypatch):
    monkeypatch.setattr(packed, "batch_size", lambda network: 28)
    network = lower(from_text("6x6x2 - C5:3x3+same - MP2 - C4:2x2 - D3"))
    images, done = images_for(network, 1, 40), []
    scores = run(network, images, 1, done.append, threads)
    assert np.array_equal(scores, reference.run(network, images, 1))
    assert sorted(done) == [5, 7, 7, 7, 7, 7]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [0, 1])
def test_few_images(threads, count):
    for network in (lower(tiny()), lower(tiny_conv())):
        images = images_for(network, 1, count)
        assert run(network, images, threads=threads).shape == (count, 2)
        assert np.array_equal(run(network, images, threads=threads), reference.run(network, images))


@pytest.mark.parametrize("text", ["6x5x3 - C64:2x2 - C3:2x2 - D4", "6x5x3 - C5:3x3+same - D4", "6x5x3 - D64 - D4"])
def test_images_in_any_layout(text):
    network = lower(from_text(text, levels=3))
    images = images_for(network, 1, 9)
    expected = reference.run(network, images).tolist()
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    wide = np.repeat(images, 2, axis=2)[:, :, ::2]
    for view in (channels_first, wide, images[::-1][::-1], np.asfortranarray(images)):
        assert run(network, view).tolist() == expected
        assert reference.run(network, view).tolist() == expected
    assert run(network, images[::2]).tolist() == expected[::2]
    read_only = images.copy()
    read_only.flags.writeable = False
    assert run(network, read_only).tolist() == expected


def test_an_engine_runs_again_at_other_levels():
    network = lower(exported(levels=3))
    engine, images = PackedEngine(network, threads=2), random_images(1, 30)
    for m in (3, 1, None, 2, 3):
        assert np.array_equal(engine.run(images, m), reference.run(network, images, m))


@pytest.mark.parametrize("network", [lower(tiny()), lower(tiny_conv())])
@pytest.mark.parametrize("gains", [((0, 0), (0, 0)), ((0, 1), (0, 1)), ((0, 0), (0, 2))])
def test_a_gain_of_zero_counts_nothing(network, gains):
    ops = (replace(network.ops[0], gains=gains), *network.ops[1:])
    check(network.with_ops(ops), images_for(network, 1, 20))


def message(error, call):
    with pytest.raises(error) as refusal:
        call()
    return str(refusal.value)


@pytest.mark.parametrize(
    ("network", "levels", "images"),
    [
        (lower(exported(levels=3)), 4, random_images(0, 1)),
        (lower(exported(levels=3)), 0, random_images(0, 1)),
        (lower(exported(levels=3), fixed_levels=True), 2, random_images(0, 1)),
        (exported(), None, random_images(0, 2)),
        (tiny_conv(), None, random_images(0, 2, (3, 3, 1))),
        (assign_gains(tiny_conv()), None, random_images(0, 2, (3, 3, 1))),
        (replace(lower(tiny()), nodes=lower(tiny()).nodes[:1]), None, random_images(0, 2, (1, 1, 2))),
    ],
)
def test_refusals_are_the_reference_s(network, levels, images):
    said = message(OptionError, lambda: reference.run(network, images, levels))
    assert message(OptionError, lambda: run(network, images, levels)) == said


@pytest.mark.parametrize(
    "images", [random_images(0, 3, (3, 2, 1)), random_images(0, 3).astype(np.float32), random_images(0, 3)[0]]
)
def test_images_that_do_not_fit(images):
    network = lower(exported())
    said = message(DatasetError, lambda: reference.run(network, images))
    assert message(DatasetError, lambda: run(network, images)) == said


@pytest.mark.parametrize("text", ["6x5x2 - D70 - D9 - D4", "8x7x2 - C64:3x3+same - MP2 - C5 - D4"])
def test_any_level_networks(text):
    network = lower(with_own_sets(from_text(text, levels=3, dead=0.1)))
    images = images_for(network, 0, 30)
    assert network.served == (1, 2, 3)
    check(network, images)
