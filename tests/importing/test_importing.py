"""Networks that others trained: what their own executor computes is what ours does."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.importing.graphs import Graph, random_qonnx

import rebnet
from rebnet import datasets, flow
from rebnet.engine import reference
from rebnet.engine.predictor import Predictor
from rebnet.engine.real import run_real
from rebnet.errors import ModelError, OptionError, RebnetError
from rebnet.importing import read_onnx
from rebnet.ir import storage
from rebnet.ir.text import parse, tensors_of, to_text
from rebnet.lower import lower

onnx = pytest.importorskip("onnx")

MODELS = Path(__file__).parent / "models"
EXAMPLES = Path(__file__).parents[2] / "examples"
ONNX = ("tfc-1w1a", "tfc-1w2a", "tfc-2w2a", "brevitas-tiny-tfc", "brevitas-tiny-cnv")
BNN_PYNQ = ("bnn-pynq-lfc-w1a1-mnist", "bnn-pynq-cnv-w1a1-cifar10", "bnn-pynq-cnv-w1a2-cifar10")


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Every model as a file of ONNX."""
    sys.path.insert(0, str(EXAMPLES))
    import bnn_pynq_to_qonnx

    folder = tmp_path_factory.mktemp("models of others")
    found = {name: MODELS / name / "model.onnx" for name in (*ONNX, "finn-tfc-w1a1-multithreshold")}
    for name in BNN_PYNQ:
        found[name] = folder / f"{name}.onnx"
        bnn_pynq_to_qonnx.main(str(MODELS / name / "model.npz"), str(found[name]))
    return found


def given(name):
    """Random images, and what the model's own executor answers."""
    arrays = np.load(MODELS / name / "io.npz")
    return arrays["input_bytes"].transpose(0, 2, 3, 1), arrays["output"].reshape(len(arrays["output"]), -1)


@pytest.mark.parametrize("name", ONNX)
def test_answers_are_those_of_the_model_s_own_executor(files, name):
    imported = read_onnx(files[name])
    images, answers = given(name)
    assert np.abs(run_real(imported.network, images, precision=np.float64) - answers).max() < 1e-6
    scores = Predictor(lower(imported.network)).predict(images)
    order = np.sort(answers, axis=1)
    clear = order[:, -1] - order[:, -2] > 1e-6  # of the others the two largest are equal but for float32's rounding
    assert clear.sum() > 10
    assert np.array_equal(scores.argmax(axis=1)[clear], answers.argmax(axis=1)[clear])


@pytest.mark.parametrize("name", BNN_PYNQ[1:])
def test_sums_are_those_of_bnn_pynq(files, name):
    """Integers against integers: scores are A times the accelerator's sums, plus B."""
    network = lower(read_onnx(files[name]).network)
    images, sums = given(name)
    scores = Predictor(network).predict(images)
    steps = np.diff(np.unique(scores)).min() // np.diff(np.unique(sums)).min()
    assert np.array_equal(scores - scores[:1, :1], steps * (sums - sums[:1, :1]))


def test_finn_s_own_file_gives_its_labels(files):
    name = "finn-tfc-w1a1-multithreshold"
    images, labels = given(name)
    assert np.array_equal(Predictor(lower(read_onnx(files[name]).network)).labels(images), labels[:, 0])


def counted(name, dataset, count, right):
    return pytest.param(name, dataset, count, right, marks=pytest.mark.data(dataset))


