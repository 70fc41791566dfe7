"""`folding.json`: how much hardware each layer gets, and how deep its FIFOs are."""

from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError, FoldingError
from rebnet.files import read_record
from rebnet.ir.bounds import MAX_DEPTH, folding_fault
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding, check_folding
from rebnet.stages.accelerator import Accelerator, accelerator_of
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import MAX_SAMPLES_PER_BEAT

FOLDING_FILE = "folding.json"
WEIGHT_STYLES = ("block", "distributed")
"""Where the weights of a layer are: in block RAM, or in LUTs."""


def fifo_record(accelerator: Accelerator, depths: Depths, peaks: Depths) -> list[dict[str, Any]]:
    """The `fifos` entry: every buffer whose depth is chosen, in the order that data meets them."""
    return [
        {
            "name": buffer.name,
            "depth": depths[buffer.name],
            "width_bits": buffer.bits,
            "predicted_peak": peaks[buffer.name],
        }
        for buffer in accelerator.buffers
    ]


def read_foldings(path: Path, network: Network) -> tuple[Folding, ...]:
    """The foldings of a `folding.json`, checked against the network's layers.

    Raises:
        FileFormatError: the file is no such record.
        FoldingError: a layer is missing, or cannot have the folding the file gives it.
    """
    record = read_record(path, {"layers": list})
    entries = {}
    for entry in record["layers"]:
        values: list[Any] = (
            [entry.get(key) for key in ("name", "pe", "simd", "level_lanes")] if isinstance(entry, dict) else [None]
        )
        if not isinstance(values[0], str) or not all(_is_count(value) for value in values[1:]):
            raise FileFormatError(
                f"{path}: layer entry {entry!r} must hold a name and whole numbers pe, simd, level_lanes of at least 1"
            )
        entries[values[0]] = Folding(values[1], values[2], values[3])
    names = [layer.name for layer in network.layers]
    if sorted(entries) != sorted(names):
        raise FoldingError(f"{path}: has layers {', '.join(entries) or 'none'}; the network has {', '.join(names)}")
    for layer in network.layers:
        dense = layer.op
        own = entries[layer.name]
        check_folding(f"{path}: layer {layer.name}", own, dense.weights.columns)
        fault = folding_fault(dense.weights.rows, dense.weights.columns, own.pe, own.simd, own.level_lanes or 1)
        if fault is not None:
            raise FoldingError(f"{path}: layer {layer.name}: folding {own} {fault}")
    return tuple(entries[name] for name in names)


def read_weight_styles(path: Path, network: Network) -> tuple[str, ...]:
    """The weight styles of a `folding.json`; "auto" where a layer says nothing.

    Raises:
        FoldingError: a style that there is not.
    """
    record = read_record(path, {"layers": list})
    styles = {entry["name"]: entry.get("weight_style", "auto") for entry in record["layers"]}
    for name, style in styles.items():
        if style not in (*WEIGHT_STYLES, "auto"):
            raise FoldingError(f"{path}: layer {name}: weight_style={style!r}; use block, distributed or auto")
    return tuple(styles[layer.name] for layer in network.layers)


def read_accelerator(path: Path, network: Network) -> Accelerator:
    """The chain that a `folding.json` describes."""
    foldings = read_foldings(path, network)
    samples_per_beat = read_record(path, {"samples_per_beat": int})["samples_per_beat"]
    legal = 1 <= samples_per_beat <= MAX_SAMPLES_PER_BEAT and samples_per_beat & (samples_per_beat - 1) == 0
    if not legal:
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
    depths = {}
    for entry in read_record(path, {"fifos": list})["fifos"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not _is_count(entry.get("depth")):
            raise FileFormatError(f"{path}: fifo entry {entry!r} must hold a name and a depth of at least 1")
        depths[entry["name"]] = entry["depth"]
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


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
