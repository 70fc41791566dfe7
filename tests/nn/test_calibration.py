import math

import numpy as np
import torch
from torch import nn

from rebnet.nn.build import build
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.networks import architecture

TINY = architecture("4x4x1 - D8 - D6 - D3")


def images(count=90):
    return np.random.default_rng(3).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


def test_snapped_factors_are_bytes_over_a_power_of_two():
    model = build(TINY, 3)
    before = [model.sign1.gammas.tolist(), model.sign2.gammas.tolist()]
    snap_gains(model)
    for sign, old in zip((model.sign1, model.sign2), before, strict=True):
        gammas = sign.gammas.tolist()
        scale = 2 ** min(f for f in range(40) if all((g * 2**f).is_integer() for g in gammas))
        assert sum(gammas) * scale <= 255
        assert all(math.isclose(new, was, abs_tol=1 / 128) for new, was in zip(gammas, old, strict=True))


def test_one_level_keeps_its_factor():
    model = build(TINY, 1)
    snap_gains(model)
    assert model.sign1.gammas.tolist() == [1.0]
    assert not model.sign1.is_snapped


def test_recalibration_normalises_every_layer_exactly():
    model = build(TINY, 2)
    pixels = images()
    recalibrate(model, pixels, batch_size=32)
    assert not model.training
    x = torch.as_tensor(pixels)
    for module in model:
        if isinstance(module, nn.BatchNorm1d):
            torch.testing.assert_close(module.running_mean, x.detach().mean(0))
            torch.testing.assert_close(module.running_var, x.detach().var(0, unbiased=False))
        x = module(x)


def test_recalibration_does_not_depend_on_the_batches():
    one, other = build(TINY, 2), build(TINY, 2)
    other.load_state_dict(one.state_dict())
    recalibrate(one, images(), batch_size=90)
    recalibrate(other, torch.as_tensor(images()), batch_size=7)
    for key, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value)
