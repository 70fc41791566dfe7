"""Skip buffers that are too shallow, in accelerators made by hand: an error that says which and how deep, no hang."""

import re

import numpy as np
import pytest
from tests.ir.graphs import Graph, pruned

from rebnet.errors import DeadlockError
from rebnet.fold.search.choose import choose
from rebnet.fold.timing.cycle_model import run
from rebnet.fold.timing.depths import predict
from rebnet.ir.features import Add, Join, SumPool
from rebnet.ir.ops import PixelInput
from rebnet.lower import lower
from rebnet.spec.window import Window
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.features import Skip

SHALLOW = re.compile(r"fifo (\S+): depth=(\d+)")
ADVICE = re.compile(r"at least (\d+) words for (\S+?)(?: and|$)")


class Made:
    """A network of blocks, as a text with braces would give it."""

    def __init__(self):
        self.graph = Graph(np.random.default_rng(5), 2, PixelInput(5, 4, 1, 8))
        self.stem = self.conv("pixels")

    def conv(self, source, kernel=3):
        """A convolution of four channels, and its feature; a code in front where `source` is a feature."""
        graph = self.graph
        code = source if source == "pixels" else graph.sign(source)
        return graph.feature(graph.layer(code, 4, Window(kernel, 1, same=True)), 3, positive=False)

    def put(self, op, *sources):
        return self.graph.put(op, *sources, width=1.0)

    def accelerator(self, end):
        last = self.graph.norm(self.graph.layer(self.graph.sign(self.put(SumPool(), end)), 3, None), positive=False)
        network = lower(pruned("made", self.graph, last))
        return accelerator_of(network, choose(network, "balanced", None), 1)


def two(made):
    return made.put(Add(), made.conv(made.stem), made.stem)


def three(made):
    return made.put(Add(), made.conv(made.conv(made.stem)), made.conv(made.stem, 1), made.stem)


def joined(made):
    return made.put(Join(), made.stem, made.conv(made.stem), made.conv(made.stem, 1))


def nested(made):
    inner = made.put(Add(), made.conv(made.stem), made.stem)
    return made.put(Add(), made.conv(inner), inner, made.stem)


def fork_of_a_fork(made):
    first = made.conv(made.stem)
    inner = made.put(Add(), made.conv(first), made.conv(first, 1), first)
    return made.put(Join(), made.put(Add(), inner, made.stem), made.conv(made.stem, 1))


def cycle_by_cycle(accelerator, depths):
    run(accelerator, [2, 1, 2], depths)


def steadily(accelerator, depths):
    predict(accelerator, 2, depths)


def said(accelerator, depths, solve=cycle_by_cycle):
    """The least depth of each buffer that the error names."""
    with pytest.raises(
        DeadlockError, match=r" makes a deadlock: \S.* waits for .*, and so on in a circle; use "
    ) as error:
        solve(accelerator, depths)
    shallow = {name: int(depth) for name, depth in SHALLOW.findall(str(error.value))}
    least = {name: int(depth) for depth, name in ADVICE.findall(str(error.value))}
    assert shallow == {name: depths[name] for name in least} != {}
    return least


@pytest.mark.parametrize("block", [two, three, joined, nested, fork_of_a_fork])
def test_the_error_leads_to_an_accelerator_that_works(block):
    """The depths that the error names open every circle, and with a word less in any of them there is one."""
    made = Made()
    accelerator = made.accelerator(block(made))
    skips = {stage.words.name for stage in accelerator.stages if isinstance(stage, Skip)}
    depths = {buffer.name: buffer.shallowest for buffer in accelerator.buffers}
    least = said(accelerator, depths)
    assert said(accelerator, depths, steadily) == least
    assert set(least) <= skips
    assert all(depth > depths[name] for name, depth in least.items())
    cycle_by_cycle(accelerator, depths | least)
    for name, depth in least.items():
        assert said(accelerator, depths | least | {name: depth - 1}) == {name: depth}
