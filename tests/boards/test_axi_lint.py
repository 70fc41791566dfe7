"""The AXI shell's sources as tools read them: no warning at legal parameters, a sentence at illegal ones, and Yosys."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.boards.test_axi import NETWORKS, compiled
from tests.rtl.bench import literal
from tests.rtl.test_lint import _SYNTHESIS

from rebnet.boards.shells.axi import LOADING, MODULES, source
from rebnet.rtl import source as library
from rebnet.simulate.build import Tools, find_tools

INSIDE = {
    "axi_registers": ("axi_map",),
    "axi_images": (),
    "axi_answers": (),
    "axi_shell": ("axi_map", "axi_registers", "axi_images", "axi_answers"),
    "axi_load": ("axi_load_map",),
}
SPREAD = [
    ("axi_registers", {"ADDRESS_WIDTH": 8, "USER_WIDTH": 32}),
    ("axi_registers", {"ADDRESS_WIDTH": 32, "USER_WIDTH": 1}),
    ("axi_images", {"IN_WIDTH": 128, "OUT_WIDTH": 64, "BEATS": 1}),
    ("axi_images", {"RUNTIME_LEVELS": 0, "MOST_INSIDE": 1}),
    ("axi_answers", {"SCORE_BYTES": 8, "CLASSES": 1, "PLACES": 1}),
    ("axi_answers", {"SCORE_BYTES": 1, "CLASSES": 1000, "PLACES": 3136}),
    ("axi_shell", {"BEATS": 1, "CLASSES": 1, "IN_WIDTH": 8, "A_WIDTH": 8, "HOLD": 16}),
    ("axi_load", {"CONFIG_ADDRESS": 4, "LATENCY": 1}),
    ("axi_load", {"CONFIG_ADDRESS": 31, "LATENCY": 1000, "WORDS": 1000000}),
]
ILLEGAL = [
    ("axi_registers", {"ADDRESS_WIDTH": 7}, "ADDRESS_WIDTH must reach all registers"),
    ("axi_registers", {"USER_WIDTH": 33}, "USER_WIDTH must be 1 to 32"),
    ("axi_images", {"BEATS": 0}, "BEATS and OUT_WIDTH must be at least 1, IN_WIDTH at least OUT_WIDTH and USER_WIDTH"),
    ("axi_images", {"IN_WIDTH": 16}, "BEATS and OUT_WIDTH must be at least 1, IN_WIDTH at least OUT_WIDTH and"),
    ("axi_answers", {"SCORE_BYTES": 9}, "SCORE_BYTES must be 1 to 8"),
    ("axi_answers", {"PLACES": 0}, "CLASSES and PLACES must be at least 1"),
    ("axi_shell", {"HOLD": 8}, "HOLD must be at least 16"),
    ("axi_load", {"CONFIG_ADDRESS": 3}, "CONFIG_ADDRESS must be 4 to 31"),
    ("axi_load", {"LATENCY": 0}, "LATENCY must be at least 1, WORDS at least 8"),
]


@pytest.fixture(scope="session")
def verilator() -> Tools:
    return find_tools()


def lint(tools: Tools, top: str, parameters: dict[str, int], files: list[Path]) -> subprocess.CompletedProcess[str]:
    command = [tools.verilator, "--lint-only", "-Wall", "--top-module", top]
    command += [f"-G{name}={literal(value)}" for name, value in parameters.items()]
    return subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, env=tools.environment
    )


def files_of(module: str) -> list[Path]:
    inner = [] if module in ("axi_registers", "axi_load") else [library("fifo")]
    return [*(source(name) for name in INSIDE[module]), *inner, source(module)]


@pytest.mark.rtl
@pytest.mark.parametrize(("module", "parameters"), [*((module, {}) for module in INSIDE), *SPREAD])
def test_clean(verilator: Tools, module: str, parameters: dict[str, int]) -> None:
    result = lint(verilator, module, parameters, files_of(module))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.rtl
@pytest.mark.parametrize(("module", "parameters", "sentence"), ILLEGAL)
def test_illegal_parameters_stop_elaboration(
    verilator: Tools, module: str, parameters: dict[str, int], sentence: str
) -> None:
    result = lint(verilator, module, parameters, files_of(module))
    assert result.returncode != 0
    assert f"{module}: {sentence}" in result.stderr


@pytest.mark.rtl
@pytest.mark.parametrize("runtime_weights", [False, True])
def test_the_generated_top_is_clean_and_plain_verilog(verilator: Tools, tmp_path: Path, runtime_weights: bool) -> None:
    build = tmp_path / "compiled"
    _, record = compiled(build, "one class, one sample", runtime_weights=runtime_weights)
    accelerator = sorted(path for path in (build / "rtl").glob("*.sv"))
    files = [*(build / file for file in record.files), *accelerator]
    result = lint(verilator, record.top, {}, files)
    assert (result.returncode, result.stderr) == (0, "")
    top = (build / "axi" / f"{record.top}.v").read_text()
    box = "\n".join(f"module {name}; endmodule" for name in ("axi_shell", "axi_load", "accelerator"))
    (tmp_path / "box.v").write_text(box)
    (tmp_path / "top.v").write_text(top)
    plain = [verilator.verilator, "--lint-only", "--language", "1364-2005", "--bbox-unsup", "-Wno-fatal"]
    said = subprocess.run(
        [*plain, "--top-module", record.top, str(tmp_path / "top.v"), str(tmp_path / "box.v")],
        capture_output=True, text=True, check=False, env=verilator.environment,
    )  # fmt: skip
    assert "syntax error" not in said.stderr


@pytest.mark.parametrize("runtime_weights", [False, True])
@pytest.mark.parametrize("case", ["dense, two levels"])
def test_yosys_reads_and_elaborates_shell_and_accelerator(tmp_path: Path, case: str, runtime_weights: bool) -> None:
    pytest.importorskip("pyosys", reason="the synthesizer is not installed; install it with: pip install pyosys")
    assert case in NETWORKS
    build = tmp_path / "compiled"
    _, record = compiled(build, case, runtime_weights=runtime_weights)
    shell = [file for file in record.files if file.endswith(".sv")]
    commands = [
        f"read_verilog -sv -defer {' '.join(shell)}",
        f"read_verilog -sv -defer {' '.join(f'rtl/{path.name}' for path in (build / 'rtl').iterdir())}",
        f"read_verilog -defer axi/{record.top}.v",
        f"hierarchy -check -top {record.top}",
        "proc",
        "check -assert",
    ]
    result = subprocess.run(
        [sys.executable, "-c", _SYNTHESIS, *commands], cwd=build, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Warning" not in result.stdout + result.stderr


def test_every_module_is_listed() -> None:
    assert {path.stem for path in source("axi_map").parent.glob("*.sv")} == {*MODULES, *LOADING}
    assert {*MODULES, *LOADING} == {"axi_map", "axi_load_map", *INSIDE}
