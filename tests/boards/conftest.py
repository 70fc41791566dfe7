"""The simulator, with the shell's modules beside the library's."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.rtl.bench import simulate as run
from tests.rtl.conftest import runtime, verilator  # noqa: F401 - fixtures

from rebnet.boards.shell import MODULES, source


@pytest.fixture
def simulate(verilator: str, runtime: Path, tmp_path: Path) -> Callable[..., None]:  # noqa: F811
    """`bench.simulate` in a folder of its own; the bench is named by its module."""
    return partial(run, tmp_path, runtime, sources=[source(module) for module in MODULES])
