"""Networks with branches as C: every score equals the reference's, and memory is taken by what lives at a time."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.generate.c_programs import (
    BARE,
    CORTEX_M4,
    check,
    check_together,
    host,
    linked,
    run_tool,
    sanitized,
    tool,
    written,
)
from tests.ir.graphs import Graph, bend, pruned, random_graph
from tests.ir.networks import images_for, random_images, treed

from rebnet.errors import OptionError
from rebnet.generate import generate
from rebnet.generate.c.arena import Buffer, arrange
from rebnet.generate.c.graph import graph, kept_type
from rebnet.ir import storage
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Conv, Dense, MaxPool, PixelInput, Scores, Threshold
from rebnet.ir.values import Feature, Shape
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window

ROOT = Path(__file__).parents[2]
SMALL = "8x8x1 - C8:3x3+same - { C8:3x3+same | }+ - { C12:3x3/2+same | C12:1x1/2 }+ - GAP - D10"


@cache
def from_training(text, levels):
    """A network of the text's shape as training would leave it: random weights, statistics of random images."""
    torch = pytest.importorskip("torch")
    from rebnet.export import export
    from rebnet.nn.build import build
    from rebnet.nn.networks import architecture

    torch.manual_seed(levels)
    described = architecture(text)
    return lower(export(build(described, levels).eval(), "r", images=random_images(0, 4, described.image)))


def everything(seed, levels, rows=(33, 1, 5), own_sets=False, **options):
    """A lowered network of every operation: forks of forks, an odd map, unequal channels, units that differ."""
    made = Graph(np.random.default_rng(seed), levels, PixelInput(9, 7, 2, 5), own_sets=own_sets)
    many, one, few = rows

    def feature(source, count, window):
        return made.feature(made.layer(source, count, window), 3, positive=False)

    def put(op, *sources):
        return made.put(op, *sources, width=1.0)

    stem = feature("pixels", many, Window(3, 1, same=True))
    code = made.sign(stem)
    sign = made.nodes[-1].op
    deep = feature(code, many, Window(3, 1, same=True))
    thin = feature(made.sign(deep), one, Window(1, 1))
    joined = put(Join(), put(Add(), stem, deep, stem), thin, deep)
    largest = put(MaxPool(Window(2, 2)), joined)
    summed = put(SumPool(Window(2, 2)), put(bend(made, joined), joined))
    mixed = put(sign, put(Add(), largest, summed))
    pooled = put(MaxPool(Window(3, 2)), put(Join(), code, put(sign, thin), code))
    narrow = feature(put(Stack(), put(Stack(), mixed, put(sign, largest)), mixed), few, Window(2, 1, same=True))
    again = feature(pooled, few, Window(3, 2, same=True))
    larger = feature(put(Upsample(Factors(1, 3)), put(Upsample(Factors(2, 1)), made.sign(again))), few, Window(1, 2))
    again = put(Add(), again, again, put(MaxPool(Window(2, 2)), put(Upsample(Factors(2, 2)), again)))
    spread = feature(put(DepthToSpace(2), put(Join(), code, code, code, code)), few, Window(2, 1))
    parted = put(DepthToSpace(3), put(Join(), *[again] * 9))
    ends = [put(SumPool(), narrow), put(SumPool(), again), put(SumPool(), largest), put(SumPool(), larger)]
    ends += [put(SumPool(), spread), put(SumPool(), parted)]
    ends[2] = put(bend(made, ends[2]), ends[2])
    codes = [put(sign, end) for end in ends]
    last = made.norm(made.layer(put(Join(), *codes, *reversed(codes)), 4, None), positive=False)
    return lower(pruned(f"everything{seed}", made, last), **options)


def keywords(network):
    """The network with names that mean something in C."""
    words = "int for long static float if do typedef struct memory levels image scores row sum position z1 main"
    names = dict(zip((node.name for node in network.nodes), re.findall(r"\w+", words), strict=False))
    nodes = (
        Node(names.get(n.name, n.name), n.op, tuple(names.get(s, s) for s in network.sources(n))) for n in network.nodes
    )
    return verify(Network("int", network.levels, network.input, tuple(nodes), served=network.served))


def wide(finest=2):
    """Numbers that leave 32 bits on the way: of a rescale, its shift, a slope, summands that cancel, a threshold.

    `finest` is F of one summand, which is 0 or -1.
    """
    made = Graph(np.random.default_rng(4), 2, PixelInput(4, 4, 1, 3))
    up, down, small = (made.feature(made.layer("pixels", 3, Window(2, 1, same=True)), 2, positive=True) for _ in "uds")

    def put(op, *sources):
        return made.put(op, *sources, width=1.0)

    one, none = np.full(3, 1 << 14), np.zeros(3, dtype=np.int64)
    most, least = put(MaxPool(Window(4, 1)), up), put(MaxPool(Window(4, 1)), put(TwoSlope(one, none, none, 14), down))
    sign = made.sign(put(Add(), most, least, put(SumPool(), small)))
    last = made.norm(made.layer(sign, 3, None), positive=False)
    network = lower(pruned("wide", made, last), threshold_bits=32)

    def far(node):
        op = node.op
        if isinstance(op, Threshold):
            return replace(op, steps=np.full_like(op.steps, 2**31 - 1))
        if node.name == small:
            few = np.full_like(op.scale, 3)
            return replace(op, scale=few, bias=few - 3, shift=40, fraction_bits=finest)
        if node.name not in (up, down):
            return op
        kept = int(finest == 2)  # all of it, or nothing but what cancels
        far_off = (1 if node.name == up else -1) * (2**28 << op.shift)
        return replace(op, scale=op.scale * kept, bias=op.bias * kept + far_off)

    return verify(network.with_ops(tuple(far(node) for node in network.nodes)))


