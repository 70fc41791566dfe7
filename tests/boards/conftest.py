"""The simulator, with the shell's modules beside the library's."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.rtl.bench import simulate as run
from tests.rtl.bench import simulate_alone as run_alone
from tests.rtl.conftest import runtime, shared, verilator  # noqa: F401 - fixtures

from rebnet.boards.shell import MODULES, source

SHELL = [source(module) for module in MODULES]


@pytest.fixture
def simulate(verilator: str, runtime: Path, shared: Path) -> Callable[..., None]:  # noqa: F811
    """`bench.simulate` in the session's folder; the bench is named by its module."""
    return partial(run, shared, runtime, sources=SHELL)


@pytest.fixture
def simulate_alone(verilator: str, runtime: Path, tmp_path: Path) -> Callable[..., None]:  # noqa: F811
    """`bench.simulate_alone` in a folder of its own, with `more` sources."""

    def start(*arguments: Any, more: Sequence[Path] = (), **options: Any) -> None:
        run_alone(tmp_path, runtime, *arguments, sources=[*SHELL, *more], **options)

    return start
