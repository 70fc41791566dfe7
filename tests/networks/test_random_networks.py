"""Random networks through generate and Verilator, some with branches: scores, cycles and FIFO fills, all with ==.

`pytest tests/networks --networks 500` draws more of them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from networks.draw import Drawn, draw_bundle, draw_conv_network, draw_graph, draw_network, stream
from rebnet.engine.reference import run_mixed
from rebnet.fold.timing.cycle_model import run
from rebnet.ir.network import Network

BUNDLE = 25
"""Networks of a simulator; much of its build is the same for any number."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    bundles = -(-metafunc.config.getoption("networks") // BUNDLE)
    metafunc.parametrize("seed", range(bundles))


@pytest.mark.rtl
@pytest.mark.parametrize("draw", [draw_network, draw_conv_network, draw_graph], ids=["dense", "convolutional", "graph"])
def test_random_networks(seed: int, draw: Callable[[np.random.Generator, int], Network], tmp_path: Path) -> None:
    bundle, program = draw_bundle(seed, BUNDLE, tmp_path, draw)
    rng = np.random.default_rng([seed, 1])
    for drawn in bundle:
        check_scores(drawn, program, tmp_path, rng)
        check_cycles(drawn, program, tmp_path, rng)


def draw_images(drawn: Drawn, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    image = drawn.network.input
    images = rng.integers(0, 256, (count, image.height, image.width, image.channels)).astype(np.uint8)
    images[::5] = 255 * (images[::5] > 127)  # some with the largest and smallest values only
    return images, rng.choice(drawn.network.served, count)


def check_scores(drawn: Drawn, program: Path, folder: Path, rng: np.random.Generator) -> None:
    """Random levels, random stalls on both streams: every score equals the integer network's."""
    images, levels = draw_images(drawn, 24, rng)
    expected = run_mixed(drawn.network, images, levels)
    for stalls in rng.integers(0, 1 << 30, 2):
        shard = stream(drawn, program, folder, images, levels, int(stalls))
        assert np.array_equal(shard.scores, expected), f"{drawn}, stalls {stalls}"


def check_cycles(drawn: Drawn, program: Path, folder: Path, rng: np.random.Generator) -> None:
    """Without stalls the cycle model says the cycle of every image's final beat, and how full each FIFO gets."""
    images, levels = draw_images(drawn, 12, rng)
    for chosen in (np.full(12, drawn.network.levels), levels):
        shard = stream(drawn, program, folder, images, chosen, None)
        assert np.array_equal(shard.scores, run_mixed(drawn.network, images, chosen)), str(drawn)
        timing = run(drawn.accelerator, [int(m) for m in chosen], drawn.depths)
        assert [int(cycle) - shard.first_beat for cycle in shard.finish] == list(timing.finish), str(drawn)
        for buffer in drawn.accelerator.buffers:
            seen = shard.peaks[f"net_{drawn.number}.{buffer.name}"]
            assert seen == timing.peaks[buffer.name], f"{drawn}: {buffer.name}"
