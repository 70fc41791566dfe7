"""The engine in C++ against the reference on every instruction set that is here, and the face it shares with numpy.

`pytest tests/engine/test_native.py --networks 500` draws more networks.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.driver_file import BAD_BRANCHES, BAD_LAYERS, LEGAL, branched
from tests.engine.test_packed import CHANNELS
from tests.generate.test_c_branches import everything, from_training, wide
from tests.ir.graphs import Graph, pruned, random_graph
from tests.ir.networks import exported, finer, from_text, images_for, random_text, tiny, treed

import rebnet
from networks.draw import draw_conv_network, draw_network
from rebnet.engine import native, reference
from rebnet.engine.predictor import NUMPY, Predictor, instruction_sets
from rebnet.errors import DatasetError, FileFormatError, OptionError
from rebnet.ir import storage
from rebnet.ir.features import Rescale, Stack
from rebnet.ir.network import Network
from rebnet.ir.ops import PixelInput
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.spec.window import Window

SETS = native.instruction_sets()
needs_native = pytest.mark.skipif(not SETS, reason="rebnet was installed without a C++ compiler")


def drawn(seed: int, levels: int = 3, bits: int = 8, fixed: bool = False):
    rng = np.random.default_rng(seed)
    text, pool_behind = random_text(rng, CHANNELS), bool(rng.integers(2))
    network = lower(from_text(text, seed, levels, bits, 0.1, pool_behind), fixed_levels=fixed)
    return (network, finer(network, seed), treed(rng, network))[rng.integers(3)]


@needs_native
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 8), st.booleans(), st.sampled_from([0, 1, 5, 7]))
@settings(max_examples=250, deadline=None)
def test_random_networks(seed, levels, bits, fixed, count):
    network = drawn(seed, levels, bits, fixed)
    images = images_for(network, seed, count)
    for name in SETS:
        predictor = Predictor(network, 1, name)
        for m in network.served:
            assert np.array_equal(predictor.predict(images, m), reference.run(network, images, m)), name


def draw_wide(rng, number):
    levels, bits = (int(size) for size in rng.integers(1, 9, 2))
    return drawn(number, levels, bits, bool(rng.integers(2)))


@pytest.mark.parametrize("draw", [draw_network, draw_conv_network, draw_wide])
def test_many_networks(draw, pytestconfig):
    """Numbers of their own for every m, slopes near 0, channels that never change; up to 128 channels; numpy too."""
    for seed in range(pytestconfig.getoption("networks") // 2):
        network = draw(np.random.default_rng([seed, 2]), seed)
        images = images_for(network, seed, 9)
        for m in network.served:
            expected = reference.run(network, images, m)
            for name in instruction_sets():
                assert np.array_equal(Predictor(network, 1, name).predict(images, m), expected), (seed, name, m)


def check_everywhere(network: Network, images: np.ndarray, names: list[str]) -> None:
    """Every instruction set, every m, and an m of each image's own."""
    expected = {m: reference.run(network, images, m) for m in network.served}
    levels = np.resize(network.served, len(images))
    mixed = np.stack([expected[m][place] for place, m in enumerate(levels.tolist())])
    for name in names:
        predictor = Predictor(network, 2, name)
        assert predictor.instruction_set == name
        for m in network.served:
            assert np.array_equal(predictor.predict(images, m), expected[m]), (name, m)
        assert np.array_equal(predictor.predict(images, levels), mixed), name


@needs_native
@pytest.mark.parametrize("seed", range(60))
def test_random_networks_with_branches(seed):
    network = lower(random_graph(seed), fixed_levels=seed % 5 == 0)
    if seed % 4 == 0:
        network = treed(np.random.default_rng(seed), network)
    check_everywhere(network, images_for(network, seed, 5), instruction_sets())


