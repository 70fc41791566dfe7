"""Modules with writable memories in the place of roms: made of the library's text, read by tools without a warning."""

import re
import subprocess
from pathlib import Path

import pytest

from rebnet.rtl import WRITABLE, source, writable
from rebnet.simulate.build import Tools, find_tools

from .bench import literal
from .test_lint import SIDE_BY_SIDE, SMALL_MVTU

LEVELS = {"LEVELS_IN": 3, "LEVEL_LANES": 2, "LEVELS_OUT": 3, "SETS": 3, "THRESHOLD_SETS": 3, "PIXELS": 0, "MULTIPLY": 1}
SPREAD = [
    ("scores", {}),
    ("scores", {"ROWS": 1000, "LANES": 16, "SETS": 3}),
    ("mvtu", {}),
    ("mvtu", {"LEVELS_OUT": 0}),
    ("mvtu", SMALL_MVTU),
    ("mvtu", {**SMALL_MVTU, **SIDE_BY_SIDE}),
    ("mvtu", {**SMALL_MVTU, **LEVELS, "STEP_TREE": 1}),
    ("mvtu", {**SMALL_MVTU, **LEVELS, "WEIGHT_PLANES": 3, "PLANE_LANES": 2, "LEVELS_OUT": 0}),
    ("mvtu", {**LEVELS, "SETS": 1, "THRESHOLD_SETS": 1, "LEVEL_LANES": 3, "PE": 1, "DRAIN": 1}),
]


@pytest.fixture(scope="session")
def verilator() -> Tools:
    return find_tools()


@pytest.mark.rtl
@pytest.mark.parametrize(("module", "parameters"), SPREAD)
def test_clean(verilator: Tools, tmp_path: Path, module: str, parameters: dict[str, int]) -> None:
    (tmp_path / f"{module}.sv").write_text(writable.writable(module))
    inside = ("fifo", "vector_buffer", "processing_element", "popcount", "residual_encoder", WRITABLE)
    command = [verilator.verilator, "--lint-only", "-Wall", "--top-module", module]
    command += [f"-G{name}={literal(value)}" for name, value in {**parameters, "CONFIG_ADDRESS": 20}.items()]
    files = [*map(source, inside), tmp_path / f"{module}.sv"]
    result = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, env=verilator.environment
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("module", writable.MODULES)
def test_no_rom_is_left_and_all_else_is_the_librarys(module: str) -> None:
    text, own = writable.writable(module), source(module).read_text()
    assert "rom #(" not in text
    assert text.count(f"{WRITABLE} #(") == len(re.findall(r"_BASE = 0", text)) > 0
    kept = [line for line in own.splitlines() if line in text.splitlines()]
    assert len(kept) > 0.95 * len(own.splitlines())


def test_every_module_with_a_rom_is_known() -> None:
    """Served, or refused by its unit."""
    roms = {path.stem for path in source("rom").parent.glob("*.sv") if re.search(r"^ +rom #\(", path.read_text(), re.M)}
    assert roms == {*writable.MODULES, "rescale", "two_slope", "feature_encoder"}


@pytest.mark.parametrize(
    "before", ["rom #(\n      .WIDTH(WORD_BITS)", "parameter int WEIGHT_COLUMN", "gain_q <= GAINS"]
)
def test_a_library_that_changed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: str) -> None:
    (tmp_path / "mvtu.sv").write_text(source("mvtu").read_text().replace(before, "something else"))
    monkeypatch.setattr(writable, "source", lambda module: tmp_path / f"{module}.sv")
    with pytest.raises(ValueError, match=r"^mvtu: .*see rebnet\.rtl\.writable$"):
        writable.writable("mvtu")


def test_others_have_none() -> None:
    with pytest.raises(KeyError):
        writable.writable("fifo")
