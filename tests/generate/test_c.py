"""Networks as C: every score equals the reference's, on every processor whose compiler is here, without a warning."""

import platform
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from tests.engine.test_native import drawn
from tests.generate.c_programs import (
    BARE,
    CORTEX_M4,
    STRICT,
    check,
    compiled,
    host,
    linked,
    run_tool,
    sanitized,
    scores,
    tool,
    written,
)
from tests.ir.networks import exported, finer, from_text, images_for, tiny, tiny_conv, treed, with_own_sets

from rebnet import datasets, flow
from rebnet.choices import GenerateTarget
from rebnet.engine import reference
from rebnet.engine.predictor import Predictor
from rebnet.errors import FileFormatError, OptionError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.c.helpers import DIFFERING
from rebnet.generate.c.plan import plan
from rebnet.generate.c.tables import narrowest, residual_type, score_type
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.notation import parse
from rebnet.ir.ops import Conv, Dense, MaxPool, Scores, Threshold
from rebnet.ir.text import network_text
from rebnet.ir.verify import verify
from rebnet.lower import lower

OPTIMISED = (("-O0",), ("-O2",), ("-O3",), ("-Os",))


def network_of(seed: int) -> Network:
    """A random network of any number of levels and input bits, one in four with fixed levels."""
    rng = np.random.default_rng([seed, 1])
    return drawn(seed, int(rng.integers(1, 9)), int(rng.integers(1, 9)), bool(rng.integers(4) == 0))


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed, tmp_path):
    network = network_of(seed)
    written(network, tmp_path)
    program = linked(tmp_path, host(), *OPTIMISED[seed % 4])
    check([program], network, images_for(network, seed, seed % 4))


@pytest.mark.parametrize("seed", range(100, 108))
def test_nothing_is_read_or_written_that_is_not_there(seed, tmp_path):
    network = network_of(seed)
    written(network, tmp_path)
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, seed, 3))


SHAPES = {
    "words of channels": "9x8x1 - C31:2x2 - C32:2x2 - C33:2x2 - C65:2x2 - D4",
    "pools that overlap": "14x13x2 - C5:2x2 - MP3/1 - C40:3x3 - MP3/2 - D7 - D3",
    "pools that leave gaps": "14x13x2 - C5:2x2 - MP2/3 - C6:1x1/2 - D3",
    "padding": "7x6x3 - C5:5x5+same - C6:4x4/3+same - C7:5x5/2+same - D3",
    "a window larger than its map": "2x1x3 - C5:5x5+same - C6:4x4+same - MP1 - D3",
    "strides beyond the kernel": "15x15x1 - C5:2x2/3 - C6:1x1/2 - D3",
    "one row": "1x9x2 - C3:1x1 - C4:1x1/2 - D2",
    "one layer": "5x7x1 - D3",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape, tmp_path):
    network = finer(lower(from_text(SHAPES[shape], 5, 3)), 2)
    written(network, tmp_path)
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, 2, 3))


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 4])
def test_steps_behind_every_code(levels, fixed, tmp_path):
    network = lower(from_text("9x6x2 - C5:3x3+same - MP2 - C3:2x2 - D40 - D3", 5, levels), fixed_levels=fixed)
    network = treed(np.random.default_rng(levels), network, share=0.8)
    assert any(op.tree for op in network.ops if isinstance(op, Threshold)) == (levels > 1)
    written(network, tmp_path)
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, 2, 5))


def test_a_convolution_behind_a_dense_layer(tmp_path):
    """No text says so, but a network may: a window as large as its map is a dense layer."""
    network = lower(from_text("3x3x1 - C6 - C5:3x3+same - C4:1x1 - D3", 5, 3))
    first = network.layers[0].op
    dense = Dense(first.weights, first.scale, None, first.unit, first.gains)
    network = verify(network.with_ops((dense, *network.ops[1:])))
    written(network, tmp_path)
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, 2, 3))


@pytest.mark.parametrize("fixed", [False, True])
def test_any_level_networks(fixed, tmp_path):
    network = lower(with_own_sets(from_text("6x6x1 - C9:2x2 - MP2 - D8 - D4", 3, 3)), fixed_levels=fixed)
    written(network, tmp_path)
    check([linked(tmp_path, host(), "-O1")], network, images_for(network, 2, 20))


def test_levels_of_every_image(tmp_path):
    network = drawn(5)
    written(network, tmp_path)
    images, levels = images_for(network, 2, 40), np.random.default_rng(0).integers(1, 4, 40)
    found, _ = scores([linked(tmp_path, host(), "-O1")], network, images, levels.tolist())
    assert np.array_equal(found, reference.run_mixed(network, images, levels))


