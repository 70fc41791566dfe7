"""Graphs whose branches part and meet: what qonnx computes of them is what ours does, or a refusal that says why."""

from dataclasses import replace

import numpy as np
import pytest
from tests.importing.branches import Branches, Value, random_branches
from tests.importing.graphs import DOMAIN, ROUNDING_MODES
from tests.importing.test_importing import executed, refused

from rebnet import flow
from rebnet.engine import reference
from rebnet.engine.predictor import Predictor
from rebnet.engine.real import run_real
from rebnet.errors import ModelError
from rebnet.importing import read_onnx
from rebnet.ir import storage
from rebnet.ir.features import DepthToSpace
from rebnet.ir.text import parse, tensors_of, to_text
from rebnet.lower import lower

onnx = pytest.importorskip("onnx")


def pytest_generate_tests(metafunc):
    if "branch_seed" in metafunc.fixturenames:
        metafunc.parametrize("branch_seed", range(metafunc.config.getoption("networks") // 5))


def read(model, path, input_scale="bytes"):
    path.write_bytes(model.SerializeToString())
    return read_onnx(path, input_scale=input_scale).network


def agrees(model, network, seed, count=6):
    """Whether qonnx' answers are ours, and the integers' too."""
    image = network.input
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, image.channels, image.height, image.width)).astype(np.uint8)
    ours = images.transpose(0, 2, 3, 1)
    found = run_real(network, ours, precision=np.float64)
    assert np.allclose(found, executed(model, images).reshape(found.shape), rtol=1e-12, atol=1e-12)
    lowered = lower(network)
    scores = reference.run(lowered, ours)
    for each, best in zip(scores, np.abs(found - found.max(axis=1, keepdims=True)) < 1e-9, strict=True):
        assert best[each.argmax()]
    assert np.array_equal(Predictor(lowered).predict(ours), scores)
    return lowered


def test_random_graphs_with_branches(branch_seed, tmp_path):
    model, _ = random_branches(branch_seed)
    try:
        network = read(model, tmp_path / "m.onnx")
    except ModelError as refusal:
        if "one must be a whole multiple of the other" in str(refusal):  # about one in sixty
            return
        raise
    lowered = agrees(model, network, branch_seed)
    for each in (network, lowered):
        assert parse(to_text(each), tensors_of(each)) == each
    storage.save(lowered, tmp_path / "n")
    assert storage.load(tmp_path / "n") == lowered


@pytest.mark.rtl
@pytest.mark.parametrize("seed", [0, 3])
def test_branches_through_the_rtl(seed, tmp_path):
    """Codes joined and sums of features; averages, codes side by side and 3 bits."""
    model, _ = random_branches(seed)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    network = flow.compile(tmp_path / "m.onnx", tmp_path / "build", input_scale="bytes", target_cycles=2000)
    image = network.input
    images = np.random.default_rng(seed).integers(0, 256, (9, image.height, image.width, image.channels), np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=Predictor(network).labels(images))
    record = flow.simulate(tmp_path / "build", f"npz:{tmp_path / 'own.npz'}", stalls=3).record
    assert (record.mismatches, record.accuracy) == (0, 100.0)


def started(channels, side, *, zero=True, bits=2):
    """Codes of an image."""
    graph = Branches(np.random.default_rng(0))
    signed = int(not zero)
    graph.add("Quant", 1.0, 0.0, float(bits), domain=DOMAIN, signed=signed, narrow=0, rounding_mode="ROUND")
    return graph, Value(graph.last, channels, side, side, zero=zero)


def convolved(graph, value, rows, kernel=1):
    weights = np.sign(graph.rng.normal(size=(rows, value.channels, kernel, kernel)))
    graph.at(value).add("Conv", weights, kernel_shape=[kernel, kernel])
    side = value.height - kernel + 1
    return Value(graph.last, rows, side, side, codes=False)


