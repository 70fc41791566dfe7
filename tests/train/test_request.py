"""Refusals that need neither torch nor data."""

import subprocess
import sys

import numpy as np
import pytest

from rebnet.errors import NotationError, OptionError
from rebnet.train import request
from rebnet.train.recipe import Recipe, recipe_for
from rebnet.train.request import check_request


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "recipe: batch_size holds 0, it must be at least 2"),
        ({"calibration_images": 0}, "recipe: calibration_images holds 0, it must be at least 1"),
        ({"peak_learning_rate": float("nan")}, "recipe: peak_learning_rate holds nan, it must be above 0 and finite"),
        ({"gamma_rate": float("inf")}, "recipe: gamma_rate holds inf, it must be at least 0 and finite"),
        ({"epochs": 2.0}, "recipe: epochs holds 2.0, it must hold int"),
        ({"epochs": True}, "recipe: epochs holds True, it must hold int"),
        ({"flip": 1}, "recipe: flip holds 1, it must hold bool"),
        ({"shift_pixels": -1}, "recipe: shift_pixels holds -1, it must be at least 0"),
        ({"batch_size": 10**20}, f"recipe: batch_size holds {10**20}, it must be at most {2**31 - 1}"),
        ({"label_smoothing": 1.0}, "recipe: label_smoothing holds 1.0, it must be 0 to below 1"),
        ({"distillation": 1.1}, "recipe: distillation holds 1.1, it must be 0 to 1"),
        ({"temperature": "2"}, "recipe: temperature holds '2', it must hold float"),
        ({"loss": ["hinge"]}, "recipe: loss holds ['hinge'], it must hold cross_entropy, squared_hinge, squared_error"),
    ],
)
def test_recipes_know_their_ranges(change, message):
    with pytest.raises(OptionError) as caught:
        Recipe(**change)
    assert str(caught.value) == message


def test_numbers_of_numpy_are_numbers():
    given = Recipe(epochs=np.int64(3), peak_learning_rate=np.float32(0.5), flip=np.bool_(True), latent_clip=np.int8(1))
    assert given == Recipe(epochs=3, peak_learning_rate=0.5, flip=True, latent_clip=1)
    assert [type(value) for value in (given.epochs, given.peak_learning_rate, given.flip)] == [int, float, bool]
    assert recipe_for("digits", epochs=np.int32(2)).epochs == 2
    with pytest.raises(OptionError, match=r"recipe=3: is int; give a Recipe or the name of one"):
        recipe_for("digits", 3)


@pytest.mark.parametrize(
    ("text", "shift", "message"),
    [
        ("8x6x1 - D3", 6, "recipe: shift_pixels=6 may move an image of 8x6 pixels out of itself; use 0 to 5"),
        ("1x9x2 - D3", 9, "recipe: shift_pixels=9 may move an image of 1x9 pixels out of itself; use 0 to 8"),
        ("1x1x2 - D3", 1, "recipe: shift_pixels=1 may move an image of 1x1 pixels out of itself; use 0 to 0"),
        ("8x8x1 - D3", 10**6, "recipe: shift_pixels=1000000 may move an image of 8x8 pixels out of itself; use 0 to 7"),
    ],
)
def test_no_image_is_moved_out_of_itself(text, shift, message):
    with pytest.raises(OptionError) as caught:
        check_request(text, "digits", 1, recipe=Recipe(shift_pixels=shift))
    assert str(caught.value) == f"{message}, or another --recipe"
    check_request(text, "digits", 1, recipe=Recipe(shift_pixels=int(message.rsplit(" ", 1)[1])))


def test_networks_beyond_all_memory(monkeypatch):
    monkeypatch.setattr(request.os, "sysconf", {"SC_PAGE_SIZE": 2**12, "SC_PHYS_PAGES": 2**18}.__getitem__)
    with pytest.raises(OptionError) as caught:
        check_request("8x8x1 - D1048576 - D10", "digits", 1)
    assert str(caught.value) == (
        "layer 1, D1048576: has 67108864 weights; training keeps 16 bytes of each, in all 1.2 GiB, and this "
        "machine has 1.0 GiB; use fewer outputs or a smaller --width"
    )
    with pytest.raises(OptionError) as caught:
        check_request("900x900x1 - C64:1x1 - MP9/9 - D10", "digits", 1)
    assert str(caught.value) == (
        "layer 1, C64:1x1: gives 51840000 places times channels an image; those of a batch of 50 and their gradients "
        "take 19.3 GiB, and this machine has 1.0 GiB; use smaller layers, a smaller --width or a recipe with a smaller "
        "batch_size"
    )
    with pytest.raises(OptionError, match="layer 1, D1048576: has"):
        check_request("8x8x1 - D16 - D10", "digits", 1, width=2.0**16)
    with pytest.raises(NotationError, match="layer 1, D16000000000000: its output has 16000000000000 channels"):
        check_request("8x8x1 - D16 - D10", "digits", 1, width=1e12)


def test_refusals_come_before_torch():
    code = """
import sys
from rebnet import flow
from rebnet.errors import RebnetError
for change in ({"network": "arch-9"}, {"levels": 9}, {"recipe": "x"}, {"width": "2"}, {"gain_bits": 99}):
    try:
        flow.train(**{"network": "8x8x1 - D10", "dataset": "mnist", "levels": 1, "output": "run"} | change)
    except RebnetError as error:
        print(type(error).__name__)
assert "torch" not in sys.modules
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["NotationError"] + 4 * ["OptionError"]