COUNTS = """
#include <stdint.h>
#include <stdio.h>
#include <string.h>
%s
int main(void) {
  static uint32_t left[100], right[100];
  uint32_t state = 1;
  for (int pattern = 0; pattern < 3; pattern++) {
    int32_t expected = 0;
    for (int word = 0; word < 100; word++) {
      if (differing(left, right, word) != expected) return printf("pattern %%d, %%d words", pattern, word);
      for (int bit = 0; bit < 32; bit++) {
        state = state * 1664525u + 1013904223u;
        const uint32_t differs = pattern == 0 || (pattern == 1 && state >> 31);
        left[word] = left[word] << 1 | (state >> 30 & 1u);
        right[word] = right[word] << 1 | ((state >> 30 & 1u) ^ differs);
        expected += (int32_t)differs;
      }
    }
  }
  return 0;
}
"""


@pytest.mark.parametrize("option", ["-mno-popcnt", "-mpopcnt"])
def test_bits_are_counted(option, tmp_path):
    """All, some or none of 0 to 99 words, with what the processor has for it and without."""
    (tmp_path / "count.c").write_text(COUNTS % DIFFERING)
    if platform.machine() != "x86_64":
        pytest.skip("this option is x86-64's")
    run_tool([*host(), *STRICT, "-O2", option, tmp_path / "count.c", "-o", tmp_path / "count"])
    assert run_tool([tmp_path / "count"]) == ""
    assembly = run_tool([*host(), "-std=c99", "-O2", option, "-S", tmp_path / "count.c", "-o", "-"])
    assert ("popcnt" in assembly) == (option == "-mpopcnt")


def test_another_way_to_count_bits_changes_no_score(tmp_path):
    if platform.machine() != "x86_64":
        pytest.skip("this option is x86-64's")
    network = lower(from_text("21x21x5 - C33:2x2 - D40 - D3", 1, 2, 3))
    written(network, tmp_path)
    assert {layer.column_words for layer in plan(network).layers} == {1, 413, 2}
    for option in ("-mno-popcnt", "-mpopcnt"):
        check([linked(tmp_path, host(), "-O2", option)], network, images_for(network, 2, 3))


def wide_scores(network: Network, bias: int) -> Network:
    """The network with scores that this bias widens."""
    *ops, last = network.ops
    wide = network.with_ops((*ops, replace(last, bias=np.full_like(last.bias, bias))))
    return replace(wide, threshold_bits=32)


@pytest.mark.parametrize(("bias", "kind"), [(2**31 - 1, "int64_t"), (-(2**47), "int64_t"), (5, "int32_t")])
def test_the_type_of_scores(bias, kind, tmp_path):
    network = wide_scores(lower(exported(1, 1, 1, hidden=(5,))), bias)
    assert score_type(plan(network).layers[-1]) == kind
    written(network, tmp_path)
    assert f"typedef {kind} network_score;" in (tmp_path / "network.h").read_text()
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, 1, 20))


@pytest.mark.parametrize(("step", "kind"), [(2**31 - 1, "int64_t"), (2**29, "int32_t")])
def test_the_type_of_residuals(step, kind, tmp_path):
    network = lower(exported(1, 3, 1, hidden=(5,)))
    ops = tuple(
        replace(op, steps=np.full_like(op.steps, step)) if isinstance(op, Threshold) else op for op in network.ops
    )
    network = replace(network.with_ops(ops), threshold_bits=32)
    assert residual_type(plan(network).layers) == kind
    written(network, tmp_path)
    check([linked(tmp_path, host(), *sanitized())], network, images_for(network, 1, 20))


def test_the_narrowest_type_that_holds():
    for numbers, kind in (
        ([-128, 127], "int8"), ([0, 255], "uint8"), ([-1, 128], "int16"), ([0, 65535], "uint16"),
        ([-1, 65535], "int32"), ([0, 2**31 - 1], "int32"), ([0, 2**31], "int64"),
    ):  # fmt: skip
        found = narrowest(np.array([numbers], dtype=np.int64))
        assert (found.dtype.name, found.tolist()) == (kind, numbers)


SIZES = """
#include <stdio.h>
#include "network.h"
int main(void) {
  printf("%u %u %u %d %d %d %d %d", (unsigned)sizeof(network_memory), (unsigned)NETWORK_MEMORY_BYTES,
         (unsigned)NETWORK_CONSTANT_BYTES, NETWORK_HEIGHT, NETWORK_WIDTH, NETWORK_CHANNELS, NETWORK_CLASSES,
         NETWORK_LEVELS);
}
"""


