"""What is written at run time: addresses, words, checksums, and which networks an accelerator takes."""

import itertools
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from tests.ir.networks import exported, from_text, tiny

from networks.draw import (
    draw_accelerator,
    draw_chain,
    draw_conv_network,
    draw_grouped_network,
    draw_network,
    write_folding,
)
from rebnet.boards.shells.uart import device_text
from rebnet.errors import FileFormatError, FoldingError, OptionError
from rebnet.fold import fold
from rebnet.generate import bus, generate
from rebnet.generate.check import checked
from rebnet.generate.images import bus_words
from rebnet.generate.load import write_list
from rebnet.ir import storage
from rebnet.ir.ops import BitMatrix, Dense, Threshold
from rebnet.lower import lower
from rebnet.records import Ports, Weights, read
from rebnet.stages.memories import Rom


def made(build, network, **options):
    storage.save(network, build)
    fold(build)
    generate(build, runtime_weights=True, **options)
    return build


def saved(folder, network):
    storage.save(network, folder)
    return folder


def dense(seed, levels=2, **options):
    return lower(exported(seed, levels, 8, (3, 3, 1), (6, 5), 4), **options)


def memory_of(build, words):
    """What is in the memories once `words` are written, as the text of their images; the slow way."""
    ports = read(build / "ports.json", Ports)
    at = dict(zip(words.addresses.tolist(), words.data.tolist(), strict=True))
    found = {}
    for window in ports.runtime_weights.memories:
        columns, rows = -(-window.width_bits // 32), max(1, (window.depth - 1).bit_length())
        for column in range(columns):
            digits = -(-min(32, window.width_bits - 32 * column) // 8) * 2
            lines = [f"{at[window.base + (column << rows) + row]:0{digits}x}\n" for row in range(window.depth)]
            name = f"{window.name}.hex" + (f".{column:03}" if columns > 1 else "")
            found[f"mem/{name}"] = "".join(lines)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_what_is_written_is_what_the_images_hold(tmp_path, seed):
    """Of random chains at random foldings; the images of one are those that its list writes."""
    rng = np.random.default_rng(seed)
    network = draw_chain(rng, seed)
    accelerator, depths = draw_accelerator(rng, network)
    build = saved(tmp_path / "build", network)
    write_folding(build, network, accelerator, depths)
    ports = generate(build, runtime_weights=True)
    words = write_list(build, build)
    images = {file: (build / file).read_text() for file in ports.memories}
    assert memory_of(build, words) == images
    assert list(images) == [*ports.memories]
    assert checked(build).ports == ports


DRAWS = (draw_network, draw_conv_network, lambda rng, number, planes: draw_grouped_network(rng, number))


@pytest.mark.parametrize("seed", range(12))
def test_any_weights_of_a_shape_fit(tmp_path, seed):
    """Random chains with planes of weights and in groups, and the same with other weights and encoders."""
    rng, planes = np.random.default_rng(seed), np.random.default_rng(seed)
    network = DRAWS[seed % 3](rng, seed, planes if seed % 2 else None)
    accelerator, depths = draw_accelerator(rng, network)
    build = saved(tmp_path / "build", network)
    write_folding(build, network, accelerator, depths)
    generate(build, runtime_weights=True)

    def turned(node):
        op = node.op
        if isinstance(op, Dense) and len(op.weights.gains) == 1:
            return replace(node, op=replace(op, weights=BitMatrix.pack(rng.random(op.weights.bits.shape) < 0.5)))
        if isinstance(op, Threshold):
            order = rng.permutation(op.thresholds.shape[1])
            return replace(node, op=replace(op, thresholds=op.thresholds[:, order], steps=op.steps[:, order]))
        return node

    other = saved(tmp_path / "other", replace(network, nodes=tuple(map(turned, network.nodes))))
    words = write_list(build, other)
    assert len(words.data) == read(build / "ports.json", Ports).runtime_weights.words


@pytest.mark.parametrize("seed", range(12))
def test_windows_are_apart_aligned_and_reached(seed):
    rng = np.random.default_rng(seed)
    shapes = [(int(rng.integers(1, 1200)), int(rng.integers(1, 300))) for _ in range(int(rng.integers(1, 9)))]
    words = {f"memory_{i}": np.zeros((depth, width), dtype=np.bool_) for i, (width, depth) in enumerate(shapes)}
    windows = bus.windows_of(words)
    ends = [(0, bus.NETWORK_WORDS)]
    for window, (width, depth) in zip(windows, shapes, strict=True):
        assert (window.width_bits, window.depth) == (width, depth)
        size = 1
        while size < 2 * -(-width // 32) * depth and size < -(-width // 32) << bus.row_bits(depth):
            size *= 2
        assert window.base % size == 0
        ends.append((window.base, window.base + size))
    assert all(end <= base for (_, end), (base, _) in itertools.pairwise(ends))
    assert 1 << bus.address_bits(windows) >= ends[-1][1] > 1 << bus.address_bits(windows) - 1
    roms = {"memory_0": Rom(4, 32_768, "block"), "memory_1": Rom(4, 32_768, "distributed"), "other": Rom(9, 9, "block")}
    assert bus.latency_cycles(windows, {}) == 4 * len(windows)
    assert bus.latency_cycles(windows, roms) == 4 * len(windows) + 2
    assert bus.words_of(windows) == 8 + sum(len(bus_words(own).ravel()) for own in words.values())


def test_memories_that_are_too_wide_are_refused():
    with pytest.raises(OptionError, match=r"^runtime_weights: memory wide has words of 32001 bits, and 32000 can be"):
        bus.windows_of({"wide": np.zeros((1, 32001), dtype=np.bool_)})


def test_memories_of_too_many_pieces_are_refused():
    words, rom = np.zeros((18_432, 4000), dtype=np.bool_), Rom(4000, 18_432, "block")
    with pytest.raises(OptionError, match=r"^runtime_weights: memory deep stands in 125 columns and \d+ banks"):
        bus.windows_of({"deep": words}, {"deep": rom})


def test_words_of_the_bus_by_hand():
    bits = np.zeros((3, 35), dtype=np.bool_)
    bits[0, 0] = bits[1, 31] = bits[2, 34] = True
    assert bus_words(bits).tolist() == [[1, 1 << 31, 0], [0, 0, 4]]


def test_a_list(tmp_path):
    build, other = made(tmp_path / "build", dense(1)), saved(tmp_path / "other", dense(2))
    words, own = write_list(build, other), write_list(build, build)
    assert words.shape == own.shape == read(build / "ports.json", Ports).runtime_weights.shape
    assert (words.addresses == own.addresses).all()
    assert (words.data != own.data).any()
    assert len(set(words.addresses.tolist())) == len(words.addresses)
    assert "".join(f"{word:08x}" for word in words.data[:8]) == words.network
    assert words.addresses[:8].tolist() == [*range(8)]
    assert len(words.data) == read(build / "ports.json", Ports).runtime_weights.words
    raw = words.to_bytes()
    assert words.checksum == zlib.crc32(raw)
    assert raw[8:16] == bytes([1, 0, 0, 0]) + int(words.data[1]).to_bytes(4, "little")
    runs = list(words.runs())
    again = [(base + i, word) for base, data in runs for i, word in enumerate(data.tolist())]
    assert again == list(zip(words.addresses.tolist(), words.data.tolist(), strict=True))
    assert all(base + len(data) != following for (base, data), (following, _) in itertools.pairwise(runs))


def test_the_top_level_is_the_same_for_all_networks_of_a_shape(tmp_path):
    texts = set()
    for seed in range(3):
        build = made(tmp_path / f"build-{seed}", dense(seed))
        texts.add((build / "rtl" / "accelerator.sv").read_text())
    assert len(texts) == 1


def test_an_any_level_network_takes_the_place_of_another(tmp_path):
    """Whatever form its encoders have."""
    build = made(tmp_path / "build", dense(1, 3))
    tree = dense(2, 3)
    assert write_list(build, saved(tmp_path / "tree", tree)).shape


REFUSED = {
    "fewer levels": (lambda: dense(2, 1), "takes 3x3x1 of 8 bits and serves m = 1, and the accelerator of"),
    "fixed levels": (lambda: dense(2, fixed_levels=True), "serves m = 2, and the accelerator of"),
    "another image": (lambda: lower(exported(1, 2, 8, (3, 4, 1), (6, 5), 4)), "takes 3x4x1 of 8 bits and serves"),
    "other pixels": (lambda: lower(exported(1, 2, 7, (3, 3, 1), (6, 5), 4)), "takes 3x3x1 of 7 bits and serves"),
    "more layers": (lambda: lower(exported(1, 2, 8, (3, 3, 1), (6, 5, 5), 4)), "layer3 (Dense to 1x1x5 with 5 inputs)"),
    "more outputs": (lambda: lower(exported(1, 2, 8, (3, 3, 1), (6, 7), 4)), "layer2 (Dense to 1x1x7 with 6 inputs)"),
    "narrower numbers": (lambda: dense(2, threshold_bits=20), "needs SCORE_WIDTH = 37 in classes, and"),
    "a convolution": (lambda: lower(from_text("3x3x1 - C6:3x3 - D5 - D4", 1, 2)), "layer1 (Conv to 1x1x6"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_other_shapes_are_refused(tmp_path, case):
    make, sentence = REFUSED[case]
    build, other = made(tmp_path / "build", dense(1)), saved(tmp_path / "other", make())
    with pytest.raises(FoldingError, match=re.escape(sentence)):
        write_list(build, other)


def test_what_is_no_build_is_refused(tmp_path):
    build = made(tmp_path / "build", dense(1))
    for folder in (saved(tmp_path / "exported", exported(1, 2, 8, (3, 3, 1), (6, 5), 4)), tmp_path / "nothing"):
        with pytest.raises(FileFormatError, match=re.escape(f"{folder}: holds no lowered network; name a build")):
            write_list(build, folder)


def test_a_build_without_it_is_refused(tmp_path):
    build = saved(tmp_path / "build", dense(1))
    fold(build)
    generate(build)
    assert "runtime_weights" not in json.loads((build / "ports.json").read_text())
    with pytest.raises(FileFormatError, match=r"has no runtime_weights, so the weights are in the bitstream for good"):
        write_list(build, build)


def test_an_edited_or_stale_build_is_refused(tmp_path):
    build = made(tmp_path / "build", dense(1))
    assert checked(build).edited == ()
    with (build / "rtl" / "mvtu.sv").open("a") as file:
        file.write("// mine\n")
    again = f"run 'rebnet generate {build} --target rtl --runtime-weights' to make it again"
    with pytest.raises(FileFormatError, match=re.escape(again)):
        checked(build)
    storage.save(dense(3), build)
    with pytest.raises(FileFormatError, match=r"was made from another network\.json"):
        write_list(build, build)


def test_where_it_is_of_no_use(tmp_path):
    build = made(tmp_path / "build", lower(tiny(2)))
    for target in ("c", "axi"):
        with pytest.raises(OptionError, match=f"^runtime_weights: is of RTL, with --target rtl, and not of {target};"):
            generate(build, target=target, runtime_weights=True)
    with pytest.raises(OptionError, match="are written at run time through the AXI shell, and the board has a serial"):
        device_text(read(build / "ports.json", Ports))


def test_generate_once_more_without_it(tmp_path):
    """RTL, images and record are those of a build that never had it."""
    build, plain = made(tmp_path / "build", dense(1)), saved(tmp_path / "plain", dense(1))
    fold(plain)
    generate(plain)
    generate(build)
    names = {str(path.relative_to(plain)) for path in plain.rglob("*") if path.is_file()}
    assert {str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()} == names
    assert all((build / name).read_bytes() == (plain / name).read_bytes() for name in names)


def test_memories_are_in_the_order_of_the_bus(tmp_path):
    build = made(tmp_path / "build", dense(1))
    names = [window.name for window in read(build / "ports.json", Ports).runtime_weights.memories]
    top = (build / "rtl" / "accelerator.sv").read_text()
    chain = re.findall(r"\.config_in\((\w+)\),\n +\.config_out\((\w+)\)", top)
    assert chain[0][0] == "config_in"
    assert chain[-1][1] == "config_out"
    assert all(behind == before for (_, behind), (before, _) in itertools.pairwise(chain))
    assert names == ["layer1_weights", "layer1_thresholds", "layer2_weights", "layer2_thresholds", "layer2_gains",
                     "layer3_weights", "layer3_gains", "scores"]  # fmt: skip


def test_words_in_files(tmp_path):
    """`generate` writes the list and its record; what belongs to another target is refused."""
    build, other = made(tmp_path / "build", dense(1)), saved(tmp_path / "other", dense(2))
    words = write_list(build, other)
    record = generate(build, target="weights", network=other, output=tmp_path / "words")
    assert (tmp_path / "words" / "weights.bin").read_bytes() == words.to_bytes()
    assert read(tmp_path / "words" / "weights.json", Weights) == record
    assert (record.shape, record.network, record.words, record.checksum) == (
        words.shape, words.network, len(words.data), words.checksum,
    )  # fmt: skip
    assert generate(build, target="weights").network != record.network
    assert (build / "weights" / "weights.bin").read_bytes() == write_list(build, build).to_bytes()
    with pytest.raises(OptionError, match=r"^network=.*is whose words are written, with --target weights"):
        generate(build, network=other)
    with pytest.raises(OptionError, match=r"^name=x: words have no name"):
        generate(build, target="weights", name="x")


@pytest.mark.parametrize(
    "edit",
    [
        lambda bus: bus.update(shape="00000000"),
        lambda bus: bus.update(gain_bits=9),
        lambda bus: bus["memories"].pop(),
        lambda bus: bus["memories"][0].update(base=1 << 12),
        lambda bus: bus["memories"][0].update(name="elsewhere"),
        lambda bus: bus["memories"][0].update(depth=1 << 40),
    ],
)
def test_a_bus_that_the_accelerator_does_not_have(tmp_path, edit):
    """An edited ports.json, or one of another version: words would go to wrong addresses."""
    build = made(tmp_path / "build", dense(1))
    record = json.loads((build / "ports.json").read_text())
    edit(record["runtime_weights"])
    (build / "ports.json").write_text(json.dumps(record))
    with pytest.raises(
        FileFormatError, match=r"its runtime_weights are not those that the build's network and folding"
    ):
        write_list(build, build)
