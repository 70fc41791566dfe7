"""Factors of each image's own: the least-squares ones, and what they would take, counted."""

from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import from_text

from rebnet import datasets, flow
from rebnet.engine.online import run_online
from rebnet.engine.real import run_real
from rebnet.errors import FileFormatError, OptionError
from rebnet.evaluate.online import costs
from rebnet.ir import storage
from rebnet.ir.ops import BatchNorm, ResidualSign
from rebnet.lower import lower

TEXT = "8x8x1 - C4:3x3+same - MP2 - C6:3x3 - D10"


def images_of(network, count):
    shape = (count, network.input.height, network.input.width, network.input.channels)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("text", ["8x8x1 - D12 - D9 - D10", TEXT])
def test_fixed_at_an_images_own_factors_the_network_gives_the_same(text):
    network = from_text(text, levels=3)
    for image in images_of(network, 3):
        outputs, factors = run_online(network, image[None])
        own = iter(factors.values())
        assert list(factors) == [layer.name for layer in network.layers[:-1]]
        ops = [
            replace(op, gammas=tuple(float(value) for value in next(own)[0])) if isinstance(op, ResidualSign) else op
            for op in network.ops
        ]
        np.testing.assert_allclose(outputs, run_real(network.with_ops(tuple(ops)), image[None]), rtol=1e-4, atol=1e-3)


def test_factors_are_those_of_least_squared_error():
    network = from_text("8x8x1 - D12 - D10", levels=2)
    images = images_of(network, 4)
    _, by_layer = run_online(network, images)
    (factors,) = by_layer.values()
    assert factors.shape == (4, 2)
    first = replace(network, nodes=network.nodes[:2])
    values = np.stack([run_real_front(first, image) for image in images])
    residual = values
    for level in range(2):
        gamma = np.abs(residual).mean(axis=1)
        np.testing.assert_allclose(factors[:, level], gamma, rtol=1e-5)
        residual = residual - np.where(residual >= 0, 1, -1) * gamma[:, None]


def run_real_front(network, image):
    """The values in front of the first residual sign."""
    dense, norm = network.ops
    x = (2.0 * image.reshape(-1) - 255) / 255
    v = dense.scale * (np.where(dense.weights.bits, 1.0, -1.0) @ x)
    return (v - norm.mean) * norm.weight / np.sqrt(norm.variance + norm.epsilon) + norm.bias


def test_batches_do_not_mix():
    network = from_text(TEXT, levels=2)
    images = images_of(network, 5)
    together, _ = run_online(network, images)
    alone = np.concatenate([run_online(network, image[None])[0] for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-3)


def test_fitted_norms_are_those_of_the_images():
    network = from_text("8x8x1 - D12 - D10", levels=1)
    images = images_of(network, 50)
    fitted, _ = run_online(network, images, images)
    kept, _ = run_online(network, images)
    assert not np.allclose(fitted, kept)
    again, _ = run_online(network, images[:1], images)
    np.testing.assert_allclose(again, fitted[:1], rtol=1e-4, atol=1e-3)


def test_costs_by_hand():
    network = lower(from_text(TEXT, levels=3))
    first, second = costs(network).values()
    bits = network.layers[0].op.reaches[-1].bit_length() + 1
    assert first == {
        "name": network.layers[0].name, "values": 4 * 4 * 4, "held_bits": 64 * bits, "additions": 64 * 3,
        "multiplications": 4 * 5, "passes": 3,
    }  # fmt: skip
    assert (second["values"], second["additions"], second["multiplications"]) == (24, 72, 30)


def test_record(build):
    record = flow.evaluate(build, "digits", online=True)
    digits = datasets.load("digits")
    exported = storage.load(build / "exported")
    trained = np.argmax(run_real(exported, digits.test_images), axis=1)
    assert record["trained_accuracy"] == round(100 * float(np.mean(trained == digits.test_labels)), 4)
    assert [layer["name"] for layer in record["layers"]] == ["layer1", "layer2"]
    assert (build / "online.json").is_file()


@pytest.mark.parametrize("options", [{"levels": 1}, {"adaptive": (1, 3)}, {"engine": "both"}])
def test_options_that_do_not_go_together(build, options):
    with pytest.raises(OptionError, match="online: runs the float network at all levels; leave --levels, --engine and"):
        flow.evaluate(build, "digits", online=True, **options)


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # numpy says it too
def test_numbers_that_overflow(tmp_path):
    network = from_text("8x8x1 - D12 - D10", levels=2)
    ops = [
        replace(op, weight=np.full_like(op.weight, 1e38), mean=np.full_like(op.mean, -1e38))
        if isinstance(op, BatchNorm)
        else op
        for op in network.ops
    ]
    build = tmp_path / "build"
    storage.save(network.with_ops(tuple(ops)), build / "exported")
    storage.save(lower(network), build)
    with pytest.raises(FileFormatError) as refusal:
        flow.evaluate(build, "digits", online=True)
    assert str(refusal.value) == (
        f"{build}/exported/network.json: layer layer1: an image's own factors overflow float32, so the numbers of its "
        "BatchNorm are not those of a training; train it again"
    )
    assert not (build / "online.json").exists()