def ended(graph, inputs, classes=2):
    """The graph with a dense layer behind it."""
    graph.add("Flatten", axis=1)
    graph.add("MatMul", np.sign(graph.rng.normal(size=(inputs, classes))))
    return graph


def quant(graph, bits=2, scale=1.0, **attributes):
    attributes = {"signed": 1, "narrow": 0, **attributes}
    graph.add("Quant", scale, 0.0, float(bits), domain=DOMAIN, rounding_mode="ROUND", **attributes)


def test_sums_of_codes_stand_side_by_side(tmp_path):
    """Of several scales and bits; the image stands among them."""
    graph, image = started(2, 3)
    quant(graph.at(convolved(graph, image, 2)), bits=3, scale=2.0)
    first = graph.last
    quant(graph.at(convolved(graph, image, 2)), bits=1, scale=3.0)
    graph.meet("Sum", Value(first, 2, 3, 3), Value(graph.last, 2, 3, 3), image)
    network = read(ended(graph, 18).model((1, 2, 3, 3), 2), tmp_path / "m.onnx")
    assert "Stack" in {type(op).__name__ for op in network.ops}
    agrees(graph.model((1, 2, 3, 3), 2), network, 0, count=40)


def test_codes_that_are_joined_count_the_same(tmp_path):
    """Of several scales, bits and least values, beside a sum of codes and the image."""
    graph, image = started(2, 3)
    quant(graph.at(convolved(graph, image, 3)), bits=3, scale=1.0)
    first = Value(graph.last, 3, 3, 3)
    quant(graph.at(convolved(graph, image, 1)), bits=2, scale=2.0, signed=0)
    second = Value(graph.last, 1, 3, 3)
    graph.meet("Add", image, image)
    graph.meet("Concat", first, second, Value(graph.last, 2, 3, 3), image, first, axis=1)
    ended(graph, 99)
    agrees(graph.model((1, 2, 3, 3), 2), read(graph.model((1, 2, 3, 3), 2), tmp_path / "m.onnx"), 0, count=40)


@pytest.mark.parametrize("kernel", [(3, 2), (5, 5)])
def test_averages_in_front_of_a_layer_are_weights(kernel, tmp_path):
    """An average that nothing quantizes takes no sums of its own: its windows have equal weights."""
    graph, image = started(2, 5, bits=8)
    graph.at(image).add("AveragePool", kernel_shape=list(kernel), strides=[1, 2])
    height, width = 6 - kernel[0], (5 - kernel[1]) // 2 + 1
    ended(graph, 2 * height * width, classes=3)
    model = graph.model((1, 2, 5, 5), 3)
    network = read(model, tmp_path / "m.onnx")
    assert [type(op).__name__ for op in network.ops] == ["Dense", "BatchNorm"]
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 5, 2), np.uint8)
    answers = executed(model, images.transpose(0, 3, 1, 2))
    assert np.allclose(run_real(network, images, precision=np.float64), answers, rtol=1e-5, atol=1e-4)


def shuffled(graph, value, *, plain):
    """Channels as blocks of 2 x 2 places, by one node or as torch's exporter says it."""
    channels, side = value.channels // 4, value.height
    if plain:
        graph.at(value).add("DepthToSpace", blocksize=2, mode="CRD")
    else:
        graph.at(value).add("Reshape", np.asarray([1, channels, 2, 2, side, side]))
        graph.add("Transpose", perm=[0, 1, 4, 2, 5, 3])
        graph.add("Reshape", np.asarray([1, channels, 2 * side, 2 * side]))
    return replace(value, name=graph.last, channels=channels, height=2 * side, width=2 * side)


