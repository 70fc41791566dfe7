"""Where the boxes of a graph stand: layers from top to bottom, branches side by side, and the wires between them.

A graph is cut where all words pass one place, and what is between two cuts is a part of its own. In a part a box stands
one layer below the deepest of those that it reads, as in K. Sugiyama et al., "Methods for Visual Understanding of
Hierarchical System Structures", 1981. Each branch keeps a column from its fork to its join, so that its wire is
straight; wires change columns between two layers only, each on a track of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

MOST_LAYERS = 7
"""Of a part that holds more than one place where all words pass."""
ACROSS, TRACK, STUB, PORT, LINE = 16, 9, 10, 14, 13
"""User units: between columns, between tracks, below a box, between wires into one box, and of a line of text."""
ARROW = 14
"""Above a box, what an arrow takes."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """What is drawn at one place; `sources` are the names of those whose words arrive, `lines` those on its arrow."""

    name: str
    sources: tuple[str, ...]
    width: float
    height: float
    lines: int = 0


@dataclass(frozen=True)
class Wire:
    """Words on their way from one box to another, along points; the last is the tip of an arrow."""

    source: str
    target: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Drawing:
    """A part, laid out.

    Attributes:
        width: in user units.
        height: likewise.
        corners: the upper left corner of every box.
        wires: one for each source of each box, in the order of the boxes.
        forks: where a wire begins to part.
        entry: where words come in, at the top; None in the first part.
        exit: where they leave, at the bottom.
    """

    width: float
    height: float
    corners: Mapping[str, Point]
    wires: tuple[Wire, ...]
    forks: tuple[Point, ...]
    entry: Point | None
    exit: Point


def parts(boxes: Sequence[Box]) -> list[tuple[Box, ...]]:
    """The boxes, cut behind those that all words pass, as long as a part stays below `MOST_LAYERS` layers.

    Args:
        boxes: in an order in which all are there before they are read; each but the last is read.
    """
    last = {source: place for place, box in enumerate(boxes) for source in box.sources}
    pieces: list[tuple[Box, ...]] = []
    begin = reach = 0  # the furthest box that reads one of those before the last of a piece
    for place, box in enumerate(boxes):
        if reach <= place:
            pieces.append(tuple(boxes[begin : place + 1]))
            begin = place + 1
        reach = max(reach, last.get(box.name, 0))
    found = pieces[:1]
    for piece in pieces[1:]:
        if len(set(layers((*found[-1], *piece)).values())) <= MOST_LAYERS:
            found[-1] += piece
        else:
            found.append(piece)
    return found


def layers(part: Sequence[Box]) -> dict[str, int]:
    """The layer of every box of a part, from 1; in layer 0 the words come in."""
    found: dict[str, int] = {}
    for box in part:
        found[box.name] = 1 + max((found.get(source, 0) for source in box.sources), default=0)
    return found


def laid_out(part: Sequence[Box]) -> Drawing:
    """Places and wires of one part."""
    return _Layout(part).drawing()


_ENTRY = ""
"""Stands for what words come from that come in."""


@dataclass(frozen=True)
class _Path:
    """Boxes one below the other, from the first layer that the wire takes to the last."""

    boxes: tuple[str, ...]
    first: int
    last: int


class _Layout:
    """One part on its way to a drawing."""

    def __init__(self, part: Sequence[Box]) -> None:
        names = {box.name for box in part}
        inside = {box.name: tuple(s if s in names else _ENTRY for s in box.sources) for box in part}
        self.enters = any(_ENTRY in sources for sources in inside.values())
        self.boxes = {box.name: box for box in part}
        if self.enters:
            self.boxes = {_ENTRY: Box(_ENTRY, (), 0, 0)} | self.boxes
        self.sources = {_ENTRY: ()} | inside
        self.layer = {_ENTRY: 0} | layers(part)
        self.readers: dict[str, list[str]] = {name: [] for name in self.boxes}
        for name, sources in inside.items():
            for source in sources:
                self.readers[source].append(name)
        self.column = self._columns()

    def next_below(self, name: str) -> str | None:
        """The box that stands below this one in its column; None where its wire goes elsewhere."""
        readers = self.readers[name]
        if not readers:
            return None
        below = max(readers, key=lambda reader: self.depth[reader])
        deepest = max(self.sources[below], key=lambda source: self.layer[source])
        return below if deepest == name or len(readers) > 1 else None

    @cached_property
    def depth(self) -> dict[str, int]:
        """The most boxes that words pass from each box on."""
        found: dict[str, int] = {}
        for name in reversed(self.boxes):
            found[name] = 1 + max((found[reader] for reader in self.readers[name]), default=0)
        return found

    def _path(self, begin: str) -> _Path:
        boxes = [begin]
        while (below := self.next_below(boxes[-1])) is not None:
            boxes.append(below)
        readers = self.readers[boxes[-1]]
        last = self.layer[readers[0]] - 1 if readers else self.layer[boxes[-1]]
        return _Path(tuple(boxes), self.layer[begin], last)

    def _columns(self) -> dict[str, int]:
        """The column of every box: a fork's branches to the right of it, those of inner forks nearest."""
        taken: list[list[_Path]] = []
        found: dict[str, int] = {}

        def put(path: _Path, least: int) -> None:
            column = least
            while column < len(taken) and any(
                path.first <= other.last + 1 and other.first <= path.last + 1 for other in taken[column]
            ):
                column += 1
            while column >= len(taken):
                taken.append([])
            taken[column].append(path)
            found.update(dict.fromkeys(path.boxes, column))
            branches = [
                self._path(reader)
                for name in path.boxes
                for reader in dict.fromkeys(self.readers[name])
                if reader not in path.boxes and len(self.readers[name]) > 1
            ]
            for branch in sorted(branches, key=lambda own: (-own.first, own.last)):
                if branch.boxes[0] not in found:
                    put(branch, column + 1)

        put(self._path(next(iter(self.boxes))), 0)
        return found

    def drawing(self) -> Drawing:
        centres = self._centres()
        count = 1 + max(self.layer[name] for name in self.boxes)
        first = min(self.layer[name] for name in self.boxes)
        tops, gaps = {}, {}
        y = 0.0
        for layer in range(first, count):
            if layer > first:
                gaps[layer] = _Gap(self, layer, centres, y)
                y = gaps[layer].bottom
            tops[layer] = y
            y += max((box.height for name, box in self.boxes.items() if self.layer[name] == layer), default=0)
        corners = {
            name: (centres[self.column[name]] - box.width / 2, tops[self.layer[name]])
            for name, box in self.boxes.items()
        }
        wires, forks = [], []
        for name, sources in self.sources.items():
            for number, source in enumerate(sources):
                begin = centres[self.column[source]], corners[source][1] + self.boxes[source].height
                wires.append(Wire(source, name, self._points(begin, name, number, gaps, tops)))
        for source, readers in self.readers.items():
            if len(readers) > 1:
                forks.append((centres[self.column[source]], gaps[self.layer[source] + 1].forks[source]))
        last = next(reversed(self.boxes))
        end = centres[self.column[last]], corners[last][1] + self.boxes[last].height
        entry = corners.pop(_ENTRY, None)
        width = max(corner[0] + self.boxes[name].width for name, corner in corners.items())
        return Drawing(width, y, corners, tuple(wires), tuple(forks), entry, end)

    def _centres(self) -> list[float]:
        """The middle of each column."""
        widths = [0.0] * (1 + max(self.column.values()))
        for name, column in self.column.items():
            widths[column] = max(widths[column], self.boxes[name].width)
        found, left = [], 0.0
        for width in widths:
            found.append(left + width / 2)
            left += width + ACROSS
        return found

    def _points(
        self, begin: Point, name: str, number: int, gaps: "Mapping[int, _Gap]", tops: Mapping[int, float]
    ) -> tuple[Point, ...]:
        source, layer = self.sources[name][number], self.layer[name]
        points = [begin]
        if len(self.readers[source]) > 1:
            track = gaps[self.layer[source] + 1].forks[source]
            points += [(begin[0], track), (gaps[layer].ports[name, number], track)]
        elif (name, number) in gaps[layer].tracks:
            track = gaps[layer].tracks[name, number]
            points += [(begin[0], track), (gaps[layer].ports[name, number], track)]
        points.append((gaps[layer].ports[name, number], tops[layer]))
        return tuple(one for one, after in pairwise([*points, (-1.0, -1.0)]) if one != after)


