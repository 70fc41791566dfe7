"""The last two steps of training: factors that hardware can hold, then statistics that fit them.

Without them, rounding the factors at export moves 2 to 4 % of the labels; with them only thresholds are rounded.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.files import Array
from rebnet.ir.values import Code, Feature
from rebnet.nn.any_levels import level_counts, module_at, set_levels
from rebnet.nn.factors import with_factors
from rebnet.nn.feature import NormFeature, shift_of
from rebnet.nn.graph import Step, said_by, steps
from rebnet.nn.linear import BinaryLayer
from rebnet.nn.methods.absorb import absorb_
from rebnet.nn.methods.in_float import is_in_float
from rebnet.nn.options import FEATURE_BITS
from rebnet.nn.planes import WeightPlanes
from rebnet.nn.residual import ResidualSign
from rebnet.nn.two_slope import PReLU
from rebnet.spec.gains import choose_gains

BATCH_SAMPLES = 2**20
"""Pixel samples (height times width times channels) in a batch, in inference."""
CPU_BATCH_SAMPLES = 2**18
"""The same on a CPU, where maps beyond 32 MiB cost a third more: the C library fetches fresh pages for each."""
_ROUNDS = 4
"""Features are put on their grid so often at most: a slope that is much steeper behind it wants another shift."""
HELD_BYTES = 2**30
"""Maps of all calibration images stay in memory where they are smaller; larger ones are computed again."""


def calibrate(model: nn.Module, images: Tensor | Array, gain_bits: int = 8, feature_bits: int = FEATURE_BITS) -> None:
    """The last steps of a training: `snap_gains`, `recalibrate` and, where there are features, `snap_features`.

    Statistics are fitted once more behind that, to features on their grid. In front of all, a method's parts go where
    they cost nothing (`rebnet.nn.methods.absorb`); a network of a method that stays in float gets its statistics alone.

    Args:
        model: A network of `rebnet.nn.build`, or any nest of `nn.Sequential` and `Graph` whose modules say operations.
        images: uint8, N x H x W x C, from the training set.
        gain_bits: Width of the sum of the gains.
        feature_bits: F, features are multiples of 2^-F.

    Raises:
        OptionError: See `snap_features`.
    """
    absorb_(model)
    if is_in_float(model):  # nothing to fit: it stays in float
        recalibrate(model, images)
        return
    features = _features(model)
    for module in model.modules():
        if isinstance(module, NormFeature | PReLU):
            module.drop_grid()
    snap_gains(model, gain_bits)
    recalibrate(model, images)
    for _ in range(_ROUNDS if features else 0):
        snap_features(model, feature_bits)
        recalibrate(model, images)
        if all(feature.fits for feature in features):
            break


def _features(model: nn.Module) -> list[NormFeature]:
    return [module for module in model.modules() if isinstance(module, NormFeature)]


def snap_gains(model: nn.Module, gain_bits: int = 8, threshold_bits: int = 24) -> None:
    """Set the factors of every `ResidualSign` of two or more levels to g_i / 2^f, with integers g_i.

    So too those of weights in residual planes, h_j / 2^f, which come first.

    The integers are the hardware's gains, chosen by `rebnet.spec.gains.choose_gains` for the layers that
    consume the codes. One level needs no gain; in a network with features its factor becomes a power of two. In an
    any-level network, each m has gains of its own. Follow with `recalibrate`.

    Args:
        model: A network of `rebnet.nn.build`.
        gain_bits: Width of the sum of the gains.
        threshold_bits: Width of the thresholds, T.
    """
    for module in model.modules():
        if isinstance(module, WeightPlanes):
            module.snap_()
    counts, flow = level_counts(model), steps(model)
    powers = bool(_features(model)) or any(len(step.of) > 1 for step in flow)
    for m in counts:
        for sign, inputs in _readers(flow, m):
            factors = sign.gammas.detach().double().tolist()
            if sign.levels > 1:
                gains, fraction_bits = choose_gains(factors, inputs, counts[-1], gain_bits, threshold_bits)
                sign.set_gammas([gain / 2**fraction_bits for gain in gains])
            elif powers:
                sign.set_gammas([2.0 ** round(math.log2(factors[0]))])


def _readers(flow: Sequence[Step], levels: int) -> Iterator[tuple[ResidualSign, int]]:
    """Every residual sign, and the inputs of the largest layer that reads its codes."""
    kinds = BinaryLayer | ResidualSign
    inside = [[one for one in module_at(step.module, levels).modules() if isinstance(one, kinds)] for step in flow]
    behind: list[list[nn.Module]] = [[] for _ in flow]  # the next of these that read what a step gives
    for number in reversed(range(len(flow))):
        for source in flow[number].of:
            if source >= 0:
                behind[source] += inside[number][:1] or behind[number]
    for own, others in zip(inside, behind, strict=True):
        for sign, after in zip_longest(own, own[1:]):
            if isinstance(sign, ResidualSign):
                readers = others if after is None else [after]
                yield sign, max((one.inputs for one in readers if isinstance(one, BinaryLayer)), default=1)


def snap_features(model: nn.Module, feature_bits: int = FEATURE_BITS) -> None:
    """Give every `NormFeature` its grid: F, and constants of the 16 bits that hardware multiplies with.

    A `PReLU` gets the grid of the features that it reads.

    BatchNorm's statistics should be near their final ones; factors must be on their grid, see `snap_gains`.

    Args:
        model: A network whose modules say their operations.
        feature_bits: F.

    Raises:
        OptionError: A module says no operations, the factors are on no grid, or a slope is too steep.
        VerifyError: The modules stand in an order that is no network.
    """
    said = said_by(steps(model), "network")
    network = with_factors(said.network("network"))
    for name, modules in said.origins.items():
        features = [one for one in modules if isinstance(one, NormFeature)]
        layer = network.layer_of(network.by_name[name]) if features else None
        if layer is None:
            continue
        codes = network.read(layer)
        assert isinstance(codes, Code)
        units = [layer.op.scale * codes.at(index)[0] for index in range(len(network.served))][-len(features) :]
        shifts = [shift_of(one.slope(), unit, feature_bits) for one, unit in zip(features, units, strict=True)]
        for feature, unit in zip(features, units, strict=True):
            feature.set_grid(unit, feature_bits, min(shifts))
    for module, read in bent_features(model, "network"):
        module.set_grid(float(read.unit))


def bent_features(model: nn.Module, name: str) -> Iterator[tuple[PReLU, Feature]]:
    """Every `PReLU` and the features that it reads; raises as `snap_features`."""
    said = said_by(steps(model), name)
    network = with_factors(said.network(name))
    for node, modules in said.origins.items():
        for module in modules:
            if isinstance(module, PReLU):
                read = network.read(network.by_name[node])
                assert isinstance(read, Feature)
                yield module, read


@torch.no_grad()
def recalibrate(model: nn.Module, images: Tensor | Array, batch_size: int | None = None) -> None:
    """Replace the statistics of every BatchNorm by those of `images`; leave the model in eval mode.

    Layer after layer, so that each one sees the final statistics of those before it. Mean and variance, per channel
    over images and places, are the population's (variance over n, not n - 1, as BatchNorm itself normalises a
    batch), summed in float64. In an any-level network, at every m in turn; M is active in the end.

    Args:
        model: A network of `rebnet.nn.build`.
        images: uint8, N x H x W x C, from the training set.
        batch_size: Images held in float at a time; chosen by their size if None.
    """
    pixels = torch.as_tensor(images)
    batches = torch.split(pixels, batch_size or inference_batch(pixels))
    model.eval()
    for m in level_counts(model):
        set_levels(model, m)
        _recalibrate([replace(step, module=module_at(step.module, m)) for step in steps(model)], batches)


def _recalibrate(flow: Sequence[Step], batches: Sequence[Tensor]) -> None:
    values = _Values(flow, batches)
    for number, step in enumerate(flow):
        norms = [one for one in step.module.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
        if norms:
            values.hold(number)
        for norm in norms:
            mean, variance = _statistics(partial(values.read_by, norm, number))
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)


class _Reached(Exception):  # noqa: N818 - no error: it ends a module that has gone far enough
    """A module was about to read these values."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values


