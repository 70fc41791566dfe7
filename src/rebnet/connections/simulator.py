"""simulator:BUILD: the build's RTL under Verilator, in a process that stays up."""

import math
import os
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.connections.cpu import network_of
from rebnet.connections.place import Place
from rebnet.connections.turns import Turns
from rebnet.engine.connection import Connection, each_levels
from rebnet.errors import OptionError
from rebnet.generate.check import checked
from rebnet.paths import path_of
from rebnet.simulate import check_options, streams_of
from rebnet.simulate.build import build_simulator
from rebnet.simulate.cache import default_folder
from rebnet.simulate.serve import Server
from rebnet.stages.folding import FOLDING_FILE, read_accelerator


def open_simulator(place: Place) -> "Simulator":
    """Build the simulator of a build, unless it was built before; the option `stalls` is the seed of random stalls.

    Raises:
        OptionError: an option that there is not.
        FileFormatError: the folder is no build with RTL, or its RTL is not what network and folding generate.
        ToolError: the simulator could not be built.
        MissingExtraError: Verilator is not installed.
    """
    if place.build is not None:
        raise OptionError(f"where={place.where!r} names a build itself; leave build={str(place.build)!r} out")
    stalls = place.numbers("stalls", seed="stalls").get("stalls")
    seed = None if stalls is None else int(stalls)
    check_options(seed, None, None)
    return Simulator(path_of(place.name), seed)


class Simulator(Connection):
    """The accelerator of a build, simulated; several threads take turns.

    Args:
        build: folder that `generate` has filled; it is read now and not again.
        stalls: seed of random idle and backpressure on both streams; None for none.
    """

    def __init__(self, build: Path, stalls: int | None = None) -> None:
        network, classes = network_of(build)
        super().__init__(network, classes)
        accelerator = read_accelerator(build / FOLDING_FILE, network)
        made = checked(build)
        program = build_simulator(default_folder(), made.sources, made.ports.top, optimize="-Og")
        self._server = Server(program, streams_of(network, accelerator, build), made.write, stalls)
        self._build = build
        self._turns = Turns(f"simulator:{build}", weakref.finalize(self, _end, self._server, os.getpid()))

    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        users = each_levels(self.network, len(images), levels)
        with self._turns.one():
            scores = self._server.run(images.reshape(len(images), math.prod(self._shape)), users)
        return scores.reshape(len(images), *self.network.scores_shape)

    def close(self) -> None:
        """End the simulator; twice is the same as once."""
        self._turns.close()

    @property
    def _where(self) -> str:
        return f"simulator:{self._build}"


def _end(server: Server, owner: int) -> None:
    if os.getpid() == owner:
        server.end()
