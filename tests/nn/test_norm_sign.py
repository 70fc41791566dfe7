"""The one operation against the modules that it stands for: values, gradients and running statistics."""

import copy

import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.build import build
from rebnet.nn.feature import share_statistics
from rebnet.nn.networks import architecture
from rebnet.nn.norm_sign import NormSign, norm_sign
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import PadLowest
from rebnet.spec.window import Window
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import Recipe
from rebnet.train.step import make_loss, take_step


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


def apart(model):
    """The network with BatchNorm, padding and residual sign as modules of their own: torch's BatchNorm, not ours."""
    parts = []
    for module in copy.deepcopy(model):
        parts += list(module.children()) if isinstance(module, NormSign) else [module]
    return nn.Sequential(*parts)


@pytest.mark.parametrize("text", ["6x6x2 - D9 - D3", "8x8x2 - C5 - MP2 - C6:3x3+same - MP3 - D7 - D3"])
def test_a_network_in_training(text):
    torch.manual_seed(0)
    ours = build(architecture(text), 2).train()
    theirs = apart(ours)
    images = torch.randint(0, 256, (19, *architecture(text).shapes[0]), dtype=torch.uint8)
    losses = [model(images).square().sum() for model in (ours, theirs)]
    close(*losses)
    for loss in losses:
        loss.backward()
    for (name, mine), reference in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None, name
        torch.testing.assert_close(mine.grad, reference.grad, rtol=1e-3, atol=1e-4, msg=name)
    for mine, reference in zip(ours.buffers(), theirs.buffers(), strict=True):
        if mine.is_floating_point():
            close(mine, reference)
    assert torch.equal(ours.eval()(images), apart(ours).eval()(images))


def test_what_a_norm_sign_takes():
    sign, pad = ResidualSign(2), PadLowest(Window(3, 1, same=True))
    for norm in (nn.BatchNorm1d(3, affine=False), nn.BatchNorm1d(3, momentum=None),
                 nn.BatchNorm1d(3, track_running_stats=False)):  # fmt: skip
        with pytest.raises(OptionError, match="has no weights, no running statistics or no momentum; make it with"):
            NormSign(norm, sign)
    with pytest.raises(OptionError, match="a border is the lowest code of a residual sign, and there is none"):
        NormSign(nn.BatchNorm2d(3), pad=pad)


def test_a_few_steps_lose_what_they_always_lost():
    """Losses as they were in 2026-11, when BatchNorm and residual sign were found beside each other in the list.

    Another processor sums in another order, which turns a sign here and there: to a percent is what holds everywhere.
    """
    torch.manual_seed(3)
    model = build(architecture("8x8x2 - C5:3x3+same - MP2 - C6:3x3+same - D7 - D3"), 2).train()
    model.to(memory_format=torch.channels_last)
    pixels = torch.randint(0, 256, (20, 8, 8, 2), dtype=torch.uint8)
    labels, recipe = torch.randint(0, 3, (20,)), Recipe()
    batch, optimizer = Images(pixels, labels), make_optimizer(model, recipe)
    loss_of = make_loss(model, recipe, 1, batch)
    losses = [take_step(model, optimizer, loss_of, batch, 0.01).item() for _ in range(3)]
    assert losses == pytest.approx([1.647881, 1.138282, 1.053967], rel=1e-2)


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

    module = NormSign(norm, sign)
    share_statistics(nn.Sequential(module), total)
    halves = [module(half) for half in x.chunk(2)]
    close(torch.cat(halves), whole)
    (given,) = torch.autograd.grad(torch.cat(halves), x, pattern)
    close(given, wanted)
