"""The records of one build, checked; what is not there, stale or of another schema says so and is not used.

A record is stale where the hash of a file that it was made from is not that of the file in the build. A damaged record
is an error.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rebnet.build_folder import COMPILE_FILE
from rebnet.errors import OptionError, SchemaError
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.ops import BatchNorm, ResidualSign
from rebnet.records import RESOURCES, Evaluation, Record, Simulation, Training, among, read_any
from rebnet.records.chain import Chain, Link, read_chain
from rebnet.records.request import Request
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.folding import FOLDING_FILE, read_accelerator

R = TypeVar("R", bound=Record)

__all__ = ["RESOURCES", "Build", "Link", "Record", "read_build"]

_FILES = (COMPILE_FILE, FOLDING_FILE, "evaluation.json", "adaptive.json", "simulation.json", "synthesis.json")
"""The records, beside training.json, whose figures a page shows."""


@dataclass(frozen=True)
class Build:
    """What the records of a build say.

    Attributes:
        name: the folder as it was named.
        folder: where it is.
        network: the integer network.
        accelerator: its modules; None where it was not folded.
        gammas: the layer in front of each residual sign, or else the node that its module reads, and its factors at
            each m = 1 … M; empty without an exported network.
        records: those that can be used, by file.
        unused: why another one that is there cannot, by file.
        links: every hash that names a file of the build.
        hashes: SHA-256 of each record that is there, by file.
        requests: what each record was asked for, by file; those of records that cannot be used too.
    """

    name: str
    folder: Path
    network: Network
    accelerator: Accelerator | None
    gammas: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...]
    records: Mapping[str, Record]
    unused: Mapping[str, str]
    links: tuple[Link, ...]
    hashes: Mapping[str, str]
    requests: Mapping[str, Request]

    def get(self, form: type[R]) -> R | None:
        """The record of that form, if it can be used."""
        return among(self.records, form)

    @property
    def dataset(self) -> str | None:
        """The data set that it was trained on, or else evaluated or simulated with."""
        told = (self.get(Training), self.get(Evaluation), self.get(Simulation))
        return next((record.dataset for record in told if record is not None), None)

    @property
    def served(self) -> tuple[int, ...]:
        """Levels m that it can run at, rising."""
        return self.network.served


def read_build(folder: Path) -> Build:
    """The records of the build in `folder`.

    Raises:
        OptionError: no such folder, or no build.
        FileFormatError: the network or another record is damaged or edited into nonsense, or the folder holds the
            training or the exported network of another build.
    """
    if not (folder / storage.NETWORK_FILE).is_file():
        raise OptionError(f"{folder}: holds no {storage.NETWORK_FILE}; name a folder that 'rebnet compile' made")
    network = storage.load(folder)
    if any(layer.op.gains is None for layer in network.layers):
        raise OptionError(f"{folder}: holds an exported network, no build; name a folder that 'rebnet compile' made")
    chain = read_chain(folder, _FILES)
    accelerator = read_accelerator(folder / FOLDING_FILE, network) if FOLDING_FILE in chain.records else None
    told = (chain.records, chain.unused, chain.links, chain.hashes, _requests(folder, chain))
    return Build(str(folder), folder, network, accelerator, _gammas(folder), *told)


def _requests(folder: Path, chain: Chain) -> dict[str, Request]:
    """The request of each record that holds one, of those that cannot be used too."""
    held = dict(chain.records)
    for file in chain.unused:
        with suppress(SchemaError):
            held[file] = read_any(folder / file)
    told = {file: getattr(record, "request", None) for file, record in held.items()}
    return {file: request for file, request in told.items() if request is not None}


def _gammas(folder: Path) -> tuple[tuple[str, tuple[tuple[float, ...], ...]], ...]:
    exported = folder / "exported"
    if not (exported / storage.NETWORK_FILE).is_file():
        return ()
    network = storage.load(exported)
    counts = range(1, network.levels + 1)
    found = []
    for node in network.nodes:
        if isinstance(node.op, ResidualSign):
            layer, (source,) = network.layer_of(node), network.sources(node)
            if source in network.by_name and isinstance(network.by_name[source].op, BatchNorm):  # in the same module
                (source,) = network.sources(network.by_name[source])
            found.append((source if layer is None else layer.name, tuple(node.op.factors(m) for m in counts)))
    return tuple(found)