def _read_by(inner: nn.Module, module: nn.Module, *values: Tensor) -> Tensor:
    """What `inner` reads when `module`, a part of which it is, is called with `values`."""

    def stop(_: nn.Module, inputs: tuple[Tensor]) -> None:
        raise _Reached(*inputs)

    handle = inner.register_forward_pre_hook(stop)
    try:
        module(*values)
    except _Reached as reached:
        return reached.values
    finally:
        handle.remove()
    raise OptionError(f"{type(module).__name__}: holds a BatchNorm that it does not call; leave it out")


def inference_batch(images: Tensor) -> int:
    """Images that one batch in inference holds: 1000, or fewer where they are large."""
    samples = CPU_BATCH_SAMPLES if images.device.type == "cpu" else BATCH_SAMPLES
    return max(1, min(1000, samples // images[0].numel()))


class _Values:
    """What steps make of batches of images; what the steps behind a place read is held where it is small."""

    def __init__(self, flow: Sequence[Step], batches: Sequence[Tensor]) -> None:
        self._flow = flow
        self._batches = batches
        self._held: dict[int, Sequence[Tensor]] = {-1: batches}

    def hold(self, number: int) -> None:
        """Compute once what step `number` and those behind it read of those before it, unless it is too large."""
        live = {source for step in self._flow[number:] for source in step.of if source < number}
        first = self._some(0, live)
        images = len(self._batches[0])
        if sum(value.nbytes for value in first.values()) / images * sum(map(len, self._batches)) > HELD_BYTES:
            return
        held: dict[int, list[Tensor]] = {source: [] for source in live}
        for batch in range(len(self._batches)):
            for source, value in (self._some(batch, live) if batch else first).items():
                held[source].append(value)
        self._held = {-1: self._batches, **held}

    def read_by(self, norm: nn.Module, number: int) -> Iterator[Tensor]:
        """What a BatchNorm in step `number` reads, batch after batch."""
        step = self._flow[number]
        for batch in range(len(self._batches)):
            values = self._some(batch, set(step.of))
            yield _read_by(norm, step.module, *(values[source] for source in step.of))

    def _some(self, batch: int, wanted: Collection[int]) -> dict[int, Tensor]:
        """The values of some steps, of one batch."""
        values = {source: held[batch] for source, held in self._held.items()}
        missing, needed = [source for source in wanted if source not in values], set()
        while missing:
            number = missing.pop()
            needed.add(number)
            missing += [source for source in self._flow[number].of if source not in values and source not in needed]
        for number in sorted(needed):
            step = self._flow[number]
            values[number] = step.module(*(values[source] for source in step.of))
        return {number: values[number] for number in wanted}


def _statistics(values: Callable[[], Iterator[Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and population variance per channel, in two passes over the values."""
    sums, counts = zip(*((batch.double().sum(_places(batch)), batch[:, 0].numel()) for batch in values()), strict=True)
    mean = torch.stack(sums).sum(0) / sum(counts)
    squares = [(batch.double() - _spread(mean, batch)).square().sum(_places(batch)) for batch in values()]
    return mean, torch.stack(squares).sum(0) / sum(counts)


def _places(batch: Tensor) -> list[int]:
    """Every axis but the channels'."""
    return [axis for axis in range(batch.ndim) if axis != 1]


def _spread(mean: Tensor, batch: Tensor) -> Tensor:
    """The channels' means in a shape to subtract from a batch."""
    return mean.reshape(-1, *[1] * (batch.ndim - 2))
