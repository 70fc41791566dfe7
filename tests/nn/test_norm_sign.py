"""The one operation against the modules that it stands for: values, gradients and running statistics."""

import copy

import pytest
import torch
from torch import nn

from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.nn.norm_sign import norm_sign, train_forward
from rebnet.nn.residual import ResidualSign


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("estimator", ["clip", "polynomial", "ede"])
@pytest.mark.parametrize("gradient", ["chain", "paper"])
@pytest.mark.parametrize("levels", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(40, 7), (9, 7, 3, 5)])
def test_is_batchnorm_then_residual_sign(shape, levels, gradient, estimator):
    torch.manual_seed(levels)
    norm = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(7)
    nn.init.uniform_(norm.weight, 0.2, 1.5)
    nn.init.normal_(norm.bias, 0, 0.3)
    sign = ResidualSign(levels, gradient, estimator) if levels else None
    if sign is not None:
        sign.sharpness.fill_(1.7)
    ours, theirs = (norm, sign), copy.deepcopy((norm, sign))
    x = (3 * torch.randn(shape) + 2).requires_grad_()
    pattern = torch.randn(shape)
    plain = theirs[0](x)
    results = [norm_sign(x, *ours), plain if theirs[1] is None else theirs[1](plain)]
    close(*results)
    gradients = []
    for y, modules in zip(results, (ours, theirs), strict=True):
        parameters = [parameter for module in modules if module is not None for parameter in module.parameters()]
        gradients.append(torch.autograd.grad(y, [x, *parameters], pattern))
    for mine, reference in zip(*gradients, strict=True):
        close(mine, reference)
    close(ours[0].running_mean, theirs[0].running_mean)
    close(ours[0].running_var, theirs[0].running_var)


@pytest.mark.parametrize("text", ["6x6x2 - D9 - D3", "8x8x2 - C5 - MP2 - C6:3x3+same - MP3 - D7 - D3"])
def test_a_network_in_training(text):
    torch.manual_seed(0)
    ours = build(architecture(text), 2).train()
    theirs = copy.deepcopy(ours)
    images = torch.randint(0, 256, (19, *architecture(text).shapes[0]), dtype=torch.uint8)
    losses = [train_forward(ours, images).square().sum(), theirs(images).square().sum()]
    close(*losses)
    for loss in losses:
        loss.backward()
    for (name, mine), reference in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None, name
        torch.testing.assert_close(mine.grad, reference.grad, rtol=1e-3, atol=1e-4, msg=name)
    for mine, reference in zip(ours.buffers(), theirs.buffers(), strict=True):
        if mine.is_floating_point():
            close(mine, reference)


def test_processes_share_statistics():
    """Two halves of a batch with their sums added up give the gradients of the whole batch."""
    torch.manual_seed(1)
    norm, sign = nn.BatchNorm1d(4), ResidualSign(2)
    x, pattern = torch.randn(10, 4, requires_grad=True), torch.randn(10, 4)
    sums = x.detach().sum(0), x.detach().square().sum(0), torch.tensor([10.0])
    whole = norm_sign(x, norm, sign)
    (wanted,) = torch.autograd.grad(whole, x, pattern)
    weight_bias = []
    whole_norm = copy.deepcopy(norm)
    z = nn.functional.batch_norm(x, None, None, whole_norm.weight, whole_norm.bias, True)
    weight_bias = torch.cat(torch.autograd.grad(sign(z), [whole_norm.weight, whole_norm.bias], pattern))

    def total(local):
        return torch.cat(sums) if len(local) == 9 else weight_bias

    halves = [norm_sign(half, norm, sign, total) for half in x.chunk(2)]
    close(torch.cat(halves), whole)
    (given,) = torch.autograd.grad(torch.cat(halves), x, pattern)
    close(given, wanted)
