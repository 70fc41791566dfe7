"""`folding.json`: how much hardware each layer gets, and how deep its FIFOs are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError, FoldingError
from rebnet.files import read_record
from rebnet.ir.bounds import MAX_DEPTH, folding_fault
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding, check_folding
from rebnet.stages.accelerator import Accelerator, Depths, accelerator_of
from rebnet.stages.geometry import Mvtu, WindowUnit

FOLDING_FILE = "folding.json"
MAX_SAMPLES_PER_BEAT = 64
WEIGHT_STYLES = ("block", "distributed")
"""Where the weights of a layer are: in block RAM, or in LUTs."""


def fifo_record(
    accelerator: Accelerator, depths: Depths, peaks: Depths, acc_widths: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The `fifos` entry: every buffer whose depth is chosen, in the order that data meets them."""
    widths: list[int] = []
    for stage in accelerator.stages:
        match stage:
            case Mvtu():
                widths += [stage.levels_in * stage.simd, stage.drain * (stage.levels_out or acc_widths[stage.name])]
            case WindowUnit():
                widths.append(stage.planes * stage.word)
    return [
        {"name": name, "depth": depths[name], "width_bits": width, "predicted_peak": peaks[name]}
        for name, width in zip((channel.name for channel in accelerator.channels), widths, strict=True)
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
    """The FIFO depths of a `folding.json`, checked against each channel's least.

    Raises:
        FileFormatError: an entry is missing or no number.
        FoldingError: a depth with which a layer would never finish a vector.
    """
    depths = {}
    for entry in read_record(path, {"fifos": list})["fifos"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not _is_count(entry.get("depth")):
            raise FileFormatError(f"{path}: fifo entry {entry!r} must hold a name and a depth of at least 1")
        depths[entry["name"]] = entry["depth"]
    names = [channel.name for channel in accelerator.channels]
    missing = [name for name in names if name not in depths]
    if missing:
        raise FileFormatError(f"{path}: no fifo entry for {', '.join(missing)}; add it, or fold the network again")
    result = {name: depths[name] for name in names}
    for channel in accelerator.channels:
        if result[channel.name] > MAX_DEPTH:
            raise FoldingError(f"fifo {channel.name}: depth={result[channel.name]}; use {channel.least} to {MAX_DEPTH}")
    check_depths(accelerator, result)
    return result


def check_depths(accelerator: Accelerator, depths: Depths) -> None:
    """Raise `FoldingError` for a depth with which a module would never finish a vector or a window."""
    for channel in accelerator.channels:
        depth, least, unit = depths[channel.name], channel.least, channel.unit
        if depth < least:
            raise FoldingError(
                f"fifo {channel.name}: depth={depth} is less than the {least} words that the layer needs to "
                f"work at all; use at least {least}"
            )
        if depth % unit:
            raise FoldingError(
                f"fifo {channel.name}: depth={depth} is no multiple of the {unit} words that come in at a "
                f"time; use {depth + -depth % unit}"
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
