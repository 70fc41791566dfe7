"""The simulator, with the shell's modules beside the library's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.rtl.bench import simulate as run
from tests.rtl.conftest import runtime, verilator  # noqa: F401 - fixtures

from rebnet.boards.shell import MODULES, source


@pytest.fixture
def simulate(
    verilator: str,  # noqa: F811
    runtime: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    """`bench.simulate` in a folder of its own, with `more` sources; the bench is named by its module."""

    monkeypatch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include")  # the simulator's wheel leaves it empty

    def start(*arguments: Any, more: Sequence[Path] = (), **options: Any) -> None:
        run(tmp_path, runtime, *arguments, sources=[*(source(module) for module in MODULES), *more], **options)

    return start
