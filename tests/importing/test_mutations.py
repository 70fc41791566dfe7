"""Damaged files: an error of ours or the executor's answer, whatever was done to them, and soon."""

import signal
import warnings

import numpy as np
import pytest
from tests.importing.branches import random_branches
from tests.importing.graphs import random_qonnx
from tests.importing.mutations import damaged
from tests.importing.test_importing import executed

from rebnet.engine import reference
from rebnet.engine.real import run_real
from rebnet.errors import RebnetError
from rebnet.importing import read_onnx
from rebnet.lower import lower

onnx = pytest.importorskip("onnx")

LONGEST = 60
"""Seconds that a damaged file may take."""


def pytest_generate_tests(metafunc):
    if "damage_seed" in metafunc.fixturenames:
        metafunc.parametrize("damage_seed", range(metafunc.config.getoption("networks") // 2))


@pytest.fixture
def soon():
    """Nothing that hangs."""

    def late(number, frame):
        raise TimeoutError(f"took more than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("soon")
def test_a_damaged_graph_is_refused_or_answers_as_the_executor_does(damage_seed, tmp_path):
    model, _ = (random_branches if damage_seed % 2 else random_qonnx)(damage_seed // 4)
    data = damaged(damage_seed, model)
    (tmp_path / "m.onnx").write_bytes(data)
    try:
        network = read_onnx(tmp_path / "m.onnx", input_scale="bytes").network
        lowered = lower(network)
    except RebnetError:
        return
    image = network.input
    rng = np.random.default_rng(damage_seed)
    images = rng.integers(0, 256, (4, image.channels, image.height, image.width)).astype(np.uint8)
    ours = images.transpose(0, 2, 3, 1)
    found = run_real(network, ours, precision=np.float64)
    reference.run(lowered, ours)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = executed(onnx.ModelProto.FromString(data), images)
    except Exception:  # the executor has no errors of its own, and refuses what we can tell the meaning of
        return
    assert np.allclose(found, answers.reshape(found.shape), rtol=1e-5, atol=1e-5)
