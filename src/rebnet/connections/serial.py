"""serial:PORT: a board with the UART shell, on a serial line."""

import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.boards.shells.uart.host import Answer, Host
from rebnet.boards.shells.uart.identity import Identity
from rebnet.boards.shells.uart.line import Line
from rebnet.connections.cpu import network_of
from rebnet.connections.place import Place
from rebnet.connections.turns import Turns
from rebnet.engine.connection import Connection, each_levels
from rebnet.engine.predictor import Predictor
from rebnet.errors import BoardError, OptionError
from rebnet.generate.check import MADE_FROM
from rebnet.ir.network import Network
from rebnet.records import Synthesis, read
from rebnet.rtl.ports import read_ports
from rebnet.stages.folding import FOLDING_FILE, read_accelerator

_SLOWEST_CLOCK = 12
"""Clocks of a bit, at least: what is taken where no record says the accelerator's clock."""
_PROBES = 3


def open_serial(place: Place) -> "Serial":
    """Open the port and find out who answers; options are `baud`, else the build's record says it, and `timeout`, s.

    Raises:
        OptionError: no build, no speed, or an option that there is not.
        FileFormatError: the folder is no build with RTL, or it is damaged.
        BoardError: no such port, it is another's, it is silent, or another network answers.
    """
    build = place.named_build()
    numbers = place.numbers("baud", "timeout", whole="baud")
    baud = numbers.get("baud")
    return Serial(place.name, build, None if baud is None else round(baud), numbers.get("timeout"))


class Serial(Connection):
    """The accelerator of a build on a board; several threads take turns, an image at a time.

    Args:
        port: device of the port.
        build: the build whose bitstream the board runs.
        baud: bits/s of the line; what the build's synthesis.json says of its bitstream if None.
        timeout_s: seconds after which an answer is late; what line and accelerator need, twice, and a second if None.
    """

    def __init__(self, port: str, build: Path, baud: int | None = None, timeout_s: float | None = None) -> None:
        network, classes = network_of(build)
        super().__init__(network, classes)
        expected = Identity.of(read_ports(build, MADE_FROM))
        accelerator = read_accelerator(build / FOLDING_FILE, network)
        cycles = 4 * sum(layer.cycles(network.levels) for layer in accelerator.layers)
        speed, clock_hz = _speed(port, build, baud)
        self._port = port
        line = Line(port, speed)
        end = weakref.finalize(self, line.close)
        self._turns = Turns(f"serial:{port}", end)
        try:
            self._host = Host(line, expected, cycles / clock_hz, timeout_s)
            self.told = self._host.meet()
            """Whether the board said who it is; of a bitstream of before, some images' scores did."""
            if not self.told:
                _probe(network, self._host, port)
        except BaseException:
            end()
            raise

    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        users = each_levels(self.network, len(images), levels)
        if not self._host.identity.scores:
            raise OptionError(
                f"serial:{self._port}: the bitstream was made with --no-scores; take labels(images), or make it again"
            )
        scores = np.zeros((len(images), *self.network.scores_shape), dtype=np.int64)

        def keep(index: int, answer: Answer) -> None:
            scores[index] = np.reshape(np.asarray(answer.scores), self.network.scores_shape)

        self._exchange(images, users, keep)
        return scores

    def labels(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """As everywhere; of a bitstream that sends labels alone, these, unless the network answers on a map."""
        if self._host.identity.scores or self.network.regression or self.network.answer.positions > 1:
            return super().labels(images, levels)
        taken, counts, alone = self._taken(images, levels)
        users = each_levels(self.network, len(taken), counts)
        labels = np.zeros(len(taken), dtype=np.int64)
        self._exchange(taken, users, lambda index, answer: labels.__setitem__(index, answer.label))
        return np.asarray(labels[0]) if alone else labels

    def _exchange(
        self, images: NDArray[np.uint8], users: NDArray[np.uint8], keep: Callable[[int, Answer], None]
    ) -> None:
        with self._turns.one():
            for index, (image, m) in enumerate(zip(images, users.tolist(), strict=True)):
                keep(index, self._host.answer(image, m))

    def close(self) -> None:
        """Let go of the port; twice is the same as once."""
        self._turns.close()

    @property
    def _where(self) -> str:
        return f"serial:{self._port}"


def _speed(port: str, build: Path, baud: int | None) -> tuple[int, float]:
    """Baud of the line and the accelerator's clock, Hz."""
    path = build / Synthesis.FILE
    placed = read(path, Synthesis).place_and_route if path.is_file() else None
    clock_hz = None if placed is None else placed.clock_mhz * 1e6
    found = baud or (None if placed is None else placed.baud)
    if found is None:
        raise OptionError(
            f"serial:{port}: {build} has no record of a bitstream that says the speed of the line; add it: "
            f"serial:{port}?baud=1000000"
        )
    return found, clock_hz or found * _SLOWEST_CLOCK


def _probe(network: Network, host: Host, port: str) -> None:
    """Raise `BoardError` unless a shell that cannot be asked answers some images with this network's scores."""
    image = network.input
    shape = (_PROBES, image.height, image.width, image.channels)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    expected = Predictor(network, 1).predict(images).reshape(_PROBES, -1)
    for one, scores in zip(images, expected, strict=True):
        if not np.array_equal(np.asarray(host.answer(one, 0).scores), scores):
            raise BoardError(
                f"{port}: the board does not say which network it has, as bitstreams of before, and its scores are "
                "not those of the build; make its bitstream again and program the board"
            )
