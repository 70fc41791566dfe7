from dataclasses import replace

import pytest
import torch

from rebnet.errors import OptionError
from rebnet.ir.notation import parse
from rebnet.nn.build import build
from rebnet.nn.graph import steps
from rebnet.train import load_model, train
from rebnet.train.images import Images
from rebnet.train.losses.attention import attention, blocks, check_attention
from rebnet.train.losses.divergence import divergence
from rebnet.train.losses.label_aware import TEMPERATURE, features_of, label_aware
from rebnet.train.losses.scores import score_loss
from rebnet.train.recipe import RECIPES, Recipe
from rebnet.train.step import make_loss

BLOCKS = "6x6x1 - C4:3x3/2+same - 2{ C4:3x3+same | }+ - GAP - D3"
QUICK = replace(RECIPES["default"], batch_size=200, warmup_steps=10)


def test_squared_hinge_by_hand():
    scores, labels = torch.tensor([[0.5, -2.0], [1.5, 0.25]]), torch.tensor([0, 1])
    loss = score_loss(scores, labels, Recipe(loss="squared_hinge"))
    assert loss.item() == ((1 - 0.5) ** 2 + 0 + (1 + 1.5) ** 2 + (1 - 0.25) ** 2) / 2


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_hinge"])
def test_places_of_a_map_are_images(loss):
    """And those that are not judged teach nothing."""
    recipe, random = (
        Recipe(loss=loss, label_smoothing=0.1 * (loss == "cross_entropy")),
        torch.Generator().manual_seed(1),
    )
    scores = torch.randn(4, 3, 5, 2, generator=random).requires_grad_()
    labels = torch.randint(-1, 3, (4, 5, 2), generator=random)
    judged = labels != -1
    value = score_loss(scores, labels, recipe)
    torch.testing.assert_close(value, score_loss(scores.movedim(1, -1)[judged], labels[judged], recipe))
    value.backward()
    assert (scores.grad.movedim(1, -1)[~judged] == 0).all()
    assert (scores.grad.movedim(1, -1)[judged] != 0).any(dim=-1).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_hinge"])
def test_a_batch_without_a_judged_place_teaches_nothing(loss):
    scores = torch.randn(4, 3, 5, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    value = score_loss(scores, torch.full((4, 5, 2), -1), Recipe(loss=loss))
    value.backward()
    assert value.item() == 0
    assert (scores.grad == 0).all()


def test_distillation_on_a_map_is_that_of_its_places():
    ours, theirs = torch.randn(2, 4, 3, 5, 2, generator=torch.Generator().manual_seed(2))
    flat = (one.movedim(1, -1).reshape(-1, 3) for one in (ours, theirs))
    torch.testing.assert_close(divergence(ours, theirs, 2.0), divergence(*flat, 2.0))


def test_cross_entropy_smooths():
    scores, labels = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    log_odds = torch.tensor([2.0, 0.0]).log_softmax(0)
    loss = score_loss(scores, labels, Recipe(label_smoothing=0.2))
    torch.testing.assert_close(loss, -(0.9 * log_odds[0] + 0.1 * log_odds[1]))


def test_divergence_is_that_of_softmaxes():
    torch.manual_seed(0)
    scores, wanted = torch.randn(5, 4), torch.randn(5, 4)
    ours, theirs = torch.softmax(scores / 3, 1), torch.softmax(wanted / 3, 1)
    by_hand = 9 * (theirs * (theirs / ours).log()).sum(1).mean()
    torch.testing.assert_close(divergence(scores, wanted, 3.0), by_hand)
    assert divergence(wanted, wanted, 3.0).item() == pytest.approx(0, abs=1e-6)


def test_attention_by_hand():
    """One map of two channels on two places against one of one channel: Q = (5, 16) and (9, 1)."""
    ours = torch.tensor([[[[1.0, 0.0]], [[2.0, 4.0]]]])
    theirs = torch.tensor([[[[3.0, 1.0]]]])
    one, other = (q / q.square().sum().sqrt() for q in (torch.tensor([5.0, 16.0]), torch.tensor([9.0, 1.0])))
    wanted = (one - other).square().sum().sqrt()
    torch.testing.assert_close(attention([ours, theirs], [theirs, theirs]), wanted)


def test_attention_s_gradient_is_that_of_its_formula():
    random = torch.Generator().manual_seed(0)
    theirs = torch.randn(3, 2, 4, 5, generator=random)
    ours = torch.randn(3, 6, 4, 5, generator=random).requires_grad_()
    attention([ours], [theirs]).backward()
    plain = ours.detach().clone().requires_grad_()
    total = torch.zeros(())
    for image in range(3):
        q, p = ((one[image] ** 2).sum(0).flatten() for one in (plain, theirs))
        total = total + torch.sqrt(((q / torch.sqrt((q**2).sum()) - p / torch.sqrt((p**2).sum())) ** 2).sum()) / 3
    total.backward()
    torch.testing.assert_close(ours.grad, plain.grad)


def test_attention_where_there_is_nothing_to_learn():
    same = torch.randn(2, 3, 4, 4).requires_grad_()
    value = attention([same], [same.detach()])
    value.backward()
    assert value.item() == 0
    assert (same.grad == 0).all()
    assert attention([torch.zeros(1, 2, 3, 3)], [torch.zeros(1, 2, 3, 3)]).item() == 0


def test_every_kth_block_is_compared():
    ours = parse(BLOCKS.replace("2{", "4{"))
    theirs = parse(BLOCKS)
    check_attention("teacher", ours, theirs)
    flows = [steps(build(one, 1)) for one in (ours, theirs)]
    mine, taught = blocks(*flows)
    sums = [number for number, step in enumerate(flows[0]) if type(step.module).__name__ == "Sum"]
    assert mine == (sums[1], sums[3])
    assert len(taught) == 2


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("6x6x1 - C4 - D3", BLOCKS, "the network, 6x6x1 - C4 - D3, has none; use attention=0"),
        (BLOCKS, "6x6x1 - D3", "the teacher, 6x6x1 - D3, has none; use attention=0"),
        (
            BLOCKS,
            BLOCKS.replace("2{", "3{"),
            "has 3 blocks, this network 2; the recipe's attention compares every k-th",
        ),
        (BLOCKS, BLOCKS.replace("C4:3x3/2+same - 2", "C4:3x3+same - 2"), "has 2 blocks, this network 2"),
    ],
)
def test_blocks_that_do_not_belong_together(ours, theirs, said):
    with pytest.raises(OptionError) as caught:
        check_attention("teacher runs/t", parse(ours), parse(theirs))
    assert str(caught.value).startswith("teacher runs/t: ")
    assert said in str(caught.value)


