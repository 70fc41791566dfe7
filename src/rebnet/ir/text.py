"""A network as text, for people and for tests: one line per node, small arrays in full; and back.

What is printed can be read: `parse(to_text(network), tensors_of(network)) == network`. The text says what there is and
in which order; numbers that it rounds, and arrays of which it shows the range and a checksum, come from the tensors.
"""

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from rebnet.errors import NotationError
from rebnet.files import Array, Arrays
from rebnet.ir.features import Add, DepthToSpace, Join, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import Network, Node, names_unsaid
from rebnet.ir.notation import Architecture, Folding, LayerText, PoolText
from rebnet.ir.ops import (
    Affine,
    BatchNorm,
    BitMatrix,
    Conv,
    Dense,
    MaxPool,
    MultiThreshold,
    Op,
    PixelInput,
    ResidualSign,
    Scores,
    Threshold,
)
from rebnet.ir.verify import verify
from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window, read_window

Tensors = Arrays
_SMALL = 12  # arrays of up to this many numbers are printed whole


def to_text(network: Network) -> str:
    """The network as text: integers in full, other numbers to nine digits, large arrays as range and checksum."""
    image = network.input
    outputs = f" outputs={_list(network.outputs)}" if network.outputs else ""
    lines = [
        f"network {network.name} levels={network.levels} serves={_list(network.served)} T={network.threshold_bits}"
        f"{outputs}{' regression' if network.regression else ''}",
        f"  pixels {image.height}x{image.width}x{image.channels} bits={image.bits}"
        + (f" table={_list(image.table)}" if image.table else ""),
        *(f"  {_node(node, unsaid)}" for node, unsaid in zip(network.nodes, names_unsaid(network), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def _node(node: Node[Op], unsaid: str) -> str:
    """An operation, its name where it has one of its own, and what it reads where that is not the node before."""
    name = "" if node.name == unsaid else f" name={node.name}"
    return f"{_op(node.name, node.op)}{name}{f' of={_list(node.of)}' if node.of else ''}"


def _signs(op: ResidualSign) -> str:
    sets = (*op.fewer, op)
    gammas = "/".join(_list(sign.gammas) for sign in sets)
    factors = f"gammas={gammas} fraction_bits={'/'.join(str(sign.fraction_bits) for sign in sets)}"
    if isinstance(op, MultiThreshold):
        return f"multi_threshold boundaries={_array(op.boundaries)} {factors}"
    return f"residual_sign {factors}"


def _op(name: str, op: Op) -> str:
    match op:
        case Dense():
            shape = f"{op.weights.rows}x{op.weights.columns}"
            folding = "" if op.folding is None else f" folding={op.folding}"
            units = "/".join(map(_number, op.unit or ()))
            gains = "" if op.gains is None else f" unit={units} gains={'/'.join(map(_list, op.gains))}"
            kind, window = ("conv", _conv_window(op)) if isinstance(op, Conv) else ("dense", "")
            planes = "" if op.weights.gains == (1,) else f" weight_gains={_list(op.weights.gains)}"
            text = f"{kind} {name} {shape}{window} weights={_weights(op)}{planes} scale={op.scale:.9g}{folding}{gains}"
        case MaxPool():
            text = f"max_pool window={op.window}"
        case BatchNorm():
            fields = ("mean", "variance", "weight", "bias")
            arrays = " ".join(f"{f}={_array(getattr(op, f))}" for f in fields)
            text = f"batchnorm {arrays} eps={_number(op.epsilon)}"
        case Affine():
            text = f"affine a={_array(op.a)} b={_array(op.b)}"
        case ResidualSign():
            text = _signs(op)
        case Threshold():
            shift = f" shift={op.shift}" if op.shift else ""
            tree = " tree=1" if op.tree else ""
            text = f"threshold t={_array(op.thresholds)} steps={_array(op.steps)}{shift}{tree}"
        case Rescale():
            constants = f"scale={_array(op.scale)} bias={_array(op.bias)}"
            text = f"rescale {constants} shift={op.shift} fraction_bits={op.fraction_bits}"
        case TwoSlope():
            shifts = f"before={_array(op.before)} after={_array(op.after)}"
            text = f"two_slope slope={_array(op.slope)} {shifts} shift={op.shift}"
        case SumPool():
            text = "sum_pool" if op.window is None else f"sum_pool window={op.window}"
        case Upsample() | DepthToSpace():
            text = f"upsample factors={op.factors}" if isinstance(op, Upsample) else f"depth_to_space block={op.block}"
        case Add() | Join() | Stack():
            text = type(op).__name__.lower()
        case Scores():
            unit = f" unit={'/'.join(map(_number, op.unit))}" if op.unit else ""
            text = f"scores scale={_array(op.scale)} bias={_array(op.bias)}{unit}"
    return text


def _conv_window(op: Conv) -> str:
    return f" window={op.window}" + (f" groups={op.groups}" if op.groups > 1 else "")


def _weights(op: Dense) -> str:
    planes = op.weights.planes
    if planes.size <= 4 * _SMALL:
        return "/".join("|".join("".join("-+"[bit] for bit in row.astype(int)) for row in plane) for plane in planes)
    return f"crc:{zlib.crc32(op.weights.packed.tobytes()):08x}"


def _list(values: tuple[object, ...]) -> str:
    return f"({','.join(map(_number, values))})"


def _number(value: object) -> str:
    return str(value) if isinstance(value, int | np.integer | str) else f"{value:.9g}"


def _nested(value: object) -> str:
    return f"[{','.join(map(_nested, value))}]" if isinstance(value, list) else _number(value)


def _array(values: np.ndarray) -> str:
    if values.size <= _SMALL:
        return _nested(values.tolist())
    checksum = zlib.crc32(np.ascontiguousarray(values).tobytes())
    return f"[{_number(values.min())}..{_number(values.max())}] crc:{checksum:08x}"


def network_text(network: Network) -> str:
    """The layers and pools of a chain in the paper's notation, without folding."""
    image = network.input
    layers: list[LayerText] = []
    for op in network.ops:
        match op:
            case Dense():
                layers.append(op.text())
            case MaxPool():
                layers.append(PoolText(op.window))
    return str(Architecture(image.height, image.width, image.channels, tuple(layers)))


def tensors_of(network: Network) -> dict[str, Array]:
    """All numbers of a network that its text may round or leave out, by node and field."""
    found: dict[str, Array] = {}
    for node in network.nodes:
        for field in fields(node.op):
            value = getattr(node.op, field.name)
            if isinstance(value, BitMatrix):
                found[f"{node.name}.{field.name}"] = value.packed
            elif isinstance(value, np.ndarray | float) or (field.name in ("unit", "gammas") and value):
                found[f"{node.name}.{field.name}"] = np.asarray(value)
            elif field.name == "fewer":
                found |= {f"{node.name}.fewer.{m}": np.asarray(sign.gammas) for m, sign in enumerate(value, start=1)}
    return found


_HEADER = re.compile(r"network (.*) levels=(\d+) serves=\(([\d,]*)\) T=(\d+)(?: outputs=\((.*)\))?( regression)?")
_IMAGE = re.compile(r"  pixels (\d+)x(\d+)x(\d+) bits=(\d+)(?: table=\(([\d,]+)\))?")


def parse(text: str, tensors: Tensors) -> Network:
    """The network whose text and tensors these are.

    Args:
        text: of `to_text`.
        tensors: of `tensors_of`; may lack what the text shows exactly.

    Raises:
        NotationError: a line that cannot be read, or tensors of another network.
        VerifyError: the network breaks a rule.
    """
    lines = text.splitlines()
    header = _HEADER.fullmatch(lines[0]) if lines else None
    image = _IMAGE.fullmatch(lines[1]) if len(lines) > 1 else None
    if header is None or image is None:
        raise NotationError("network text: must begin with a line 'network NAME levels=…' and a line 'pixels HxWxC …'")
    name, levels, served, bits, outputs, regression = header.groups()
    nodes = tuple(_read_node(place, line) for place, line in enumerate(lines[2:], start=3))
    network = Network(
        name,
        int(levels),
        _image(*image.groups()),
        nodes,
        tuple(outputs.split(",")) if outputs else (),
        int(bits),
        tuple(int(m) for m in served.split(",")),
        regression=regression is not None,
    )
    network = verify(_with_tensors(network, tensors))
    if to_text(network) != text:
        raise NotationError(f"network text of {name}: is not the text of these tensors; take both from one network")
    return network


def _read_node(place: int, line: str) -> Node[Op]:
    """The node of a line, with the numbers that the text shows."""
    kind, *words = line.split()
    plain = [word for word in words if "=" not in word and not word.startswith("crc:")]
    values = dict(word.split("=", 1) for word in words if "=" in word)
    try:
        name = plain[0] if plain else values.pop("name", "")
        of = tuple(values.pop("of", "()")[1:-1].split(",")) if "of" in values else ()
        return Node(name, _OPS[kind](plain[1:], values), of)
    except (KeyError, IndexError, ValueError) as error:
        raise NotationError(f"network text, line {place}, {kind}: cannot be read ({error})") from None


def _dense(plain: list[str], values: dict[str, str]) -> Dense:
    rows, columns = map(int, plain[0].split("x"))
    shown = values["weights"].split("/")
    weight_gains = _ints(values.get("weight_gains", "(1)"))
    bits = np.zeros((len(weight_gains), rows, columns), dtype=np.bool_)
    if not shown[0].startswith("crc:"):
        bits[:] = [[[sign == "+" for sign in row] for row in plane.split("|")] for plane in shown]
    folding = Folding(*_ints(values["folding"])) if "folding" in values else None
    unit = tuple(map(float, values["unit"].split("/"))) if "unit" in values else None
    gains = tuple(_ints(one) for one in values["gains"].split("/")) if "gains" in values else None
    dense = Dense(BitMatrix.pack(bits, weight_gains), float(values["scale"]), folding, unit, gains)
    if "window" not in values:
        return dense
    return Conv(**vars(dense), window=_read_window(values["window"]), groups=int(values.get("groups", 1)))


def _image(height: str, width: str, channels: str, bits: str, table: str | None) -> PixelInput:
    codes = None if table is None else _ints(f"({table})")
    return PixelInput(int(height), int(width), int(channels), int(bits), codes)


def _ints(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text[1:-1].split(","))


def _read_window(text: str) -> Window:
    window = read_window(text)
    if window is None:
        raise ValueError(f"window {text}")
    return window


def _residual_sign(plain: list[str], values: dict[str, str]) -> ResidualSign:
    sets = [tuple(map(float, one[1:-1].split(","))) for one in values["gammas"].split("/")]
    signs = [ResidualSign(gammas, int(f)) for gammas, f in zip(sets, values["fraction_bits"].split("/"), strict=True)]
    return replace(signs[-1], fewer=tuple(signs[:-1]))


def _reals(values: dict[str, str], *names: str) -> dict[str, Array]:
    return {name: _array_of(values[name], np.float64) for name in names}


def _array_of(text: str, kind: type) -> Array:
    """An array that is shown whole; of another, which its tensor replaces, nothing."""
    return np.zeros(0, dtype=kind) if ".." in text else np.array(json.loads(text), dtype=kind)


_OPS: dict[str, Callable[[list[str], dict[str, str]], Op]] = {
    "dense": _dense,
    "conv": _dense,
    "max_pool": lambda plain, values: MaxPool(_read_window(values["window"])),
    "batchnorm": lambda plain, values: BatchNorm(
        **_reals(values, "mean", "variance", "weight", "bias"), epsilon=float(values["eps"])
    ),
    "affine": lambda plain, values: Affine(**_reals(values, "a", "b")),
    "residual_sign": _residual_sign,
    "multi_threshold": lambda plain, values: MultiThreshold(
        tuple(map(float, values["gammas"][1:-1].split(","))),
        int(values["fraction_bits"]),
        boundaries=_array_of(values["boundaries"], np.float64),
    ),
    "threshold": lambda plain, values: Threshold(
        _array_of(values["t"], np.int64),
        _array_of(values["steps"], np.int64),
        int(values.get("shift", 0)),
        values.get("tree") == "1",
    ),
    "rescale": lambda plain, values: Rescale(
        _array_of(values["scale"], np.int64),
        _array_of(values["bias"], np.int64),
        int(values["shift"]),
        int(values["fraction_bits"]),
    ),
    "two_slope": lambda plain, values: TwoSlope(
        _array_of(values["slope"], np.int64),
        _array_of(values["before"], np.int64),
        _array_of(values["after"], np.int64),
        int(values["shift"]),
    ),
    "add": lambda plain, values: Add(),
    "sum_pool": lambda plain, values: SumPool(_read_window(values["window"]) if "window" in values else None),
    "upsample": lambda plain, values: Upsample(Factors(*map(int, values["factors"].split("x")))),
    "depth_to_space": lambda plain, values: DepthToSpace(int(values["block"])),
    "join": lambda plain, values: Join(),
    "stack": lambda plain, values: Stack(),
    "scores": lambda plain, values: Scores(
        _array_of(values["scale"], np.int64),
        _array_of(values["bias"], np.int64),
        tuple(map(float, values["unit"].split("/"))) if "unit" in values else (),
    ),
}
"""How the line of each kind of operation is read."""


def _with_tensors(network: Network, tensors: Tensors) -> Network:
    """The network with the tensors in the place of the numbers that the text shows."""
    nodes = []
    for node in network.nodes:
        held = {name.split(".", 1)[1]: array for name, array in tensors.items() if name.split(".", 1)[0] == node.name}
        nodes.append(replace(node, op=_exact(node.op, held)))
    return replace(network, nodes=tuple(nodes))


def _exact(op: Op, held: Tensors) -> Op:
    changes: dict[str, Any] = {}
    for field in fields(op):
        value, array = getattr(op, field.name), held.get(field.name)
        if field.name == "fewer":
            changes["fewer"] = tuple(
                replace(sign, gammas=tuple(map(float, held.get(f"fewer.{m}", sign.gammas))))
                for m, sign in enumerate(value, start=1)
            )
        elif array is None:
            continue
        elif isinstance(value, BitMatrix):
            changes[field.name] = replace(value, packed=array)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(map(float, array))
        else:
            changes[field.name] = float(array) if isinstance(value, float) else array
    return replace(op, **changes)
