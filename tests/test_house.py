"""The house: every noun has its twins, and what may not be imported, read or stored is not."""

import ast
from pathlib import Path

import pytest

import rebnet
from rebnet import processes
from rebnet.rtl import MODULES, source

SOURCE = Path(rebnet.__file__).parent
ROOT = Path(__file__).parents[1]
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted(path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file())
TORCH_ROOMS = {"nn", "train", "export"}
COPIED = SOURCE / "boards" / "shells" / "axi" / "pynq" / "driver.py"  # to boards, alone, so it is one file
READS_ENVIRONMENT = {
    Path(processes.__file__),  # passes PATH and few others on to tools
    SOURCE / "boards" / "shells" / "litex" / "target.py",  # a program that is copied; LiteX finds tools on PATH
}

named = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def missing(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths if not path.is_file()]


def test_every_module_of_the_library_has_its_file_bench_and_page():
    assert {path.stem for path in source("fifo").parent.glob("*.sv")} == set(MODULES)
    assert missing([ROOT / "tests" / "rtl" / f"test_{stem}.py" for stem in MODULES]) == []
    assert missing([ROOT / "docs" / "reference" / "rtl" / f"{stem}.md" for stem in MODULES]) == []


@pytest.mark.parametrize("noun", ["spec", "lower"])
def test_every_file_has_tests_of_its_name(noun):
    stems = [path.stem for path in (SOURCE / noun).glob("*.py") if path.stem != "__init__"]
    assert missing([ROOT / "tests" / noun / f"test_{stem}.py" for stem in stems]) == []


TWINS = {
    "features": "graph",
    "gains": "calibration",
    "groups": "conv",
    "padding": None,
    "pool": "build",
    "rescale": "feature",
    "scores": None,
    "threshold": None,
    "xnor": "linear",
}
"""Where the float side of a file of `spec` has another name, or none: integers alone know it."""


def test_every_file_of_the_law_has_its_float_twin():
    stems = [path.stem for path in (SOURCE / "spec").glob("*.py") if path.stem != "__init__"]
    assert set(TWINS) < set(stems)
    twins = [TWINS.get(stem, stem) for stem in stems]
    assert missing([SOURCE / "nn" / f"{twin}.py" for twin in twins if twin]) == []
    assert missing([ROOT / "tests" / "nn" / f"test_{twin}.py" for twin in twins if twin]) == []


def test_every_room_has_tests():
    assert [name for name in ROOMS if not any((ROOT / "tests" / name).glob("test_*.py"))] == []


@named
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) < (550 if path == COPIED else 400)


@named
def test_nothing_forbidden(path):
    """No pickle; the environment only in `cli`; torch only where it lives."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = imported(node)
        assert not names & {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}, node.lineno
        if names & {"torch", "lightning_fabric"}:
            assert room(path) in TORCH_ROOMS, node.lineno
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
            assert room(path) == "cli" or path in READS_ENVIRONMENT, node.lineno
        if isinstance(node, ast.Call):
            allowed = [k.value for k in node.keywords if k.arg == "allow_pickle"]
            assert all(isinstance(value, ast.Constant) and value.value is False for value in allowed), node.lineno


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return {node.module.split(".")[0]}
    return set()