def test_random_networks(tmp_path):
    networks = [lower(random_graph(seed)) for seed in range(40)]
    networks[::4] = [treed(np.random.default_rng(seed), network) for seed, network in enumerate(networks[::4])]
    images = [images_for(network, number, 3) for number, network in enumerate(networks)]
    check_together(networks, images, tmp_path, host(), "-O0")


def test_nothing_is_read_or_written_that_is_not_there(tmp_path):
    """Of many levels, sets of their own, fixed levels, one channel, names that are keywords, numbers of 64 bits."""
    own = everything(3, 3, rows=(4, 1, 2), own_sets=True)
    networks = [everything(1, 8, rows=(2, 1, 1)), keywords(own), wide()]
    networks.append(everything(5, 2, rows=(1, 1, 1), fixed_levels=True))
    check_together(networks, [images_for(network, 1, 2) for network in networks], tmp_path, host(), *sanitized())
    kinds = {type(op) for network in networks for op in network.ops}
    assert kinds == {
        Conv,
        Dense,
        MaxPool,
        Scores,
        Threshold,
        Rescale,
        TwoSlope,
        Add,
        SumPool,
        Upsample,
        DepthToSpace,
        Join,
        Stack,
    }
    source = (tmp_path / "net2.c").read_text()
    assert all(text in source for text in ("floored64(", "(int64_t)z", "int64_t residual", "int64_t y"))


def test_residual_networks(tmp_path):
    networks = [from_training("resnet-20", levels) for levels in (1, 2, 3)] + [from_training(SMALL, 2)]
    images = [images_for(network, 1, 2) for network in networks]
    records = check_together(networks, images, tmp_path, host(), "-O0")
    page = (ROOT / "docs" / "guides" / "run-on-a-microcontroller.md").read_text(encoding="utf-8")
    for levels, record in enumerate(records[:3], start=1):
        assert f"\n| {levels} | {record.constant_bytes:,} | {record.memory_bytes:,} |" in page


def test_a_microcontrollers_code_under_qemu(tmp_path):
    """What the header states is all that it takes; no data that is written, no function but two of string.h."""
    compiler, qemu = tool("arm-none-eabi-gcc"), tool("qemu-arm-static", "qemu-arm")
    network = from_training("resnet-20", 2)
    record = written(network, tmp_path)
    program = linked(tmp_path, compiler, *CORTEX_M4, "-Os", driver=BARE)
    listed = run_tool([*tool("arm-none-eabi-nm"), "-u", tmp_path / "network.o"]).split()
    assert set(listed) <= {"U", "memcpy", "memset"}
    sizes = run_tool([*tool("arm-none-eabi-size"), tmp_path / "network.o"]).splitlines()[1].split()
    assert sizes[1:3] == ["0", "0"]  # data, bss
    check([*qemu, program], network, images_for(network, 5, 1), [2])
    first, codes, window = 32 * 32 * 16 * 2, 32 * 32 * 2 * 4, 2 * 576 // 8
    assert record["memory_bytes"] == first + 2 * codes + window


def test_no_two_maps_share_memory_in_a_step():
    for seed in range(12):
        plan = graph(lower(random_graph(seed, levels=1, steps=25)))
        held = list({id(buffer): buffer for buffer in plan.buffers.values()}.values())
        for number, one in enumerate(held):
            assert one.place + one.words <= plan.arena_words
            for other in held[:number]:
                apart = one.place + one.words <= other.place or other.place + other.words <= one.place
                assert apart or one.end < other.start or other.end < one.start


def test_free_memory_is_used_again():
    buffers = [Buffer(4, 1, 2), Buffer(2, 2, 3), Buffer(4, 3, 4), Buffer(2, 4, 5)]
    assert arrange(buffers) == 6
    assert [(buffer.place, buffer.words) for buffer in buffers] == [(0, 4), (4, 2), (0, 4), (4, 2)]


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(-128, 127, "int8_t"), (0, 128, "int16_t"), (-129, 0, "int16_t"), (0, 32767, "int16_t"), (-32769, 0, "int32_t")],
)
def test_the_narrowest_type_of_a_feature(low, high, kind):
    assert kept_type(Feature(Shape(1, 1, 1), 1, (low, 0), (0, high))) == kind


def test_golden(tmp_path, golden):
    made = Graph(np.random.default_rng(0), 2, PixelInput(3, 3, 1, 2))
    stem = made.feature(made.layer("pixels", 2, Window(2, 1, same=True)), 2, positive=False)
    branch = made.feature(made.layer(made.sign(stem), 2, Window(2, 1, same=True)), 2, positive=False)
    sign = made.sign(made.put(SumPool(), made.put(Add(), branch, stem, width=1.4), width=1.0))
    network = lower(pruned("tiny", made, made.norm(made.layer(sign, 2, None), positive=False)))
    record = written(network, tmp_path)
    check([linked(tmp_path, host(), "-O1")], network, images_for(network, 1, 20))
    for path in (record["header"], record["source"]):
        golden(f"tiny-branch-m2{path[-2:]}", re.sub(r"[0-9a-f]{64}", "(sha256)", (tmp_path / path).read_text()))


def test_refusals(tmp_path):
    network = next(graph for graph in map(random_graph, range(50)) if not graph.is_chain)
    storage.save(network, tmp_path)
    with pytest.raises(OptionError, match=rf"^{network.name}: lower the network before writing it as C$"):
        generate(tmp_path, target="c")
    storage.save(wide(finest=40), tmp_path)
    with pytest.raises(
        OptionError,
        match=r"^wide, n10: adds features whose units are 2\^42 apart, which takes more than the 64 bits of a number "
        "in C; use --target rtl$",
    ):
        generate(tmp_path, target="c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "tensors.safetensors"]
