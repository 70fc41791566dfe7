"""The last two steps of training: factors that hardware can hold, then statistics that fit them.

Without them, rounding the factors at export moves 2 to 4 % of the labels; with them only thresholds are rounded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from rebnet.errors import OptionError
from rebnet.files import Array
from rebnet.nn.any_levels import level_counts, modules_at, set_levels, signs_at
from rebnet.nn.linear import BinaryLayer
from rebnet.spec.gains import choose_gains

BATCH_SAMPLES = 2**20
"""Pixel samples (height times width times channels) in a batch, in inference."""
CPU_BATCH_SAMPLES = 2**18
"""The same on a CPU, where maps beyond 32 MiB cost a third more: the C library fetches fresh pages for each."""
HELD_BYTES = 2**30
"""Maps of all calibration images stay in memory where they are smaller; larger ones are computed again."""


def snap_gains(model: nn.Sequential, gain_bits: int = 8, threshold_bits: int = 24) -> None:
    """Set the factors of every `ResidualSign` of two or more levels to g_i / 2^f, with integers g_i.

    The integers are the hardware's gains, chosen by `rebnet.spec.gains.choose_gains` for the layer that
    consumes the codes. One level needs no gain. In an any-level network, each m has gains of its own. Follow with
    `recalibrate`.

    Args:
        model: A network of `rebnet.nn.build`.
        gain_bits: Width of the sum of the gains.
        threshold_bits: Width of the thresholds, T.
    """
    counts = level_counts(model)
    _, *consumers = (module for module in model.modules() if isinstance(module, BinaryLayer))
    for m in counts:
        for residual, consumer in zip(signs_at(model, m), consumers, strict=True):
            if residual.levels == 1:
                continue
            factors = residual.gammas.detach().double().tolist()
            inputs = consumer.weight[0].numel()
            gains, fraction_bits = choose_gains(factors, inputs, counts[-1], gain_bits, threshold_bits)
            residual.set_gammas([gain / 2**fraction_bits for gain in gains])


@torch.no_grad()
def recalibrate(model: nn.Sequential, images: Tensor | Array, batch_size: int | None = None) -> None:
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
        _recalibrate(modules_at(model, m), _Values(batches))


def _recalibrate(modules: Iterable[nn.Module], values: "_Values") -> None:
    for module in modules:
        norms = [one for one in module.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
        values = values.held() if norms else values
        for norm in norms:
            mean, variance = _statistics(values.through(partial(_read_by, norm, module)))
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
        values = values.through(module)


class _Reached(Exception):  # noqa: N818 - no error: it ends a module that has gone far enough
    """A module was about to read these values."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values


def _read_by(inner: nn.Module, module: nn.Module, values: Tensor) -> Tensor:
    """What `inner` reads when `module`, a part of which it is, is called with `values`."""

    def stop(_: nn.Module, inputs: tuple[Tensor]) -> None:
        raise _Reached(*inputs)

    handle = inner.register_forward_pre_hook(stop)
    try:
        module(values)
    except _Reached as reached:
        return reached.values
    finally:
        handle.remove()
    raise OptionError(f"{type(module).__name__}: holds a BatchNorm that it does not call; leave it out")


def inference_batch(images: Tensor) -> int:
    """Images that one batch in inference holds: 1000, or fewer where they are large."""
    samples = CPU_BATCH_SAMPLES if images.device.type == "cpu" else BATCH_SAMPLES
    return max(1, min(1000, samples // images[0].numel()))


@dataclass(frozen=True)
class _Values:
    """What `modules` make of `batches`, one batch after the other."""

    batches: Sequence[Tensor]
    modules: tuple[Callable[[Tensor], Tensor], ...] = ()

    def __iter__(self) -> Iterator[Tensor]:
        for batch in self.batches:
            for module in self.modules:
                batch = module(batch)  # noqa: PLW2901 - through one module after the other
            yield batch

    def through(self, module: Callable[[Tensor], Tensor]) -> "_Values":
        """What `module` makes of these values."""
        return _Values(self.batches, (*self.modules, module))

    def held(self) -> "_Values":
        """The same values, computed once and kept, unless they take too much memory."""
        images = sum(map(len, self.batches))
        if next(iter(self))[0].nbytes * images > HELD_BYTES:
            return self
        return _Values(list(self))


def _statistics(values: _Values) -> tuple[Tensor, Tensor]:
    """Mean and population variance per channel, in two passes over the values."""
    sums, counts = zip(*((batch.double().sum(_places(batch)), batch[:, 0].numel()) for batch in values), strict=True)
    mean = torch.stack(sums).sum(0) / sum(counts)
    squares = [(batch.double() - _spread(mean, batch)).square().sum(_places(batch)) for batch in values]
    return mean, torch.stack(squares).sum(0) / sum(counts)


def _places(batch: Tensor) -> list[int]:
    """Every axis but the channels'."""
    return [axis for axis in range(batch.ndim) if axis != 1]


def _spread(mean: Tensor, batch: Tensor) -> Tensor:
    """The channels' means in a shape to subtract from a batch."""
    return mean.reshape(-1, *[1] * (batch.ndim - 2))
