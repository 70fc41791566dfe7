"""A network of a build, of a run or of the zoo, with the names of its classes, on this processor."""

from pathlib import Path

from rebnet import zoo
from rebnet.build_folder import check_build
from rebnet.datasets.class_names import trained_on
from rebnet.engine.predictor import Predictor
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.lower import lower
from rebnet.paths import path_of


def load(build: str | Path, threads: int | None = None, instruction_set: str | None = None) -> Predictor:
    """The network on this processor; see `rebnet.load`."""
    network, classes = network_of(build)
    return Predictor(network, threads, instruction_set, classes)


def network_of(build: str | Path) -> tuple[Network, tuple[str, ...] | None]:
    """A lowered network and what its classes are called, None where nobody says.

    Raises:
        FileFormatError: there is no network, or it is damaged.
        OptionError: the zoo has no such network.
    """
    if isinstance(build, str) and build.startswith(zoo.PREFIX):
        folder = zoo.folder(build)
        network = lower(storage.load(folder))
    else:
        folder = path_of(build)
        check_build(folder)
        network = storage.load(folder)
    return network, trained_on(folder, network.classes)
