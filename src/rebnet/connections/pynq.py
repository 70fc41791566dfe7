"""pynq:FOLDER: the board that Python runs on, with PYNQ and the AXI shell."""

import weakref
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebnet.boards.shells.axi.pynq import driver
from rebnet.build_folder import check_build
from rebnet.connections.cpu import network_of
from rebnet.connections.place import Place
from rebnet.connections.turns import Turns
from rebnet.engine.connection import Connection, each_levels
from rebnet.errors import BoardError, FileFormatError
from rebnet.files import file_hash
from rebnet.ir import storage
from rebnet.paths import path_of
from rebnet.records import read
from rebnet.records.shell import ShellBuild


def open_pynq(place: Place) -> "Pynq":
    """Program the bitstream of a folder; the option `timeout`, s, is what a transfer may stand still.

    No code of the folder is run: the driver is that of rebnet.

    Raises:
        OptionError: no build, or an option that there is not.
        FileFormatError: the build or the folder's shell.json is damaged.
        BoardError: pynq is missing, the folder holds another network, or the board answers what it must not.
    """
    build = place.named_build()
    timeout_s = place.numbers("timeout").get("timeout")
    return Pynq(path_of(place.name), build, timeout_s)


class Pynq(Connection):
    """The accelerator of a build on this board; several threads take turns.

    Args:
        folder: with NAME.bit, NAME.hwh and shell.json.
        build: the build whose bitstream that is.
        timeout_s: seconds in which no image came out, after which a transfer has failed; the driver's if None.
    """

    def __init__(self, folder: Path, build: Path, timeout_s: float | None = None) -> None:
        check_build(build)
        network, classes = network_of(build)
        super().__init__(network, classes)
        if not (folder / ShellBuild.FILE).exists():
            raise FileFormatError(
                f"{folder / ShellBuild.FILE}: no such file; write what stands beside the bitstream: rebnet generate "
                f"{build} --target deploy --output {folder}"
            )
        record, own = read(folder / ShellBuild.FILE, ShellBuild), file_hash(build / storage.NETWORK_FILE)
        if record.network != own:
            raise BoardError(
                f"{folder / ShellBuild.FILE}: is of another network ({record.network[:16]}…) than {build} "
                f"({own[:16]}…); name the build that the bitstream was made from"
            )
        self._folder = folder
        try:
            self._driver = driver.Accelerator(folder, timeout_s=driver.TIMEOUT_S if timeout_s is None else timeout_s)
        except (driver.DriverError, driver.InputError) as error:
            raise BoardError(f"pynq:{folder}: {error}") from error
        self._turns = Turns(f"pynq:{folder}", weakref.finalize(self, self._driver.close))

    def _scores(self, images: NDArray[np.uint8], levels: int | NDArray[np.int64] | None) -> NDArray[np.int64]:
        users = each_levels(self.network, len(images), levels)
        return self._answers(images, users, labels=False).reshape(-1, *self.network.scores_shape)

    def labels(self, images: ArrayLike, levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """As everywhere; the shell finds them."""
        if self.network.regression:
            return super().labels(images, levels)
        taken, counts, alone = self._taken(images, levels)
        found = self._answers(taken, each_levels(self.network, len(taken), counts), labels=True)
        labels = found.reshape(-1, *self.network.scores_shape[:-1])
        return np.asarray(labels[0]) if alone else labels

    def _answers(self, images: NDArray[np.uint8], users: NDArray[np.uint8], labels: bool) -> NDArray[np.int64]:
        with self._turns.one():
            try:
                return (self._driver.labels if labels else self._driver.predict)(images, users)
            except driver.DriverError as error:
                raise BoardError(f"pynq:{self._folder}: {error}") from error

    def close(self) -> None:
        """Give the buffers back; twice is the same as once."""
        self._turns.close()

    @property
    def _where(self) -> str:
        return f"pynq:{self._folder}"
