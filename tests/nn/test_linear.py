import pytest
import torch

from rebnet.nn.linear import BinaryLinear


def test_is_scale_times_signs():
    layer = BinaryLinear(6, 4)
    with torch.no_grad():
        layer.weight[0, 0], layer.weight[0, 1] = 0.0, -0.0
    x = torch.randn(5, 6)
    assert layer.binary_weight[0, :2].tolist() == [1, 1]
    assert set(layer.binary_weight.flatten().tolist()) <= {-1.0, 1.0}
    torch.testing.assert_close(layer(x), layer.scale * (x @ layer.binary_weight.T))


def test_sums_of_snapped_codes_are_exact():
    layer = BinaryLinear(1000, 3)
    x = torch.randint(-255, 256, (50, 1000)).float() / 2**8
    exact = layer.scale * (x.double() @ layer.binary_weight.double().T)
    assert torch.equal(layer(x).double(), exact)


def test_gradient_reaches_latents_inside_the_clip():
    layer = BinaryLinear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, 1.0, 1.5]]))
    layer(torch.tensor([[2.0, 3.0, 4.0]])).sum().backward()
    torch.testing.assert_close(layer.weight.grad, layer.scale * torch.tensor([[2.0, 3.0, 0.0]]))


@pytest.mark.parametrize(("fan_in", "scale"), [(1, 1.0), (4, 0.5), (27, 0.25), (784, 2**-5), (2304, 2**-6)])
def test_scale_is_the_nearest_power_of_two(fan_in, scale):
    assert BinaryLinear(fan_in, 2).scale == scale


def test_clip_latent():
    layer = BinaryLinear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-3.0, 0.25]]))
    layer.clip_latent_()
    assert layer.weight.tolist() == [[-1.0, 0.25]]


def test_repr():
    assert repr(BinaryLinear(4, 2)) == "BinaryLinear(in_features=4, out_features=2, scale=0.5)"
