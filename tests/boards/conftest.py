"""The simulator, with the shell's modules beside the library's."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.rtl.bench import simulate as run
from tests.rtl.conftest import shared  # noqa: F401 - a fixture

from rebnet.boards.shells import axi
from rebnet.boards.shells.uart import MODULES, source

SHELL = [source(module) for module in MODULES]
AXI = [axi.source(module) for module in axi.MODULES]


@pytest.fixture
def simulate(shared: Path, passed: Path | None) -> Callable[..., None]:  # noqa: F811
    """`bench.simulate` in the session's folder; the bench is named by its module."""
    return partial(run, shared, passed, sources=[*SHELL, *AXI])
