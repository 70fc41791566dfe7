"""Named nodes, who reads whom, and the types of the values between them."""

from dataclasses import replace

import pytest
from tests.ir.networks import from_text, tiny, tiny_conv

from rebnet.errors import VerifyError
from rebnet.ir.network import PIXELS, Network, Node
from rebnet.ir.ops import MaxPool, PixelInput
from rebnet.ir.rewrite import rewritten
from rebnet.ir.storage import load, save
from rebnet.ir.values import Code, Integer, Real, Shape
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.lower.assign_gains import assign_gains
from rebnet.spec.window import Window


def test_a_node_without_a_name_is_called_after_its_kind_and_layer():
    assert [node.name for node in tiny_conv().nodes] == [
        "layer1", "layer1_batchnorm", "layer1_pool", "layer1_sign", "layer2", "layer2_batchnorm",
    ]  # fmt: skip
    assert [node.name for node in lower(tiny_conv()).nodes] == [
        "layer1", "layer1_threshold", "layer1_pool", "layer2", "layer2_scores",
    ]  # fmt: skip


def test_a_layer_without_a_name_is_counted():
    dense, pool = tiny().ops[0], MaxPool(Window(1, 1))
    network = Network.chain("n", 2, PixelInput(1, 1, 2, 2), (dense, pool, pool, dense))
    assert [node.name for node in network.nodes] == ["layer_1", "layer_1_pool", "layer_1_pool_2", "layer_2"]


def test_what_goes_without_saying_is_not_said():
    network = tiny()
    before = [PIXELS, *(node.name for node in network.nodes)]
    said = tuple(replace(node, of=(name,)) for node, name in zip(network.nodes, before, strict=False))
    assert replace(network, nodes=said, outputs=(network.nodes[-1].name,)) == network


def test_sources_users_and_layers():
    network = tiny_conv()
    pool, sign, second = network.nodes[2:5]
    assert network.sources(network.nodes[0]) == (PIXELS,)
    assert network.sources(sign) == ("layer1_pool",)
    assert network.users["layer1_pool"] == (sign,)
    assert network.users[PIXELS] == network.nodes[:1]
    assert network.layer_of(sign) is network.nodes[0]
    assert network.layer_of(network.nodes[0]) is None
    assert network.before(pool) is network.nodes[1]
    assert network.layers == (network.nodes[0], second)
    assert network.answers == network.nodes[-1:]


def test_the_types_of_an_exported_network():
    network = from_text("6x5x2 - C4:3x3+same - MP2 - D3", levels=2, bits=3)
    values = network.values
    assert values[PIXELS] == Code(Shape(6, 5, 2), 3, (3, 3), (1 / 7,), ((4, 2, 1), (4, 2, 1)))
    assert values["layer1"] == Real(Shape(6, 5, 4))
    assert values["layer1_pool"] == Real(Shape(3, 2, 4))
    sign = network.by_name["layer1_sign"].op
    code = values["layer1_sign"]
    assert isinstance(code, Code)
    assert (code.shape, code.planes, code.used) == (Shape(3, 2, 4), 2, (1, 2))
    assert code.gains == ((sign.gains[0], 0), sign.gains)
    assert [gain * code.units[0] for gain in sign.gains] == list(sign.gammas)
    assert values["layer2"] == Real(Shape(1, 1, 3))


def test_the_types_of_a_lowered_network():
    network = lower(from_text("6x5x2 - C4:3x3+same - MP2 - D3", levels=2, bits=3))
    sums = network.values["layer1"]
    assert isinstance(sums, Integer)
    assert (sums.low, sums.high) == ((0, 0), (18 * 7, 18 * 7))
    assert network.values["layer1_pool"] == Code(Shape(3, 2, 4), 2, (1, 2))
    scores = network.values["layer2_scores"]
    assert isinstance(scores, Integer)
    assert scores.low[0] < 0 < scores.high[0]
    assert network.classes == 3


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (lambda n: (*n[:4], replace(n[4], of=("layer3",))), "tiny, layer2_batchnorm: reads 'layer3', which does not "
         "stand before it"),
        (lambda n: (*n[:4], replace(n[4], of=("layer1",))), "tiny, layer2: is read by nothing and is not the "
         "answer; leave it out"),
        (lambda n: (replace(n[0], name=PIXELS), *n[1:]), "tiny, 'pixels': is the image's name; give it another"),
    ],
)  # fmt: skip
def test_nodes_that_read_what_they_may_not(nodes, message):
    network = tiny()
    with pytest.raises(VerifyError) as refusal:
        verify(replace(network, nodes=nodes(network.nodes)))
    assert str(refusal.value) == message


def test_an_output_that_is_no_node():
    with pytest.raises(VerifyError, match=r"^tiny: outputs \('layer3',\) are no nodes$"):
        verify(replace(tiny(), outputs=("layer3",)))


def test_a_rule_that_keeps_everything():
    for network in (tiny(), tiny_conv(), lower(tiny_conv())):
        assert rewritten(network, lambda node: (node.op,)) == network
        assert rewritten(network, lambda node: (node,)) == network


def test_users_are_renamed_and_given_names_stay():
    network = replace(tiny(), nodes=(Node("first", tiny().ops[0]), *tiny().nodes[1:]))
    network = replace(network, nodes=(*network.nodes[:2], replace(network.nodes[2], name="mine"), *network.nodes[3:]))
    lowered = lower(network)
    assert [node.name for node in lowered.nodes] == ["first", "mine", "layer2", "layer2_scores"]


def test_names_and_sources_survive_the_disk(tmp_path):
    network = replace(tiny(), nodes=tuple(replace(node, name=f"n{i}") for i, node in enumerate(tiny().nodes)))
    for stage in (network, assign_gains(network), lower(network)):
        save(stage, tmp_path)
        assert load(tmp_path) == stage
