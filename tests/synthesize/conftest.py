"""A small hierarchy of SystemVerilog, and a small build synthesized once in a whole test run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.synthesize.small import FILES, build_small, synthesized_in

from rebnet.boards import Family
from rebnet.synthesize.hierarchy import synthesize_rtl
from rebnet.synthesize.usage import Netlist

__all__ = ["build_small", "hierarchy", "synthesized"]


@pytest.fixture
def hierarchy(tmp_path: Path) -> Callable[..., Netlist]:
    """`hierarchy(family)`: the small hierarchy of `FILES` synthesized; options as `synthesize_rtl`'s."""
    for name, text in FILES.items():
        path = tmp_path / "work" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    sources = [name for name in FILES if name.endswith(".sv")]

    def call(family: Family, *, top: str = "top", **options: Any) -> Netlist:
        return synthesize_rtl(sources, top, family, folder=tmp_path / "work", cache_dir=tmp_path / "cache", **options)

    return call


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A synthesized build and the cache of its results; for reading only."""
    return synthesized_in(tmp_path_factory)