class _Gap:
    """What is between one layer and the one above: the tracks of forks, then those of joins, then arrows.

    Attributes:
        ports: where the wire from each source meets a box, by the box's name and the source's number.
        forks: the height at which the wire of each box above parts.
        tracks: the height at which a wire into a box below changes its column.
        bottom: the top of the layer.
    """

    def __init__(self, layout: _Layout, layer: int, centres: Sequence[float], top: float) -> None:
        below = [name for name, own in layout.layer.items() if own == layer and name in layout.boxes]
        self.ports: dict[tuple[str, int], float] = {}
        sideways: list[list[tuple[tuple[str, int], float]]] = []  # the wires into a box from one side, nearest first
        for name in below:
            own = centres[layout.column[name]]
            room = layout.boxes[name].width / 2 - 6
            sides: dict[int, list[tuple[float, int]]] = {-1: [], 1: []}
            for number, source in enumerate(layout.sources[name]):
                there = centres[layout.column[source]]
                if there == own or len(layout.readers[source]) > 1:
                    self.ports[name, number] = own
                else:
                    sides[1 if there > own else -1].append((abs(there - own), number))
            for side, wires in sides.items():
                step = min(PORT, room / max(1, len(wires)))
                for place, (_, number) in enumerate(sorted(wires)):
                    self.ports[name, number] = own + side * step * (place + 1)
                sideways.append(
                    [((name, n), centres[layout.column[layout.sources[name][n]]]) for _, n in sorted(wires)]
                )
        y = top + STUB
        spans: dict[str, tuple[float, float]] = {}
        for name, readers in layout.readers.items():
            if layout.layer[name] == layer - 1 and len(readers) > 1:
                ends = [centres[layout.column[end]] for end in (name, *readers)]
                spans[name] = min(ends), max(ends)
        used: list[list[tuple[float, float]]] = []
        self.forks = {name: y + TRACK * _track(used, 0, span) for name, span in spans.items()}
        y += TRACK * len(used)
        used = []
        self.tracks: dict[tuple[str, int], float] = {}
        for wires_in in sideways:
            least = 0
            for wire, there in wires_in:
                here = self.ports[wire]
                track = _track(used, least, (min(here, there), max(here, there)))
                self.tracks[wire] = y + TRACK * track
                least = track + 1
        y += TRACK * len(used)
        self.bottom = y + ARROW + LINE * max((layout.boxes[name].lines for name in below), default=0)


def _track(used: list[list[tuple[float, float]]], least: int, span: tuple[float, float]) -> int:
    """The first track from `least` on that is free along the span, which is then taken."""
    track = least
    while track < len(used) and any(span[0] <= end and begin <= span[1] for begin, end in used[track]):
        track += 1
    while track >= len(used):
        used.append([])
    used[track].append(span)
    return track
