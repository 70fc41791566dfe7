"""Rules that a network keeps after export and after every pass of lowering: a walk over its values' types."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

import numpy as np

from rebnet.errors import FoldingError, VerifyError
from rebnet.ir.bounds import MAX_LAYERS, MAX_ROWS, shape_fault
from rebnet.ir.features import Add, DepthToSpace, Join, Moved, Rescale, Stack, SumPool, TwoSlope, Upsample
from rebnet.ir.network import PIXELS, Network, Node, names_unsaid
from rebnet.ir.notation import MAX_LEVELS, MAX_WEIGHT_GAIN, MAX_WEIGHT_PLANES, check_folding
from rebnet.ir.ops import Affine, BatchNorm, Conv, Dense, MaxPool, MultiThreshold, Op, ResidualSign, Scores, Threshold
from rebnet.ir.values import Code, Feature, Value
from rebnet.plain import NAME
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.rescale import MOST_RESCALE_SHIFT
from rebnet.spec.residual import steps_of
from rebnet.spec.scores import SCALE_BITS
from rebnet.spec.threshold import MOST_SHIFT
from rebnet.spec.two_slope import MOST_SLOPE_SHIFT, SLOPE_BITS

_MOST_FRACTION_BITS = 500
_LARGEST_GAIN = 1 << 31


def verify(network: Network) -> Network:
    """Return `network` if it keeps every rule; raise `VerifyError` naming operation, value and rule."""
    _header(network)
    _names(network)
    values: dict[str, Value] = {PIXELS: network.input.result(network.counts)}
    for position, node in enumerate(network.nodes, start=1):
        place = f"{network.name}, operation {position}, {type(node.op).__name__}"
        _order(place, network, node, values)
        named = f"{place} {node.name}" if isinstance(node.op, Dense) else place
        sources = [values[name] for name in network.sources(node)]
        _numbers(named, network, node, sources[0])
        try:
            value = values[node.name] = _result(node.op, network, sources)
        except VerifyError as error:
            raise VerifyError(f"{named}: {error}") from None
        fault = shape_fault(*value.shape)
        _require(fault is None, f"{named}: its output {fault}")
        if isinstance(value, Feature):
            _bounds(named, network, value)
        elif not isinstance(value, Code):
            count = len(network.users[node.name])
            _require(count <= 1, f"{named}: its sums are read {count} times; only codes and features may be read often")
    return network


def _result(op: Op, network: Network, sources: list[Value]) -> Value:
    """The type of what `op` gives."""
    if isinstance(op, Add | Join | Stack):
        _require(len(sources) > 1, f"reads {len(sources)} values; it takes two or more")
        return op.result(network.counts, *sources)
    _require(len(sources) == 1, f"reads {len(sources)} values; it takes one")
    return op.result(network.counts, sources[0])


def _bounds(place: str, network: Network, feature: Feature) -> None:
    """A feature, and the residuals of a code of it, fit T bits."""
    reach = max((high - min(low, 0) for low, high in zip(feature.low, feature.high, strict=True)), default=0)
    _require(
        fits_accumulator(1, reach, network.levels, network.threshold_bits),
        f"{place}: its features reach from {min(feature.low, default=0)} to {max(feature.high, default=0)}, which "
        f"leaves {network.threshold_bits} bits; use fewer fraction bits, or more threshold bits",
    )


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise VerifyError(sentence)


def _header(network: Network) -> None:
    name, image = network.name, network.input
    _require(1 <= network.levels <= MAX_LEVELS, f"{name}: levels={network.levels}; must be 1 to {MAX_LEVELS}")
    _require(1 <= image.bits <= 8, f"{name}: input bits={image.bits}; must be 1 to 8")
    table = image.table
    _require(
        table is None or (len(table) == 256 and min(table) >= 0 and max(table) < 1 << image.bits),
        f"{name}: the input's table must say of each of the 256 bytes a code of {image.bits} bits",
    )
    _require(
        min(image.height, image.width, image.channels) >= 1,
        f"{name}: the image is {image.height}x{image.width}x{image.channels}; each must be at least 1",
    )
    fault = shape_fault(image.height, image.width, image.channels)
    _require(fault is None, f"{name}: the image {fault}")
    _require(4 <= network.threshold_bits <= 32, f"{name}: threshold_bits={network.threshold_bits}; must be 4 to 32")
    whole = tuple(range(1, network.levels + 1))
    _require(
        network.served in (whole, (network.levels,)),
        f"{name}: serves levels {network.served}; must be {whole} or ({network.levels},)",
    )
    most = 4 * MAX_LAYERS  # a layer is up to three operations, and a pool
    _require(len(network.nodes) <= most, f"{name}: has {len(network.nodes)} operations; use at most {most}")
    _require(len(network.nodes) > 0, f"{name}: no operations; a network has at least one dense layer")


def _names(network: Network) -> None:
    """Every node has a name of its own, reads what stands before it and is read, or is the answer."""
    for node, unsaid in zip(network.nodes, names_unsaid(network), strict=True):
        place, given = f"{network.name}, {node.name!r}", isinstance(node.op, Dense) or node.name != unsaid
        _require(
            not given or NAME.fullmatch(node.name) is not None,
            f"{place}: a name has letters, digits and '_' only, a letter first, and at most 64 of them",
        )  # it becomes a part of file names, and the name of an instance
        _require(node.name != PIXELS, f"{place}: is the image's name; give it another")
    for kind, nodes in (("layers", network.layers), ("operations", network.nodes)):
        names = [node.name for node in nodes]
        _require(
            len(set(names)) == len(names), f"{network.name}: {kind} are named {', '.join(names)}; each needs its own"
        )
    _require(set(network.outputs) <= set(network.by_name), f"{network.name}: outputs {network.outputs} are no nodes")
    _require(len(network.answers) == 1, f"{network.name}: has {len(network.answers)} outputs; there must be one")
    there = {PIXELS}
    for node in network.nodes:
        for source in node.of:
            _require(source in there, f"{network.name}, {node.name}: reads {source!r}, which does not stand before it")
        there.add(node.name)
    for name, users in network.users.items():
        answer = any(node.name == name for node in network.answers)
        _require(
            bool(users) or answer, f"{network.name}, {name}: is read by nothing and is not the answer; leave it out"
        )
        _require(not (users and answer), f"{network.name}, {name}: is the answer, and is read; the answer stands last")


_ON_CODES = (Dense, MaxPool, Upsample, DepthToSpace, Join, Stack)
_ENCODERS = (ResidualSign, MultiThreshold, Threshold)
_ON_FEATURES = (*_ENCODERS, BatchNorm, Affine, TwoSlope, Add, SumPool, Join, MaxPool, Upsample, DepthToSpace)
_AFTER: dict[type[Op], tuple[type[Op], ...]] = {
    Dense: (BatchNorm, Affine, MultiThreshold, Threshold, Rescale, Scores),
    Conv: (BatchNorm, Affine, MultiThreshold, Threshold, Rescale, Scores, MaxPool, Upsample, DepthToSpace),
    BatchNorm: (ResidualSign, MaxPool, Upsample, DepthToSpace),
    Affine: (ResidualSign, MaxPool),
    ResidualSign: _ON_CODES,
    MultiThreshold: _ON_CODES,
    Threshold: _ON_CODES,
    Join: _ON_CODES,
    Stack: (Dense, Stack),
    Scores: (),
}
"""What may stand behind what; behind features, `_ON_FEATURES`."""


def _order(place: str, network: Network, node: Node[Op], values: Mapping[str, Value]) -> None:
    """What stands in front of it; what keeps the type of maps, pools and what moves them, is looked through."""
    for source in network.sources(node):
        _stands(place, network, node, source, values[source])
    last, op = node in network.answers, node.op
    ends = isinstance(op, BatchNorm | Affine | Scores)
    _require(ends or not last, f"{place}: ends the network; the last operation must be BatchNorm, Affine or Scores")
    _require(last or not isinstance(op, Scores), f"{place}: must be the last operation")
    answers = isinstance(before := network.before(node), Node) and isinstance(before.op, Dense)
    _require(
        answers or not last, f"{place}: ends the network; it must read a layer with weights, dense or a convolution"
    )


def _keeps_maps(node: Node[Op]) -> bool:
    """Whether it gives what it reads, on another map."""
    return isinstance(node.op, MaxPool | Moved)


def _behind_maps(front: Sequence[Node[Op]]) -> Op | None:
    """The nearest operation that is looked at."""
    return next((node.op for node in front if not _keeps_maps(node)), None)


def _stands(place: str, network: Network, node: Node[Op], source: str, value: Value) -> None:
    """Whether a node may read a value, by the operation that gives it."""
    nearest = network.by_name.get(source)
    front = () if nearest is None else (nearest, *(() if isinstance(nearest.op, Dense) else network.front(nearest)))
    previous = front[0].op if front else None
    before = _behind_maps(front)
    pooled = any(isinstance(one.op, MaxPool) for one in front)
    if isinstance(value, Feature):
        legal: tuple[type[Op], ...] = _ON_FEATURES
    else:
        legal = (Dense,) if before is None else _AFTER[type(before)]
        may_pool = bool(front) and type(front[-1].op) is not Dense and not pooled
        legal = tuple(kind for kind in legal if kind is not MaxPool or may_pool)
    if isinstance(before, Conv) and isinstance(previous, MaxPool | Moved):
        legal = (BatchNorm, MultiThreshold, Rescale, Upsample, DepthToSpace)
    names = ", ".join(kind.__name__ for kind in legal) or "nothing"
    where = "at the start" if previous is None else f"after {type(previous).__name__}"
    _require(isinstance(node.op, legal), f"{place}: stands {where}, where {names} may stand")


def _numbers(place: str, network: Network, node: Node[Op], source: Value) -> None:
    """An operation's own numbers, beside what it reads."""
    op = node.op
    if isinstance(op, Dense):
        _weights(place, op)
        if isinstance(source, Code):
            _gains(place, network, op, source)
        return
    _rows(place, network, op, source.shape.channels)
    if isinstance(op, BatchNorm | Affine) and node not in network.answers:
        _one_orientation(place, op)
    front = network.front(node)
    kept = list(takewhile(_keeps_maps, front))
    if isinstance(op, BatchNorm | Rescale) and any(isinstance(one.op, MaxPool) for one in kept):
        _keeps_order(place, op, "stands behind a pool", f"the pool must stand behind {type(op).__name__}")
    elif isinstance(op, BatchNorm | Affine) and isinstance(source, Feature):
        _keeps_order(place, op, "reads features, which several may read", "negate what they come from")
    _lowered(place, op, _behind_maps(front))