@needs_native
@pytest.mark.parametrize("rows", [(33, 1, 5), (70, 65, 3), (130, 63, 64), (8, 16, 64)])
def test_words_of_joined_channels(rows):
    network = everything(sum(rows), 2 + rows[1] % 3, rows, own_sets=rows[0] == 70)
    check_everywhere(network, images_for(network, 1, 4), SETS)


@needs_native
def test_slopes_whose_products_leave_32_bits():
    check_everywhere(network := wide(), images_for(network, 1, 4), SETS)


@needs_native
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_residual_network(levels):
    network = from_training("resnet-20", levels)
    check_everywhere(network, images_for(network, levels, 3), SETS)


def test_features_of_more_than_32_bits():
    """Bounds that leave 32 bits are legal where they are close together; numpy runs them, and nothing else."""
    network = lower(random_graph(16))

    def far(op):
        if not isinstance(op, Rescale):
            return op
        return replace(op, scale=np.sign(op.scale), bias=(op.bias >> op.shift) - (1 << 38), shift=0)

    network = verify(network.with_ops(map(far, network.ops)))
    predictor = Predictor(network, 1)
    assert predictor.instruction_set == NUMPY
    images = images_for(network, 1, 3)
    assert np.array_equal(predictor.predict(images), reference.run(network, images))
    with pytest.raises(OptionError, match=r"^instruction_set='generic': there is numpy for a network whose "):
        Predictor(network, 1, "generic")


def test_stacks_of_more_than_64_planes():
    """numpy runs them, and nothing else; the refusal names the stack."""
    made = Graph(np.random.default_rng(1), 4, PixelInput(2, 2, 1, 8))
    code = made.sign(made.norm(made.layer("pixels", 3, Window(1, 1)), positive=True))
    for _ in range(5):  # of 4 planes: 8, 16, … 128
        code = made.put(Stack(), code, code, width=1.0)
    network = lower(pruned("wide", made, made.norm(made.layer(code, 2, None), positive=False)))
    predictor = Predictor(network, 1)
    assert predictor.instruction_set == NUMPY
    images = images_for(network, 1, 3)
    assert np.array_equal(predictor.predict(images), reference.run(network, images))
    with pytest.raises(OptionError, match="numpy for a network whose stacks have more than 64 planes; choose one"):
        Predictor(network, 1, "generic")


@pytest.mark.parametrize("name", instruction_sets())
@pytest.mark.parametrize("window", ["1x1", "2x2", "3x3+same", "4x4/3+same", "5x5/2", "2x2/3"])
@pytest.mark.parametrize("channels", [63, 64, 65, 130])
def test_words_of_channels(name, channels, window):
    for pool in ("", " - MP2/1", " - MP2"):
        network = lower(from_text(f"13x12x2 - C{channels}:2x2{pool} - C9:{window} - D4", channels, 2))
        images = images_for(network, 1, 6)
        assert np.array_equal(Predictor(network, 2, name).predict(images), reference.run(network, images))


@pytest.mark.parametrize("name", instruction_sets())
def test_levels_of_every_image(name):
    network = drawn(5)
    images = images_for(network, 2, 40)
    levels = np.random.default_rng(0).integers(1, 4, 40)
    predictor = Predictor(network, 2, name)
    scores = predictor.predict(images, levels)
    assert scores.dtype == np.int64
    assert np.array_equal(scores, reference.run_mixed(network, images, levels))
    assert np.array_equal(predictor.labels(images, levels.tolist()), scores.argmax(axis=1))
    assert np.array_equal(predictor.predict(images, 2), reference.run(network, images, 2))


@pytest.mark.parametrize("name", instruction_sets())
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_batches(name, threads, count):
    network = lower(exported(1, 2, 8, (5, 4, 1), (9, 8), 3))
    images = images_for(network, 3, count)
    predictor = Predictor(network, threads, name)
    for _ in range(3):
        scores = predictor.predict(images)
        assert scores.shape == (count, 3)
        assert np.array_equal(scores, reference.run(network, images))


