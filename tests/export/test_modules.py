"""What export takes and refuses before it computes anything: kinds of modules, their numbers, their order, images."""

import copy
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from rebnet.engine.real import run_real
from rebnet.errors import OptionError, RebnetError
from rebnet.export import export
from rebnet.ir import ops
from rebnet.nn.calibration import recalibrate, snap_gains
from rebnet.nn.conv import BinaryConv2d
from rebnet.nn.linear import BinaryLinear
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.operations import says
from rebnet.nn.pixels import PixelInput
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import FlattenHWC

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 6, 6, 2), dtype=np.uint8)


def dense():
    torch.manual_seed(0)
    return nn.Sequential(
        PixelInput(6, 6, 2), BinaryLinear(72, 8), nn.BatchNorm1d(8), ResidualSign(2), BinaryLinear(8, 3),
        nn.BatchNorm1d(3),
    )  # fmt: skip


def maps(flatten, kernel=3):
    torch.manual_seed(0)
    size = 7 - kernel
    return nn.Sequential(
        PixelInput(6, 6, 2, flat=False), BinaryConv2d(2, 4, kernel), nn.BatchNorm2d(4), ResidualSign(2), flatten,
        BinaryLinear(4 * size * size, 3), nn.BatchNorm1d(3),
    )  # fmt: skip


def refused(model, images=IMAGES):
    with pytest.raises(OptionError) as refusal:
        export(model, "toy", images=images)
    return str(refusal.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # of torch.compile's own
def test_sequentials_in_sequentials_and_compiled_ones():
    plain = dense()
    nested = nn.Sequential(plain[0], nn.Sequential(plain[1], nn.Sequential(plain[2], nn.Identity())), plain[3:])
    expected = export(plain, images=IMAGES)
    assert export(nested, images=IMAGES) == expected
    assert export(torch.compile(plain), images=IMAGES) == expected
    assert export(nn.Sequential(torch.compile(plain[:3]), plain[3:]), images=IMAGES) == expected
    assert export(plain.train(), images=IMAGES) == expected


def test_a_path_says_where_a_module_of_a_module_stands():
    plain = dense()
    parts = OrderedDict(front=plain[:2], back=nn.Sequential(plain[2], nn.ReLU(), plain[3:]))
    assert refused(nn.Sequential(parts)).startswith("toy: module back.1 is a ReLU; use PixelInput, BinaryLinear, ")


def test_images_in_any_order_of_memory():
    expected = export(dense(), images=IMAGES[:, :, ::-1, ::-1].copy())
    assert export(dense(), images=IMAGES[:, :, ::-1, ::-1]) == expected
    assert export(dense(), images=torch.from_numpy(IMAGES[:, :, ::-1, ::-1].copy())) == expected
    readonly = IMAGES[:, :, ::-1, ::-1].copy()
    readonly.flags.writeable = False
    assert export(dense(), images=readonly) == expected


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (IMAGES[:0], "uint8 of shape (0, 6, 6, 2)"),
        (IMAGES[0], "uint8 of shape (6, 6, 2)"),
        (IMAGES.astype(np.float32), "float32 of shape (64, 6, 6, 2)"),
        (IMAGES.transpose(0, 3, 1, 2), "uint8 of shape (64, 2, 6, 6)"),
    ],
)
def test_images_that_do_not_fit(images, found):
    assert refused(dense(), images) == (
        f"toy: images are {found}; its PixelInput takes uint8 of shape (N, 6, 6, 2), of at least one image"
    )


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = dense()

    def forward(self, x):
        return self.inner(x)


class Louder(BinaryLinear):
    def forward(self, x):
        return 2 * super().forward(x)


def changed(place, change):
    model = dense()
    change(model[place])
    return model


def shared_norm():
    norm = nn.BatchNorm1d(8)
    model = dense()
    return nn.Sequential(*model[:2], norm, model[3], BinaryLinear(8, 8), norm, ResidualSign(2), *model[4:])


