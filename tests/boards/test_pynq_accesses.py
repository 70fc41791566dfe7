"""10,000 random accesses of the shell's registers, legal and illegal, while images go through the driver.

A model knows what each answers; scores stay those of the reference.
"""

import random
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from tests.boards.pynq_board import BusError
from tests.boards.test_pynq import Place, place

from rebnet.boards.shells.axi.registers import REGISTERS

__all__ = ["place"]

ACCESSES = 10_000
HOLES = [4 * i for i in range(1024) if not any(r.index <= i < r.index + r.words for r in REGISTERS)]
ANY = [r.address for r in REGISTERS]
READ_ONLY = [r.address for r in REGISTERS if not r.writable]
MASKS = {"MODE": 3, "IMAGES": 0xFFFF_FFFF, "ENABLE": 15}
"""Bits of the registers that keep what is written; ENABLE while an image is inside too."""


class Model:
    """Plays accesses on a board and says what each must answer."""

    def __init__(self, there: Place, seed: int) -> None:
        self.board, self.record, self.random = there.board, there.record, random.Random(seed)
        self.at = there.record["registers"]
        self.kept = dict.fromkeys(MASKS, 0)
        self.count = self.refused = self.inside = 0

    def refusal(self) -> None:
        rng = self.random
        address, writes = rng.choice(
            (
                (rng.choice(HOLES), rng.randrange(2)),
                (rng.choice(ANY) + rng.randrange(1, 4), rng.randrange(2)),
                (rng.choice(READ_ONLY), 1),
            )
        )
        act = partial(self.board.shell_write, data=rng.getrandbits(32)) if writes else self.board.shell_read
        with pytest.raises(BusError):
            act(address)
        self.refused += 1

    def fact(self) -> None:
        name, value = self.random.choice(list(self.record["facts"].items()))
        assert self.board.shell_read(self.at[name]) == value

    def network(self) -> None:
        word = self.random.randrange(8)
        found = self.board.shell_read(self.at["NETWORK"] + 4 * word)
        assert f"{found:08x}" == self.record["network"][8 * word : 8 * word + 8]

    def write(self, names: tuple[str, ...]) -> None:
        name, value = self.random.choice(names), self.random.getrandbits(32)
        self.board.shell_write(self.at[name], value)
        self.kept[name] = value & MASKS[name]

    def read(self, names: tuple[str, ...]) -> None:
        name = self.random.choice(names)
        assert self.board.shell_read(self.at[name]) == self.kept[name], name

    def play(self, names: tuple[str, ...]) -> None:
        """One access; of the registers that keep what is written, `names`."""
        self.random.choice(
            (self.refusal, self.refusal, self.fact, self.network, lambda: self.write(names), lambda: self.read(names))
        )()
        self.count += 1


@pytest.mark.rtl
@pytest.mark.parametrize("case", ["dense, two levels", "convolution, odd sizes, three levels", "on a map"])
def test_accesses_at_any_time(place: Callable[..., Place], case: str) -> None:
    there = place(case, seed=9)
    images, network = there.images(12), there.network
    model = Model(there, 17)
    with there.open(batch=5, timeout_s=10.0) as accelerator:
        poll = there.board.dma_read

        def chatting(offset: int) -> int:
            """A processor that reads and writes registers while the DMA moves images."""
            for _ in range(3):
                model.play(("ENABLE",))
                model.inside += 1
            return poll(offset)

        accelerator._dma.read = chatting
        model.kept["ENABLE"] = there.board.shell_read(model.at["ENABLE"])
        rounds = 0
        while model.count < ACCESSES:
            rounds += 1
            own = np.random.default_rng(rounds).choice(network.served, len(images))
            labels = bool(rounds % 2)
            expected = there.scores(images, own)
            if labels:
                assert (accelerator.labels(images, own) == expected.argmax(axis=-1)).all()
            else:
                assert (accelerator.predict(images, own) == expected).all()
            for name, value in (("MODE", labels | 2 * (len(set(own)) > 1)), ("IMAGES", 0)):
                model.kept[name] = value
            for _ in range(100):
                model.play(tuple(MASKS))
    assert model.refused > ACCESSES // 5
    assert model.inside > ACCESSES // 5