@pytest.mark.parametrize(
    ("name", "dataset", "count", "right"),
    [
        counted("tfc-1w1a", "mnist", 10_000, 9296),
        counted("finn-tfc-w1a1-multithreshold", "mnist", 10_000, 9296),
        counted("tfc-1w2a", "mnist", 10_000, 9474),
        counted("tfc-2w2a", "mnist", 10_000, 9660),
        counted("bnn-pynq-lfc-w1a1-mnist", "mnist", 10_000, 9834),
        counted("bnn-pynq-cnv-w1a1-cifar10", "cifar10", 2000, 1606),
        counted("bnn-pynq-cnv-w1a2-cifar10", "cifar10", 2000, 1679),
    ],
)
def test_as_many_images_are_right_as_where_it_comes_from(files, data_dir, name, dataset, count, right):
    images = datasets.load(dataset, data_dir)
    labels = Predictor(lower(read_onnx(files[name]).network)).labels(images.test_images[:count])
    assert int((labels == images.test_labels[:count]).sum()) == right


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["tfc-1w2a", "brevitas-tiny-cnv"])
def test_through_the_rtl(files, name, tmp_path):
    """A table of bytes, thresholds that no grid has, and a convolution: from the file to the simulated accelerator."""
    network = flow.compile(files[name], tmp_path / "build", target_cycles=900)
    images, _ = given(name)
    labels = Predictor(network).labels(images)
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    record = flow.simulate(tmp_path / "build", f"npz:{tmp_path / 'own.npz'}", stalls=3).record
    assert (record.mismatches, record.accuracy) == (0, 100.0)
    assert flow.report([tmp_path / "build"]).is_file()