@pytest.mark.parametrize("name", instruction_sets())
def test_images_in_any_strides(name):
    network = drawn(11)
    images = images_for(network, 4, 24)
    predictor = Predictor(network, 1, name)
    expected = reference.run(network, images)
    buffer = np.zeros(images.size + 1, dtype=np.uint8)
    unaligned = buffer[1:].reshape(images.shape)
    unaligned[:] = images
    for odd in (unaligned, images[::-1][::-1], np.asfortranarray(images)):
        assert np.array_equal(predictor.predict(odd), expected)
    assert np.array_equal(predictor.predict(images[::-2]), expected[::-2])
    readonly = images.copy()
    readonly.flags.writeable = False
    assert np.array_equal(predictor.predict(readonly), expected)


@pytest.mark.parametrize("name", instruction_sets())
def test_many_threads_of_python_at_once(name):
    network = drawn(17, levels=2)
    predictor = Predictor(network, 2, name)
    batches = [images_for(network, seed, 1 + seed % 9 if seed % 20 else 150) for seed in range(60)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(predictor.predict, batches))
    for batch, result in zip(batches, results, strict=True):
        assert np.array_equal(result, reference.run(network, batch))


def test_load(tmp_path):
    network = drawn(3, levels=2)
    storage.save(network, tmp_path)
    images = images_for(network, 1, 9)
    predictor = rebnet.load(tmp_path)
    assert np.array_equal(predictor.predict(images), reference.run(network, images))
    assert rebnet.load(str(tmp_path), threads=1, instruction_set=NUMPY).instruction_set == NUMPY
    assert f"{network.classes} classes, M = 2" in repr(predictor)
    with pytest.raises(FileFormatError):
        rebnet.load(tmp_path / "nothing")


def test_refusals():
    network = lower(tiny())
    with pytest.raises(OptionError, match=r"^threads=0: use 1 to 1024$"):
        Predictor(network, 0)
    with pytest.raises(OptionError, match=r"^instruction_set='sse': there is .*numpy here; choose one$"):
        Predictor(network, 1, "sse")
    for name in instruction_sets():
        predictor = Predictor(network, 1, name)
        images = images_for(network, 1, 3)
        with pytest.raises(OptionError, match=r"^levels=9: this network serves"):
            predictor.predict(images, 9)
        with pytest.raises(OptionError, match=r"^levels=9: this network serves"):
            predictor.predict(images, [1, 9, 1])
        for levels in ([1, 1], [[1], [1], [1]], [0.5, 1, 1]):
            with pytest.raises(OptionError, match="for 3 images; give one whole number for all, or one for each image"):
                predictor.predict(images, levels)
        with pytest.raises(DatasetError):
            predictor.predict(images[:, 1:])
        with pytest.raises(DatasetError):
            predictor.predict(images.astype(np.int16))


@needs_native
def test_a_network_that_was_not_lowered():
    with pytest.raises(OptionError, match="lower the network before running it"):
        Predictor(tiny(), 1, SETS[0])


@needs_native
@pytest.mark.parametrize("message", BAD_LAYERS)
def test_the_module_itself_refuses_what_does_not_fit(message):
    """Below the checks in Python stand those in C++: nothing of another shape is read."""
    native._native.Builder(4, 4, 1, 1, 1).layer(**LEGAL)
    with pytest.raises(ValueError, match=message):
        native._native.Builder(4, 4, 1, 1, 1).layer(**{**LEGAL, **BAD_LAYERS[message]})


@needs_native
@pytest.mark.parametrize("message", BAD_BRANCHES)
def test_the_module_itself_refuses_steps_that_do_not_fit(message):
    builder = branched(native._native.Builder(4, 4, 1, 1, 1))
    method, *values = BAD_BRANCHES[message]
    with pytest.raises(ValueError, match=message):
        getattr(builder, method)(*values)
