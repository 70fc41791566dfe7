"""`folding.json`: how much hardware each layer gets, and how deep its FIFOs are."""

from pathlib import Path

from rebnet.errors import FileFormatError, FoldingError
from rebnet.ir.bounds import MAX_DEPTH, folding_fault
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding, check_folding
from rebnet.records import GivenFolding, read
from rebnet.records.folding import Fifo
from rebnet.stages.accelerator import Accelerator, accelerator_of
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import MAX_SAMPLES_AT_ONCE, MAX_SAMPLES_PER_BEAT
from rebnet.stages.finn import finn_config, finn_foldings
from rebnet.stages.unrolled import WIRES

FOLDING_FILE = GivenFolding.FILE
WEIGHT_STYLES = ("block", "distributed")
"""Where the weights of a layer are that is not unrolled: in block RAM, or in LUTs."""


def fifo_record(accelerator: Accelerator, depths: Depths, peaks: Depths) -> tuple[Fifo, ...]:
    """The `fifos` entry: every buffer whose depth is chosen, in the order that data meets them."""
    return tuple(
        Fifo(
            name=buffer.name,
            depth=depths[buffer.name],
            width_bits=buffer.bits,
            predicted_peak=peaks[buffer.name],
        )
        for buffer in accelerator.buffers
    )


def read_foldings(path: Path, network: Network) -> tuple[Folding, ...]:
    """The foldings of a `folding.json`, ours or FINN's folding_config.json, checked against the network's layers.

    Raises:
        FileFormatError: the file is no such record.
        FoldingError: a layer is missing, or cannot have the folding the file gives it.
    """
    names = [layer.name for layer in network.layers]
    config = finn_config(path)
    if config is not None:
        entries = finn_foldings(path, config, tuple(names))
    else:
        entries = {
            entry.name: Folding(entry.pe, entry.simd, entry.level_lanes, entry.plane_lanes or None)
            for entry in read(path, GivenFolding).layers
        }
    if sorted(entries) != sorted(names):
        raise FoldingError(f"{path}: has layers {', '.join(entries) or 'none'}; the network has {', '.join(names)}")
    for layer in network.layers:
        dense = layer.op
        own = entries[layer.name]
        rows, columns, planes = dense.weights.rows, dense.weights.columns, len(dense.weights.gains)
        check_folding(f"{path}: layer {layer.name}", own, columns, planes, rows, dense.group_count)
        fault = folding_fault(rows, columns, own.pe, own.simd, own.level_lanes or 1, planes, own.plane_lanes or 1)
        if fault is not None:
            raise FoldingError(f"{path}: layer {layer.name}: folding {own} {fault}")
    return tuple(entries[name] for name in names)


def read_weight_styles(path: Path, network: Network) -> tuple[str, ...]:
    """The weight styles of a `folding.json`; "auto" where a layer says nothing.

    Raises:
        FoldingError: a style that there is not.
    """
    styles = {entry.name: entry.weight_style for entry in read(path, GivenFolding).layers}
    for name, style in styles.items():
        if style not in (*WEIGHT_STYLES, WIRES, "auto"):
            raise FoldingError(f"{path}: layer {name}: weight_style={style!r}; use block, distributed, wires or auto")
    return tuple(styles[layer.name] for layer in network.layers)


def read_accelerator(path: Path, network: Network) -> Accelerator:
    """The chain that a `folding.json` describes."""
    foldings = read_foldings(path, network)
    samples_per_beat = read(path, GivenFolding, needs=("samples_per_beat",)).samples_per_beat or 0
    at_once = samples_per_beat == network.input.samples <= MAX_SAMPLES_AT_ONCE
    powers = 1 <= samples_per_beat <= MAX_SAMPLES_PER_BEAT and samples_per_beat & (samples_per_beat - 1) == 0
    if not powers and not at_once:
        raise FoldingError(
            f"{path}: samples_per_beat={samples_per_beat}; use a power of two from 1 to {MAX_SAMPLES_PER_BEAT}"
        )
    return accelerator_of(network, foldings, samples_per_beat, read_weight_styles(path, network))


def read_depths(path: Path, accelerator: Accelerator) -> Depths:
    """The FIFO depths of a `folding.json`, checked against each buffer's least.

    Raises:
        FileFormatError: an entry is missing or no number.
        FoldingError: a depth with which a layer would never finish a vector.
    """
    depths = {entry.name: entry.depth for entry in read(path, GivenFolding, needs=("fifos",)).fifos or ()}
    names = [buffer.name for buffer in accelerator.buffers]
    missing = [name for name in names if name not in depths]
    if missing:
        raise FileFormatError(f"{path}: no fifo entry for {', '.join(missing)}; add it, or fold the network again")
    result = {name: depths[name] for name in names}
    for buffer in accelerator.buffers:
        if result[buffer.name] > MAX_DEPTH:
            raise FoldingError(f"fifo {buffer.name}: depth={result[buffer.name]}; use {buffer.least} to {MAX_DEPTH}")
    check_depths(accelerator, result)
    return result


def check_depths(accelerator: Accelerator, depths: Depths) -> None:
    """Raise `FoldingError` for a depth with which a module would never finish a vector or a window."""
    for buffer in accelerator.buffers:
        depth, least, unit = depths[buffer.name], buffer.least, buffer.unit
        if depth < least:
            raise FoldingError(
                f"fifo {buffer.name}: depth={depth} is less than the {least} words that the layer needs to "
                f"work at all; use at least {least}"
            )
        if depth % unit:
            raise FoldingError(
                f"fifo {buffer.name}: depth={depth} is no multiple of the {unit} words that come in at a "
                f"time; use {depth + -depth % unit}"
            )
