"""Exported networks: what qonnx and onnxruntime compute of them is what the reference engine does, score by score."""

import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from tests.exporting.executors import executed, run_by_onnxruntime
from tests.ir.networks import exported, from_text, images_for, treed
from tests.networks.draw import draw_chain, draw_graph, draw_grouped_network

from rebnet import datasets, flow
from rebnet.choices import ExportForm
from rebnet.engine import reference
from rebnet.engine.connection import values_of as values_in_unit
from rebnet.engine.real import run_real
from rebnet.errors import MissingExtraError, ModelError, OptionError, OutputError
from rebnet.exporting import draft, write_onnx
from rebnet.exporting.codes import in_order, values_of
from rebnet.exporting.forms import FORMS
from rebnet.exporting.walk import draft_of
from rebnet.importing import read_onnx
from rebnet.ir import storage
from rebnet.ir.features import DepthToSpace
from rebnet.ir.network import Network
from rebnet.ir.notation import parse
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, PixelInput, ResidualSign, Threshold
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.spec.window import Window

onnx = pytest.importorskip("onnx")

KINDS = {form: ("qonnx", form) for form in get_args(ExportForm)} | {"plain": ("onnx", None)}


def pytest_generate_tests(metafunc):
    if "random_seed" in metafunc.fixturenames:
        networks = metafunc.config.getoption("networks")
        metafunc.parametrize("random_seed", range(min(networks, 400) // 5 * 2))


def written(network, folder, kind, m=None, **options):
    """The bytes of a file."""
    to, form = KINDS[kind]
    levels = None if m is None else (m,)
    record = write_onnx(network, folder / f"{kind}.onnx", to=to, form=form, levels=levels, replace=True, **options)
    (file,) = record.files
    data = (folder / f"{kind}.onnx").read_bytes()
    assert (file.bytes, file.levels) == (len(data), network.levels if m is None else m)
    return data


def check(network, folder, kinds=tuple(KINDS), m=None, images=None):
    """All scores are equal."""
    images = images_for(network, 7, 3) if images is None else images
    scores = reference.run(network, images, m)
    for kind in kinds:
        run = run_by_onnxruntime if kind == "plain" else executed
        found = run(written(network, folder, kind, m), images)
        assert found.dtype == np.float64
        found = np.moveaxis(found, 1, -1)
        assert np.array_equal(found.reshape(scores.shape), scores), (kind, m)


@pytest.mark.parametrize("kind", KINDS)
def test_random_networks(random_seed, kind, tmp_path):
    """Chains, convolutions in groups and networks with branches, at one of their level counts."""
    rng = np.random.default_rng([random_seed, 30])
    network = (draw_chain, draw_graph, draw_grouped_network)[random_seed % 3](rng, random_seed)
    check(network, tmp_path, [kind], int(rng.choice(network.served)))


def one_code(gammas, on_map=False, rows=12, columns=40, pool=None, seed=1):
    """Pixels, a layer whose codes have these factors, a pool of them, and scores."""
    rng = np.random.default_rng(seed)
    bits = [rng.random(shape) < 0.5 for shape in ((rows, columns), (3, rows * 2))]
    levels = len(gammas)
    norms = [
        BatchNorm(rng.normal(0, 1, n), rng.uniform(5, 20, n), rng.uniform(0.5, 1.5, n), rng.normal(0, 0.3, n), 1e-5)
        for n in (rows, 3)
    ]
    sign = ResidualSign(tuple(gammas), 6 if levels > 1 else 0)
    first = Conv(BitMatrix.pack(bits[0].reshape(rows, -1)), 1.0, window=Window((1, columns // 2), (1, 1)))
    pools = [] if pool is None else [MaxPool(pool)]
    last = Dense(BitMatrix.pack(bits[1]), 1.0)
    if on_map:
        last = Conv(BitMatrix.pack(bits[1][:, :rows]), 1.0, window=Window((1, 1)))
    places = 2 if pool is None else 2 * pool.stride[1]
    image = PixelInput(1, columns // 2 + places - 1, 2, 8)
    network = Network.chain("one", levels, image, [first, norms[0], sign, *pools, last, norms[1]])
    return lower(verify(network))


def test_values_that_fall_where_codes_rise(tmp_path):
    """Factors that are no super-increasing row: what a pool compares is the code, and not what it is worth."""
    network = one_code((0.5, 0.40625, 0.375), pool=Window((1, 2), (1, 2)))
    gains = network.layers[-1].op.gains[-1]
    assert not in_order(gains)
    assert min(np.diff(values_of(gains))) < 0
    images = images_for(network, 3, 20)
    for m in network.served:
        check(network, tmp_path, m=m, images=images)


@pytest.mark.parametrize(("kind", "gammas"), [("single", (0.5, 0.1875)), ("multithreshold", (0.5, 0.25))])
def test_a_pool_stands_behind_its_multi_threshold(kind, gammas, tmp_path):
    """What a code is worth is said behind the pool: FINN counts, pools, and counts on."""
    network = one_code(gammas, pool=Window((1, 2), (1, 2)))
    check(network, tmp_path, [kind])
    made = kinds_of(written(network, tmp_path, kind))
    place = made.index("MaxPool")
    assert made[place - 1 : place + 4] == ["MultiThreshold", "MaxPool", "Mul", "Add", "Flatten"]


@pytest.mark.parametrize("levels", [1, 2])
def test_channels_that_become_blocks_of_places(levels, tmp_path):
    """Of codes and of features, of one size and another; those of codes are read back."""
    torch = pytest.importorskip("torch")
    from rebnet.export import export
    from rebnet.nn.build import build
    from rebnet.nn.calibration import calibrate

    def network_of(text):
        torch.manual_seed(0)
        model = build(parse(text), levels)
        calibrate(model, np.random.default_rng(1).integers(0, 256, (20, *parse(text).image), np.uint8))
        return lower(export(model))

    chain = network_of("6x4x1 - C8:2x2/2 - PS2 - C18:3x3+same - PS3 - D3")
    check(chain, tmp_path)
    check(network_of("6x4x1 - C8:2x2/2 - PS2 - { C8:2x2/2 - PS2 | }+ - C4:1x1 - RPReLU - PS2 - D3"), tmp_path)
    made = kinds_of(written(chain, tmp_path, "single", float_scores=True))
    assert made.count("DepthToSpace") == 2
    back = read_onnx(tmp_path / "single.onnx").network
    assert [op.block for op in back.ops if isinstance(op, DepthToSpace)] == [2]  # a dense layer has the other's order
    images = images_for(chain, 5, 20)
    scores = reference.run(chain, images)
    assert np.array_equal(reference.run(lower(back), images).argmax(axis=1), scores.argmax(axis=1))


def test_answers_on_a_map(tmp_path):
    network = one_code((0.5, 0.1875), on_map=True)
    images = images_for(network, 3, 4)
    assert reference.run(network, images).shape == (4, 1, 2, 3)
    check(network, tmp_path, images=images)


def kinds_of(data):
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def test_a_step_of_one_size_is_one_multi_threshold(tmp_path):
    data = [written(one_code(gammas), tmp_path, "multithreshold") for gammas in ((0.5, 0.25), (0.5, 0.1875))]
    assert [kinds_of(one).count("MultiThreshold") for one in data] == [1, 2]
    single = onnx.load_from_string(written(one_code((0.5, 0.1875)), tmp_path, "single"))
    (node,) = (node for node in single.graph.node if node.op_type == "MultiThreshold")
    (thresholds,) = (one for one in single.graph.initializer if one.name == node.input[1])
    assert tuple(thresholds.dims) == (12, 3 + 5 + 3)  # values -11, -5, 5, 11 in units of 2


def test_a_chain_is_algorithm_1(tmp_path):
    """Two levels take two signs; a tree of steps, which that cannot say, takes one for every turn."""
    network = one_code((0.5, 0.1875))
    assert kinds_of(written(network, tmp_path, "chain")).count("BipolarQuant") == 2 + 2
    tree = treed(np.random.default_rng(2), network)
    assert any(node.op.tree for node in tree.nodes if isinstance(node.op, Threshold))
    assert kinds_of(written(tree, tmp_path, "chain")).count("BipolarQuant") == 2 + 3
    check(tree, tmp_path)


@pytest.mark.parametrize("bits", range(1, 9))
def test_pixels_of_few_bits(bits, tmp_path):
    network = lower(exported(bits=bits, image=(4, 8, 8)))
    image = np.arange(256, dtype=np.uint8).reshape(1, 4, 8, 8)
    check(network, tmp_path, images=np.concatenate([image, image[:, ::-1]]))


def with_table(table):
    network = lower(exported(bits=4, image=(4, 8, 8)))
    return verify(replace(network, input=replace(network.input, table=tuple(int(code) for code in table))))


def test_a_table_of_bytes(tmp_path):
    image = np.arange(256, dtype=np.uint8).reshape(1, 4, 8, 8)
    rising = np.minimum(np.arange(256) // 9 + (np.arange(256) > 99), 15)
    check(with_table(rising), tmp_path, images=image)
    falling = with_table(15 - rising)
    check(falling, tmp_path, ["plain"], images=image)
    for kind in ("chain", "multithreshold", "single"):
        with pytest.raises(ModelError, match=r"table of bytes falls somewhere, .* --to onnx"):
            written(falling, tmp_path, kind)


def test_float_scores_differ_by_rounding_alone(tmp_path):
    network = one_code((0.5, 0.25))
    images = images_for(network, 3, 8)
    scores = reference.run(network, images)
    for kind in KINDS:
        data = written(network, tmp_path, kind, float_scores=True)
        assert not {"Cast"} & set(kinds_of(data))
        found = (run_by_onnxruntime if kind == "plain" else executed)(data, images)
        assert found.dtype == np.float32
        assert np.abs(found - scores).max() <= np.abs(scores).max() * 2.0**-22


def test_the_same_network_gives_the_same_bytes(tmp_path):
    network = one_code((0.5, 0.25, 0.125))
    for kind in KINDS:
        assert written(network, tmp_path, kind) == written(network, tmp_path, kind)
        onnx.checker.check_model(onnx.load_from_string(written(network, tmp_path, "plain")), full_check=True)


def test_what_the_file_says_of_itself(tmp_path):
    network = one_code((0.5, 0.25))
    made = onnx.load_from_string(written(network, tmp_path, "chain", m=1))
    told = {one.key: one.value for one in made.metadata_props}
    assert (told["levels"], told["form"]) == ("1", "chain")
    (annotation,) = made.graph.quantization_annotation
    assert (annotation.tensor_name, annotation.quant_parameter_tensor_names[0].value) == ("image", "UINT8")
    known = {one.name for one in (*made.graph.value_info, *made.graph.output)}
    assert {node.output[0] for node in made.graph.node} <= known


def test_files_of_levels(tmp_path):
    network = one_code((0.5, 0.25))
    record = write_onnx(network, tmp_path / "x.onnx", levels=(2, 1))
    assert [(file.file, file.levels) for file in record.files] == [
        (str(tmp_path / "x-m2.onnx"), 2),
        (str(tmp_path / "x-m1.onnx"), 1),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-m1.onnx", "x-m2.onnx"]


def test_refusals(tmp_path, monkeypatch):
    network, place = one_code((0.5, 0.25)), tmp_path / "x.onnx"
    refused = [
        ({"to": "keras"}, "to='keras': use qonnx or onnx"),
        ({"form": "tree"}, "form='tree': use chain or multithreshold or single"),
        ({"to": "onnx", "form": "chain"}, "form=chain: is one of QONNX; with --to onnx leave --form out"),
        ({"levels": (3,)}, "levels=3: this network serves 1, 2; choose one of these"),
        ({"levels": ()}, "levels: names none; this network serves 1, 2"),
    ]
    for options, message in refused:
        with pytest.raises(OptionError) as error:
            write_onnx(network, place, **options)
        assert str(error.value) == message
    with pytest.raises(OptionError, match=r"x.pt: is a file that ends in .onnx; name it so"):
        write_onnx(network, tmp_path / "x.pt")
    place.write_text("mine")
    with pytest.raises(OutputError, match="is there already; name another --output, or add --replace"):
        write_onnx(network, place)
    assert place.read_text() == "mine"
    write_onnx(network, place, replace=True)
    (tmp_path / "y.onnx").mkdir()
    with pytest.raises(OutputError, match=r"is there already; name another --output$"):
        write_onnx(network, tmp_path / "y.onnx", replace=True)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"writing it needs the package onnx; pip install 'rebnet\[onnx\]'"):
        write_onnx(network, place, replace=True)


def test_what_no_file_or_float_holds(tmp_path, monkeypatch):
    network = one_code((0.5, 0.25))
    monkeypatch.setattr(draft, "MOST_BYTES", 100)
    with pytest.raises(
        ModelError, match=r"one: its constants take more than 100 bytes, and a file of ONNX holds 2 GiB"
    ):
        written(network, tmp_path, "plain")
    monkeypatch.undo()
    monkeypatch.setattr("rebnet.exporting.rules.MOST_EXACT", 1000)
    with pytest.raises(ModelError, match=r"layer_1: its sums reach \d+, and float32 counts to 1000 one by one"):
        written(network, tmp_path, "plain")
    monkeypatch.undo()
    with pytest.raises(ModelError, match=r"layer1, Dense: lower the network before exporting it"):
        draft_of(exported(), FORMS["plain"], 0)
    assert not list(tmp_path.iterdir())


def test_from_a_build_and_from_the_zoo(tmp_path):
    """A build is exported as it was compiled; a network of the zoo as compile makes it."""
    flow.compile("zoo:mnist-arch-1-m2", tmp_path / "build", until="lower", fixed_levels=True)
    network = storage.load(tmp_path / "build")
    images = images_for(network, 3, 4)
    flow.export(tmp_path / "build", tmp_path / "x.onnx", to="onnx")
    flow.export("zoo:mnist-arch-1-m2", tmp_path / "y.onnx", to="onnx")
    for file in ("x.onnx", "y.onnx"):
        found = run_by_onnxruntime((tmp_path / file).read_bytes(), images)
        assert np.array_equal(found, reference.run(network, images))
    flow.export("zoo:mnist-arch-1-m2", tmp_path / "z.onnx", to="onnx", levels=(1,))
    with pytest.raises(OptionError, match="levels=1: this network serves 2"):
        flow.export(tmp_path / "build", tmp_path / "z.onnx", to="onnx", levels=(1,))


@pytest.mark.parametrize("kind", ["chain", "multithreshold", "single"])
@pytest.mark.parametrize("gammas", [(0.5,), (0.5, 0.25), (0.5, 0.25, 0.125), (0.5, 0.5), (0.5, 0.1875)])
def test_there_and_back(kind, gammas, tmp_path):
    """What importing reads of an exported file has the same scores, scaled as the importer does."""
    if kind == "chain" and len(gammas) > 1:
        pytest.skip("level by level, a value parts and meets")
    network = one_code(gammas)
    written(network, tmp_path, kind, float_scores=True)
    back = read_onnx(tmp_path / f"{kind}.onnx").network
    images = images_for(network, 5, 30)
    scores = reference.run(network, images)
    found = run_real(back, images, precision=np.float64)
    assert np.abs(found - scores).max() <= np.abs(scores).max() * 2.0**-22
    assert np.array_equal(reference.run(lower(back), images).argmax(axis=1), scores.argmax(axis=1))


@pytest.mark.parametrize("levels", [2, 8])
def test_algorithm_1_comes_back_where_its_steps_are_small(levels, tmp_path):
    """Level by level, a value parts and meets: codes of one bit that count 2 and 1, and features of both."""
    network = lower(from_text("2x2x1 - D5 - D3", levels=levels, bits=1))
    images = images_for(network, 5, 30)
    scores = reference.run(network, images, 2)
    written(network, tmp_path, "chain", m=2, float_scores=True)
    back = read_onnx(tmp_path / "chain.onnx").network
    found = run_real(back, images, precision=np.float64)
    assert np.abs(found - scores).max() <= np.abs(scores).max() * 2.0**-22
    assert np.array_equal(reference.run(lower(back), images).argmax(axis=1), scores.argmax(axis=1))


def test_a_regression_says_what_its_scores_are_worth(tmp_path):
    network = lower(replace(exported(levels=2), regression=True))
    images = images_for(network, 5, 4)
    for m in network.served:
        data = written(network, tmp_path, "plain", m)
        told = {one.key: one.value for one in onnx.load_from_string(data).metadata_props}
        values = run_by_onnxruntime(data, images) * float(told["unit"])
        assert np.array_equal(values, values_in_unit(network, reference.run(network, images, m), m))


def test_of_a_link_what_it_names_is_meant(tmp_path):
    network = one_code((0.5, 0.25))
    link, named = tmp_path / "x.onnx", tmp_path / "there" / "named"
    link.symlink_to(named)
    write_onnx(network, link)
    data = named.read_bytes()
    with pytest.raises(OutputError, match="is there already"):
        write_onnx(network, link)
    write_onnx(network, link, form="single", replace=True)
    assert link.is_symlink()
    assert named.read_bytes() != data
    (tmp_path / "y-m2.onnx").symlink_to("nothing")
    with pytest.raises(OutputError, match=r"y-m2\.onnx: is a link, one of 2 files; name another --output"):
        write_onnx(network, tmp_path / "y.onnx", levels=(1, 2), replace=True)
    assert (tmp_path / "y-m2.onnx").is_symlink()


def counted(name, dataset, count, few):
    return pytest.param(name, dataset, count, few, marks=pytest.mark.data(dataset))


@pytest.mark.parametrize(
    ("name", "dataset", "count", "few"),
    [counted("mnist-arch-1-any", "mnist", 1000, 50), counted("cifar10-arch-2-m2", "cifar10", 50, 2)],
)
def test_the_zoo_on_its_images(name, dataset, count, few, data_dir, tmp_path):
    """As plain ONNX, and fewer images as QONNX, whose executor goes node by node."""
    images = datasets.load(dataset, data_dir).test_images[:count]
    flow.compile(f"zoo:{name}", tmp_path / "build", until="lower")
    network = storage.load(tmp_path / "build")
    check(network, tmp_path, ["plain"], images=images)
    check(network, tmp_path, ["chain", "multithreshold", "single"], images=images[:few])
