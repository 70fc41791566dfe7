"""The simulator, with the shell's modules beside the library's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.rtl.bench import simulate as run
from tests.rtl.conftest import runtime, verilator  # noqa: F401 - fixtures

from rebnet.boards.shell import MODULES, source


@pytest.fixture
def simulate(verilator: str, runtime: Path, tmp_path: Path) -> Callable[..., None]:  # noqa: F811
    """`bench.simulate` in a folder of its own, with `more` sources; the bench is named by its module."""

    def start(*arguments: Any, more: Sequence[Path] = (), **options: Any) -> None:
        run(tmp_path, runtime, *arguments, sources=[*(source(module) for module in MODULES), *more], **options)

    return start