@pytest.mark.parametrize("plain", [False, True])
def test_channels_become_blocks_of_places(tmp_path, plain):
    """In front of a quantizer and behind it, of the image, and in front of a dense layer, which turns its weights."""
    graph, image = started(4, 3)
    larger = shuffled(graph, image, plain=plain)
    sums = shuffled(graph, convolved(graph, larger, 8, kernel=3), plain=plain)
    graph.at(sums).add("Mul", np.asarray([2.0, 1.0]).reshape(1, 2, 1, 1))
    quant(graph)
    codes = replace(sums, name=graph.last, codes=True)
    quant(graph.at(convolved(graph, codes, 4, kernel=3)))
    shuffled(graph, replace(codes, name=graph.last, channels=4, height=6, width=6), plain=plain)
    model = ended(graph, 144).model((1, 4, 3, 3), 2)
    network = read(model, tmp_path / "m.onnx")
    assert [op.block for op in network.ops if isinstance(op, DepthToSpace)] == [2, 2]
    agrees(model, network, 0, count=40)


def test_blocks_in_another_order_are_refused(tmp_path):
    graph, image = started(4, 3)
    graph.at(image).add("DepthToSpace", blocksize=2, mode="DCR")
    graph.add("Conv", np.ones((2, 1, 3, 3)), kernel_shape=[3, 3])
    quant(graph)
    assert read(ended(graph, 32).model((1, 4, 3, 3), 2), tmp_path / "m.onnx").ops  # of one channel both are the same
    graph, image = started(8, 3)
    graph.at(image).add("DepthToSpace", blocksize=2, mode="DCR")
    graph.add("Conv", np.ones((2, 2, 3, 3)), kernel_shape=[3, 3])
    quant(graph)
    assert refused(ended(graph, 32), tmp_path, (1, 8, 3, 3)) == (
        "node 't2', Conv: reads the shape (1, 2, 6, 6), whose elements another node moved; maps of 1, channels, "
        "height, width are read as they stand, or behind DepthToSpace of mode CRD"
    )
    graph, image = started(4, 3)
    graph.at(image).add("DepthToSpace", blocksize=3, mode="CRD")
    assert refused(ended(graph, 36), tmp_path, (1, 4, 3, 3)) == (
        "node 't1', DepthToSpace: does not fit the shape (1, 4, 3, 3) (blocksize 3, mode CRD)"
    )


def test_a_pool_in_front_of_what_falls_is_refused(tmp_path):
    """The largest times a number below 0 is not the largest of anything."""
    graph, image = started(1, 5)
    graph.at(convolved(graph, image, 3, kernel=2)).add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Mul", np.asarray([2.0, -1.0, 1.0]).reshape(1, 3, 1, 1))
    quant(graph)
    assert refused(ended(graph, 12), tmp_path, (1, 1, 5, 5)) == (
        "node 't4', Quant: reads channel 1 of what a max-pool gives, multiplied by -0.5; quantize in front of that, or "
        "keep what it is multiplied with above 0"
    )


def test_sums_that_no_whole_numbers_add_are_refused(tmp_path):
    graph, image = started(2, 3)
    graph.at(convolved(graph, image, 2)).add("Mul", 0.1)
    first = Value(graph.last, 2, 3, 3)
    graph.at(convolved(graph, image, 2)).add("Mul", 0.3)
    graph.meet("Add", first, Value(graph.last, 2, 3, 3))
    quant(graph)
    assert refused(ended(graph, 18), tmp_path, (1, 2, 3, 3)) == (
        "node 't5', Add: adds sums that in channel 0 are worth 0.05 and 0.15 a unit, which are no multiples of one "
        "number up to 32767; quantize each branch in front of the sum"
    )


def test_numbers_that_end_a_network_stand_at_its_end_only(tmp_path):
    graph, image = started(1, 2)
    graph.at(image).add("Softmax", axis=1)
    words = refused(ended(graph, 4), tmp_path, (1, 1, 2, 2))
    assert words == ("node 't3', MatMul: stands behind node 't1', Softmax, which is read at the end of a network only")
    graph, _ = started(4, 1)
    ended(graph, 4, classes=3)
    graph.add("Sigmoid")
    graph.add("MatMul", np.ones((3, 2)))
    assert refused(graph, tmp_path, (1, 4, 1, 1)) == (
        "node 't4', MatMul: stands behind node 't3', Sigmoid, which is read at the end of a network only"
    )


