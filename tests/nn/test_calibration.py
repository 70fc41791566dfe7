import math

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.nn import calibration
from rebnet.nn.build import build
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.networks import architecture

TINY = architecture("4x4x1 - D8 - D6 - D3")
MAPS = architecture("4x4x1 - C8:3x3+same - MP2/1 - C6 - D3")


def images(count=90):
    return np.random.default_rng(3).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


def around(values):
    """Every axis but the channels'."""
    return [axis for axis in range(values.ndim) if axis != 1]


def test_snapped_factors_are_bytes_over_a_power_of_two():
    model = build(TINY, 3)
    before = [model.norm1.sign.gammas.tolist(), model.norm2.sign.gammas.tolist()]
    snap_gains(model)
    for sign, old in zip((model.norm1.sign, model.norm2.sign), before, strict=True):
        gammas = sign.gammas.tolist()
        scale = 2 ** min(f for f in range(40) if all((g * 2**f).is_integer() for g in gammas))
        assert sum(gammas) * scale <= 255
        assert all(math.isclose(new, was, abs_tol=1 / 128) for new, was in zip(gammas, old, strict=True))


def test_one_level_keeps_its_factor():
    model = build(TINY, 1)
    snap_gains(model)
    assert model.norm1.sign.gammas.tolist() == [1.0]
    assert not model.norm1.sign.is_snapped


def test_gains_of_maps_fit_the_window_that_consumes_them():
    model = build(architecture("9x9x1 - C64 - C4 - D3"), 3)
    snap_gains(model, gain_bits=12, threshold_bits=20)
    total = sum(model.norm1.sign.gammas.tolist())
    scale = 2 ** min(f for f in range(40) if all((g * 2**f).is_integer() for g in model.norm1.sign.gammas.tolist()))
    assert 3 * (9 * 64 * total * scale + 2) < 2**19 <= 3 * (9 * 64 * total * 2 * scale + 2)


@pytest.mark.parametrize("held_bytes", [2**30, 20_000, 0])
@pytest.mark.parametrize("network", [TINY, MAPS])
def test_recalibration_normalises_every_layer_exactly(monkeypatch, network, held_bytes):
    monkeypatch.setattr(calibration, "HELD_BYTES", held_bytes)
    model = build(network, 2)
    pixels = images()
    recalibrate(model, pixels, batch_size=32)
    assert not model.training
    x = torch.as_tensor(pixels)
    for module in model:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            torch.testing.assert_close(module.running_mean, x.detach().mean(around(x)))
            torch.testing.assert_close(module.running_var, x.detach().var(around(x), unbiased=False))
        x = module(x)


def test_batches_hold_fewer_large_images():
    sizes = [(28, 28, 1), (32, 32, 3), (224, 224, 3), (2000, 2000, 3)]
    on = {
        device: [calibration.inference_batch(torch.empty(1, *size, dtype=torch.uint8, device=device)) for size in sizes]
        for device in ("cpu", "meta")
    }
    assert on == {"cpu": [334, 85, 1, 1], "meta": [1000, 341, 6, 1]}


@pytest.mark.parametrize("network", [TINY, MAPS])
def test_recalibration_does_not_depend_on_the_batches(network):
    one, other = build(network, 2), build(network, 2)
    other.load_state_dict(one.state_dict())
    recalibrate(one, images(), batch_size=90)
    recalibrate(other, torch.as_tensor(images()), batch_size=7)
    for key, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value)
