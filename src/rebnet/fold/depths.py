"""FIFO depths: the fewest words with which the accelerator still keeps the pace of its slowest part."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rebnet.fold.cycle_model import Timing, keeps_pace, run, steady
from rebnet.rtl.geometry import Accelerator, Depths

_PATIENCE = 60  # images until the long run must have settled; else a peak is given as the FIFO's whole depth


@dataclass(frozen=True)
class Prediction:
    """What the model says of an accelerator at M levels with a source and a sink that never pause.

    `cycles_per_image` is the long run's; `peaks` are the most words that ever stand in each FIFO.
    """

    cycles_per_image: float
    latency_cycles: int
    peaks: Depths


def full_depths(accelerator: Accelerator) -> Depths:
    """Depths with which no layer waits for a place: the start of the search."""
    layers = accelerator.layers
    buffers = tuple(layer.full_buffer_depth for layer in layers)
    return Depths(buffers, tuple(layer.full_out_depth for layer in layers))


def size_fifos(accelerator: Accelerator, progress: Callable[[str], None] = lambda channel: None) -> Depths:
    """The fewest words of every FIFO that keep the bound at each served level count.

    Starting from depths with which nothing waits, each FIFO in turn, from the output back to the input, is
    cut to the least that keeps the pace. Throughput never falls when a FIFO grows, so no FIFO of the result
    can lose a word alone.
    """
    depths = full_depths(accelerator)
    pace = {m: _pace(accelerator, m, depths, accelerator.bound_cycles(m)) for m in reversed(accelerator.served)}

    def holds(candidate: Depths) -> bool:
        return all(keeps_pace(accelerator, m, candidate, period) for m, period in pace.items())

    for index in reversed(range(len(accelerator.layers))):
        layer = accelerator.layers[index]
        progress(f"{layer.name}.output")
        depths = _least(depths, "outputs", index, layer.min_out_depth, holds)
        progress(f"{layer.name}.input")
        depths = _least(depths, "buffers", index, layer.min_buffer_depth, holds)
    return depths


def _pace(accelerator: Accelerator, levels: int, depths: Depths, period: int) -> int:
    """The fewest cycles per image, `period` or more, that these depths keep up with."""
    low, high = period - 1, period
    while not keeps_pace(accelerator, levels, depths, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if keeps_pace(accelerator, levels, depths, middle):
            high = middle
        else:
            low = middle
    return high


def predict(accelerator: Accelerator, levels: int, depths: Depths) -> Prediction:
    """Pace, latency and peaks at `levels`; peaks cover every served level count."""
    settled = {m: steady(accelerator, m, depths, _PATIENCE) for m in accelerator.served}
    peaks = [depths if run_of is None else run_of[1] for run_of in settled.values()]
    own = settled[levels]
    timing: Timing = run(accelerator, [levels], depths)
    cycles = own[0] if own is not None else float(_pace(accelerator, levels, depths, accelerator.bound_cycles(levels)))
    return Prediction(
        cycles,
        timing.latency_cycles,
        Depths(
            tuple(map(max, zip(*(peak.buffers for peak in peaks), strict=True))),
            tuple(map(max, zip(*(peak.outputs for peak in peaks), strict=True))),
        ),
    )


def _least(depths: Depths, kind: str, index: int, least: int, holds: Callable[[Depths], bool]) -> Depths:
    """`depths` with entry `index` of `kind` at the smallest value that holds, found by halving."""

    def at(value: int) -> Depths:
        values = list(getattr(depths, kind))
        values[index] = value
        return replace(depths, **{kind: tuple(values)})

    low, high = least, getattr(depths, kind)[index]
    while low < high:
        middle = (low + high) // 2
        if holds(at(middle)):
            high = middle
        else:
            low = middle + 1
    return at(high)
