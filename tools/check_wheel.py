"""Whether an installed rebnet is whole: its engine in C++, which needs no compiler here, on a network that ships.

    python tools/check_wheel.py

It is run with the interpreter that has rebnet, away from the sources, and says what instruction sets it found.
"""

import importlib.util

import numpy as np

import rebnet
from rebnet.engine import reference
from rebnet.engine.predictor import NUMPY, instruction_sets


def main() -> None:
    """Look for what is built, and run it on every instruction set."""
    found = instruction_sets()
    assert found[-1] == NUMPY
    assert len(found) > 1, "the engine is missing: this was built without a C++ compiler"
    assert importlib.util.find_spec("rebnet.fold.timing._relaxation"), "the times of events are missing"
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    for name in found:
        predictor = rebnet.load("zoo:mnist-arch-1-m2", instruction_set=name)
        assert np.array_equal(predictor.predict(images), reference.run(predictor.network, images)), name
    print(f"rebnet in {next(iter(rebnet.__path__))}: {', '.join(found)}")


if __name__ == "__main__":
    main()
