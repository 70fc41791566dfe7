"""The sources as tools read them: no warning at legal parameters, a sentence at illegal ones."""

import importlib
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from rebnet.rtl import MODULES, source
from rebnet.simulate.build import Tools, find_tools

from .bench import literal

BENCHES = {module: importlib.import_module(f".test_{module}", __package__) for module in MODULES}
CASES = [(module, case) for module, bench in BENCHES.items() for case in bench.CASES]

MAP_OF_224 = {"KERNEL": 11, "STRIDE": 4, "HEIGHT": 224, "WIDTH": 224, "OUT_HEIGHT": 54, "OUT_WIDTH": 54, "DEPTH": 8192}

SMALL_MVTU = {"ROWS": 32, "COLS": 26, "SIMD": 2, "POPCOUNT_STAGES": 1}

SIDE_BY_SIDE = {"PE": 16, "SIDES": 4, "TURNS": 2}  # of eight groups

BANKS = {"BANK": 2048, "LATENCY": 3}
LONG = {"CONFIG_ADDRESS": 31, "LATENCY": 3}
BANK_WORDS = "BANK must be 0, or a power of two from 2 on that makes at most 16 banks"

# Parameters that no bench builds.
SPREAD = {
    "mvtu": [SMALL_MVTU, {**SMALL_MVTU, **SIDE_BY_SIDE}, {**SMALL_MVTU, "ROWS": 16, "TURNS": 4, "PE": 2, "DRAIN": 1}],
    "fifo": [{"WIDTH": 1, "DEPTH": 1}, {"DEPTH": 1000}],
    "pixel_input": [{"LEVELS": 16, "LEVEL_WIDTH": 5}, {"SAMPLES": 1, "P": 1}],
    "width_converter": [{"IN": 64, "OUT": 1, "VECTOR": 1}, {"IN": 33, "OUT": 32, "VECTOR": 1000}],
    "vector_buffer": [{"CHUNKS": 1, "DEPTH": 1000}],
    "sliding_window": [
        {**MAP_OF_224, "CHANNELS": 3, "WORD": 1},
        {**MAP_OF_224, "KERNEL": 1, "HEIGHT": 1, "OUT_HEIGHT": 1, "KERNEL_X": 9, "STRIDE_X": 2, "OUT_WIDTH": 108},
        {**MAP_OF_224, "PAD_Y": 3, "PAD_X": 3, "CHANNELS": 3, "WORD": 3, "READS": 121, "WRITES": 16, "PLANES": 8},
        {**MAP_OF_224, "CHANNELS": 64, "WORD": 16, "SIDES": 8, "READS": 3},
    ],
    "max_pool": [{**MAP_OF_224, "CHANNELS": 64, "WORD": 1, "DEPTH": 160000, "STYLE": "block"}],
    "window_buffer": [{**MAP_OF_224, "IMAGES": 1, "STYLE": "distributed"}, {"WORD": 16, "READS": 2, "WRITES": 64}],
    "sum_pool": [{**MAP_OF_224, "CHANNELS": 64, "WORD": 1, "PLANES_OUT": 15, "DEPTH": 160000, "STYLE": "block"}],
    "rescale": [{"ROWS": 1000, "LANES": 16, "SETS": 3, "STYLE": "block"}, {"PLANES": 1, "SHIFT": 0}],
    "two_slope": [{"ROWS": 1000, "LANES": 16, "STYLE": "block"}, {"PLANES": 1, "PLANES_OUT": 1, "SHIFT": 0}],
    "stream_fork": [{"WIDTH": 1, "OUTS": 1}, {"WIDTH": 1024, "OUTS": 9}],
    "skip_buffer": [{"WIDTH": 1, "DEPTH": 1}, {"WIDTH": 512, "DEPTH": 1000, "SETS": 3, "STYLE": "block"}],
    "join_add": [
        {"SOURCES": 9, "LANES": 64, "PLANES": 20, "PLANES_OUT": 24},
        {"LANES": 1, "PLANES": 1, "PLANES_OUT": 1},
    ],
    "join_channels": [{"SOURCES": 1, "LANES": 1, "PLANES": 1}, {"LANES": 64, "WORDS": "32'hffff0001"}],
    "feature_encoder": [{"ROWS": 1000, "LANES": 16, "LEVELS": 4, "LEVEL_WIDTH": 3, "SETS": 4, "STYLE": "block"}],
    "stack": [{"SOURCES": 1, "WIDTH": 1}, {"SOURCES": 5, "WIDTH": 1000}],
    "global_sum": [
        {"POSITIONS": 1, "LANES": 1, "PLANES": 1, "PLANES_OUT": 1},
        {"POSITIONS": 3136, "CHANNELS": 512, "LANES": 512, "PLANES_OUT": 20},
    ],
    "upsample": [
        {"WIDTH": 1, "ROWS": 1, "COLUMNS": 2, "PIXELS": 1, "WORDS": 1, "DEPTH": 1},
        {"WIDTH": 512, "ROWS": 4, "COLUMNS": 3, "PIXELS": 224, "SETS": 3, "DEPTH": 1000, "STYLE": "block"},
    ],
    "depth_to_space": [
        {"LANES": 1, "PLANES": 1, "PIXELS": 1, "WORDS": 1, "DEPTH": 1},
        {"LANES": 16, "PLANES": 3, "BLOCK": 3, "PIXELS": 112, "SETS": 3, "DEPTH": 500, "STYLE": "block"},
    ],
    "scores": [{"ROWS": 1000, "LANES": 16, "SETS": 3}],
    "popcount": [{"WIDTH": 1024, "STAGES": 5}],
    "bit_count": [{"WIDTH": 1024, "STAGES": 5}],
    "unrolled": [{"ROWS": 1, "COLS": 1, "SLOTS": 1}],
    "score_row": [{"ROWS": 1, "ACC_WIDTH": 1, "SUM_WIDTH": 1}],
    "rom": [{"WIDTH": 1, "DEPTH": 1}, {"DEPTH": 1000, "STYLE": "distributed"}, {"DEPTH": 18_432, **BANKS}],
    "writable_memory": [
        {"WIDTH": 1, "DEPTH": 1},
        {"WIDTH": 2000, "DEPTH": 1000, "CONFIG_ADDRESS": 31},
        {"WIDTH": 32, "DEPTH": 18_432, "CONFIG_ADDRESS": 15, **BANKS},
    ],
    "residual_encoder": [{"LEVELS": 8, "ACC_WIDTH": 1, "THRESHOLD_WIDTH": 2}],
}

