"""Rules that a network keeps after export and after every pass of lowering."""

import numpy as np

from rebnet.errors import VerifyError
from rebnet.ir.notation import MAX_LEVELS
from rebnet.ir.ops import Affine, BatchNorm, Dense, Network, Op, ResidualSign, Scores, Threshold
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.scores import SCALE_BITS


def verify(network: Network) -> Network:
    """Return `network` if it keeps every rule; raise `VerifyError` naming operation, value and rule."""
    _header(network)
    columns = network.input.samples
    before: Op | None = None
    for position, op in enumerate(network.ops):
        place = f"{network.name}, operation {position + 1}, {type(op).__name__}"
        _order(place, before, op, last=position == len(network.ops) - 1)
        if isinstance(op, Dense):
            _dense(place, network, op, columns)
            columns = op.weights.rows
        else:
            _rows(place, network, op, columns)
        before = op
    return network


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise VerifyError(sentence)


def _header(network: Network) -> None:
    name, image = network.name, network.input
    _require(1 <= network.levels <= MAX_LEVELS, f"{name}: levels={network.levels}; must be 1 to {MAX_LEVELS}")
    _require(1 <= image.bits <= 8, f"{name}: input bits={image.bits}; must be 1 to 8")
    _require(image.samples >= 1, f"{name}: the image has no samples; height, width and channels must be at least 1")
    _require(4 <= network.threshold_bits <= 32, f"{name}: threshold_bits={network.threshold_bits}; must be 4 to 32")
    whole = tuple(range(1, network.levels + 1))
    _require(
        network.served in (whole, (network.levels,)),
        f"{name}: serves levels {network.served}; must be {whole} or ({network.levels},)",
    )
    _require(len(network.ops) > 0, f"{name}: no operations; a network has at least one dense layer")


_AFTER: dict[type[Op], tuple[type[Op], ...]] = {
    Dense: (BatchNorm, Affine, Threshold, Scores),
    BatchNorm: (ResidualSign,),
    Affine: (ResidualSign,),
    ResidualSign: (Dense,),
    Threshold: (Dense,),
    Scores: (),
}


def _order(place: str, before: Op | None, op: Op, last: bool) -> None:
    legal = (Dense,) if before is None else _AFTER[type(before)]
    names = ", ".join(kind.__name__ for kind in legal) or "nothing"
    where = "at the start" if before is None else f"after {type(before).__name__}"
    _require(isinstance(op, legal), f"{place}: stands {where}, where {names} may stand")
    ends = isinstance(op, BatchNorm | Affine | Scores)
    _require(ends or not last, f"{place}: ends the network; the last operation must be BatchNorm, Affine or Scores")
    _require(last or not isinstance(op, Scores), f"{place}: must be the last operation")


def _dense(place: str, network: Network, op: Dense, columns: int) -> None:
    weights = op.weights
    _require(
        weights.columns == columns, f"{place} {op.name}: has {weights.columns} columns, its input has {columns} values"
    )
    shape = (weights.rows, -(-weights.columns // 8))
    _require(weights.rows >= 1, f"{place} {op.name}: has no rows; must be at least 1")
    _require(
        weights.packed.dtype == np.uint8 and weights.packed.shape == shape,
        f"{place} {op.name}: packed weights are {weights.packed.dtype} {weights.packed.shape}; must be uint8 {shape}",
    )
    _require(np.isfinite(op.scale) and op.scale > 0, f"{place} {op.name}: scale={op.scale}; must be above 0")
    if op.gains is None:
        return
    _require(len(op.gains) == len(network.served), f"{place} {op.name}: needs one set of gains per served level count")
    for gains, reach in zip(op.gains, op.reaches, strict=True):
        _require(
            all(isinstance(g, int) and g >= 0 for g in gains), f"{place} {op.name}: gains {gains} must be integers ≥ 0"
        )
        _require(
            fits_accumulator(columns, sum(gains), network.levels, network.threshold_bits),
            f"{place} {op.name}: max(2, M)·(R + 2) with R={reach} leaves {network.threshold_bits} bits; "
            "use fewer input bits or gain bits, or more threshold bits",
        )


def _rows(place: str, network: Network, op: Op, rows: int) -> None:
    served, levels = len(network.served), network.levels
    if isinstance(op, BatchNorm):
        for label in ("mean", "variance", "weight", "bias"):
            _real(place, label, getattr(op, label), rows)
        _require(bool((op.variance >= 0).all()) and op.epsilon > 0, f"{place}: variance and epsilon must be positive")
    elif isinstance(op, Affine):
        _real(place, "a", op.a, rows)
        _real(place, "b", op.b, rows)
    elif isinstance(op, ResidualSign):
        _factors(place, op, levels)
    elif isinstance(op, Threshold):
        limit = 1 << (network.threshold_bits - 1)
        _integers(place, "thresholds", op.thresholds, (served, rows), limit)
        _integers(place, "steps", op.steps, (served, rows, levels - 1), limit)
    elif isinstance(op, Scores):
        _integers(place, "scale", op.scale, (served, rows), 1 << (SCALE_BITS - 1))
        _integers(place, "bias", op.bias, (served, rows), 1 << (network.threshold_bits + SCALE_BITS - 1))


def _factors(place: str, op: ResidualSign, levels: int) -> None:
    _require(len(op.gammas) == levels, f"{place}: has {len(op.gammas)} factors; the network has {levels} levels")
    positive = all(np.isfinite(gamma) and gamma >= 0 for gamma in op.gammas) and op.gammas[0] > 0
    _require(positive, f"{place}: factors {op.gammas} must be finite, the first above 0")
    if levels > 1:
        exact = tuple(gain / 2.0**op.fraction_bits for gain in op.gains)
        _require(exact == op.gammas, f"{place}: factors {op.gammas} are no multiples of 2^-{op.fraction_bits}")


def _real(place: str, label: str, values: np.ndarray, rows: int) -> None:
    _require(
        values.shape == (rows,) and values.dtype == np.float64 and bool(np.isfinite(values).all()),
        f"{place}: {label} must be {rows} finite numbers",
    )


def _integers(place: str, label: str, values: np.ndarray, shape: tuple[int, ...], limit: int) -> None:
    _require(
        values.shape == shape and values.dtype == np.int64, f"{place}: {label} must be integers of shape {shape}"
    )
    inside = bool(((values >= -limit) & (values < limit)).all())
    _require(inside, f"{place}: {label} must lie within {-limit} to {limit - 1}")
