"""The cycle model's promises: growing never hurts, and the depths that are found are the fewest."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from rebnet.errors import FoldingError
from rebnet.fold.cycle_model import keeps_pace, run, steady
from rebnet.fold.depths import full_depths, predict, size_fifos
from rebnet.rtl.geometry import Accelerator, Depths, Mvtu


def draw(seed):
    """A random chain of one to three layers."""
    rng = random.Random(seed)
    levels, bits = rng.randint(1, 3), rng.choice([1, 8])
    sizes = [rng.randint(3, 24) for _ in range(rng.randint(2, 4))]
    layers = []
    for index, (cols, rows) in enumerate(pairwise(sizes)):
        levels_in = levels if index else bits
        lanes = rng.randint(1, levels_in)
        last = index == len(sizes) - 2
        unit = Mvtu(
            f"layer{index}", rows, cols, rng.randint(1, rows), rng.randint(1, cols), lanes, levels_in,
            0 if last else levels, index == 0,
        )  # fmt: skip
        layers.append(unit)
    served = tuple(range(1, levels + 1)) if rng.random() < 0.5 else (levels,)
    return Accelerator(sizes[0], rng.choice([1, 2, 4]), levels, served, tuple(layers))


def paces(accelerator):
    """The pace at each served level count: the bound, or what full depths keep where they do not reach it."""
    result = {}
    for m in accelerator.served:
        period = accelerator.bound_cycles(m)
        while not keeps_pace(accelerator, m, full_depths(accelerator), period):
            period += 1
        result[m] = period
    return result


def holds(accelerator, depths, pace):
    return all(keeps_pace(accelerator, m, depths, period) for m, period in pace.items())


def every_step(depths, step):
    """`depths` with each entry in turn changed by `step`; and its least and name."""
    for kind in ("buffers", "outputs"):
        for index, depth in enumerate(getattr(depths, kind)):
            values = list(getattr(depths, kind))
            values[index] = depth + step
            yield kind, index, replace(depths, **{kind: tuple(values)})


def least(accelerator, kind, index):
    layer = accelerator.layers[index]
    return layer.min_buffer_depth if kind == "buffers" else layer.min_out_depth


@pytest.mark.parametrize("seed", range(12))
def test_no_fifo_can_lose_a_word(seed):
    accelerator = draw(seed)
    pace, depths = paces(accelerator), size_fifos(accelerator)
    assert holds(accelerator, depths, pace)
    for kind, index, fewer in every_step(depths, -1):
        if getattr(fewer, kind)[index] >= least(accelerator, kind, index):
            assert not holds(accelerator, fewer, pace), (accelerator, depths, kind, index)


@pytest.mark.parametrize("seed", range(12))
def test_growing_never_hurts(seed):
    accelerator = draw(seed)
    rng = random.Random(seed)
    pace, full = paces(accelerator), full_depths(accelerator)
    for _ in range(4):
        depths = Depths(
            tuple(
                rng.randint(u.min_buffer_depth, d + 1) for u, d in zip(accelerator.layers, full.buffers, strict=True)
            ),
            tuple(rng.randint(u.min_out_depth, d + 1) for u, d in zip(accelerator.layers, full.outputs, strict=True)),
        )
        if not holds(accelerator, depths, pace):
            continue
        for kind, index, more in every_step(depths, 1):
            assert holds(accelerator, more, pace), (accelerator, depths, kind, index)


@pytest.mark.parametrize("seed", range(12))
def test_the_pace_is_the_long_run(seed):
    """What `keeps_pace` says agrees with the cycles between images of a source that never pauses."""
    accelerator = draw(seed)
    depths = size_fifos(accelerator)
    for m, period in paces(accelerator).items():
        settled = steady(accelerator, m, depths, 200)
        assert settled is not None
        assert accelerator.bound_cycles(m) <= settled[0] <= period
        assert all(peak <= depth for peak, depth in zip(settled[1].buffers, depths.buffers, strict=True))
        assert all(peak <= depth for peak, depth in zip(settled[1].outputs, depths.outputs, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_prediction(seed):
    accelerator = draw(seed)
    depths = size_fifos(accelerator)
    prediction = predict(accelerator, accelerator.levels, depths)
    assert prediction.latency_cycles == run(accelerator, [accelerator.levels], depths).finish[0]
    assert prediction.cycles_per_image <= paces(accelerator)[accelerator.levels]


def test_a_depth_that_cannot_work():
    accelerator = draw(1)
    depths = full_depths(accelerator)
    layer = accelerator.layers[0]
    few = replace(depths, buffers=(0, *depths.buffers[1:]))
    message = (
        f"fifo {layer.name}.input: depth=0 is less than the {layer.min_buffer_depth} words that the layer needs to "
        f"work at all; use at least {layer.min_buffer_depth}"
    )
    with pytest.raises(FoldingError) as caught:
        run(accelerator, [1], few)
    assert str(caught.value) == message
