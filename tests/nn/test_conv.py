import pytest
import torch

from rebnet.errors import OptionError
from rebnet.nn.conv import BinaryConv2d, convolve_small
from rebnet.spec.window import Window, windows


def planes(x):
    """Bit planes of +-1 maps, N x C x H x W, in the order of the specification."""
    return (x.permute(0, 2, 3, 1) > 0).numpy()[None]


RECTANGLES = [((1, 4), (2, 3)), ((3, 2), 1), ((9, 7), 1)]


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (5, 4), *RECTANGLES])
def test_is_a_dense_layer_over_every_window(kernel, stride):
    layer = BinaryConv2d(3, 4, kernel, stride)
    x = torch.where(torch.rand(2, 3, 9, 7) > 0.5, 1.0, -1.0)
    vectors = torch.from_numpy(2.0 * windows(planes(x), Window(kernel, stride))[0] - 1).float()
    matrix = layer.binary_weight.permute(0, 2, 3, 1).flatten(1)
    expected = layer.scale * (vectors @ matrix.T)
    assert torch.equal(layer(x), expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize(("channels", "outputs", "groups"), [(6, 6, 6), (4, 12, 4), (6, 4, 2), (8, 8, 4)])
@pytest.mark.parametrize("size", [7, 3])  # a map of many windows, and one of few
def test_groups_are_those_of_torch(channels, outputs, groups, size):
    layer = BinaryConv2d(channels, outputs, 3, groups=groups)
    x = torch.where(torch.rand(2, channels, size, size) > 0.5, 1.0, -1.0).requires_grad_()
    assert layer.weight.shape == (outputs, channels // groups, 3, 3)
    expected = torch.nn.functional.conv2d(x.double(), layer.scale * layer.binary_weight.double(), groups=groups)
    y = layer(x)
    assert torch.equal(y.double(), expected)
    y.sum().backward()
    assert x.grad is not None
    assert layer.weight.grad.abs().max() > 0


def test_groups_that_do_not_divide():
    with pytest.raises(OptionError, match=r"^BinaryConv2d: has 3 groups, which do not divide its 4 input channels"):
        BinaryConv2d(4, 6, 3, groups=3)


def test_zero_weights_count_as_plus_one():
    layer = BinaryConv2d(1, 2, 2)
    with torch.no_grad():
        layer.weight[0, 0, 0] = torch.tensor([0.0, -0.0])
    assert layer.binary_weight[0, 0, 0].tolist() == [1, 1]
    assert set(layer.binary_weight.flatten().tolist()) <= {-1.0, 1.0}


def test_sums_of_snapped_codes_are_exact():
    layer = BinaryConv2d(200, 3, 3)
    x = torch.randint(-255, 256, (4, 200, 8, 8)).float() / 2**8
    exact = layer.scale * torch.nn.functional.conv2d(x.double(), layer.binary_weight.double())
    assert torch.equal(layer(x).double(), exact)


def test_gradient_reaches_latents_inside_the_clip():
    layer = BinaryConv2d(1, 1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[0.5, 1.0], [1.5, -0.25]]]]))
    layer(torch.tensor([[[[2.0, 3.0], [4.0, 5.0]]]])).sum().backward()
    torch.testing.assert_close(layer.weight.grad, layer.scale * torch.tensor([[[[2.0, 3.0], [0.0, 5.0]]]]))


def test_starts_with_unit_variance():
    torch.manual_seed(0)
    layer = BinaryConv2d(16, 64, 3)
    assert layer.scale == 1 / 16
    assert layer.weight.std().item() == pytest.approx(1 / 12, rel=0.05)


def test_clip_latent():
    layer = BinaryConv2d(1, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(-3)
    layer.clip_latent_()
    assert layer.weight.item() == -1


def test_repr():
    assert repr(BinaryConv2d(4, 2, 1, 3)) == "BinaryConv2d(4, 2, 1x1/3, scale=0.5)"


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(3, 3, 1), (5, 3, 1), (7, 3, 2), (4, 1, 1), (5, 2, 3), (7, (3, 5), (2, 1))]
)
def test_small_maps_have_the_gradients_of_conv2d(size, kernel, stride):
    torch.manual_seed(0)
    window = Window(kernel, stride)
    stride = window.stride
    x, weight = torch.randn(6, 5, size, size, requires_grad=True), torch.randn(4, 5, *window.kernel, requires_grad=True)
    pattern = torch.randn(6, 4, *window.output(size, size))
    results = []
    for convolve in (convolve_small, lambda x, weight, stride: torch.nn.functional.conv2d(x, weight, stride=stride)):
        y = convolve(x, weight, stride)
        results.append((y, *torch.autograd.grad(y, (x, weight), pattern)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