def test_label_aware_by_plain_loops():
    random = torch.Generator().manual_seed(3)
    features, labels = torch.randn(6, 5, generator=random), torch.tensor([0, 1, 0, 2, 1, 0])
    z = features / features.norm(dim=1, keepdim=True)
    losses = []
    for i in range(6):
        others = [a for a in range(6) if a != i]
        below = sum(torch.exp(z[i] @ z[a] / TEMPERATURE) for a in others)
        alike = [p for p in others if labels[p] == labels[i]]
        if alike:
            losses.append(-sum(torch.log(torch.exp(z[i] @ z[p] / TEMPERATURE) / below) for p in alike) / len(alike))
    torch.testing.assert_close(label_aware(features, labels), sum(losses) / len(losses))


def test_label_aware_where_every_class_is_there_once():
    features = torch.randn(3, 4).requires_grad_()
    value = label_aware(features, torch.arange(3))
    value.backward()
    assert value.item() == 0
    assert (features.grad == 0).all()


def test_label_aware_draws_a_class_together():
    features = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.arange(8) % 2
    first = label_aware(features, labels)
    for _ in range(50):
        (gradient,) = torch.autograd.grad(label_aware(features, labels), features)
        features = (features - gradient).detach().requires_grad_()
    z = torch.nn.functional.normalize(features.detach(), dim=1)
    assert label_aware(features, labels) < first
    assert (z @ z.T)[0, 2] > 0.8 > 0 > (z @ z.T)[0, 1]


def test_what_the_last_layer_reads():
    flow = steps(build(parse(BLOCKS), 2))
    assert flow[features_of(flow)].path == "flatten"
    plain = steps(build(parse("6x6x1 - D5 - D3"), 2))
    assert plain[features_of(plain)].path == "norm1"


def test_terms_add_up():
    """The loss of a step is that of its parts, each times its factor."""
    torch.manual_seed(0)
    model, teacher = build(parse(BLOCKS), 2), build(parse(BLOCKS), 0).eval()
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (6, 6, 6, 1), dtype=torch.uint8, generator=random)
    batch = Images(pixels, torch.randint(0, 3, (6,), generator=random))

    def loss(**terms):
        return make_loss(model, Recipe(distillation=0, **terms), 1, batch, teacher)(batch.pixels, batch.labels, (2,))

    plain, looks, aware = loss(), loss(attention=2.0), loss(label_aware=0.5)
    assert looks > plain
    assert aware > plain
    torch.testing.assert_close(loss(attention=2.0, label_aware=0.5), looks + aware - plain)
    torch.testing.assert_close(loss(attention=4.0), 2 * looks - plain)


@pytest.mark.parametrize("any_levels", [False, True])
def test_trains_with_all_terms(blob_dataset, tmp_path, any_levels):
    recipe = replace(QUICK, attention=1.0, label_aware=0.1)
    train(BLOCKS, blob_dataset, 0, tmp_path / "teacher", epochs=1, recipe=QUICK, quiet=True)
    record = train(
        BLOCKS,
        blob_dataset,
        2,
        tmp_path / "run",
        recipe=replace(recipe, epochs=1),
        teacher=tmp_path / "teacher",
        any_levels=any_levels,
        quiet=True,
    )
    assert (record["recipe"]["attention"], record["recipe"]["label_aware"]) == (1.0, 0.1)
    assert load_model(tmp_path / "run")[1].levels == 2


def test_attention_is_refused_before_anything_is_trained(blob_dataset, tmp_path):
    train("6x6x1 - D4 - D3", blob_dataset, 0, tmp_path / "teacher", epochs=1, recipe=QUICK, quiet=True)
    with pytest.raises(OptionError, match="has none; use attention=0"):
        train(
            BLOCKS,
            blob_dataset,
            1,
            tmp_path / "run",
            recipe=replace(QUICK, epochs=1, attention=1.0),
            teacher=tmp_path / "teacher",
            quiet=True,
        )


def test_label_maps_have_no_label_aware_loss(blob_dataset, tmp_path):
    maps = replace(
        blob_dataset,
        train_labels=blob_dataset.train_labels[:, None, None].repeat(6, 1).repeat(6, 2),
        test_labels=blob_dataset.test_labels[:, None, None].repeat(6, 1).repeat(6, 2),
    )
    with pytest.raises(OptionError) as caught:
        train("6x6x1 - C3:1x1", maps, 1, tmp_path, recipe=replace(QUICK, label_aware=0.5), quiet=True)
    assert str(caught.value) == (
        "recipe: label_aware=0.5 compares images of a class, and data set blobs holds label maps; use label_aware=0"
    )
