import torch
from torch.nn import functional

from rebnet.ir.values import Shape
from rebnet.methods.behind import KMap, PlaceScale, SqueezeExcite
from rebnet.nn.methods.scales import scale_of
from rebnet.spec.window import Window

torch.manual_seed(5)
X = torch.randn(2, 3, 6, 5)
WINDOW = Window(3, 2, True)
BEHIND = Shape(3, 3, 4)
Y = torch.randn(2, 4, 3, 3)


def test_the_k_map_is_a_box_filter_of_sizes():
    module = scale_of(KMap(), WINDOW, Shape(6, 5, 3), BEHIND)
    rows, columns = WINDOW.padding(6, 5)
    padded = functional.pad(X.abs().mean(1, keepdim=True), [*columns, *rows])
    k = functional.conv2d(padded, torch.full((1, 1, 3, 3), 1 / 9), stride=2)
    torch.testing.assert_close(module(Y, X), Y * k)
    dense = scale_of(KMap(), None, Shape(1, 1, 90), Shape(1, 1, 4))
    torch.testing.assert_close(dense(Y[:, :, 0, 0], X), Y[:, :, 0, 0] * X.abs().mean((1, 2, 3))[:, None])


def test_a_scale_of_places_is_an_outer_product():
    module = scale_of(PlaceScale(), WINDOW, Shape(6, 5, 3), BEHIND)
    assert torch.equal(module(Y, X), Y)
    for numbers in module.parameters():
        torch.nn.init.normal_(numbers)
    outer = torch.einsum("c,i,j->cij", module.channels, module.rows, module.columns)
    torch.testing.assert_close(module(Y, X), Y * outer)
    assert scale_of(PlaceScale(), None, Shape(1, 1, 9), Shape(1, 1, 4))(Y[:, :, 0, 0], X).shape == (2, 4)


def test_a_gate_is_squeezed_and_excited():
    module = scale_of(SqueezeExcite(2), WINDOW, Shape(6, 5, 3), BEHIND)
    torch.testing.assert_close(module(Y, X), Y / 2)
    for numbers in module.parameters():
        torch.nn.init.normal_(numbers)
    hidden = torch.relu(X.mean((2, 3)) @ module.reduce.weight.T + module.reduce.bias)
    gates = torch.sigmoid(hidden @ module.widen.weight.T + module.widen.bias)
    torch.testing.assert_close(module(Y, X), Y * gates[:, :, None, None])
    torch.testing.assert_close(module(Y[:, :, 0, 0], X[:, :, 0, 0]).shape, torch.Size([2, 4]))


def test_no_scale_is_no_module():
    assert scale_of(None, WINDOW, Shape(6, 5, 3), BEHIND) is None