@pytest.mark.parametrize(
    ("kind", "attributes", "words"),
    [
        ("ArgMax", {"axis": 0}, "works along axis 0 of (1, 3); that of the scores is read"),
        ("ArgMax", {"axis": 1, "select_last_index": 1}, "takes the last of equal scores; the first is read"),
        ("TopK", {"axis": 1, "largest": 0}, "takes the smallest score; the largest is read"),
    ],
)
def test_what_does_not_take_the_largest_score_is_refused(kind, attributes, words, tmp_path):
    graph, _ = started(4, 1)
    ended(graph, 4, classes=3)
    graph.add(kind, *([np.asarray([1])] if kind == "TopK" else []), **attributes)
    assert refused(graph, tmp_path, (1, 4, 1, 1)) == f"node 't3', {kind}: {words}"


def test_popcounts_of_bits(tmp_path):
    """XnorPopcountMatMul counts how many bits agree."""
    rng = np.random.default_rng(0)
    graph = Branches(rng)
    graph.add("MultiThreshold", np.asarray([[100.0]]), domain=DOMAIN, out_dtype="BINARY")
    graph.add("XnorPopcountMatMul", rng.integers(0, 2, (9, 5)).astype(np.float32), domain=DOMAIN)
    graph.add("MultiThreshold", rng.integers(2, 7, (5, 1)).astype(np.float32), domain=DOMAIN, out_dtype="BINARY")
    graph.add("XnorPopcountMatMul", rng.integers(0, 2, (5, 3)).astype(np.float32), domain=DOMAIN)
    model = graph.model((1, 9), 3)
    agrees_flat(model, read(model, tmp_path / "m.onnx"))
    graph, _ = started(4, 1, bits=1)
    graph.add("XnorPopcountMatMul", np.full((4, 2), 0.5), domain=DOMAIN)
    assert refused(graph, tmp_path).startswith(
        "node 't1', XnorPopcountMatMul: has weights from 0.5 to 0.5; bits, 0 and 1"
    )
    graph, _ = started(4, 1)
    graph.add("XnorPopcountMatMul", np.ones((4, 2)), domain=DOMAIN)
    assert refused(graph, tmp_path).endswith("reads codes of 0 to 3; bits, 0 and 1, are read")


def agrees_flat(model, network):
    images = np.random.default_rng(1).integers(0, 256, (30, 9), np.uint8)
    answers = executed(model, images)
    ours = images.reshape(30, 1, 1, 9)
    assert np.array_equal(run_real(network, ours, precision=np.float64), answers)
    assert np.array_equal(Predictor(lower(network)).predict(ours).argmax(axis=1), answers.argmax(axis=1))


def test_a_relu_is_absorbed_by_any_quantizer(tmp_path):
    """Also behind a sum of branches, and by one with a sign, which then begins at 0."""
    graph, image = started(2, 3)
    graph.at(convolved(graph, image, 2)).add("Relu")
    quant(graph, bits=3)
    first = Value(graph.last, 2, 3, 3)
    graph.meet("Add", first, image)
    graph.add("Sub", 2.0)
    graph.add("Relu")
    quant(graph, bits=2, scale=2.0)
    ended(graph, 18)
    model = graph.model((1, 2, 3, 3), 2)
    agrees(model, read(model, tmp_path / "m.onnx"), 0, count=40)


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", *ROUNDING_MODES])
def test_averages_that_are_truncated(mode, tmp_path):
    """As Brevitas exports TruncAvgPool2d: whole numbers of a scale, rounded once more to a coarser one."""
    graph, image = started(2, 4, zero=False, bits=4)
    graph.at(image).add("AveragePool", kernel_shape=[2, 2], strides=[1, 2])
    numbers = [np.asarray(one, dtype=np.float32) for one in (0.25, 0.0, 6.0, 1.0, 3.0)]
    graph.add("Trunc", *numbers, domain=DOMAIN, rounding_mode=mode, signed=1, narrow=0)
    ended(graph, 12)
    model = graph.model((1, 2, 4, 4), 2, version=2)
    agrees(model, read(model, tmp_path / "m.onnx"), 0, count=40)
    old = graph.model((1, 2, 4, 4), 2)
    del old.graph.node[2].input[-1]
    with pytest.raises(ModelError, match="version 2 of the domain's, which reads 6, is read"):
        read(old, tmp_path / "m.onnx")


