"""What a host writes into an accelerator whose constants are written at run time: the words of another network.

The words are those that the memory images of the network would hold (`rebnet.generate.images`), at the addresses of
`runtime_weights` in ports.json (`rebnet.generate.bus`).
"""

import shlex
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.build_folder import check_build
from rebnet.errors import FileFormatError, FoldingError
from rebnet.files import file_hash, make_folder, write_bytes, write_record
from rebnet.generate.bus import NETWORK_WORDS, row_bits
from rebnet.generate.check import MADE_FROM
from rebnet.generate.images import bus_words
from rebnet.generate.rtl import planned, runtime_weights_of, shape_of
from rebnet.generate.top import Top
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.ops import Dense
from rebnet.records import Weights
from rebnet.rtl.ports import PORTS_FILE, memory_folder, read_ports
from rebnet.stages.mvtu import Mvtu
from rebnet.swap import put, workplace

FOLDER = "weights"
WORDS_FILE = "weights.bin"

Words = NDArray[np.uint32]


@dataclass(frozen=True)
class WriteList:
    """All words of a network, in the order in which they are written.

    Attributes:
        shape: `runtime_weights.shape` of the accelerators that they are for; LOAD_SHAPE says that of a bitstream.
        network: SHA-256 of the network's network.json, in hex; its words are the first.
        addresses: of each word.
        data: the words, 32 bits each.
    """

    shape: str
    network: str
    addresses: Words
    data: Words

    def to_bytes(self) -> bytes:
        """Address and data of each word, four bytes each, the lowest first: what the checksum is of."""
        return np.stack([self.addresses, self.data], axis=1).astype("<u4").tobytes()

    @property
    def checksum(self) -> int:
        """CRC-32 of `to_bytes`, which ends the load."""
        return zlib.crc32(self.to_bytes())

    def runs(self) -> Iterator[tuple[int, Words]]:
        """Words at addresses that follow each other, and where they begin: LOAD_ADDRESS is written once for each."""
        starts = [0, *(1 + np.flatnonzero(np.diff(self.addresses.astype(np.int64)) != 1)), len(self.data)]
        for start, end in pairwise(starts):
            yield int(self.addresses[start]), self.data[start:end]


def write_list(build: Path, network: Path, named: str | None = None) -> WriteList:
    """The words that make the accelerator of `build` that of another network of the same shape.

    Args:
        build: folder that `generate` has filled, with `runtime_weights`.
        network: folder of the other network, lowered: a build, of whatever folding, or one that was compiled with
            `until="lower"`; or `build` itself.
        named: what sentences call the network; its folder if None.

    Raises:
        FileFormatError: the build's constants are not written at run time, or a record is missing, damaged or stale.
        FoldingError: the network is of another shape, of other levels, or needs other widths.
        OptionError: a network whose constants cannot be written at run time.
    """
    check_build(build)
    check_build(network)
    named = named or str(network)
    ports = read_ports(build, MADE_FROM)
    bus = ports.runtime_weights
    again = f"'rebnet generate {shlex.quote(str(build))} --target rtl --runtime-weights'"
    if not bus:
        raise FileFormatError(
            f"{build / PORTS_FILE}: has no runtime_weights, so the weights are in the bitstream for good; run {again}"
        )
    own, other = storage.load(build), _lowered(network)
    if (own.input, own.served) != (other.input, other.served):
        raise FoldingError(
            f"{named}: takes {_image(other)} and serves {_levels(other)}, and the accelerator of {build} takes "
            f"{_image(own)} and serves {_levels(own)}; load a network of the same"
        )
    for here, there in zip_longest(_nodes(own), _nodes(other), fillvalue="nothing"):
        if here != there:
            raise FoldingError(
                f"{named}: has {there} where the network of {build} has {here}; load a network of the same shape"
            )
    plan_of = partial(planned, build, name=ports.top, memory=memory_folder(ports), runtime_weights=True)
    plan, _ = plan_of(own, gain_bits=bus.gain_bits)
    if runtime_weights_of(plan) != bus:
        raise FileFormatError(
            f"{build / PORTS_FILE}: its runtime_weights are not those that the build's network and folding give, so it "
            f"was edited or is of another version; run {again}, and make the bitstream again"
        )
    others, words = plan_of(other, gain_bits=bus.gain_bits)
    _check_same(named, build, others, plan)
    digest = file_hash(network / storage.NETWORK_FILE)
    addresses = [np.arange(NETWORK_WORDS)]
    data = [np.array([int(digest[8 * word : 8 * word + 8], 16) for word in range(NETWORK_WORDS)], dtype=np.uint32)]
    for window in bus.memories:
        for column, rows in enumerate(bus_words(words[window.name])):
            addresses.append(window.base + (column << row_bits(window.depth)) + np.arange(window.depth))
            data.append(rows)
    return WriteList(bus.shape, digest, np.concatenate(addresses).astype(np.uint32), np.concatenate(data))