REFUSED = {
    "no Sequential": (Own(), "is a Own; export takes an nn.Sequential, which says in what order its modules are "
        "called, or a rebnet.nn.graph.Graph, which says what they read, so put them into one"),
    "double": (dense().double(), "module 1, BinaryLinear: weight is torch.float64, and export reads torch.float32; "
        "call model.float() and look at its accuracy again"),
    "bfloat16": (dense().bfloat16(), "module 1, BinaryLinear: weight is torch.bfloat16, and export reads "
        "torch.float32; call model.float() and look at its accuracy again"),
    "nan factor": (changed(3, lambda sign: nn.init.constant_(sign.log_increments, float("nan"))), "module 3, "
        "ResidualSign: log_increments holds a number that is not finite; train it again, with a smaller learning rate"),
    "infinite variance": (changed(2, lambda norm: norm.running_var.fill_(torch.inf)), "module 2, BatchNorm1d: "
        "running_var holds a number that is not finite; train it again, with a smaller learning rate"),
    "no statistics": (nn.Sequential(*dense()[:2], nn.BatchNorm1d(8, track_running_stats=False), *dense()[3:]), ""
        "module 2, BatchNorm1d: keeps no running statistics; make it with them"),
    "meta": (dense().to("meta"), "module 1, BinaryLinear: weight is on the device meta, without values; load them "
        "first"),
    "a forward of its own": (nn.Sequential(dense()[0], Louder(72, 8), *dense()[2:]), "module 1, Louder: has a "
        "forward of its own, which export cannot see into; use BinaryLinear, or say its `operations` in the "
        "same class"),
    "a hook": (changed(1, lambda layer: layer.register_forward_hook(lambda *given: None)), "module 1, BinaryLinear: "
        "has forward hooks, which export cannot see into; remove them"),
    "real weights": (changed(1, lambda layer: setattr(layer, "real", True)), "module 1, BinaryLinear: multiplies "
        "with its latent weights, which hardware does not hold; call rebnet.nn.build.use_real_weights(model, False) "
        "and train on"),
    "one BatchNorm in two places": (shared_norm(), "module 5, BatchNorm1d: stands at 2 too, and sees other values "
        "there; give each place a BatchNorm of its own"),
    "maps for a dense layer": (maps(nn.Identity()), "module 5, BinaryLinear: takes vectors, and maps stand in front "
        "of it; put a FlattenHWC before it"),
    "vectors for a convolution": (nn.Sequential(PixelInput(6, 6, 2), *maps(FlattenHWC())[1:]), "module 1, "
        "BinaryConv2d: takes maps, and vectors stand in front of it; give PixelInput flat=False, and flatten behind "
        "the maps"),
    "flattened vectors": (nn.Sequential(dense()[0], FlattenHWC(), *dense()[1:]), "module 1, FlattenHWC: takes maps, "
        "and vectors stand in front of it; leave it out"),
    "Flatten": (maps(nn.Flatten()), "module 4, Flatten: puts one channel's whole map after the other; "
        "hardware streams all channels of a pixel together, so use rebnet.nn.window.FlattenHWC"),
    "Flatten of other axes": (maps(nn.Flatten(0), 6), "module 4, Flatten(start_dim=0, end_dim=-1): flattens other "
        "axes than a map's; use rebnet.nn.window.FlattenHWC"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_computed(case, monkeypatch):
    model, message = REFUSED[case]
    monkeypatch.setattr("rebnet.export.calibrate", None)
    assert refused(model) == f"toy: {message}"


def test_an_order_that_is_no_network_is_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr("rebnet.export.calibrate", None)
    model = dense()
    for wrong in (model[:2], nn.Sequential(*model, ResidualSign(2)), nn.Sequential(*model[:2], *model[3:])):
        with pytest.raises(RebnetError):
            export(wrong, "toy", images=IMAGES)


def test_a_flattening_that_changes_no_order():
    """Behind a map of one pixel torch's Flatten is FlattenHWC, and on vectors it does nothing."""
    assert export(maps(nn.Flatten(), 6), images=IMAGES) == export(maps(FlattenHWC(), 6), images=IMAGES)
    plain = dense()
    assert export(nn.Sequential(plain[0], nn.Flatten(), *plain[1:]), images=IMAGES) == export(plain, images=IMAGES)


def test_the_module_stays_as_it_was():
    model = dense().train()
    before = copy.deepcopy(model.state_dict())
    export(model, images=IMAGES)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_module_on_a_gpu():
    assert export(dense().cuda(), images=IMAGES) == export(dense(), images=IMAGES)


class Twice(nn.Module):
    """A module of somebody's own: two layers and what stands between them, with an option of its own."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.first, self.second = BinaryLinear(inputs, hidden), BinaryLinear(hidden, outputs)
        self.between = NormSign(nn.BatchNorm1d(hidden), ResidualSign(2))

    def forward(self, x):
        return self.second(self.between(self.first(x)))

    def operations(self, said):
        for name in ("first", "between", "second"):
            said = says(getattr(self, name), said, name)
        return said


class Negated(nn.BatchNorm1d):
    """One that composes nothing: -norm(x), said as an operation of the intermediate representation."""

    def forward(self, x):
        return -super().forward(x)

    def operations(self, said):
        weight, bias, mean, variance = (
            one.detach().double().numpy() for one in (self.weight, self.bias, self.running_mean, self.running_var)
        )
        return said.vectors(self).then(self, ops.BatchNorm(mean, variance, -weight, -bias, self.eps))


def test_modules_of_one_s_own_say_their_operations():
    torch.manual_seed(0)
    tail = [ResidualSign(2), BinaryLinear(5, 3), NormSign(nn.BatchNorm1d(3))]
    model = nn.Sequential(PixelInput(6, 6, 2), Twice(72, 8, 5), Negated(5), *tail)
    exported = export(model, "toy", images=IMAGES)
    assert [type(op).__name__ for op in exported.ops] == [
        *2 * ("Dense", "BatchNorm", "ResidualSign"), "Dense", "BatchNorm",
    ]  # fmt: skip
    snap_gains(model)
    recalibrate(model, IMAGES)
    assert export(model, "toy") == exported
    with torch.no_grad():
        wanted = model(torch.from_numpy(IMAGES)).numpy()
    assert np.allclose(run_real(exported, IMAGES), wanted, atol=1e-4)


def test_a_part_of_one_s_own_module_is_named_by_its_path():
    model = nn.Sequential(PixelInput(6, 6, 2), Twice(72, 8, 5), *dense()[-2:])
    model[1].between.norm = nn.GroupNorm(2, 8)
    assert refused(model).startswith("toy: module 1.between.norm is a GroupNorm; use PixelInput, ")
    model[1].between = NormSign(nn.BatchNorm1d(8), ResidualSign(2))
    model[1].second.register_forward_hook(lambda *given: None)
    assert refused(model) == (
        "toy: module 1.second, BinaryLinear: has forward hooks, which export cannot see into; remove them"
    )
