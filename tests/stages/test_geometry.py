"""Line buffers as `geometry` computes them, against the slow model of `lines`, which counts every place."""

import numpy as np
import pytest
from tests.rtl.lines import Shape

from rebnet.spec.window import Window
from rebnet.stages.window import WindowUnit


def draw(rng: np.random.Generator, pool: bool, grouped: bool) -> Shape:
    """A shape that the modules can have."""
    same = bool(rng.random() < 0.4)
    height, width = (int(size) for size in rng.integers(1, 10, 2))
    kernel = tuple(int(rng.integers(1, (5 if same else min(5, side)) + 1)) for side in (height, width))
    stride = tuple(int(size) for size in rng.integers(1, 5, 2))
    pads = tuple(tuple(int(pad) for pad in rng.integers(0, side, 2)) for side in kernel)
    window = Window(kernel, stride, same) if same or rng.random() < 0.5 else Window(kernel, stride, pads=pads)
    channels = int(rng.integers(1, 7))
    word = int(rng.choice([d for d in range(1, channels + 1) if channels % d == 0]))
    reads = int(rng.integers(1, window.area + 1)) if pool or grouped or word == channels else 1
    writes = 2 ** int(rng.integers(0, 5)) if word == channels else 1
    sides = int(rng.choice([d for d in range(1, word + 1) if word % d == 0])) if grouped else 0
    return Shape(window, height, width, channels, word, reads=reads, writes=writes, pool=pool, sides=sides)


def unit(shape: Shape) -> WindowUnit:
    return WindowUnit(
        "layer", shape.window, shape.height, shape.width, shape.channels, shape.planes, shape.pool, shape.word,
        shape.reads, shape.writes, sides=shape.sides,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["window", "pool", "groups"])
def test_what_every_beat_waits_for_and_gives_back(kind: str) -> None:
    pool, grouped = kind == "pool", kind == "groups"
    rng = np.random.default_rng(pool)
    for _ in range(400):
        shape = draw(rng, pool, grouped)
        own = unit(shape)
        needs, given = own.schedule()
        assert needs.tolist() == [max(beat.words) for beat in shape.beats], shape
        assert given.tolist() == [beat.given for beat in shape.beats], shape
        assert own.min_depth == shape.least_depth, shape
        assert own.read_cycles == len(shape.beats)
        assert own.out_words == (sum(beat.last for beat in shape.beats) if pool else len(shape.beats))
        assert own.beats == len(shape.beats) // len(shape.walk)
        assert own.group == (len(shape.walk[0][0]) if pool else 1)
        assert own.map_writes == shape.map_writes
        (buffer,) = own.buffers
        assert (buffer.name, buffer.least, buffer.unit) == (
            f"layer.{'pool' if pool else 'window'}", shape.least_depth, shape.writes,
        )  # fmt: skip