def _weights(place: str, op: Dense) -> None:
    weights = op.weights
    planes = (len(weights.gains),) if len(weights.gains) > 1 else ()
    shape = (*planes, weights.rows, -(-weights.columns // 8))
    _require(
        1 <= len(weights.gains) <= MAX_WEIGHT_PLANES and all(isinstance(gain, int) for gain in weights.gains),
        f"{place}: weight_gains={weights.gains}; must be 1 to {MAX_WEIGHT_PLANES} integers",
    )
    _require(
        all(1 <= gain <= MAX_WEIGHT_GAIN for gain in weights.gains),
        f"{place}: weight_gains={weights.gains}; each must be 1 to {MAX_WEIGHT_GAIN}",
    )
    _require(len(weights.gains) > 1 or weights.gains == (1,), f"{place}: one plane of weights counts 1")
    _require(weights.rows >= 1, f"{place}: has no rows; must be at least 1")
    _require(weights.rows <= MAX_ROWS, f"{place}: has {weights.rows} rows; must be at most {MAX_ROWS}")
    _require(
        weights.packed.dtype == np.uint8 and weights.packed.shape == shape,
        f"{place}: packed weights are {weights.packed.dtype} {weights.packed.shape}; must be uint8 {shape}",
    )
    _require(np.isfinite(op.scale) and op.scale > 0, f"{place}: scale={op.scale}; must be above 0")
    if op.folding is not None:
        try:
            check_folding(place, op.folding, weights.columns, len(weights.gains), weights.rows, op.group_count)
        except FoldingError as error:
            raise VerifyError(str(error)) from None


def _gains(place: str, network: Network, op: Dense, codes: Code) -> None:
    if op.gains is None:
        _require(op.unit is None, f"{place}: unit={op.unit} without gains; both or none")
        return
    units, planes = op.unit or (), len(op.weights.gains) > 1
    _require(
        len(units) in (1, len(network.served)) and all(np.isfinite(unit) and unit > 0 for unit in units),
        f"{place}: unit={op.unit}; must be one number above 0, or one per served level count",
    )
    _require(len(op.gains) == len(network.served), f"{place}: needs one set of gains per served level count")
    for levels, gains, reach in zip(codes.used, op.gains, op.reaches, strict=True):
        _require(all(isinstance(g, int) and g >= 0 for g in gains), f"{place}: gains {gains} must be integers ≥ 0")
        _require(
            len(gains) == codes.planes, f"{place}: gains {gains} for codes of {codes.planes} levels; one each is needed"
        )
        _require(not any(gains[levels:]), f"{place}: gains {gains} at {levels} levels; must be 0 above level {levels}")
        _require(
            fits_accumulator(reach, 1, network.levels, network.threshold_bits),
            f"{place}: max(2, M)·(R + 2) with R={reach} leaves {network.threshold_bits} bits; "
            f"use fewer {'bits of weights, ' if planes else ''}input bits or gain bits, or more threshold bits",
        )
    if codes.gains is not None:
        _require(op.gains == codes.gains, f"{place}: gains {op.gains}; the codes in front count {codes.gains}")


def _lowered(place: str, op: Op, before: Op | None) -> None:
    integer = isinstance(op, Affine | Threshold | Scores)
    bare = isinstance(before, Dense) and before.gains is None
    _require(
        not (integer and bare), f"{place}: stands after a {type(before).__name__} without gains; assign them first"
    )


def _keeps_order(place: str, op: BatchNorm | Affine | Rescale, why: str, way: str) -> None:
    """The largest input must give the largest output."""
    label, slopes = _slopes(op)
    negated = np.argwhere(slopes < 0)
    if len(negated):
        levels, channel = negated[0]
        raise VerifyError(
            f"{place}: {why} and its {label} of channel {channel} is {slopes[levels, channel]:g}; must be at least 0, "
            f"or {way}"
        )


def _slopes(op: BatchNorm | Affine | Rescale) -> tuple[str, np.ndarray]:
    """What an operation multiplies with, and what that is called; shape (sets, rows)."""
    match op:
        case BatchNorm():
            return "weight", np.atleast_2d(op.weight)
        case Rescale():
            return "scale", np.atleast_2d(op.scale)
    return "a", np.atleast_2d(op.a)


def _one_orientation(place: str, op: BatchNorm | Affine) -> None:
    """All m share the weights of a row, which lowering negates where its slope is negative."""
    label, slopes = _slopes(op)
    turning = np.flatnonzero((slopes < 0).any(axis=0) & (slopes > 0).any(axis=0))
    if len(turning):
        row = turning[0]
        raise VerifyError(
            f"{place}: {label} of channel {row} is {_listed(slopes[:, row])} at 1 to {len(slopes)} levels; all levels "
            "share the row's 1-bit weights, so it needs one sign; keep BatchNorm's weights positive in training"
        )


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _rows(place: str, network: Network, op: Op, rows: int) -> None:
    served, levels = len(network.served), network.levels
    if isinstance(op, BatchNorm):
        shape = _sets(network, op.mean, rows)
        for label in ("mean", "variance", "weight", "bias"):
            _real(place, label, getattr(op, label), shape)
        _require(
            bool((op.variance >= 0).all()) and bool(np.isfinite(op.epsilon)) and op.epsilon > 0,
            f"{place}: variance must be 0 or more and epsilon={op.epsilon} above 0",
        )
    elif isinstance(op, Affine):
        shape = _sets(network, op.a, rows)
        _real(place, "a", op.a, shape)
        _real(place, "b", op.b, shape)
    elif isinstance(op, ResidualSign):
        legal = (0, levels - 1) if served == levels else (0,)
        _require(
            len(op.fewer) in legal,
            f"{place}: has factors of its own for {len(op.fewer)} smaller level counts; a network of {levels} levels "
            f"that serves {network.served} has {' or '.join(map(str, legal))}",
        )
        for count, sign in enumerate((*op.fewer, op), start=levels - len(op.fewer)):
            _factors(place, sign, count)
        if isinstance(op, MultiThreshold):
            _require(network.served == (levels,), f"{place}: runs at {levels} levels alone; serves={network.served}")
            _real(place, "boundaries", op.boundaries, (rows, (1 << levels) - 1))
            _require(bool((np.diff(op.boundaries) >= 0).all()), f"{place}: boundaries of a row must not fall")
    elif isinstance(op, Threshold):
        _require(0 <= op.shift <= MOST_SHIFT, f"{place}: shift={op.shift}; must be 0 to {MOST_SHIFT}")
        limit = 1 << (network.threshold_bits + op.shift - 1)
        _integers(place, "thresholds", op.thresholds, (served, rows), limit)
        _integers(place, "steps", op.steps, (served, rows, steps_of(levels, op.tree)), limit)
    elif isinstance(op, Rescale):
        _require(0 <= op.shift <= MOST_RESCALE_SHIFT, f"{place}: shift={op.shift}; must be 0 to {MOST_RESCALE_SHIFT}")
        _require(
            abs(op.fraction_bits) <= MOST_RESCALE_SHIFT, f"{place}: fraction_bits={op.fraction_bits} is out of range"
        )
        shape = (rows,) if op.scale.ndim == 1 else (served, rows)
        _integers(place, "scale", op.scale, shape, 1 << (SCALE_BITS - 1))
        _integers(place, "bias", op.bias, shape, 1 << (network.threshold_bits + SCALE_BITS - 1))
    elif isinstance(op, TwoSlope):
        _require(0 <= op.shift <= MOST_SLOPE_SHIFT, f"{place}: shift={op.shift}; must be 0 to {MOST_SLOPE_SHIFT}")
        _integers(place, "slope", op.slope, (rows,), 1 << (SLOPE_BITS - 1))
        for label, numbers in (("before", op.before), ("after", op.after)):
            _integers(place, label, numbers, (rows,), 1 << (network.threshold_bits - 1))
    elif isinstance(op, Scores):
        count = served * network.regression
        sound = len(op.unit) == count and all(np.isfinite(unit) and unit > 0 for unit in op.unit)
        _require(sound, f"{place}: unit={op.unit}; must be {count} numbers above 0, one per served m of a regression")
        _integers(place, "scale", op.scale, (served, rows), 1 << (SCALE_BITS - 1))
        _integers(place, "bias", op.bias, (served, rows), 1 << (network.threshold_bits + SCALE_BITS - 1))


def _factors(place: str, op: ResidualSign, levels: int) -> None:
    _require(len(op.gammas) == levels, f"{place}: has {len(op.gammas)} factors; there must be {levels}, one a level")
    positive = all(np.isfinite(gamma) and gamma >= 0 for gamma in op.gammas) and op.gammas[0] > 0
    _require(positive, f"{place}: factors {op.gammas} must be finite, the first above 0")
    if levels > 1:
        _require(
            abs(op.fraction_bits) <= _MOST_FRACTION_BITS, f"{place}: fraction_bits={op.fraction_bits} is out of range"
        )
        scaled = [gamma * 2.0**op.fraction_bits for gamma in op.gammas]
        whole = all(number.is_integer() and number <= _LARGEST_GAIN for number in scaled)
        _require(whole, f"{place}: factors {op.gammas} are no multiples of 2^-{op.fraction_bits}")


def _sets(network: Network, values: np.ndarray, rows: int) -> tuple[int, ...]:
    """The shape of `values`: one set, or one for each m where all are served."""
    every_m = values.ndim == 2 and len(network.served) == network.levels
    return (network.levels, rows) if every_m else (rows,)


def _real(place: str, label: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    _require(
        values.shape == shape and values.dtype == np.float64 and bool(np.isfinite(values).all()),
        f"{place}: {label} must be {' x '.join(map(str, shape))} finite numbers",
    )


def _integers(place: str, label: str, values: np.ndarray, shape: tuple[int, ...], limit: int) -> None:
    _require(values.shape == shape and values.dtype == np.int64, f"{place}: {label} must be integers of shape {shape}")
    inside = bool(((values >= -limit) & (values < limit)).all())
    _require(inside, f"{place}: {label} must lie within {-limit} to {limit - 1}")
