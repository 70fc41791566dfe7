"""FIFO depths: the fewest words with which the accelerator still takes exactly its bound per image."""

from collections.abc import Callable
from dataclasses import replace

from rebnet.fold.cycle_model import Timing, run
from rebnet.rtl.geometry import Accelerator, Depths


def full_depths(accelerator: Accelerator) -> Depths:
    """Depths with which no layer waits for a place: the start of the search."""
    layers = accelerator.layers
    return Depths(tuple(l.full_buffer_depth for l in layers), tuple(l.full_out_depth for l in layers))


def steady_cycles(accelerator: Accelerator, levels: int, depths: Depths) -> tuple[float, Timing]:
    """Cycles per image at `levels` once the pipeline is full, and the run they were read from."""
    warm_up = 2 * len(accelerator.layers) + 2
    timing = run(accelerator, [levels] * (warm_up + 4), depths)
    return timing.cycles_per_image(skip=warm_up), timing


def size_fifos(
    accelerator: Accelerator, progress: Callable[[str], None] = lambda channel: None
) -> tuple[Depths, Depths]:
    """The depths, and the peaks that the model predicts for a sink that is always ready.

    Starting from depths with which nothing waits, each FIFO in turn, from the output back to the input, is
    halved towards its minimum as long as the cycles per image stay what they were at every served level
    count. Throughput never falls when a FIFO grows, so no depth of the result can lose a word alone.
    """
    depths = full_depths(accelerator)
    goal = {m: steady_cycles(accelerator, m, depths)[0] for m in accelerator.served}

    def holds(candidate: Depths) -> bool:
        return all(steady_cycles(accelerator, m, candidate)[0] == goal[m] for m in reversed(accelerator.served))

    for index in reversed(range(len(accelerator.layers))):
        layer = accelerator.layers[index]
        progress(f"{layer.name}.output")
        depths = _least(depths, "outputs", index, layer.min_out_depth, holds)
        progress(f"{layer.name}.input")
        depths = _least(depths, "buffers", index, layer.min_buffer_depth, holds)
    peaks = [steady_cycles(accelerator, m, depths)[1].peaks for m in accelerator.served]
    return depths, Depths(
        tuple(map(max, zip(*(peak.buffers for peak in peaks), strict=True))),
        tuple(map(max, zip(*(peak.outputs for peak in peaks), strict=True))),
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
