"""A build with its simulator, and every place at which its network can be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.simulate.builds import build, compiled, ready, run_folder, shared, simulated

import rebnet
from rebnet.engine.connection import Connection

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]

PLACES = ("cpu", "simulator", "simulator with stalls")


@pytest.fixture(params=PLACES)
def connection(request: pytest.FixtureRequest, simulated: Path) -> Iterator[Connection]:
    """What answers at each place, for the same build."""
    forms = {
        "cpu": "{}",
        "simulator": "simulator:{}",
        "simulator with stalls": "simulator:{}?stalls=7",
    }
    with rebnet.connect(forms[request.param].format(simulated)) as there:
        yield there