def executed(model, images):
    """What qonnx computes of images, channels first."""
    pytest.importorskip("qonnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapped = ModelWrapper(model).transform(InferShapes())
    name = wrapped.graph.output[0].name
    return np.concatenate([execute_onnx(wrapped, {"image": image[None].astype(np.float32)})[name] for image in images])


def pytest_generate_tests(metafunc):
    if "random_seed" in metafunc.fixturenames:
        networks = metafunc.config.getoption("networks")
        metafunc.parametrize("random_seed", range(min(networks, 400) // 5 * 2))


def test_random_graphs(random_seed, tmp_path):
    """Numbers of few bits, which float32 adds without an error: equal to the last one, ties at boundaries too."""
    model, _ = random_qonnx(random_seed)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    imported = read_onnx(tmp_path / "m.onnx", input_scale="bytes")
    image = imported.network.input
    rng = np.random.default_rng(random_seed)
    images = rng.integers(0, 256, (6, image.channels, image.height, image.width)).astype(np.uint8)
    answers = executed(model, images)
    ours = images.transpose(0, 2, 3, 1)
    found = run_real(imported.network, ours, precision=np.float64)
    assert np.allclose(found, answers, rtol=1e-12, atol=1e-12)
    scores = reference.run(lower(imported.network), ours)
    rounded = np.abs(found - found.max(axis=1, keepdims=True)) < 1e-9
    for image_scores, best in zip(scores, rounded, strict=True):
        assert best[image_scores.argmax()]
    network = lower(imported.network)
    assert np.array_equal(Predictor(network).predict(ours), scores)
    for each in (imported.network, network):
        assert parse(to_text(each), tensors_of(each)) == each
    storage.save(network, tmp_path / "n")
    assert storage.load(tmp_path / "n") == network


def written(graph, shape, tmp_path, classes=2):
    path = tmp_path / "a model.onnx"
    path.write_bytes(graph.model(shape, classes).SerializeToString())
    return path


def started():
    graph = Graph(np.random.default_rng(0))
    graph.add("BipolarQuant", 1.0, domain="qonnx.custom_op.general")
    return graph


def refused(graph, tmp_path, shape=(1, 4)):
    with pytest.raises(ModelError) as refusal:
        read_onnx(written(graph, shape, tmp_path))
    return str(refusal.value).split(": ", 1)[1]


def test_weights_that_no_planes_hold_are_named(tmp_path):
    graph = started()
    graph.add("MatMul", np.asarray([[1.0, 1.0], [0.3, -1.0], [1.0, 1.0], [-0.77, 1.0]]))
    assert refused(graph, tmp_path) == (
        "node 't1', MatMul: weights of output 0 have the values -0.77, 0.3, 1 ..., no whole multiples of a step; "
        "quantize them to 1 to 7 bits"
    )
    graph = started()
    graph.add("MatMul", np.asarray([[1.0, 65.0], [1.0, -2.0], [1.0, 1.0], [-1.0, 1.0]]))
    assert refused(graph, tmp_path).startswith("node 't1', MatMul: weights of 65 times their step take 9 planes; 8 are")


def test_an_image_that_nothing_quantizes_needs_its_scale(tmp_path):
    graph = Graph(np.random.default_rng(0))
    graph.add("MatMul", np.asarray([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]))
    assert "say with --input-scale" in refused(graph, tmp_path)
    network = read_onnx(tmp_path / "a model.onnx", input_scale="unit").network
    images = np.random.default_rng(0).integers(0, 256, (9, 1, 1, 4), dtype=np.uint8)
    expected = images.reshape(9, 4) / 255 @ np.asarray([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    assert np.allclose(run_real(network, images, precision=np.float64), expected)


def test_an_image_annotated_as_bytes_is_bytes(tmp_path):
    graph = Graph(np.random.default_rng(0))
    weights = np.asarray([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    graph.add("MatMul", weights)
    model = graph.model((1, 4), 2)
    annotation = model.graph.quantization_annotation.add(tensor_name="image")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="UINT8")
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    images = np.random.default_rng(0).integers(0, 256, (9, 1, 1, 4), dtype=np.uint8)
    for scale in (None, "bytes"):
        network = read_onnx(tmp_path / "m.onnx", input_scale=scale).network
        assert np.allclose(run_real(network, images, precision=np.float64), images.reshape(9, 4) @ weights)
    with pytest.raises(OptionError) as refusal:
        read_onnx(tmp_path / "m.onnx", input_scale="unit")
    assert str(refusal.value) == (
        f"input_scale=unit: {tmp_path}/m.onnx says that its image 'image' is bytes, UINT8; leave --input-scale out"
    )


@pytest.mark.parametrize(
    ("kind", "attributes", "words"),
    [
        ("Gelu", {}, "node 't1', Gelu: is not read"),
        ("Relu", {}, "node 't1', Relu: stands in front of no quantizer"),
        ("Cos", {}, "node 't1', Cos: is not read"),
    ],
)
def test_a_node_that_is_not_read_is_named(kind, attributes, words, tmp_path):
    graph = started()
    graph.add(kind, **attributes)
    graph.add("MatMul", np.ones((4, 2)))
    assert refused(graph, tmp_path).startswith(words)


def scaled_bytes(kind, number, cast=False):
    graph = Graph(np.random.default_rng(0))
    if cast:
        graph.add("Cast", to=1)
    graph.add(kind, np.float32(number))
    graph.add("Quant", 1 / 16, 0.0, 4.0, signed=0, narrow=0, rounding_mode="FLOOR", domain="qonnx.custom_op.general")
    graph.add("MatMul", np.asarray([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]))
    return graph.model((1, 4), 2)


@pytest.mark.parametrize(("kind", "number"), [("Div", 255.0), ("Mul", 1 / 255)])
@pytest.mark.parametrize("told", ["nothing", "cast", "uint8", "FLOAT32"])
def test_bytes_that_are_divided_are_bytes(kind, number, told, tmp_path):
    """Of whatever type the file says its image is."""
    model = scaled_bytes(kind, number, told in ("cast", "uint8"))
    if told == "uint8":
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    if told == "FLOAT32":
        annotation = model.graph.quantization_annotation.add(tensor_name="image")
        annotation.quant_parameter_tensor_names.add(key="finn_datatype", value=told)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    image = read_onnx(tmp_path / "m.onnx").network.input
    codes = np.minimum(np.floor(np.arange(256) / 255 * 16), 15)
    assert image.bits == 4
    assert np.array_equal(codes if image.table is None else image.table, codes)


def edited(edit):
    graph = started()
    graph.add("MatMul", np.ones((4, 2)))
    model = graph.model((1, 4), 2)
    edit(model)
    return model


def of_function(model):
    model.graph.node[1].attribute.add(name="axis", type=2, ref_attr_name="k")


def own_function(model):
    model.functions.add(name="MatMul")


def annotated_int8(model):
    annotation = model.graph.quantization_annotation.add(tensor_name="image")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="INT8")


def unnamed_if(model):
    none = onnx.helper.make_graph([], "none", [], [])
    model.graph.node.insert(0, onnx.helper.make_node("If", ["image"], ["q"], then_branch=none, else_branch=none))


READ = "nodes of ai.onnx, qonnx.custom_op.general, finn.custom_op.general, finn, onnx.brevitas are read"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (of_function, "node 't1', MatMul: has axis of a function, not read"),
        (own_function, f"node 't1', MatMul: is of the domain '', or a function of the file; {READ}"),
        (unnamed_if, "node 'q', If: holds a graph of its own, which is not read"),
        (annotated_int8, "its image 'image' is annotated INT8; say with --input-scale what a byte is worth"),
        (
            lambda model: setattr(model.graph.node[1], "domain", "qonnx.custom_op.channels_last"),
            f"node 't1', MatMul: is of the domain 'qonnx.custom_op.channels_last', or a function of the file; {READ}",
        ),
        (
            lambda model: setattr(model.opset_import[0], "version", 6),
            "has version 6 of ONNX' operations; 7 and later are read",
        ),
        (
            lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", onnx.TensorProto.INT64),
            "its input 'image' has the type INT64; FLOAT or UINT8 is read",
        ),
        (
            lambda model: model.graph.initializer.add().CopyFrom(model.graph.initializer[0]),
            "gives 'c0' more than once; give each tensor a name of its own",
        ),
        (
            lambda model: model.graph.node[1].output.append("t0"),
            "gives 't0' more than once; give each tensor a name of its own",
        ),
        (
            lambda model: model.graph.output.add(name="t0"),
            "has 1 inputs and 2 outputs; a network has one image and one answer",
        ),
    ],
)
def test_what_could_mean_something_else_is_refused(edit, words, tmp_path):
    (tmp_path / "m.onnx").write_bytes(edited(edit).SerializeToString())
    with pytest.raises(ModelError) as refusal:
        read_onnx(tmp_path / "m.onnx")
    assert str(refusal.value) == f"{tmp_path}/m.onnx: {words}"


def test_pads_of_zero_need_codes_that_begin_there(tmp_path):
    graph = started()
    graph.add("Conv", np.ones((2, 1, 3, 3)), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    assert refused(graph, tmp_path, (1, 1, 4, 4)).startswith(
        "node 't1', Conv: pads with 0, which is not the lowest value of its codes, -1;"
    )


def test_numbers_outside_of_the_file_are_not_read(tmp_path):
    graph = started()
    graph.add("MatMul", np.ones((4, 2)))
    model = graph.model((1, 4), 2)
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="its numbers stand in another file"):
        read_onnx(tmp_path / "m.onnx")


def test_what_is_no_model(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no model at all")
    with pytest.raises(RebnetError):
        read_onnx(tmp_path / "m.onnx")
    with pytest.raises(OptionError, match="name an ONNX file"):
        flow.compile(tmp_path / "none.onnx", tmp_path / "build")
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("seed", range(60))
def test_a_file_that_is_damaged_is_refused_or_answers_as_before(files, seed, tmp_path):
    """Bytes changed, left out and put in; nothing but an error of ours, and no more memory than the file says."""
    rng = np.random.default_rng(seed)
    data = bytearray(files["brevitas-tiny-tfc" if seed % 2 else "brevitas-tiny-cnv"].read_bytes())
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(len(data)))
        match int(rng.integers(3)):
            case 0:
                data[place] = int(rng.integers(256))
            case 1:
                del data[place : place + int(rng.integers(1, 40))]
            case 2:
                data[place:place] = rng.integers(0, 256, int(rng.integers(1, 10)), dtype=np.uint8).tobytes()
    (tmp_path / "m.onnx").write_bytes(data)
    try:
        network = lower(read_onnx(tmp_path / "m.onnx").network)
    except RebnetError:
        return
    image = network.input
    reference.run(network, np.zeros((1, image.height, image.width, image.channels), dtype=np.uint8))


def test_a_build_of_a_model_is_a_build(files, tmp_path):
    flow.compile(files["brevitas-tiny-tfc"], tmp_path / "a build", target_cycles=500)
    flow.compile(files["brevitas-tiny-tfc"], tmp_path / "a build", until="lower")  # in place of the old one
    images, _ = given("brevitas-tiny-tfc")
    expected = Predictor(lower(read_onnx(files["brevitas-tiny-tfc"]).network)).predict(images)
    assert np.array_equal(rebnet.load(tmp_path / "a build").predict(images), expected)