def write_weights(build: Path, network: Path, output: Path | None = None, named: str | None = None) -> Weights:
    """Write weights.bin, `WriteList.to_bytes` of a network, and weights.json.

    Args:
        build: as in `write_list`.
        network: as in `write_list`.
        output: folder of the two files; BUILD/weights if None.
        named: as in `write_list`.

    Returns:
        The record of weights.json.

    Raises:
        OutputError: the folder cannot be written.
        RebnetError: see `write_list`.
    """
    words = write_list(build, network, named)
    record = Weights(
        inputs={"ports": file_hash(build / PORTS_FILE), "network": words.network},
        shape=words.shape,
        network=words.network,
        file=WORDS_FILE,
        words=len(words.data),
        checksum=words.checksum,
    )
    folder = make_folder(build / FOLDER if output is None else output)
    with workplace(folder, FOLDER) as work:
        write_bytes(work / WORDS_FILE, words.to_bytes())
        write_record(work / Weights.FILE, record)
        put([work / WORDS_FILE, work / Weights.FILE], folder)
    return record


def _lowered(folder: Path) -> Network:
    """The lowered network in a folder."""
    network = storage.load(folder) if (folder / storage.NETWORK_FILE).is_file() else None
    if network is None or any(layer.op.gains is None for layer in network.layers):
        raise FileFormatError(
            f"{folder}: holds no lowered network; name a build, such as 'rebnet compile' makes of one"
        )
    return network


def _nodes(network: Network) -> Iterator[str]:
    """What each node of a network is, whatever its weights."""
    for node in network.nodes:
        inputs = f" with {node.op.weights.columns} inputs" if isinstance(node.op, Dense) else ""
        height, width, channels = network.values[node.name].shape
        yield f"{node.name} ({type(node.op).__name__} to {height}x{width}x{channels}{inputs})"


def _check_same(network: str, build: Path, plan: Top, here: Top) -> None:
    """Raise `FoldingError` unless the top levels of both networks are the same; they hold no trained number."""
    modules = ([*top.accelerator.modules(top.depths)] for top in (plan, here))
    for other, own in zip(*modules, strict=True):
        written = {"GAINS"} if _multiplies(plan, other.of) else set()
        keys = [key for key in other.parameters if key not in written]
        for key in keys:
            if other.parameters[key] != own.parameters.get(key):
                raise FoldingError(
                    f"{network}: needs {key} = {other.parameters[key]} in {other.of}, and the accelerator of {build} "
                    f"has {own.parameters.get(key)}; load a network of its shape and method, compiled with its "
                    "--threshold-bits, or generate an accelerator of this one"
                )
    if shape_of(plan) != shape_of(here):
        raise FoldingError(f"{network}: needs another top level than the accelerator of {build}; load one of its shape")


def _multiplies(plan: Top, instance: str) -> bool:
    unit = plan.accelerator.by_instance[instance]
    return isinstance(unit, Mvtu) and bool(unit.multiplies)


def _image(network: Network) -> str:
    image = network.input
    codes = "" if image.table is None else " by a table of its own"
    return f"{image.height}x{image.width}x{image.channels} of {image.bits} bits{codes}"


def _levels(network: Network) -> str:
    return f"m = {', '.join(map(str, network.served))}"