def test_the_header_states_what_is_taken(tmp_path):
    network = drawn(5)
    record = written(network, tmp_path)
    (tmp_path / "sizes.c").write_text(SIZES)
    run_tool([*host(), tmp_path / "sizes.c", "-o", tmp_path / "sizes"])
    shape = (network.input.height, network.input.width, network.input.channels)
    memory = record["memory_bytes"]
    numbers = (memory, memory, record["constant_bytes"], *shape, network.classes, network.levels)
    assert run_tool([tmp_path / "sizes"]) == " ".join(map(str, numbers))
    assert record["memory_bytes"] == plan(network).memory_bytes > 0
    assert record["constant_bytes"] > network.weight_bytes


@pytest.mark.parametrize("macro", ["MEMORY", "CONSTANT"])
def test_a_statement_that_is_wrong_does_not_compile(macro, tmp_path):
    written(drawn(5), tmp_path)
    header = tmp_path / "network.h"
    compiled(tmp_path, host())
    header.write_text(re.sub(rf"(#define NETWORK_{macro}_BYTES \d+)", r"\1 + 1", header.read_text()))
    with pytest.raises(AssertionError, match="as_stated"):
        compiled(tmp_path, host())


@pytest.mark.parametrize("target", ["host", "cortex-m"])
def test_nothing_else_is_needed(target, tmp_path):
    """No data that is written, and no function but two of string.h: no allocation, no floating point."""
    written(drawn(5), tmp_path)
    compiler, prefix = (host(), "") if target == "host" else (tool("arm-none-eabi-gcc"), "arm-none-eabi-")
    network = compiled(tmp_path, compiler, "-O2", *(CORTEX_M4 if prefix else ()))
    undefined = {line.split()[-1].lstrip("_") for line in run_tool([*tool(f"{prefix}nm"), "-u", network]).splitlines()}
    assert undefined <= {"memcpy", "memset"}
    sizes = run_tool([*tool(f"{prefix}size"), network]).splitlines()[1].split()
    assert sizes[1:3] == ["0", "0"]  # data, bss


def test_the_header_in_cpp(tmp_path):
    written(drawn(5), tmp_path)
    (tmp_path / "use.cpp").write_text('#include "network.h"\nnetwork_memory memory;\n')
    run_tool(
        [*tool("g++", "clang++"), "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", tmp_path / "use.cpp"]
    )


@pytest.mark.parametrize("seed", [5, 33])
def test_aarch64_under_qemu(seed, tmp_path):
    compiler, qemu = tool("aarch64-linux-gnu-gcc"), tool("qemu-aarch64-static", "qemu-aarch64")
    network = network_of(seed)
    written(network, tmp_path)
    program = linked(tmp_path, compiler, "-O2", driver=("-static",))
    check([*qemu, program], network, images_for(network, seed, 5))


@pytest.mark.parametrize("cpu", ["cortex-m0", "cortex-m4"])
def test_a_microcontrollers_code_under_qemu(cpu, tmp_path):
    """Its very instructions, on a processor of the A profile, which has them too."""
    compiler, qemu = tool("arm-none-eabi-gcc"), tool("qemu-arm-static", "qemu-arm")
    network = network_of(5)
    written(network, tmp_path)
    program = linked(tmp_path, compiler, f"-mcpu={cpu}", "-mthumb", "-Os", driver=BARE)
    check([*qemu, program], network, images_for(network, 5, 5))


def test_rows_are_kept_only_as_long_as_they_are_needed():
    network = lower(from_text("32x32x3 - C64 - C64 - MP2 - C128:5x5 - C32:3x3 - MP3/1 - C8:3x3+same - D10", 0, 3))
    words = plan(network).memory
    rings = {1: 3 * 30 * 3 * 2, 2: 5 * 14 * 3 * 2, 3: 3 * 10 * 3 * 4, 4: (3 + 2) * 6 * 3 * 1, 5: 6 * 6 * 3 * 1}
    assert {f"map{number + 1}": count for number, count in rings.items()} == {
        name: count for name, count in words.items() if name.startswith("map")
    }
    assert words["window"] == 3 * 25 * 64 // 32
    assert words["pixel"] == 3 * 2


