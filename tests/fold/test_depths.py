"""The depths that are found are the fewest; growing never hurts; what a depth costs is exact, and it is named."""

import re

import numpy as np
import pytest
from tests.fold.chains import KINDS, draw_chain, draw_depths, draw_small_chain, least_depths

from rebnet.errors import FoldingError
from rebnet.fold.timing.cycle_model import pace, run
from rebnet.fold.timing.depths import AMPLE, ample_depths, predict, size_fifos
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.window import WindowUnit

chains = pytest.mark.parametrize("kind", KINDS)


def keeps_the_bound(accelerator: Accelerator, depths: Depths) -> bool:
    return all(pace(accelerator, m, depths) == (accelerator.bound_cycles(m), ()) for m in accelerator.served)


@chains
@pytest.mark.parametrize("seed", range(25))
def test_no_fifo_can_lose_a_word(kind, seed):
    """Nor a line buffer a write."""
    accelerator = draw_small_chain(kind, seed)
    said = []
    depths = size_fifos(accelerator, said.append)
    assert said == [buffer.name for buffer in reversed(accelerator.buffers)]
    assert keeps_the_bound(accelerator, depths)
    for buffer in accelerator.buffers:
        assert depths[buffer.name] % buffer.unit == 0
        fewer = {**depths, buffer.name: depths[buffer.name] - buffer.unit}
        if fewer[buffer.name] >= buffer.least:
            assert not keeps_the_bound(accelerator, fewer), (accelerator, depths, buffer)


@chains
@pytest.mark.parametrize("seed", range(25))
def test_growing_never_hurts(kind, seed):
    accelerator, rng = draw_small_chain(kind, seed), np.random.default_rng(seed)
    for most in (2, 8):
        depths = draw_depths(accelerator, rng, most)
        for m in accelerator.served:
            cycles, _ = pace(accelerator, m, depths)
            for buffer in accelerator.buffers:
                for more in (depths[buffer.name] + buffer.unit, AMPLE):
                    assert pace(accelerator, m, {**depths, buffer.name: more})[0] <= cycles, (accelerator, depths)


@chains
@pytest.mark.parametrize("seed", range(25))
def test_a_shallow_fifo_costs_what_the_pace_says(kind, seed):
    """The long run agrees, to the cycle; channels that are not named have nothing to do with it."""
    accelerator, rng = draw_small_chain(kind, seed), np.random.default_rng(seed)
    for depths in (least_depths(accelerator), draw_depths(accelerator, rng, 3)):
        for m in accelerator.served:
            cycles, limits = pace(accelerator, m, depths)
            images = 12 * cycles.denominator
            finish = run(accelerator, [m] * (2 * images), depths).finish
            assert finish[-1] - finish[-1 - images] == images * cycles
            if cycles == accelerator.bound_cycles(m):
                assert limits == ()
                continue
            assert cycles > accelerator.bound_cycles(m)
            assert set(limits) <= set(depths)
            assert len(limits) > 0
            others = {name: depths[name] if name in limits else AMPLE for name in depths}
            assert pace(accelerator, m, others) == (cycles, limits)
            wider = {name: AMPLE if name in limits else depths[name] for name in depths}
            assert pace(accelerator, m, wider)[0] <= cycles


@chains
def test_shallow_fifos_do_cost_something(kind):
    """The test before this one has something to say of most chains."""
    slow = 0
    for seed in range(25):
        accelerator = draw_small_chain(kind, seed)
        slow += not keeps_the_bound(accelerator, least_depths(accelerator))
    assert slow >= 15


@chains
@pytest.mark.parametrize("seed", range(15))
def test_one_shallow_fifo_is_named(kind, seed):
    """A buffer at its least among buffers that are never full: alone to blame."""
    accelerator = draw_small_chain(kind, seed)
    for buffer in accelerator.buffers:
        depths = {**ample_depths(accelerator), buffer.name: least_depths(accelerator)[buffer.name]}
        for m in accelerator.served:
            cycles, limits = pace(accelerator, m, depths)
            assert limits == ((buffer.name,) if cycles > accelerator.bound_cycles(m) else ())


@chains
@pytest.mark.parametrize("seed", range(25))
def test_prediction(kind, seed):
    accelerator, rng = draw_small_chain(kind, seed), np.random.default_rng(seed)
    for depths in (size_fifos(accelerator), draw_depths(accelerator, rng, 4)):
        prediction = predict(accelerator, accelerator.levels, depths)
        assert prediction.latency_cycles == run(accelerator, [accelerator.levels], depths).finish[0]
        assert (prediction.cycles_per_image, prediction.limits) == pace(accelerator, accelerator.levels, depths)
        seen = [run(accelerator, [m] * 100, depths).peaks for m in accelerator.served]
        longest = {name: max(peaks[name] for peaks in seen) for name in depths}
        assert all(longest[name] <= prediction.peaks[name] <= depths[name] for name in depths)
        for name, peak in prediction.peaks.items():
            assert peak in (longest[name], depths[name]), (accelerator, depths, name)


@chains
def test_a_depth_that_cannot_work(kind):
    accelerator = draw_small_chain(kind, 1)
    depths = size_fifos(accelerator)
    for buffer in accelerator.buffers:
        few = buffer.least - 1
        message = (
            f"fifo {buffer.name}: depth={few} is less than the {buffer.least} words that the layer needs to work at "
            f"all; use at least {buffer.least}"
        )
        for model in (lambda fewer: run(accelerator, [1], fewer), lambda fewer: pace(accelerator, 1, fewer)):
            with pytest.raises(FoldingError, match=f"^{re.escape(message)}$"):
                model({**depths, buffer.name: few})


def test_a_depth_that_is_no_whole_number_of_writes():
    accelerator, unit = next(
        (chain, stage)
        for chain in (draw_chain("convolutional", seed) for seed in range(1000))
        for stage in chain.stages
        if isinstance(stage, WindowUnit) and stage.writes == 4
    )
    (buffer,) = unit.buffers
    depths = size_fifos(accelerator)
    odd = depths[buffer.name] + 1
    message = f"fifo {buffer.name}: depth={odd} is no multiple of the 4 words that come in at a time; use {odd + 3}"
    for model in (lambda other: run(accelerator, [1], other), lambda other: pace(accelerator, 1, other)):
        with pytest.raises(FoldingError, match=f"^{re.escape(message)}$"):
            model({**depths, buffer.name: odd})