@pytest.mark.parametrize("last", ["sums", "Softmax", "transposed"])
def test_answers_on_a_map(last, tmp_path):
    """A convolution may be the last layer: scores of every place."""
    graph, image = started(2, 4)
    made = convolved(graph, image, 3, kernel=2)
    graph.at(made).add("Mul", 0.5)
    scores = graph.last
    if last == "Softmax":
        graph.add("Softmax", axis=1)
        graph.add("ArgMax", axis=1, keepdims=0)
    elif last == "transposed":
        graph.add("Transpose", perm=[0, 2, 3, 1])
        graph.add("ArgMax", axis=3)
    network = read(graph.model((1, 2, 4, 4), 3), tmp_path / "m.onnx")
    graph.last = scores
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 2), np.uint8)
    answers = executed(graph.model((1, 2, 4, 4), (1, 3, 3, 3)), images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert np.array_equal(run_real(network, images, precision=np.float64).reshape(answers.shape), answers)
    labels = Predictor(lower(network)).predict(images).reshape(answers.shape).argmax(axis=-1)
    assert np.array_equal(labels, answers.argmax(axis=-1))


def test_scores_of_a_map_stay_in_their_order(tmp_path):
    graph, image = started(1, 3)
    graph.at(convolved(graph, image, 2)).add("Flatten", axis=1)
    assert refused(graph, tmp_path, (1, 1, 3, 3)).startswith("its scores stand in another order than the last layer's")
    graph, image = started(1, 3)
    graph.at(convolved(graph, image, 3)).add("Softmax", axis=2)
    assert refused(graph, tmp_path, (1, 1, 3, 3)).endswith(
        "works along axis 2 of (1, 3, 3, 3); that of the scores is read"
    )


@pytest.mark.parametrize("pooled", [False, True])
def test_pads_of_the_lowest_value(pooled, tmp_path):
    """ONNX' Pad lets codes with a sign be padded, in front of a convolution or a max-pool."""
    graph, image = started(2, 4, zero=False, bits=3)
    graph.at(image).add("Pad", np.asarray([0, 0, 1, 0, 0, 0, 1, 2]), -4.0)
    padded = Value(graph.last, 2, 6, 6)
    if pooled:
        graph.at(padded).add("MaxPool", kernel_shape=[3, 3], strides=[2, 1])
        ended(graph, 16)
    else:
        quant(graph.at(convolved(graph, padded, 3, kernel=3)))
        ended(graph, 48)
    model = graph.model((1, 2, 4, 4), 2)
    agrees(model, read(model, tmp_path / "m.onnx"), 0, count=40)


@pytest.mark.parametrize(
    ("pads", "value", "words"),
    [
        ([0, 0, 1, 1, 0, 0, 1, 1], 0.0, "pads with 0; the lowest value of its codes, -4, is read"),
        ([0, 1, 1, 1, 0, 0, 1, 1], -4.0, "pads [0, 1, 1, 1, 0, 0, 1, 1] of the shape (1, 2, 4, 4); up to 64 rows and"),
        (
            [0, 0, -1, 1, 0, 0, 1, 1],
            -4.0,
            "mode=constant, pads [0, 0, -1, 1, 0, 0, 1, 1]; pads of constants, not below 0",
        ),
    ],
)
def test_pads_of_other_values_are_refused(pads, value, words, tmp_path):
    graph, image = started(2, 4, zero=False, bits=3)
    graph.at(image).add("Pad", np.asarray(pads), value)
    convolved(graph, Value(graph.last, 2, 6, 6), 3, kernel=3)
    assert refused(ended(graph, 48), tmp_path, (1, 2, 4, 4)).startswith(f"node 't1', Pad: {words}")


def test_pads_stand_in_front_of_a_layer(tmp_path):
    graph, image = started(2, 4, zero=False, bits=3)
    graph.at(image).add("Pad", np.asarray([0, 0, 1, 1, 0, 0, 1, 1]), -4.0)
    assert refused(ended(graph, 72), tmp_path, (1, 2, 4, 4)) == (
        "node 't2', Flatten: reads pads; they are read in front of Conv and MaxPool"
    )


@pytest.mark.parametrize(("name", "form"), [("m1", "chain"), ("m2", "multithreshold"), ("m3", "single")])
def test_our_own_files_come_back(name, form, tmp_path):
    """A network of the zoo, written for others and read again: a code may be a sum of others' codes by then."""
    file = tmp_path / "m.onnx"
    flow.export(f"zoo:mnist-arch-1-{name}", file, form=form)
    expected = flow.compile(f"zoo:mnist-arch-1-{name}", tmp_path / "build", until="lower")
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    scores = Predictor(expected).predict(images)
    imported = read_onnx(file, input_scale="bytes").network
    assert np.allclose(run_real(imported, images, precision=np.float64), scores, rtol=1e-12)
    assert np.array_equal(Predictor(lower(imported)).labels(images), scores.argmax(axis=1))


@pytest.mark.parametrize("kind", [10, 7])
def test_casts_keep_numbers(kind, tmp_path):
    graph, _ = started(4, 1)
    ended(graph, 4)
    graph.add("Cast", to=11)
    graph.add("Cast", to=kind)
    assert refused(graph, tmp_path, (1, 4, 1, 1)) == (
        f"node 't4', Cast: makes numbers of type {kind}; 1 and 11, of floats, are read"
    )


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("side", [1, 3, 4])
def test_an_average_of_scores_ends_a_network(side, groups, tmp_path):
    """A convolution whose places are averaged, as all-convolutional networks end: a dense layer, exactly."""
    graph, image = started(4, side, bits=2)
    kernel = min(2, side)
    weights = np.sign(graph.rng.normal(size=(6, 4 // groups, kernel, kernel)))
    pads, bias = [1, 0, 0, 1], np.arange(6.0)
    pads = pads if kernel > 1 else [0] * 4
    attributes = {"kernel_shape": [kernel] * 2, "strides": [1, 2 if side > 3 else 1], "pads": pads, "group": groups}
    graph.at(image).add("Conv", weights, bias, **attributes)
    graph.add("Mul", np.asarray([1.0, -2.0, 0.5, 1.0, 1.0, -1.0]).reshape(1, 6, 1, 1))
    graph.add("GlobalAveragePool")
    graph.add("Flatten")
    model = graph.model((1, 4, side, side), 6)
    network = read(model, tmp_path / "m.onnx")
    assert len(network.layers) == 1
    images = np.random.default_rng(0).integers(0, 4, (20, side, side, 4), np.uint8)
    answers = executed(model, images.transpose(0, 3, 1, 2))
    assert np.allclose(run_real(network, images, precision=np.float64), answers, rtol=1e-5, atol=1e-5)
    clear = np.diff(np.sort(answers, axis=1))[:, -1] > 1e-4
    assert np.array_equal(Predictor(lower(network)).labels(images)[clear], answers.argmax(axis=1)[clear])
