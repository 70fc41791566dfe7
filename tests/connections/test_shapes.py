"""Other networks than the one of most tests: simulator and board answer as the CPU."""

from pathlib import Path

import numpy as np
import pytest
from tests.boards.board import Board, program
from tests.connections.conftest import BAUD
from tests.ir.networks import exported, from_text, with_own_sets

import rebnet
from rebnet import flow
from rebnet.errors import BoardError
from rebnet.ir import storage

pytestmark = pytest.mark.rtl

NETWORKS = {
    "numbers for every m": lambda: with_own_sets(exported(5, 3, 8, (5, 3, 2), (7,), 3)),
    "answers on a map": lambda: from_text("4x5x3 - C3:3x3+same - C4:1x1", 3, 2),
    "labels of two bytes": lambda: exported(2, 1, 8, (1, 1, 1), (6,), 300),
}


def compiled_of(network, folder: Path, **options: object) -> Path:
    storage.save(network, folder / "run")
    flow.compile(folder / "run", folder / "build", **options)
    return folder / "build"


@pytest.mark.parametrize("case", NETWORKS)
def test_other_networks(case: str, tmp_path: Path):
    build = compiled_of(NETWORKS[case](), tmp_path)
    cpu = rebnet.load(build)
    shape = (6, *cpu._shape)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    own = np.resize(cpu.network.served, len(images))
    board = Board(program(build, tmp_path / "device"))
    try:
        for where, which in ((f"simulator:{build}", None), (f"serial:{board.port}?baud={BAUD}", build)):
            with rebnet.connect(where, which) as there:
                for levels in (None, *cpu.network.served, own):
                    assert np.array_equal(there.predict(images, levels), cpu.predict(images, levels))
                assert np.array_equal(there.labels(images), cpu.labels(images))
                assert there.predict(images[0]).shape == cpu.network.scores_shape
    finally:
        board.close()


def test_an_accelerator_that_is_slower_than_the_line(tmp_path: Path):
    """Bytes find no place; the shell knows, and the sentence says it."""
    network = from_text("8x8x1 - C16:3x3 - D4", 3, 2)
    build = compiled_of(network, tmp_path, folding="balanced", target_cycles=20_000)
    board = Board(program(build, tmp_path / "device"))
    try:
        with rebnet.connect(f"serial:{board.port}?baud={BAUD}&timeout=1", build) as there:
            assert there.told
            with pytest.raises(BoardError, match=r"the accelerator is slower than the line\. Fold it faster"):
                there.predict(np.zeros((2, 8, 8, 1), dtype=np.uint8))
            board.swallow = 65
            with pytest.raises(BoardError, match="so bytes were lost on the way"):  # the loss before was told
                there.predict(np.zeros((1, 8, 8, 1), dtype=np.uint8))
    finally:
        board.close()
