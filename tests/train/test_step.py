import pytest
import torch

from rebnet.nn.build import LEAST_WEIGHT, build
from rebnet.nn.networks import architecture
from rebnet.train import step
from rebnet.train.images import Images
from rebnet.train.optimizers import make_optimizer
from rebnet.train.recipe import Recipe


def example():
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (12, 4, 4, 1), dtype=torch.uint8, generator=random)
    return Images(pixels, torch.randint(0, 3, (12,), generator=random))


def test_a_step_learns_and_clips():
    torch.manual_seed(0)
    model, recipe, batch = build(architecture("4x4x1 - D8 - D3"), 2), Recipe(), example()
    optimizer = make_optimizer(model, recipe)
    loss_of = step.make_loss(model, recipe, 1, batch)
    losses = [step.take_step(model, optimizer, loss_of, batch, 0.3).item() for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert model.linear1.weight.abs().max() == 1


@pytest.mark.parametrize("works", [True, False])
def test_compiling_leaves_the_model_untouched(monkeypatch, works):
    def compiler(function, dynamic, options):
        def refuse(*_):
            raise RuntimeError("no compiler after all")

        return function if works else refuse

    monkeypatch.setattr(torch, "compile", compiler)
    torch.manual_seed(0)
    model, batch = build(architecture("4x4x1 - D8 - D3"), 2), example()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    monkeypatch.setattr(step.shutil, "which", lambda name: name)
    loss_of = step.make_loss(model, Recipe(), step.COMPILE_FROM_STEPS, batch)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert loss_of(batch.pixels, batch.labels).isfinite()


def test_a_compiled_step_whose_gradient_is_no_number(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, dynamic, options: lambda *of: function(*of) * float("nan"))
    monkeypatch.setattr(step.shutil, "which", lambda name: name)
    model, batch, said = build(architecture("4x4x1 - D8 - D3"), 2), example(), []
    loss_of = step.make_loss(model, Recipe(), step.COMPILE_FROM_STEPS, batch, say=said.append)
    assert said == [
        "compiling the training step gave a gradient that is no number; training goes on uncompiled, slower, with the "
        "same results"
    ]
    assert not step.is_compiled(loss_of)
    assert loss_of(batch.pixels, batch.labels).isfinite()


@pytest.mark.parametrize(
    ("network", "steps", "compiles"),
    [
        ("4x4x1 - D8 - D3", step.COMPILE_FROM_STEPS - 1, False),
        ("4x4x1 - C4 - D3", step.COMPILE_CONVOLUTIONS_FROM_STEPS - 1, False),
        ("4x4x1 - C4 - D3", step.COMPILE_CONVOLUTIONS_FROM_STEPS, True),
    ],
)
def test_convolutions_compile_earlier(monkeypatch, network, steps, compiles):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda function, dynamic, options: asked.append(function) or function)
    monkeypatch.setattr(step.shutil, "which", lambda name: name)
    step.make_loss(build(architecture(network), 2), Recipe(), steps, example())
    assert bool(asked) == compiles


def test_bfloat16_reaches_products_and_nothing_else():
    torch.manual_seed(0)
    model, batch = build(architecture("4x4x1 - C8:3x3+same - MP2 - D8 - D3"), 3), example()
    seen = []
    model.conv1.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    losses = [
        step.make_loss(model, Recipe(precision=precision), 1, batch)(batch.pixels, batch.labels)
        for precision in ("float32", "bfloat16")
    ]
    assert seen == [torch.float32, torch.bfloat16]
    assert losses[1].dtype == torch.float32
    torch.testing.assert_close(losses[0], losses[1], rtol=0.1, atol=0.1)
    losses[1].backward()
    assert {parameter.grad.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("supported", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_the_recipe_names_the_precision_that_is_used(monkeypatch, supported, precision):
    monkeypatch.setattr(step, "_has_bfloat16", lambda device: supported)
    assert step.runnable(Recipe(precision="bfloat16")).precision == precision
    assert step.runnable(Recipe()).precision == "float32"


def test_factors_have_their_own_rate_and_latents_their_own_clip():
    model, batch = build(architecture("4x4x1 - D8 - D3"), 2), example()
    recipe = Recipe(gamma_rate=0.25, latent_clip=0.01)
    optimizer = make_optimizer(model, recipe)
    step.take_step(
        model, optimizer, step.make_loss(model, recipe, 1, batch), batch, 0.1, (2,), latent_clip=recipe.latent_clip
    )
    rates = {id(parameter): group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    assert {name: rates[id(parameter)] for name, parameter in model.named_parameters() if "log_increments" in name} == {
        "norm1.sign.log_increments": 0.025
    }
    assert sorted(set(rates.values())) == [0.025, 0.1]
    assert model.linear1.weight.abs().max().item() == pytest.approx(0.01)


def test_batchnorm_s_weights_stay_positive():
    model, batch = build(architecture("4x4x1 - D8 - D3"), 1), example()
    with torch.no_grad():
        model.norm1.norm.weight.fill_(-3)
    loss = step.make_loss(model, Recipe(), 1, batch)
    step.take_step(model, make_optimizer(model, Recipe()), loss, batch, 1e-3, (1,))
    assert model.norm1.norm.weight.tolist() == [LEAST_WEIGHT] * 8


def test_ede_sharpens():
    model = build(architecture("4x4x1 - D8 - D8 - D3"), 1, estimator="ede")
    for progress, t in ((0, 0.1), (0.5, 1.0), (1, 10.0)):
        step.sharpen_(model, progress)
        assert [model.norm1.sign.sharpness.item(), model.norm2.sign.sharpness.item()] == pytest.approx([t, t])
