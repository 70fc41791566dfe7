"""A network in two files: `network.json` says what it is, `tensors.safetensors` holds its arrays.

The JSON names the SHA-256 of the tensors it belongs to. Weights are packed, 8 to a byte.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rebnet.errors import FileFormatError, VerifyError
from rebnet.files import Array, file_hash, make_folder, read_tensors, write_record, write_tensors
from rebnet.ir.network import Network, Node, names_unsaid
from rebnet.ir.notation import Folding
from rebnet.ir.ops import BitMatrix, Dense, Op, PixelInput, ResidualSign
from rebnet.ir.verify import verify
from rebnet.records import StoredNetwork, read
from rebnet.records.network import Image, Operation
from rebnet.spec.upsample import Factors
from rebnet.spec.window import NO_PADS, Pair, Window

NETWORK_FILE = "network.json"
TENSOR_FILE = "tensors.safetensors"
Tensors = dict[str, Array]
_KINDS: dict[str, type[Op]] = {kind.__name__: kind for kind in get_args(Op)}


def save(network: Network, folder: Path, **inputs: str) -> None:
    """Write `network` into `folder`; `inputs` are hashes of the files it was made from."""
    make_folder(folder)
    tensors: Tensors = {}
    unsaid = names_unsaid(network)
    ops = [_dump(f"op{position}", node, unsaid[position], tensors) for position, node in enumerate(network.nodes)]
    write_tensors(folder / TENSOR_FILE, tensors, {"network": network.name})
    record = StoredNetwork(
        name=network.name,
        levels=network.levels,
        served=network.served,
        threshold_bits=network.threshold_bits,
        input=Image(**vars(network.input)),
        ops=tuple(ops),
        outputs=network.outputs or None,
        regression=network.regression or None,
        weight_bytes=network.weight_bytes,
        tensors_sha256=file_hash(folder / TENSOR_FILE),
        inputs=inputs,
    )
    write_record(folder / NETWORK_FILE, record)


def _dump(prefix: str, node: Node[Op], unsaid: str, tensors: Tensors) -> Operation:
    """What `network.json` says of a node; a chain names its layers with weights alone."""
    said = isinstance(node.op, Dense) or node.name != unsaid
    record: dict[str, object] = {"op": type(node.op).__name__, **({"name": node.name} if said else {})}
    record |= {"of": list(node.of)} if node.of else {}
    for field in fields(node.op):
        value = getattr(node.op, field.name)
        if isinstance(value, BitMatrix):
            tensors[f"{prefix}.{field.name}"] = value.packed
            record |= {"rows": value.rows, "columns": value.columns}
            record |= {} if value.gains == (1,) else {"weight_gains": value.gains}
        elif isinstance(value, np.ndarray):
            tensors[f"{prefix}.{field.name}"] = _narrow(value)
        elif isinstance(value, Folding):
            lanes = [] if value.plane_lanes is None else [value.plane_lanes]
            record[field.name] = [value.pe, value.simd, value.level_lanes, *lanes]
        elif isinstance(value, Window):
            record[field.name] = _window_record(value)
        elif isinstance(value, Factors):
            record[field.name] = [value.rows, value.columns]
        elif field.name == "fewer":
            record |= {field.name: [[sign.gammas, sign.fraction_bits] for sign in value]} if value else {}
        elif field.name == "unit" and value is not None and len(value) == 1:
            record[field.name] = value[0]
        elif value is not None and value != field.default:
            record[field.name] = value
    return Operation.from_json("", record)


def _narrow(values: Array) -> Array:
    """Numbers in the smallest type that holds them exactly; the reader widens them again."""
    if values.dtype == np.float64:
        with np.errstate(over="ignore"):
            short = values.astype(np.float32)
        return short if np.array_equal(short, values) else values
    if values.dtype != np.int64:
        return values
    kind = np.result_type(np.min_scalar_type(values.min(initial=-1)), np.min_scalar_type(values.max(initial=0)))
    return values.astype(kind if kind.kind == "i" else np.int64)


def load(folder: Path) -> Network:
    """Read the network in `folder`.

    Raises:
        FileFormatError: a file is missing, damaged, edited into nonsense, or not the other's partner.
    """
    path = folder / NETWORK_FILE
    record = read(path, StoredNetwork)
    tensors, _ = read_tensors(folder / TENSOR_FILE)
    if file_hash(folder / TENSOR_FILE) != record.tensors_sha256:
        raise FileFormatError(
            f"{path}: belongs to another {TENSOR_FILE}; write both again with the command that made them"
        )
    try:
        return verify(_network(record, tensors))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, VerifyError) as error:
        raise FileFormatError(
            f"{path}: not a network ({_reason(error)}); write it again with the command that made it"
        ) from None


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing or unknown" if isinstance(error, KeyError) else str(error)


def _network(record: StoredNetwork, tensors: Tensors) -> Network:
    return Network(
        name=record.name,
        levels=record.levels,
        input=_image(record.input),
        nodes=tuple(_parse(f"op{i}", op, tensors) for i, op in enumerate(record.ops)),
        outputs=record.outputs or (),
        threshold_bits=record.threshold_bits,
        served=record.served,
        regression=bool(record.regression),
    )


def _image(record: Image) -> PixelInput:
    table = None if record.table is None else tuple(record.table)
    return PixelInput(**{**record, "table": table})


def _parse(prefix: str, record: Operation, tensors: Tensors) -> Node[Op]:
    kind, name = _KINDS[record.op], record.name or ""
    values: dict[str, Any] = {
        key: _READERS[key](key, value) for key, value in record.items() if key not in ("op", "name", "of")
    }
    for field in fields(kind):
        key = f"{prefix}.{field.name}"
        if field.name == "weights":
            size, gains = (values.pop("rows"), values.pop("columns")), values.pop("weight_gains", (1,))
            values["weights"] = BitMatrix(*size, tensors[key], gains)
        elif key in tensors:
            array = tensors[key]
            values[field.name] = array.astype(np.int64 if array.dtype.kind == "i" else np.float64)
    if issubclass(kind, Dense) and not name:
        raise KeyError("name")
    return Node(name, kind(**values), record.of or ())


def _whole(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key!r} holds {value!r}, it must hold a whole number")
    return value


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key!r} holds {value!r}, it must hold true or false")
    return value


def _number(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{key!r} holds {value!r}, it must hold a number")
    return float(value)


def _items(key: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{key!r} holds {value!r}, it must hold a list")
    return value


def _wholes(key: str, value: object) -> tuple[int, ...]:
    return tuple(_whole(key, item) for item in _items(key, value))


def _numbers(key: str, value: object) -> tuple[float, ...]:
    return tuple(_number(key, item) for item in _items(key, value))


def _unit(key: str, value: object) -> tuple[float, ...]:
    return _numbers(key, value) if isinstance(value, list) else (_number(key, value),)


def _fewer(key: str, value: object) -> tuple[ResidualSign, ...]:
    pairs = [item for item in _items(key, value) if isinstance(item, list) and len(item) == 2]
    if len(pairs) < len(_items(key, value)):
        raise ValueError(f"{key!r} holds {value!r}, it must hold factors and fraction bits of each")
    return tuple(ResidualSign(_numbers(key, gammas), _whole(key, bits)) for gammas, bits in pairs)


def _folding(key: str, value: object) -> Folding:
    if len(parts := _items(key, value)) not in (3, 4):
        raise ValueError(f"{key!r} holds {value!r}, it must hold PE, SIMD and level lanes")
    pe, simd, *lanes = parts
    return Folding(_whole(key, pe), _whole(key, simd), *(None if n is None else _whole(key, n) for n in lanes))


def _window_record(window: Window) -> list[object]:
    """Kernel, stride and whether the padding is 'same', or else what it is; one number where all are equal."""
    (rows, columns), (down, right) = window.kernel, window.stride
    kernel, stride = rows if rows == columns else [rows, columns], down if down == right else [down, right]
    return [kernel, stride, [*map(list, window.pads)] if window.pads != NO_PADS else window.same]


def _window(key: str, value: object) -> Window:
    parts = _items(key, value)
    if len(parts) != 3:
        raise ValueError(f"{key!r} holds {value!r}, it must hold kernel, stride and how the map is padded")
    kernel, stride = (_pair(key, part) if isinstance(part, list) else _whole(key, part) for part in parts[:2])
    if isinstance(parts[2], bool):
        return Window(kernel, stride, parts[2])
    if len(sides := _items(key, parts[2])) != 2:
        raise ValueError(f"{key!r} pads by {parts[2]!r}, it must hold rows above and below, columns left and right")
    rows, columns = (_pair(key, side) for side in sides)
    return Window(kernel, stride, pads=(rows, columns))


def _pair(key: str, value: object) -> Pair:
    if len(numbers := _wholes(key, value)) != 2:
        raise ValueError(f"{key!r} holds {value!r} where it must hold two numbers")
    return numbers[0], numbers[1]


def _factors(key: str, value: object) -> Factors:
    parts = _wholes(key, value)
    if len(parts) != 2:
        raise ValueError(f"{key!r} holds {value!r}, it must hold how often rows and columns stand")
    return Factors(*parts)


_READERS: dict[str, Callable[[str, object], object]] = {
    "rows": _whole,
    "columns": _whole,
    "weight_gains": _wholes,
    "scale": _number,
    "folding": _folding,
    "window": _window,
    "groups": _whole,
    "factors": _factors,
    "block": _whole,
    "unit": _unit,
    "gains": lambda key, value: tuple(_wholes(key, item) for item in _items(key, value)),
    "epsilon": _number,
    "gammas": _numbers,
    "fewer": _fewer,
    "fraction_bits": _whole,
    "shift": _whole,
    "tree": _flag,
}
"""How each key of an operation is read; arrays come from the tensors."""