WINDOW_SIZES = "KERNEL, STRIDE, OUT_HEIGHT and OUT_WIDTH must be at least 1, PAD_Y and PAD_X at least 0"
BENT_WIDTHS = "PLANES, PLANES_OUT, SUM_WIDTH and SLOPE_WIDTH must be at least 1, SHIFT at least 0"
WINDOW_READS = "READS must be 1 to KERNEL*KERNEL_X, and 1 for windows of parts of pixels"
WINDOW_WRITES = "WRITES must be a power of two, and 1 for parts of pixels"

ILLEGAL = [
    ("fifo", {"DEPTH": 0}, "DEPTH must be at least 1"),
    ("fifo", {"WIDTH": 0}, "WIDTH must be at least 1"),
    ("rom", {"WIDTH": 0}, "WIDTH must be at least 1"),
    ("rom", {"DEPTH": 0}, "DEPTH must be at least 1"),
    ("rom", {"COLUMN": 9}, "COLUMN must be 1 to WIDTH, with at most 1000 columns and banks"),
    ("rom", {"BANK": 1}, BANK_WORDS),
    ("rom", {"BANK": 3, "LATENCY": 3}, BANK_WORDS),
    ("rom", {"DEPTH": 33, "BANK": 2, "LATENCY": 3}, BANK_WORDS),
    ("rom", {"BANK": 8}, "LATENCY of block RAM must be 2, and of banks 3"),
    ("rom", {"STYLE": "distributed", "LATENCY": 2}, "LATENCY of tables must be 1"),
    ("rom", {"STYLE": "distributed", "BANK": 8}, "tables have no columns and no banks"),
    ("writable_memory", {"BANK": 3, "LATENCY": 3}, BANK_WORDS),
    (
        "writable_memory",
        {"LATENCY": 3},
        "LATENCY must be 1 in tables, which have no banks, and that of rom.sv in block RAM",
    ),
    ("writable_memory", {"WIDTH": 3200, "BANK": 1024, "DEPTH": 16_384, **LONG}, "at most 1000 columns and banks"),
    ("writable_memory", {"WIDTH": 0}, "WIDTH must be 1 to 32000, DEPTH at least 1"),
    ("writable_memory", {"WIDTH": 32001}, "WIDTH must be 1 to 32000, DEPTH at least 1"),
    ("writable_memory", {"DEPTH": 0}, "WIDTH must be 1 to 32000, DEPTH at least 1"),
    ("writable_memory", {"CONFIG_ADDRESS": 3}, "CONFIG_ADDRESS must reach the window, and be at most 31"),
    ("writable_memory", {"CONFIG_ADDRESS": 32}, "CONFIG_ADDRESS must reach the window, and be at most 31"),
    ("writable_memory", {"BASE": 8}, "BASE must be a multiple of the window's size"),
    ("popcount", {"WIDTH": 64, "STAGES": 2}, "STAGES must be 1 + floor(clog2(ceil(WIDTH / 4)) / 2)"),
    ("popcount", {"WIDTH": 65, "STAGES": 4}, "STAGES must be 1 + floor(clog2(ceil(WIDTH / 4)) / 2)"),
    ("bit_count", {"WIDTH": 0}, "WIDTH must be at least 1"),
    ("bit_count", {"WIDTH": 64, "STAGES": 2}, "STAGES must be at least 1 + floor(clog2(floor(WIDTH/7) + 1) / 2)"),
    ("unrolled", {"ROWS": 0}, "ROWS, COLS and LEVELS_IN must be at least 1, LEVELS_OUT at least 0"),
    ("unrolled", {"LEVELS_OUT": -1}, "ROWS, COLS and LEVELS_IN must be at least 1, LEVELS_OUT at least 0"),
    ("unrolled", {"SLOTS": 5}, "SLOTS must be 1 to COLS"),
    ("score_row", {"ROWS": 0}, "ROWS must be at least 1"),
    ("score_row", {"SUM_WIDTH": 42}, "SUM_WIDTH must be 1 to SCORE_WIDTH"),
    ("processing_element", {"SUM_WIDTH": 6}, "SUM_WIDTH must hold a count of SIMD bits"),
    ("processing_element", {"LEVEL_LANES": 0}, "LEVEL_LANES must be at least 1"),
    ("residual_encoder", {"ACC_WIDTH": 30}, "ACC_WIDTH + SHIFT must be less than THRESHOLD_WIDTH"),
    ("residual_encoder", {"ACC_WIDTH": 24}, "ACC_WIDTH + SHIFT must be less than THRESHOLD_WIDTH"),
    ("vector_buffer", {"CHUNKS": 0}, "CHUNKS must be at least 1"),
    ("vector_buffer", {"DEPTH": 0}, "DEPTH must be at least 1"),
    ("width_converter", {"OUT": 0}, "IN, OUT, PLANES and VECTOR must be at least 1"),
    ("width_converter", {"VECTOR": 0}, "IN, OUT, PLANES and VECTOR must be at least 1"),
    *[
        (module, parameters, f"window_buffer: {sentence}")  # the inner module says it
        for module in ("window_buffer", "sliding_window", "max_pool", "sum_pool")
        for parameters, sentence in (
            ({"STRIDE": 0}, WINDOW_SIZES),
            ({"OUT_HEIGHT": 0}, WINDOW_SIZES),
            ({"WORD": 3}, "WORD must divide CHANNELS"),
            ({"READS": 0}, WINDOW_READS),
            ({"READS": 10, "WORD": 16}, WINDOW_READS),
            ({"WRITES": 2}, WINDOW_WRITES),
            ({"WRITES": 3, "WORD": 16, "DEPTH": 63}, WINDOW_WRITES),
            ({"WRITES": 4, "WORD": 16, "DEPTH": 62}, "DEPTH must be a multiple of WRITES"),
            ({"DEPTH": 0}, "DEPTH must be a multiple of WRITES"),
        )
    ],
    ("window_buffer", {"KERNEL": 0}, WINDOW_SIZES),
    ("window_buffer", {"KERNEL_X": 0}, WINDOW_SIZES),
    ("window_buffer", {"STRIDE_X": 0}, WINDOW_SIZES),
    ("window_buffer", {"PAD_Y": -1}, WINDOW_SIZES),
    ("window_buffer", {"PAD_X": 3}, "PAD_Y must be less than KERNEL, PAD_X less than KERNEL_X"),
    ("window_buffer", {"READS": 2}, WINDOW_READS),
    ("sliding_window", {"PAD_Y": 3}, "window_buffer: PAD_Y must be less than KERNEL, PAD_X less than KERNEL_X"),
    ("sliding_window", {"READS": 2}, f"window_buffer: {WINDOW_READS}"),
    ("sliding_window", {"SIDES": 3}, "SIDES must be 0 or divide WORD"),
    ("sliding_window", {"SIDES": -1}, "SIDES must be 0 or divide WORD"),
    ("mvtu", {**SMALL_MVTU, "TURNS": 3}, "PE must divide the ROWS/TURNS of a turn"),
    ("mvtu", {**SMALL_MVTU, "SIDES": 0}, "PE must divide the ROWS/TURNS of a turn"),
    ("mvtu", {**SMALL_MVTU, **SIDE_BY_SIDE, "SIDES": 3}, "PE must divide the ROWS/TURNS of a turn"),
    ("mvtu", {**SMALL_MVTU, "SIMD": 27, "POPCOUNT_STAGES": 3}, "SIMD must be 1 to COLS"),
    ("mvtu", {**SMALL_MVTU, "DRAIN": 3}, "DRAIN must divide PE"),
    ("mvtu", {**SMALL_MVTU, "PE": 32, "DRAIN": 1}, "PE/DRAIN must be at most ceil(COLS/SIMD)"),
    ("mvtu", {**SMALL_MVTU, "OUT_DEPTH": 7}, "OUT_DEPTH must be at least PE/DRAIN"),
    ("mvtu", {**SMALL_MVTU, "BUFFER_DEPTH": 12}, "BUFFER_DEPTH must hold a vector, ceil(COLS/SIMD) words"),
    ("mvtu", {**SMALL_MVTU, "LEVELS_IN": 0}, "LEVELS_IN must be at least 1 and LEVELS_OUT at least 0"),
    ("mvtu", {**SMALL_MVTU, "LEVELS_OUT": -1}, "LEVELS_IN must be at least 1 and LEVELS_OUT at least 0"),
    ("mvtu", {**SMALL_MVTU, "SETS": 4, "THRESHOLD_SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("mvtu", {**SMALL_MVTU, "THRESHOLD_SETS": 3}, "THRESHOLD_SETS must be 1 or SETS"),
    (
        "mvtu",
        {**SMALL_MVTU, "GAINS": "128'h1020408040102041102040810204080"},
        "without MULTIPLY a lane must have one gain in all sets",
    ),
    ("scores", {"ROWS": 0}, "ROWS, LANES and PLACES must be at least 1"),
    ("scores", {"LANES": 0}, "ROWS, LANES and PLACES must be at least 1"),
    ("scores", {"PLACES": 0}, "ROWS, LANES and PLACES must be at least 1"),
    ("scores", {"SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("scores", {"ACC_WIDTH": 41}, "ACC_WIDTH must be less than SCORE_WIDTH"),
    ("sum_pool", {"PLANES_OUT": 7}, "PLANES_OUT must be PLANES to PLANES + clog2(KERNEL*KERNEL_X)"),
    ("sum_pool", {"PLANES_OUT": 11}, "PLANES_OUT must be PLANES to PLANES + clog2(KERNEL*KERNEL_X)"),
    ("rescale", {"ROWS": 0}, "ROWS and LANES must be at least 1"),
    ("rescale", {"LANES": 0}, "ROWS and LANES must be at least 1"),
    ("rescale", {"PLANES": 0}, "ACC_WIDTH, PLANES and CONSTANT_WIDTH must be at least 1, SHIFT at least 0"),
    ("rescale", {"SHIFT": -1}, "ACC_WIDTH, PLANES and CONSTANT_WIDTH must be at least 1, SHIFT at least 0"),
    ("rescale", {"SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("two_slope", {"ROWS": 0}, "ROWS and LANES must be at least 1"),
    ("two_slope", {"LANES": 0}, "ROWS and LANES must be at least 1"),
    ("two_slope", {"SHIFT": -1}, BENT_WIDTHS),
    ("two_slope", {"SLOPE_WIDTH": 0}, BENT_WIDTHS),
    ("stream_fork", {"WIDTH": 0}, "WIDTH and OUTS must be at least 1"),
    ("stream_fork", {"OUTS": 0}, "WIDTH and OUTS must be at least 1"),
    ("skip_buffer", {"WIDTH": 0}, "WIDTH and DEPTH must be at least 1"),
    ("skip_buffer", {"DEPTH": 0}, "WIDTH and DEPTH must be at least 1"),
    ("skip_buffer", {"SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("join_add", {"SOURCES": 0}, "SOURCES, LANES and PLANES must be at least 1"),
    ("join_add", {"LANES": 0}, "SOURCES, LANES and PLANES must be at least 1"),
    ("join_add", {"PLANES_OUT": 7}, "PLANES_OUT must be PLANES to PLANES + clog2(SOURCES)"),
    ("join_add", {"PLANES_OUT": 10}, "PLANES_OUT must be PLANES to PLANES + clog2(SOURCES)"),
    ("join_channels", {"LANES": 0}, "SOURCES, LANES and PLANES must be at least 1"),
    ("join_channels", {"WORDS": "32'h00010000"}, "WORDS must be at least 1 of every source"),
    ("feature_encoder", {"ROWS": 0}, "ROWS, LANES, PLANES and LEVELS must be at least 1"),
    ("feature_encoder", {"PLANES": 0}, "ROWS, LANES, PLANES and LEVELS must be at least 1"),
    ("feature_encoder", {"PLANES": 12}, "PLANES + SHIFT must be less than THRESHOLD_WIDTH"),
    ("feature_encoder", {"SHIFT": 4}, "PLANES + SHIFT must be less than THRESHOLD_WIDTH"),
    ("feature_encoder", {"SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("stack", {"SOURCES": 0}, "SOURCES must be at least 1 and WIDTH at least SOURCES"),
    ("stack", {"WIDTH": 1}, "SOURCES must be at least 1 and WIDTH at least SOURCES"),
    ("global_sum", {"POSITIONS": 0}, "POSITIONS and PLANES must be at least 1"),
    ("global_sum", {"LANES": 3}, "LANES must divide CHANNELS"),
    ("global_sum", {"LANES": 0}, "LANES must divide CHANNELS"),
    ("global_sum", {"PLANES_OUT": 7}, "PLANES_OUT must be PLANES to PLANES + clog2(POSITIONS)"),
    ("global_sum", {"PLANES_OUT": 15}, "PLANES_OUT must be PLANES to PLANES + clog2(POSITIONS)"),
    ("upsample", {"COLUMNS": 0}, "WIDTH, ROWS, COLUMNS, PIXELS and WORDS must be at least 1"),
    ("upsample", {"DEPTH": 31}, "DEPTH must be at least PIXELS*WORDS, or WORDS where ROWS is 1"),
    ("upsample", {"ROWS": 1, "DEPTH": 3}, "DEPTH must be at least PIXELS*WORDS, or WORDS where ROWS is 1"),
    ("upsample", {"SETS": 4}, "LEVEL_WIDTH must hold SETS"),
    ("depth_to_space", {"LANES": 0}, "LANES, PLANES, PIXELS and WORDS must be at least 1"),
    ("depth_to_space", {"BLOCK": 1}, "BLOCK must be at least 2"),
    ("depth_to_space", {"DEPTH": 31}, "DEPTH must be at least PIXELS*WORDS"),
    ("pixel_input", {"BITS": 9}, "BITS must be 1 to 8"),
    ("pixel_input", {"LEVELS": 4}, "LEVEL_WIDTH must hold LEVELS"),
]


@pytest.fixture(scope="session")
def verilator() -> Tools:
    return find_tools()


@cache
def sources(module: str) -> tuple[str, ...]:
    """Paths of a module and of all that stands in it."""
    text = source(module).read_text()
    inner = [name for name in MODULES if re.search(rf"^ +{name} #\(", text, re.MULTILINE)]
    return tuple(dict.fromkeys((str(source(module)), *(path for name in inner for path in sources(name)))))


def lint(tools: Tools, module: str, parameters: Mapping[str, int | str]) -> subprocess.CompletedProcess[str]:
    command = [tools.verilator, "--lint-only", "-Wall", "--top-module", module]
    command += [f"-G{name}={literal(value)}" for name, value in parameters.items()]
    return subprocess.run(
        [*command, *sources(module)], capture_output=True, text=True, check=False, env=tools.environment
    )


def assert_clean(result: subprocess.CompletedProcess[str]) -> None:
    assert (result.returncode, result.stderr) == (0, "")


def test_every_module_has_a_bench_of_its_name() -> None:
    benches = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert benches - {"lint", "geometry", "accelerator", "ports", "writable"} == set(MODULES)


@pytest.mark.rtl
@pytest.mark.parametrize("module", MODULES)
def test_clean_at_defaults(verilator: Tools, module: str) -> None:
    assert_clean(lint(verilator, module, {}))


@pytest.mark.rtl
@pytest.mark.parametrize(("module", "case"), CASES)
def test_clean_at_the_parameters_of_the_benches(verilator: Tools, module: str, case: str) -> None:
    assert_clean(lint(verilator, module, BENCHES[module].CASES[case]))


@pytest.mark.rtl
@pytest.mark.parametrize("module", SPREAD)
def test_clean_elsewhere(verilator: Tools, module: str) -> None:
    for parameters in SPREAD[module]:
        assert_clean(lint(verilator, module, parameters))


@pytest.mark.rtl
@pytest.mark.parametrize(("module", "parameters", "sentence"), ILLEGAL)
def test_illegal_parameters_stop_elaboration(
    verilator: Tools, module: str, parameters: dict[str, int], sentence: str
) -> None:
    result = lint(verilator, module, parameters)
    assert result.returncode != 0
    assert (sentence if ": " in sentence else f"{module}: {sentence}") in result.stderr


_SYNTHESIS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


@pytest.mark.parametrize(
    ("module", "case"),
    [
        ("mvtu", "nothing divides"),
        ("sliding_window", "4x4/3 same, two a word, four writes"),
        ("max_pool", "3x3/2, two of nine at a time, parts"),
        ("sum_pool", "3x3/2, two of nine at a time, parts"),
        ("rescale", "lanes do not divide, three sets"),
        ("two_slope", "lanes do not divide"),
        ("stream_fork", "five"),
        ("skip_buffer", "five places, wide"),
        ("join_add", "three, one lane"),
        ("join_channels", "three, one lane"),
        ("feature_encoder", "two levels, the same for all channels"),
        ("stack", "three, of unequal planes"),
        ("global_sum", "4x4, parts"),
        ("upsample", "3x2, parts of pixels"),
        ("depth_to_space", "2x2, parts of pixels"),
        ("unrolled", "two levels, gains that are looked up"),
        ("score_row", "looked up"),
    ],
)
def test_yosys_reads_and_elaborates_the_unit(tmp_path: Path, module: str, case: str) -> None:
    pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")
    bench = BENCHES[module]
    for name, text in getattr(getattr(bench, "SHAPES", {}).get(case), "files", {}).items():
        (tmp_path / name).write_text(text)
    parameters = bench.CASES[case]
    commands = [f"read_verilog -sv -defer {' '.join(str(source(name)) for name in MODULES)}"]
    settings = " ".join(f"-set {name} {literal(value)}" for name, value in parameters.items())
    commands.append(f"chparam {settings} {module}")
    commands += [f"hierarchy -check -top {module}", "proc", "check -assert"]
    result = subprocess.run(
        [sys.executable, "-c", _SYNTHESIS, *commands], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Warning" not in result.stdout + result.stderr, [
        line for line in (result.stdout + result.stderr).splitlines() if "Warning" in line
    ][:10]


def test_no_operator_stands_before_a_cast() -> None:
    """Yosys takes `-WIDTH'(VALUE)` for `(-WIDTH)'(VALUE)`: the sign, or the operator, is lost without a word."""
    shells = sorted(Path(str(files("rebnet.boards"))).rglob("*.sv"))
    for path in [*map(source, MODULES), *shells]:
        found = re.search(r"(?:[=(,?:{&|^<>+*]\s*[-~!]|[=(,?:{]\s*[&|^])\s*[A-Za-z_]\w*'\(", path.read_text())
        assert found is None, f"{path}: {found and found[0]}"
