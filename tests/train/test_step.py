import pytest
import torch

from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.train import step
from rebnet.train.batches import Images
from rebnet.train.recipe import Recipe


def example():
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (12, 4, 4, 1), dtype=torch.uint8, generator=random)
    return Images(pixels, torch.randint(0, 3, (12,), generator=random))


def test_squared_hinge_by_hand():
    scores, labels = torch.tensor([[0.5, -2.0], [1.5, 0.25]]), torch.tensor([0, 1])
    loss = step.score_loss(scores, labels, Recipe(loss="squared_hinge"))
    assert loss.item() == ((1 - 0.5) ** 2 + 0 + (1 + 1.5) ** 2 + (1 - 0.25) ** 2) / 2


def test_cross_entropy_smooths():
    scores, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    log_odds = torch.tensor([2.0, 0.0]).log_softmax(0)
    loss = step.score_loss(scores, labels, Recipe(label_smoothing=0.2))
    torch.testing.assert_close(loss, -(0.9 * log_odds[0] + 0.1 * log_odds[1]))


def test_a_step_learns_and_clips():
    torch.manual_seed(0)
    model, recipe, batch = build(architecture("4x4x1 - D8 - D3"), 2), Recipe(), example()
    optimizer = step.make_optimizer(model, recipe)
    loss_of = step.make_loss(model, recipe, 1, batch)
    losses = [step.take_step(model, optimizer, loss_of, batch, 0.3).item() for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert model.linear1.weight.abs().max() == 1


@pytest.mark.parametrize("works", [True, False])
def test_compiling_leaves_the_model_untouched(monkeypatch, works):
    def compiler(function, dynamic):
        def refuse(*_):
            raise RuntimeError("no compiler after all")

        return function if works else refuse

    monkeypatch.setattr(torch, "compile", compiler)
    torch.manual_seed(0)
    model, batch = build(architecture("4x4x1 - D8 - D3"), 2), example()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loss_of = step.make_loss(model, Recipe(), step.COMPILE_FROM_STEPS, batch)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert loss_of(batch.pixels, batch.labels).isfinite()
