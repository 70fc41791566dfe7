"""Builds of a small network, accelerators of the zoo, and a browser to show their pages in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.report.browser import Browser, find
from tests.simulate.builds import build, compiled, ready, run_folder, shared, simulated

from rebnet import flow
from rebnet.report import report

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    assert program is not None
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three accelerators of the zoo."""
    folder = tmp_path_factory.mktemp("builds")
    made = []
    for name, target in (("any", None), ("m1", None), ("m1", 512)):
        build = folder / f"{name}-{target}"
        flow.compile(f"zoo:mnist-arch-1-{name}", build, folding="balanced" if target else "paper", target_cycles=target)
        made.append(build)
    return made


@pytest.fixture
def page(builds: list[Path], tmp_path: Path) -> Path:
    return report(builds[:1], tmp_path / "one.html")


@pytest.fixture
def sweep(builds: list[Path], tmp_path: Path) -> Path:
    return report(builds, tmp_path / "sweep.html")
