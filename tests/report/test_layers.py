"""Where the blocks of a network with branches stand: nothing covers anything, and every wire can be followed."""

import itertools

import numpy as np
import pytest
from tests.ir.graphs import random_graph

from rebnet.fold.search.choose import choose
from rebnet.lower import lower
from rebnet.report.layers import ACROSS, MOST_LAYERS, Box, laid_out, layers, parts
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.converter import Converter
from rebnet.stages.features import Fork, Skip


def boxes_of(seed):
    """The boxes of a random network's accelerator, of random sizes."""
    network = lower(random_graph(seed, levels=2))
    accelerator = accelerator_of(network, choose(network, "balanced", None), 1)
    rng = np.random.default_rng(seed)
    reads = {}
    boxes = []
    for unit in accelerator.units:
        sources = [reads[source] for source in accelerator.reads.get(unit.instance, ())]
        if isinstance(unit, Converter | Fork):
            (reads[unit.instance],) = sources
            continue
        reads[unit.instance] = unit.instance
        width = 60.0 if isinstance(unit, Skip) else 100.0
        lines = int(rng.integers(0, 4)) if len(sources) == 1 else 0
        boxes.append(Box(unit.instance, tuple(sources), width, float(rng.integers(20, 90)), lines))
    return boxes


def segments(wire):
    return list(itertools.pairwise(wire.points))


def shared(one, other):
    """How long two straight lines of wires run on top of each other."""
    (a, b), (c, d) = (sorted(line) for line in (one, other))
    for along, across in ((0, 1), (1, 0)):
        if a[across] == b[across] == c[across] == d[across]:
            return min(b[along], d[along]) - max(a[along], c[along])
    return 0


def through(line, corner, box):
    """Whether a line passes the inside of a box."""
    (left, top), (right, bottom) = (
        (min(line[0][i], line[1][i]) for i in (0, 1)),
        (max(line[0][i], line[1][i]) for i in (0, 1)),
    )
    x, y = corner
    return left < x + box.width and right > x and top < y + box.height and bottom > y


@pytest.mark.parametrize("seed", range(25))
def test_random_networks(seed):
    boxes = boxes_of(seed)
    made = parts(boxes)
    assert [box for part in made for box in part] == boxes
    for place, part in enumerate(made):
        drawing = laid_out(part)
        names = {box.name: box for box in part}
        outside = {source for box in part for source in box.sources} - set(names)
        assert outside == ({made[place - 1][-1].name} if place else set())
        assert (drawing.entry is not None) == bool(place)
        rows = layers(part)
        corners = drawing.corners
        for name, (x, y) in corners.items():
            assert 0 <= x <= drawing.width - names[name].width + 1e-9
            assert 0 <= y <= drawing.height - names[name].height + 1e-9
        for one, other in itertools.combinations(names, 2):
            apart = abs(corners[one][0] - corners[other][0]) >= ACROSS + min(names[one].width, names[other].width) / 2
            assert (rows[one] == rows[other]) == (corners[one][1] == corners[other][1])
            assert apart or rows[one] != rows[other]
        wired = [(wire.source, wire.target) for wire in drawing.wires]
        assert wired == [(s if s in names else "", box.name) for box in part for s in box.sources]
        for wire in drawing.wires:
            box, (x, y) = names[wire.target], corners[wire.target]
            assert wire.points[-1][1] == y
            assert x < wire.points[-1][0] < x + box.width
            start = drawing.entry or (0, 0)
            if wire.source:
                source, (x, y) = names[wire.source], corners[wire.source]
                start = x + source.width / 2, y + source.height
            assert wire.points[0] == start
            lines = segments(wire)
            assert all(a[0] == b[0] or a[1] == b[1] for a, b in lines)
            assert all(a[1] <= b[1] for a, b in lines)
            assert not any(through(line, corners[name], names[name]) for line in lines for name in names)
        for one, other in itertools.combinations(drawing.wires, 2):
            if one.source == other.source:
                continue  # a fork's wires begin as one
            assert all(shared(a, b) <= 0 for a in segments(one) for b in segments(other)), (one, other)
        readers = [source for source, _ in wired]
        assert len(drawing.forks) == sum(readers.count(name) > 1 for name in set(readers))
        for fork in drawing.forks:
            assert sum(fork in wire.points for wire in drawing.wires) > 1


def test_a_long_network_is_cut_where_all_words_pass():
    chain = [Box(str(n), (str(n - 1),) if n else (), 10, 10) for n in range(30)]
    assert [len(part) for part in parts(chain)] == [MOST_LAYERS] * 4 + [2]
    skip = [*chain[:10], Box("join", ("9", "3"), 10, 10), Box("end", ("join",), 10, 10)]
    assert [len(part) for part in parts(skip)] == [4, 7, 1]


def test_branches_stand_side_by_side():
    """The inner branch is next to the path that it leaves, and the outer one behind it; each is one straight line."""
    sources = {
        "a": "", "b": "a", "outer": "a", "c": "b", "d": "c", "inner": "c", "e": "d inner", "f": "e outer",
    }  # fmt: skip
    drawing = laid_out([Box(name, tuple(of.split()), 40, 20) for name, of in sources.items()])
    middle = {name: corner[0] + 20 for name, corner in drawing.corners.items()}
    assert [middle[name] for name in "abcdef"] == [20] * 6
    assert (middle["inner"], middle["outer"]) == (20 + 56, 20 + 2 * 56)
    ends = {(w.source, w.target): w.points[-1][0] for w in drawing.wires}
    assert ends["d", "e"] == 20 < ends["inner", "e"] < 40
    assert [len({x for x, _ in w.points}) for w in drawing.wires if w.source == "outer"] == [2]