@pytest.mark.parametrize("name", ["tiny-m1", "tiny-conv-m2"])
def test_golden(name, tmp_path, golden):
    network = lower({"tiny-m1": tiny(1), "tiny-conv-m2": tiny_conv(2)}[name])
    storage.save(network, tmp_path)
    for _ in range(2):  # the same bytes again
        record = generate(tmp_path, target="c")
        for path in (record["header"], record["source"]):
            text = re.sub(r"[0-9a-f]{64}", "(sha256)", (tmp_path / path).read_text())
            golden(f"{name}{path[-2:]}", text)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["network.c", "network.h"]


def test_a_name_of_ones_own(tmp_path):
    network = lower(tiny_conv(2))
    storage.save(network, tmp_path)
    for name in ("digit", "Sign2"):
        record = generate(tmp_path, target="c", output=tmp_path / "both", name=name)
        assert record["source"] == str(tmp_path / "both" / f"{name}.c")
    include = '#include "digit.h"\n#include "Sign2.h"\n'
    (tmp_path / "both" / "use.c").write_text(
        f"{include}int main(void) {{ static digit_memory a; static Sign2_memory b; static uint8_t image[9];\n"
        "  digit_score x[2]; Sign2_score y[2]; digit_scores(image, 1, &a, x); Sign2_scores(image, 1, &b, y);\n"
        "  return digit_label(x) == Sign2_label(y) && x[0] == y[0] && DIGIT_LEVELS == SIGN2_LEVELS ? 0 : 1; }\n"
    )
    files = (tmp_path / "both" / name for name in ("use.c", "digit.c", "Sign2.c"))
    run_tool([*host(), *files, "-o", tmp_path / "use"])
    run_tool([tmp_path / "use"])


def test_the_text_of_a_network():
    for text in SHAPES.values():
        assert network_text(lower(from_text(text))) == str(parse(text))


def test_refusals(tmp_path):
    storage.save(lower(tiny()), tmp_path)
    for name in ("3d", "a-b", "_x", "a b", "../a"):
        with pytest.raises(OptionError, match=r"^name='.*': names in C are made from it; use letters, digits and '_'"):
            generate(tmp_path, target="c", name=name)
    with pytest.raises(OptionError, match=rf"^target='vhdl': use {' or '.join(get_args(GenerateTarget))}$"):
        generate(tmp_path, target="vhdl")
    with pytest.raises(OptionError, match=r"^output=.*: the RTL stays in its build, beside its records; leave"):
        generate(tmp_path, output=tmp_path)
    with pytest.raises(FileFormatError, match=r"network.json: no such file"):
        generate(tmp_path / "nothing", target="c")
    storage.save(tiny(), tmp_path)
    with pytest.raises(OptionError, match=r"^tiny: lower the network before writing it as C$"):
        generate(tmp_path, target="c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "tensors.safetensors"]


def test_a_name_in_a_file_is_no_code(tmp_path):
    network = replace(lower(tiny()), name="x */ int y; /* \\\n")
    written(network, tmp_path)
    compiled(tmp_path, host())
    assert "int y" not in (tmp_path / "network.c").read_text()


def test_the_rtl_once_more(tmp_path):
    storage.save(lower(tiny()), tmp_path)
    fold(tmp_path)
    generate(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "rtl" / "accelerator.sv").write_text("")
    assert generate(tmp_path, target="rtl")["top"] == "accelerator"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["mnist-arch-1-m3", "cifar10-arch-2-any"])
def test_networks_of_the_zoo(name, tmp_path):
    network = flow.compile(f"zoo:{name}", tmp_path / "build", until="lower")
    generate(tmp_path / "build", target="c", output=tmp_path)
    check([linked(tmp_path, host(), "-O2")], network, images_for(network, 1, 3), network.served)


@pytest.mark.data("mnist")
def test_every_image_of_mnist(tmp_path, data_dir):
    network = flow.compile("zoo:mnist-arch-1-m2", tmp_path / "build", until="lower")
    generate(tmp_path / "build", target="c", output=tmp_path)
    images = datasets.load("mnist", data_dir).test_images
    found, labels = scores([linked(tmp_path, host(), "-O3")], network, images, [0] * len(images))
    expected = Predictor(network).predict(images)
    assert len(images) == 10_000
    assert np.array_equal(found, expected)
    assert np.array_equal(labels, expected.argmax(axis=1))


def test_every_operation_of_a_lowered_network_is_written():
    """What `lower` may leave; another operation needs C of its own."""
    kinds = {type(op) for seed in range(20) for op in network_of(seed).ops}
    assert kinds == {Conv, Dense, MaxPool, Scores, Threshold}
