import pytest
import torch

from rebnet.nn.conv import BinaryConv2d
from rebnet.spec.window import Window, windows


def planes(x):
    """Bit planes of +-1 maps, N x C x H x W, in the order of the specification."""
    return (x.permute(0, 2, 3, 1) > 0).numpy()[None]


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (5, 4)])
def test_is_a_dense_layer_over_every_window(kernel, stride):
    layer = BinaryConv2d(3, 4, kernel, stride)
    x = torch.where(torch.rand(2, 3, 9, 7) > 0.5, 1.0, -1.0)
    vectors = torch.from_numpy(2.0 * windows(planes(x), Window(kernel, stride))[0] - 1).float()
    matrix = layer.binary_weight.permute(0, 2, 3, 1).flatten(1)
    expected = layer.scale * (vectors @ matrix.T)
    assert torch.equal(layer(x), expected.permute(0, 3, 1, 2))


def test_zero_weights_count_as_plus_one():
    layer = BinaryConv2d(1, 2, 2)
    with torch.no_grad():
        layer.weight[0, 0, 0] = torch.tensor([0.0, -0.0])
    assert layer.binary_weight[0, 0, 0].tolist() == [1, 1]
    assert set(layer.binary_weight.flatten().tolist()) <= {-1.0, 1.0}


def test_sums_of_snapped_codes_are_exact():
    layer = BinaryConv2d(200, 3, 3)
    with torch.no_grad():
        layer.log_scale.zero_()
    x = torch.randint(-255, 256, (4, 200, 8, 8)).float() / 2**8
    exact = torch.nn.functional.conv2d(x.double(), layer.binary_weight.double())
    assert torch.equal(layer(x).double(), exact)


def test_gradient_reaches_latents_inside_the_clip():
    layer = BinaryConv2d(1, 1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[0.5, 1.0], [1.5, -0.25]]]]))
    layer(torch.tensor([[[[2.0, 3.0], [4.0, 5.0]]]])).sum().backward()
    scale = layer.scale.item()
    torch.testing.assert_close(layer.weight.grad, scale * torch.tensor([[[[2.0, 3.0], [0.0, 5.0]]]]))
    assert layer.log_scale.grad is not None


def test_starts_with_unit_variance():
    torch.manual_seed(0)
    layer = BinaryConv2d(16, 64, 3)
    torch.testing.assert_close(layer.scale.item(), 1 / 12)
    assert layer.weight.std().item() == pytest.approx(1 / 12, rel=0.05)


def test_clip_latent():
    layer = BinaryConv2d(1, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(-3)
    layer.clip_latent_()
    assert layer.weight.item() == -1


def test_repr():
    assert repr(BinaryConv2d(4, 2, 1, 3)) == "BinaryConv2d(4, 2, 1x1/3, scale=0.5)"
