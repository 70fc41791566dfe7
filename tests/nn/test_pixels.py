import pytest
import torch

from rebnet.errors import OptionError
from rebnet.nn.pixels import PixelInput
from rebnet.spec.pixels import pixel_values


@pytest.mark.parametrize("bits", range(1, 9))
def test_value_is_the_residual_code_of_the_top_bits(bits):
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    values = PixelInput(16, 16, 1, bits)(images).flatten().double() * (2**bits - 1)
    for pixel in range(256):
        planes = [pixel >> (7 - j) & 1 for j in range(bits)]
        expected = sum(2 ** (bits - 1 - j) * (2 * b - 1) for j, b in enumerate(planes))
        assert round(values[pixel].item(), 4) == expected


@pytest.mark.parametrize("bits", range(1, 9))
def test_value_is_that_of_the_specification(bits):
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    expected = torch.from_numpy(pixel_values(images.numpy(), bits)).flatten(1).float()
    assert torch.equal(PixelInput(16, 16, 1, bits)(images), expected)


def test_order_is_height_width_channel():
    images = torch.arange(2 * 3 * 4 * 2, dtype=torch.uint8).reshape(2, 3, 4, 2)
    values = PixelInput(3, 4, 2)(images)
    assert values.shape == (2, 24)
    assert (values[0].diff() > 0).all()
    assert values.dtype == torch.float32


def test_maps_hold_the_same_values():
    images = torch.randint(0, 256, (2, 3, 4, 2), dtype=torch.uint8)
    maps = PixelInput(3, 4, 2, 5, flat=False)(images)
    assert maps.shape == (2, 2, 3, 4)
    assert torch.equal(maps.permute(0, 2, 3, 1).flatten(1), PixelInput(3, 4, 2, 5)(images))


@pytest.mark.parametrize("images", [torch.zeros(1, 1, 4, 4, dtype=torch.uint8), torch.zeros(1, 4, 4, 1)])
def test_refuses_other_images(images):
    with pytest.raises(OptionError, match=r"takes torch.uint8 of shape \(N, 4, 4, 1\)"):
        PixelInput(4, 4, 1)(images)


@pytest.mark.parametrize("bits", [0, 9])
def test_refuses_bits(bits):
    with pytest.raises(OptionError) as caught:
        PixelInput(4, 4, 1, bits)
    assert str(caught.value) == f"input_bits={bits}: a pixel is one byte, of which 1 to 8 bits can be kept; use 1 to 8"
