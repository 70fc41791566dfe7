import pytest

from rebnet.errors import OptionError
from rebnet.ir.architecture import Weights
from rebnet.ir.notation import parse
from rebnet.methods import METHODS, REBNET, method_of
from rebnet.methods.activations import Activation, Dynamic, Learned
from rebnet.methods.behind import Bend
from rebnet.methods.estimators import ESTIMATORS, Schedule
from rebnet.methods.method import Method
from rebnet.methods.weights import RealWeights, Weight

KINDS = {
    "rebnet": "H1", "binary-connect": "H3", "binary-connect-stochastic": "H3", "bnn": "H1", "xnor-net": "H3",
    "xnor-net-alpha": "H1", "dorefa-net": "H1", "bi-real-net": "H1", "ir-net": "H1", "xnor-net-plus-plus": "H3",
    "xnor-net-plus-plus-channels": "H1", "real-to-binary": "H3", "real-to-binary-static": "H2", "reactnet": "H2",
    "reactnet-signs": "H1", "dy-bnn": "H3", "ie-net": "H2", "adabin": "H3", "adabin-centred": "H2",
}  # fmt: skip
REFUSALS = {
    "binary-connect": "method binary-connect multiplies with real activations (activations, planes: real, ReLU), which "
    "hardware does not have; train with --method bnn, or binarize activations too: Activation(planes=Residual())",
    "xnor-net": "method xnor-net multiplies every sum by the mean size of the real numbers in its window (scale of "
    "sums: K map), which hardware does not have; train with --method xnor-net-alpha, or leave the map out "
    "(scale=None), as the authors' own code does",
    "xnor-net-plus-plus": "method xnor-net-plus-plus multiplies every place of a map by a number of its own, where a "
    "channel has one threshold (scale of sums: of channel, row and column), which hardware does not have; train with "
    "--method xnor-net-plus-plus-channels, or learn one scale a channel: Weight(scale=LearnedScale('channel'))",
    "real-to-binary": "method real-to-binary multiplies every channel of every image by a gate, computed of real "
    "numbers (scale of sums: gate of each image (1/8)), which hardware does not have; train with --method "
    "real-to-binary-static, or learn one scale a channel: Weight(scale=LearnedScale('channel'))",
    "dy-bnn": "method dy-bnn computes thresholds of every image by two dense layers of real numbers (activations, "
    "threshold: of each image, by two dense layers (1/16)), which hardware does not have; train with --method "
    "reactnet, or learn them once for all images: threshold=Learned('channel')",
    "adabin": "method adabin adds the sum of each window's activations times a real number of its own to every output "
    "(weights, offset: mean of the latents), which hardware does not have; train with --method adabin-centred, or "
    "leave the mean out: Weight(about_mean=False)",
}


def test_what_becomes_of_every_method():
    assert {name: method.kind for name, method in METHODS.items()} == KINDS
    assert all(name == method.name for name, method in METHODS.items())


@pytest.mark.parametrize("name", REFUSALS)
def test_one_sentence_says_what_is_not_compiled_and_the_way_out(name):
    assert METHODS[name].refusal == REFUSALS[name]


def test_what_is_refused_names_a_method_that_is_not():
    for method in METHODS.values():
        assert bool(method.refusal) == (method.kind == "H3") == bool(method.in_hardware)
        assert not method.in_hardware or METHODS[method.in_hardware].refusal == ""


def test_parts_of_ones_own():
    mine = Method("mine", "Mine", "", weight=Weight(to=RealWeights()))
    assert mine.refusal == (
        "method mine multiplies with real weights (weights, values: real), which hardware does not have; "
        "binarize them: Weight(to=Sign())"
    )
    planes = Method("planes", "Planes", "", weight=Weight(planes=Weights("t", 2)))
    assert planes.kind == "H2"
    assert str(planes.applied(parse("4x4x1 - D8 - D3w4"))) == "4x4x1 - D8t - D3w4"
    assert Method("mean", "Mean", "", weight=Weight(about_mean=True)).kind == "H3"
    assert Method("planes", "Planes", "", weight=Weight(about_mean=True, planes=Weights("t", 2))).kind == "H2"


def test_unknown():
    with pytest.raises(OptionError, match="method='irnet': no such method; use one of rebnet, binary-connect, "):
        method_of("irnet")


@pytest.mark.parametrize(
    ("name", "levels", "any_levels", "message"),
    [
        (
            "bnn",
            0,
            False,
            r"bnn: binarizes, and a float network \(--levels 0\) is not; leave one of the two out",
        ),
        ("binary-connect", 2, False, "method binary-connect: its activations are real and have no levels; leave"),
        ("ie-net", 1, True, "method ie-net: adds codes side by side, which have no order in which fewer levels come"),
        ("binary-connect", 1, True, "leave --levels and --any-levels out, or take --method bnn"),
    ],
)
def test_levels_that_have_no_room(name, levels, any_levels, message):
    with pytest.raises(OptionError, match=message):
        METHODS[name].check(levels, any_levels)
    REBNET.check(0, False)
    METHODS["reactnet"].check(3, True)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"scale": Learned("channel", 1.0)}, "what reads codes counts one unit; learn one scale a layer"),
        ({"threshold": Dynamic(), "about_threshold": True}, "codes of every image would have an offset of its own"),
    ],
)
def test_activations_that_make_no_sense(part, message):
    with pytest.raises(OptionError, match=message):
        Activation(**part)


@pytest.mark.parametrize(
    ("text", "bent"),
    [
        ("4x4x1 - D8 - D3", "4x4x1 - D8 - PReLU - D3"),
        ("8x8x1 - C4 - MP2 - C4:2x2 - D3", "8x8x1 - C4 - MP2 - PReLU - C4:2x2 - PReLU - D3"),
        (
            "8x8x1 - C4 - 2{ C4:3x3+same - C4:1x1 | }+ - GAP - D3",
            "8x8x1 - C4 - PReLU - { C4:3x3+same - PReLU - C4:1x1 | }+ - PReLU - "
            "{ C4:3x3+same - PReLU - C4:1x1 | }+ - PReLU - GAP - D3",
        ),
        (
            "8x8x1 - C4 - { | C2:3x3+same }& - { | C2:3x3+same }< - GAP - D3",
            "8x8x1 - C4 - PReLU - { | C2:3x3+same }& - { | C2:3x3+same }< - PReLU - GAP - D3",
        ),
        ("4x4x1 - D8 - RPReLU - D3", "4x4x1 - D8 - RPReLU - D3"),
        ("4x4x1 - D3", "4x4x1 - D3"),
    ],
)
def test_a_nonlinearity_is_the_network_texts_own(text, bent):
    method = Method("bent", "Bent", "", nonlinearity=Bend())
    once = method.applied(parse(text))
    assert once == parse(bent)
    assert method.applied(once) == once


def test_plain_parts_leave_the_text_as_it_is():
    network = parse("8x8x1 - C4 - 2{ C4:3x3+same | }+ - GAP - D3")
    assert REBNET.applied(network) is network


def test_a_schedule_rises_in_even_steps_of_its_logarithm():
    schedule = Schedule(0.1, 10)
    assert [round(schedule.at(progress), 6) for progress in (0, 0.5, 1)] == [0.1, 1, 10]
    assert [str(one) for one in ESTIMATORS] == [
        "identity", "clip", "polynomial", "swish(5)", "EDE(t = 0.1 to 10)", "IEE(t = 0.01 to 10)",
    ]  # fmt: skip
