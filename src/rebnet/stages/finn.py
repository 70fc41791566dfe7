"""FINN's folding_config.json: PE and SIMD of its matrix units, in the order of the layers.

Source: `folding_config_file` of FINN's DataflowBuildConfig; files of finn-examples.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebnet.errors import FoldingError
from rebnet.files import read_object
from rebnet.ir.notation import Folding

_FOLDED = (
    "MVAU", "MatrixVectorActivation", "StreamingFCLayer_Batch", "VVAU", "VectorVectorActivation",
    "Vector_Vector_Activate_Batch",
)  # fmt: skip
"""Kinds whose PE and SIMD are read, by the names that FINN's versions gave them."""
_ELSE = (
    "Defaults", "Thresholding", "ConvolutionInputGenerator", "LabelSelect", "StreamingFIFO",
    "StreamingDataWidthConverter", "FMPadding", "StreamingMaxPool", "Pool", "AddStreams", "DuplicateStreams",
    "ChannelwiseOp", "GlobalAccPool", "IODMA", "StreamingDataflowPartition", "StreamingEltwise", "StreamingConcat",
    "StreamingSplit", "UpsampleNearestNeighbour", "DownSampler", "Lookup", "TLastMarker", "Checksum", "Elementwise",
)  # fmt: skip
"""Kinds that have no counterpart, or whose hardware follows from the layers; FIFOs are sized here."""


def finn_config(path: Path) -> Mapping[str, Any] | None:
    """What a folding_config.json of FINN holds; None for any other file.

    Raises:
        FileFormatError: it is no JSON.
    """
    record = read_object(path)
    ours = "schema" in record or "layers" in record
    return record if not ours and ("Defaults" in record or any(map(_folds, record))) else None


def _folds(key: str) -> bool:
    return key.startswith(_FOLDED)


def finn_foldings(path: Path, config: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Folding]:
    """The folding of each layer.

    Args:
        path: of the file, for what is said.
        config: what it holds.
        names: of the network's layers, in order.

    Raises:
        FoldingError: a unit that FINN does not have, without PE or SIMD, in another order, or not as many as layers.
    """
    unknown = [key for key in config if not key.startswith((*_FOLDED, *_ELSE))]
    if unknown:
        raise FoldingError(f"{path}: names {', '.join(unknown)}, no units of FINN that are known; leave them out")
    folded = [key for key in config if _folds(key)]
    if len(folded) != len(names):
        raise FoldingError(
            f"{path}: folds {len(folded)} layers, {', '.join(folded) or 'none'}; the network has {len(names)}, "
            f"{', '.join(names)}"
        )
    _check_order(path, folded)
    return {name: _folding(path, key, config[key]) for name, key in zip(names, folded, strict=True)}


def _check_order(path: Path, keys: list[str]) -> None:
    """FINN numbers the units of a kind as data meets them, and writes them so."""
    last: dict[str, tuple[int, str]] = {}
    for key in keys:
        match = re.fullmatch(r"(.*?)_?([0-9]+)", key)
        if match is None:
            raise FoldingError(f"{path}: {key} has no number at its end")
        kind, digits = match[1], match[2].lstrip("0")
        number = len(digits), digits  # in the order of what it is, of however many digits
        if kind in last and number <= last[kind]:
            raise FoldingError(
                f"{path}: {key} stands behind {kind}_{last[kind][1] or 0}; write units in the layers' order"
            )
        last[kind] = number


def _folding(path: Path, key: str, given: Any) -> Folding:
    numbers = given if isinstance(given, dict) else {}
    pe: Any = numbers.get("PE")
    simd: Any = numbers.get("SIMD", 1 if key.startswith("V") else None)  # of a depthwise one, what it had not always
    if not (_counts(pe) and _counts(simd)):
        raise FoldingError(f"{path}: {key}: PE={pe}, SIMD={simd}; both must be whole numbers from 1 on")
    return Folding(int(pe), int(simd))


def _counts(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0
