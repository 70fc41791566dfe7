"""A predictor and processes: forked, spawned, in a torch DataLoader, at the end of the interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.ir.networks import exported

from rebnet.engine.predictor import NUMPY, instruction_sets
from rebnet.ir import storage
from rebnet.lower import lower

PROGRAM = Path(__file__).with_name("processes.py")
HANGS_S = 300


def output(*command):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, command)],
        check=False, capture_output=True, text=True, timeout=HANGS_S,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    storage.save(lower(exported(1, 2, 8, (5, 4, 1), (70, 8), 3)), tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", dict.fromkeys([instruction_sets()[0], NUMPY]))
def test_forked_and_spawned(folder, name):
    assert output(PROGRAM, folder, name) == "all right\n"


def test_a_torch_data_loader(folder):
    pytest.importorskip("torch")
    assert output(PROGRAM, folder, instruction_sets()[0], "torch") == "all right\n"


def test_the_interpreter_ends_with_a_predictor_and_its_threads(folder):
    program = (
        "import sys, threading, rebnet, numpy as np\n"
        "kept = rebnet.load(sys.argv[1], threads=3)\n"
        "kept.predict(np.zeros((50, 5, 4, 1), np.uint8))\n"
        "kept.itself = kept\n"
        "print('ends')\n"
    )
    assert output("-c", program, folder) == "ends\n"


def test_a_system_that_gives_no_more_threads(folder):
    """The threads that there are do the work."""
    program = (
        "import resource, sys, rebnet, numpy as np\n"
        "one, many = rebnet.load(sys.argv[1], threads=1), rebnet.load(sys.argv[1], threads=1024)\n"
        "images = np.arange(1000, dtype=np.uint16).astype(np.uint8).reshape(50, 5, 4, 1)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 26), -1))\n"  # a few stacks of 8 MiB
        "print(np.array_equal(one.predict(images), many.predict(images)))\n"
    )
    assert output("-c", program, folder) == "True\n"
