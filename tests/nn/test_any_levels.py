"""One set of weights, modules of their own for every level count."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.errors import OptionError
from rebnet.nn.any_levels import PerLevel, level_counts, module_at, scores_at, set_levels
from rebnet.nn.build import build, keep_order_
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.networks import architecture
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.residual import ResidualSign

DENSE = "6x6x2 - D9 - D7 - D3"
MAPS = "8x8x2 - C5 - MP2 - C6:3x3+same - MP3 - D7 - D3"
both = pytest.mark.parametrize("text", [DENSE, MAPS])


def model(text=DENSE, levels=3):
    torch.manual_seed(0)
    return build(architecture(text), levels, any_levels=True)


def images(text, count=19):
    random = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, *architecture(text).shapes[0]), dtype=torch.uint8, generator=random)


def plain(made, text, levels):
    """The ordinary network that `made` is at so many levels."""
    ordinary = build(architecture(text), levels)
    state = ordinary.state_dict()
    mine = made.state_dict()
    for key in state:
        name, _, rest = key.partition(".")  # norm1.norm.bias is norm1.0.norm.bias for one level
        state[key] = mine.get(f"{name}.{levels - 1}.{rest}", mine.get(key))
    ordinary.load_state_dict(state)
    return ordinary


def test_modules_of_every_level_count():
    made = model()
    kinds = {name: module for name, module in made.named_children() if isinstance(module, PerLevel)}
    assert list(kinds) == ["norm1", "norm2", "norm3"]
    assert [type(one) for one in made.norm1] == [NormSign] * 3
    assert [one.sign.levels for one in made.norm2] == [1, 2, 3]
    assert {name.partition(".")[0] for name in made.state_dict() if ".0." in name} == set(kinds)
    assert made.norm1.active == 3


def test_weights_start_as_those_of_an_ordinary_network():
    torch.manual_seed(0)
    ordinary = build(architecture(MAPS), 3)
    assert torch.equal(model(MAPS).conv2.weight, ordinary.conv2.weight)


@both
def test_runs_as_the_network_of_the_active_levels(text):
    made = model(text).eval()
    for name, module in made.named_modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.3), nn.init.uniform_(module.weight, 0.3, 2)
            assert name.split(".")[1] in "012"
    most = made(images(text))
    for m in (1, 2, 3):
        set_levels(made, m)
        assert torch.equal(made(images(text)), plain(made, text, m).eval()(images(text)))
    assert torch.equal(made(images(text)), most)
    with pytest.raises(OptionError) as refusal:
        set_levels(made, 4)
    assert str(refusal.value) == (
        "levels=4: this network was trained for 1, 2, 3; use one of these, or train with --any-levels"
    )


def test_an_ordinary_network_has_one_level_count():
    ordinary = build(architecture(DENSE), 2)
    assert list(level_counts(ordinary)) == [2]
    assert [module_at(one, 2) for one in ordinary] == list(ordinary)
    set_levels(ordinary, 2)
    with pytest.raises(
        OptionError, match=r"^levels=1: this network was trained for 2; use one of these, or train with"
    ):
        set_levels(ordinary, 1)
    assert list(level_counts(nn.Sequential(nn.BatchNorm1d(3)))) == [1]


def test_modules_that_disagree():
    with pytest.raises(OptionError) as refusal:
        level_counts(nn.Sequential(PerLevel([nn.Identity()]), PerLevel([nn.Identity(), nn.Identity()])))
    assert str(refusal.value) == "modules for 1 to 1 and for 1 to 2 levels; give every PerLevel the same number"
    with pytest.raises(OptionError, match="a PerLevel of no modules"):
        PerLevel([])


@both
def test_all_level_counts_in_one_pass(text):
    """Scores, gradients and running statistics are those of the ordinary networks, one after the other."""
    made = model(text).train()
    singles = [plain(made, text, m).train() for m in (1, 2, 3)]
    scores = scores_at(made, images(text), (1, 2, 3))
    wanted = [single(images(text)) for single in singles]
    for ours, theirs in zip(scores, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-5)
    sum(one.square().sum() for one in scores).backward()
    sum(one.square().sum() for one in wanted).backward()
    for name, parameter in made.named_parameters():
        layer, _, rest = name.partition(".")
        number, _, field = rest.partition(".")
        if number.isdecimal():
            reference = dict(singles[int(number)].named_parameters())[f"{layer}.{field}"].grad
        else:
            reference = sum(dict(single.named_parameters())[name].grad for single in singles)
        torch.testing.assert_close(parameter.grad, reference, rtol=2e-3, atol=2e-4, msg=name)
    for m, single in enumerate(singles):
        for name, buffer in single.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                layer, _, field = name.partition(".")
                torch.testing.assert_close(made.get_buffer(f"{layer}.{m}.{field}"), buffer)


def test_m_levels_alone():
    made = model().train()
    (some,) = scores_at(copy.deepcopy(made), images(DENSE), (2,))
    set_levels(made, 2)
    assert torch.equal(some, copy.deepcopy(made)(images(DENSE)))
    set_levels(made, 3)
    torch.testing.assert_close(made(images(DENSE)), plain(made, DENSE, 3).train()(images(DENSE)))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's compiler's own
def test_one_graph_for_every_set_of_level_counts():
    made, graphs = model().train(), []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(
        lambda pixels, levels: torch.stack(scores_at(made, pixels, levels)), dynamic=False, backend=backend
    )
    for _ in range(3):
        for levels in ((1, 3), (2, 3), (1, 2, 3)):
            with torch.no_grad():
                assert compiled(images(DENSE), levels).shape == (len(levels), 19, 3)
    assert len(graphs) == 3


def test_no_norm_negates_a_channel():
    made = model()
    with torch.no_grad():
        made.norm2[0].norm.weight.fill_(-1)
    keep_order_(made)
    assert all((one.norm.weight > 0).all() for norm in (made.norm1, made.norm2, made.norm3) for one in norm)


def test_every_level_count_has_gains_of_its_own():
    made = model(levels=4)
    with torch.no_grad():
        made.norm1[1].sign.log_increments.add_(0.7)
    snap_gains(made)
    for m, one in enumerate((norm.sign for norm in made.norm1), start=1):
        assert one.is_snapped == (m > 1)
        scale = 2 ** min(f for f in range(40) if m == 1 or all((g * 2**f).is_integer() for g in one.gammas.tolist()))
        assert m == 1 or 100 < sum(one.gammas.tolist()) * scale <= 255


@both
def test_recalibration_fits_every_level_count(text):
    made, pixels = model(text), images(text, 90)
    recalibrate(made, pixels, batch_size=32)
    assert not made.training
    assert made.norm1.active == 3
    for m in (1, 2, 3):
        single = plain(made, text, m)
        recalibrate(single, pixels)
        for name, buffer in single.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                layer, _, field = name.partition(".")
                torch.testing.assert_close(made.get_buffer(f"{layer}.{m - 1}.{field}"), buffer)
    deeper = [norm.norm.running_mean.numpy() for norm in made.norm2]
    assert not np.allclose(deeper[0], deeper[2])


def test_signs_are_those_of_build():
    made = build(architecture(DENSE), 2, gradient="paper", estimator="ede", any_levels=True)
    signs = [one for one in made.modules() if isinstance(one, ResidualSign)]
    assert [(one.levels, one.gradient, one.estimator) for one in signs] == 2 * [
        (1, "paper", "ede"),
        (2, "paper", "ede"),
    ]
