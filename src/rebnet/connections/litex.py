"""litex:PORT: a board with a LiteX SoC and its uartbone, on a serial line."""

import math
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.boards.shells.litex.bone import Bone
from rebnet.boards.shells.litex.host import WORD_BYTES, Host, HostError, line_baud
from rebnet.boards.shells.uart.line import Line
from rebnet.build_folder import check_build
from rebnet.connections.cpu import network_of
from rebnet.connections.place import Place
from rebnet.connections.turns import Turns
from rebnet.engine.connection import Connection, each_levels
from rebnet.errors import BoardError, FileFormatError, OptionError
from rebnet.files import file_hash
from rebnet.ir import storage
from rebnet.paths import path_of


def open_litex(place: Place) -> "Litex":
    """Open the port and ask which network is there.

    Options are `csr`, LiteX's csr.json, and `timeout`, s of a batch and of an answer.

    Raises:
        OptionError: no build, no csr.json, or an option that there is not.
        FileFormatError: the build or csr.json is damaged.
        BoardError: no such port, it is another's, it is silent, or another network is there.
    """
    build = place.named_build()
    if "csr" not in place.options:
        raise OptionError(
            f"where={place.where!r}: which SoC is there? Name the csr.json that its target.py wrote: "
            f"litex:{place.name}?csr=build/ulx3s-85/csr.json"
        )
    others = {key: value for key, value in place.options.items() if key != "csr"}
    timeout_s = replace(place, options=others).numbers("timeout").get("timeout", 10.0)
    return Litex(place.name, path_of(place.options["csr"]), build, timeout_s)


class Litex(Connection):
    """The accelerator of a build in a LiteX SoC; several threads take turns, a batch at a time.

    Args:
        port: device of the port.
        csr: csr.json of the SoC, as `target.py` or LiteX's Builder writes it.
        build: the build whose accelerator is there.
        timeout_s: seconds in which a batch must be done, and in which the SoC must answer.
    """

    def __init__(self, port: str, csr: Path, build: Path, timeout_s: float = 10.0) -> None:
        check_build(build)
        network, classes = network_of(build)
        super().__init__(network, classes)
        self._port = port
        try:
            baud = line_baud(csr)
        except (OSError, ValueError, LookupError, TypeError, HostError) as error:
            raise FileFormatError(f"{csr}: is no csr.json of such a SoC ({error}); name the one of its build") from None
        line = Line(port, baud)
        end = weakref.finalize(self, line.close)
        self._turns = Turns(f"litex:{port}", end)
        try:
            self._host = Host(Bone(line, timeout_s), csr, timeout_s=timeout_s)
            own, found = file_hash(build / storage.NETWORK_FILE), self._host.network
            if found != own:
                raise BoardError(
                    f"{port}: another network is there ({found[:16]}…) than the build's ({own[:16]}…); program the "
                    "board with the build's SoC, or name the build and the csr.json of the one that is there"
                )
            has = -(-math.prod(self._shape) // WORD_BYTES), math.prod(network.scores_shape)
            says = self._host.image_words, self._host.scores
            if says != has:
                raise FileFormatError(
                    f"{csr}: says {says[0]} words an image and {says[1]} scores, and the network has {has[0]} and "
                    f"{has[1]}; name the csr.json of its SoC"
                )
            self._host.reset()
        except HostError as error:
            end()
            raise FileFormatError(str(error)) from None
        except BaseException:
            end()
            raise

    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        users = each_levels(self.network, len(images), levels)
        with self._turns.one():
            try:
                found = self._host.predict(images, users)
            except HostError as error:
                raise BoardError(f"litex:{self._port}: {error}") from error
        return np.asarray(found, dtype=np.int64).reshape(-1, *self.network.scores_shape)

    def close(self) -> None:
        """Let go of the port; twice is the same as once."""
        self._turns.close()

    @property
    def _where(self) -> str:
        return f"litex:{self._port}"
