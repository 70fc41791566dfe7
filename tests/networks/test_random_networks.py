"""Random networks with branches, and chains, through generate and Verilator: scores, cycles and fills, all with ==.

Graphs are what may go wrong in most ways; chains draw what graphs leave out: many rows, wide windows, slopes near 0.
A bundle of chains has convolutions in groups alone, one has layers that are unrolled, one weights that may be written.
`pytest tests/networks --networks 1000 --first-bundle 100` draws 1,000 graphs, and 500 chains, that CI does not see.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from networks.draw import Drawn, draw_bundle, draw_chain, draw_graph, draw_grouped_network, draw_unrolled, stream
from rebnet.engine.predictor import Predictor, instruction_sets
from rebnet.engine.reference import run_mixed
from rebnet.fold.timing.cycle_model import run
from rebnet.ir.network import Network

BUNDLE = 25
"""Networks of a simulator; much of its build is the same for any number."""
CHAINS = 4
"""Bundles of graphs to one of chains, and to one of chains in groups."""
CYCLES, LEAST_IMAGES = 12_000, 6
"""Cycles that a network's images may take, as far as that is not fewer images than there are in a pipeline."""
FIRST_CHAINS = 37
"""Seed of the first bundle of chains, whose networks have all that those of graphs lack: windows and pools of 4 and 5,
strides of 3, line buffers that take and give several words at a time, layers of 1 row and of 16, one layer alone."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    first, networks = (metafunc.config.getoption(name) for name in ("first_bundle", "networks"))
    graphs = -(-networks // BUNDLE)
    bundles = [("graph", draw_graph, first + k) for k in range(graphs)]
    bundles += [("chain", draw_chain, first + FIRST_CHAINS + k) for k in range(-(-graphs // CHAINS))]
    bundles += [("grouped", draw_grouped_network, first + k) for k in range(-(-graphs // CHAINS))]
    bundles += [("unrolled", draw_unrolled, first + k) for k in range(-(-graphs // CHAINS))]
    bundles += [("written", draw_written, first + FIRST_CHAINS + k) for k in range(-(-graphs // CHAINS))]
    metafunc.parametrize(
        ("draw", "seed"), [(draw, seed) for _, draw, seed in bundles], ids=[f"{name}-{k}" for name, _, k in bundles]
    )


@pytest.mark.rtl
def test_random_networks(draw: Callable[[np.random.Generator, int], Network], seed: int, tmp_path: Path) -> None:
    bundle, program = draw_bundle(seed, BUNDLE, tmp_path, draw, runtime_weights=draw is draw_written)
    rng = np.random.default_rng([seed, 1])
    for drawn in bundle:
        check_scores(drawn, program, tmp_path, rng)
        check_cycles(drawn, program, tmp_path, rng)


def draw_written(rng: np.random.Generator, number: int) -> Network:
    """A chain whose accelerator's constants can be written at run time; one of three has groups."""
    return (draw_grouped_network if number % 3 == 0 else draw_chain)(rng, number)


def draw_images(drawn: Drawn, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """So many images and their levels; fewer of a slow network, since one in a hundred takes as long as all others."""
    count = min(count, max(LEAST_IMAGES, CYCLES // drawn.accelerator.bound_cycles(drawn.network.levels)))
    image = drawn.network.input
    images = rng.integers(0, 256, (count, image.height, image.width, image.channels)).astype(np.uint8)
    images[::5] = 255 * (images[::5] > 127)  # some with the largest and smallest values only
    return images, rng.choice(drawn.network.served, count)


def check_scores(drawn: Drawn, program: Path, folder: Path, rng: np.random.Generator) -> None:
    """Random levels, random stalls on both streams: every score of RTL and engines equals the integer network's."""
    images, levels = draw_images(drawn, 24, rng)
    expected = run_mixed(drawn.network, images, levels)
    for name in instruction_sets():
        assert np.array_equal(Predictor(drawn.network, 1, name).predict(images, levels), expected), f"{drawn}, {name}"
    for stalls in rng.integers(0, 1 << 30, 2):
        shard = stream(drawn, program, folder, images, levels, int(stalls))
        assert np.array_equal(shard.scores.reshape(expected.shape), expected), f"{drawn}, stalls {stalls}"


def check_cycles(drawn: Drawn, program: Path, folder: Path, rng: np.random.Generator) -> None:
    """Without stalls the cycle model says the cycle of every image's final beat, and how full each FIFO gets."""
    images, levels = draw_images(drawn, 12, rng)
    for chosen in (np.full(len(images), drawn.network.levels), levels):
        shard = stream(drawn, program, folder, images, chosen, None)
        expected = run_mixed(drawn.network, images, chosen)
        assert np.array_equal(shard.scores.reshape(expected.shape), expected), str(drawn)
        timing = run(drawn.accelerator, [int(m) for m in chosen], drawn.depths)
        assert [int(cycle) - shard.first_beat for cycle in shard.finish] == list(timing.finish), str(drawn)
        for buffer in drawn.accelerator.buffers:
            seen = shard.peaks[f"net_{drawn.number}.{buffer.name}"]
            assert seen == timing.peaks[buffer.name], f"{drawn}: {buffer.name}"
