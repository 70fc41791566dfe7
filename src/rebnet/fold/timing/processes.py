"""The processes of an accelerator: what every module of `rebnet.rtl` does one after another, and what it waits for.

Each rule is one of a module's own: its counters, the depth of its buffers, the cycles of its pipeline. Equality with
the RTL, to the cycle and to the word, is tested.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from rebnet.fold.timing.process import Edge, Process, placed
from rebnet.spec.upsample import Factors
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.converter import Converter
from rebnet.stages.depth_to_space import DepthToSpaceUnit
from rebnet.stages.ends import PIXEL_DEPTH, SCORES_DEPTH, SCORES_LATENCY, Scores
from rebnet.stages.features import EncoderUnit, Fork, GlobalSum, JoinUnit, RescaleUnit, Skip
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import Integers, ceil_div
from rebnet.stages.timing import Timing
from rebnet.stages.two_slope import TwoSlopeUnit
from rebnet.stages.upsample import UpsampleUnit
from rebnet.stages.window import POOL_LATENCY, WINDOW_DEPTH, WINDOW_IMAGES, WINDOW_LATENCY, WindowUnit


@dataclass(frozen=True, eq=False)
class Filling:
    """How a buffer fills and empties, by its name.

    Up to event k of process `came`, came_words[k] words have come in, and up to event k of `went` went_words[k] have
    left; an image brings as many as it takes away. What leaves in the cycle in which words come in has left already
    where `passes` is True (a buffer's counter sees both at once), and has not where it is False (words that were under
    way are in the FIFO one cycle before its counter sees what leaves). What comes in waits for places: `waiting` is the
    process that waits, `edge` makes what it waits for from a depth, and is edge number `number` of that process.
    """

    buffer: str
    came: Process
    came_words: Integers
    went: Process
    went_words: Integers
    passes: bool
    waiting: Process
    number: int
    edge: Callable[[int], Edge]


@dataclass(frozen=True, eq=False)
class MarkedGraph:
    """The processes of one image, each behind those that bring it data, and the buffers between them.

    Events are the transitions of a timed marked graph, what an event waits for its edges. `sink` takes the scores.
    """

    processes: list[Process]
    fillings: list[Filling]
    sink: Process

    @cached_property
    def numbers(self) -> dict[Process, int]:
        """Where each process stands."""
        return {process: number for number, process in enumerate(self.processes)}


def processes_of(accelerator: Accelerator, levels: int, depths: Depths, changed: bool = False) -> MarkedGraph:
    """The processes of an image at `levels`, between a source that always has a beat and a sink that takes all.

    `changed` says that the image before ran at other levels: converters let it leave before they go on.
    """
    return _Builder(accelerator, levels, depths, changed).graph()


def _ones(count: int) -> Integers:
    return np.ones(count, dtype=np.int64)


def tile(pattern: Integers, times: int, stride: int) -> Integers:
    """`pattern` so many times, once per vector or per image, moved on by `stride` each time."""
    return (pattern[None, :] + stride * np.arange(times)[:, None]).ravel()


class _Builder:
    def __init__(self, accelerator: Accelerator, levels: int, depths: Depths, changed: bool) -> None:
        self.accelerator, self.levels, self.depths, self.changed = accelerator, levels, depths, changed
        self.processes: list[Process] = []
        self.fillings: list[Filling] = []
        self.seen: dict[Process, Callable[[], Process]] = {}  # when each word that leaves is there to be taken

    def add(self, name: str, gaps: Integers, start: bool = False) -> Process:
        self.processes.append(Process(name, gaps, start))
        return self.processes[-1]

    def limit(
        self,
        buffer: str,
        waiting: Process,
        edge: Callable[[int], Edge],
        fill: tuple[Process, Integers, Process, Integers, bool],
    ) -> None:
        """Let `waiting` wait for places of a buffer."""
        made = partial(placed, buffer, edge)
        waiting.edges.append(made(self.depths[buffer]))
        self.fillings.append(Filling(buffer, *fill, waiting, len(waiting.edges) - 1, made))

    def graph(self) -> MarkedGraph:
        beats = self.accelerator.beats_in
        source = self.add("source", _ones(beats), start=True)
        link = self.add("pixels", _ones(beats))
        link.wait(source, np.arange(beats))
        source.wait(link, np.arange(beats) - PIXEL_DEPTH)
        self.seen[link] = partial(self.when, link, link.edges[:1])
        pixels, reads, scores = self.accelerator.pixels, self.accelerator.reads, self.accelerator.scores
        links = {pixels.instance: link}  # the process that gives the words of each unit
        for stage in self.accelerator.stages:
            words, *others = (links[source] for source in reads[stage.instance])
            match stage:
                case Converter():
                    link = self.converter(stage, words)
                case WindowUnit():
                    link = self.window(stage, words)
                case Mvtu() if stage.unrolled:
                    link = self.piped(stage.name, words, words.count, stage.timing)
                case Mvtu():
                    link = self.mvtu(stage, words)
                case RescaleUnit() | TwoSlopeUnit() | EncoderUnit():
                    link = self.piped(stage.name, words, words.count, stage.timing)
                case Fork():
                    link = words  # a word moves where all branches have a place, so its move is theirs
                case Skip():
                    link = self.skip(stage, words)
                case UpsampleUnit():
                    link = self.upsample(stage, words, stage.factors)
                case DepthToSpaceUnit():
                    link = self.upsample(stage, words, Factors(stage.block, stage.block))
                case GlobalSum():
                    link = self.global_sum(stage, words)
                case JoinUnit():
                    link = self.join(stage, [words, *others])
            links[stage.instance] = link
        (last,) = reads[scores.instance]
        return MarkedGraph(self.processes, self.fillings, self.scores(scores, links[last]))

    def when(self, words: Process, edges: Sequence[Edge]) -> Process:
        """When each word of a stream is there to be taken: its arrivals alone, whatever takes it."""
        seen = self.add(f"{words.name} seen", np.zeros(words.count, dtype=np.int64))
        seen.edges += edges
        return seen

    def piped(self, name: str, words: Process, count: int, timing: Timing, begun: Integers | None = None) -> Process:
        """A word that leaves `timing.latency` cycles after its last one was taken, its place promised then.

        `begun` are the numbers of those last words; None where every word is one.
        """
        last = np.arange(count) if begun is None else begun
        out = self.add(f"{name} out", _ones(count))
        words.wait(out, np.arange(count) - timing.places, 1, begun)
        out.wait(words, last, timing.latency)
        self.seen[out] = partial(self.when, out, out.edges[-1:])
        return out

    def skip(self, shape: Skip, words: Process) -> Process:
        """`skip_buffer`: a word is read one cycle after it came at the earliest, and gives its place back then."""
        reads = self.add(f"{shape.instance} reads", _ones(words.count))
        every = np.arange(words.count)
        reads.wait(words, every)
        came = every + 1
        fill = (words, came, reads, came, True)
        self.limit(shape.words.name, words, lambda depth: Edge(reads, None, every - depth), fill)
        return self.piped(shape.instance, reads, words.count, shape.timing)

    def upsample(self, shape: UpsampleUnit | DepthToSpaceUnit, words: Process, factors: Factors) -> Process:
        """`upsample`: the first reading of a word waits for it, the last one gives its place back.

        So too in `depth_to_space`, of which each reading gives a part of a word.
        """
        rows, columns, parts = factors.rows, factors.columns, shape.pixel_words
        reads = self.add(f"{shape.instance} reads", _ones(shape.cycles))
        order = np.arange(words.count).reshape(shape.height, 1, shape.width, 1, parts)
        order = np.broadcast_to(order, (shape.height, rows, shape.width, columns, parts))
        first, last = np.zeros(order.shape[1::2], dtype=np.bool_), np.zeros(order.shape[1::2], dtype=np.bool_)
        first[0, 0] = last[-1, -1] = True
        begins, frees = (
            np.flatnonzero(np.broadcast_to(each[None, :, None, :, None], order.shape)) for each in (first, last)
        )
        reads.wait(words, order.ravel()[begins], 1, begins)

        def places(depth: int) -> Edge:
            image, word = np.divmod(np.arange(words.count) - depth, words.count)
            return Edge(reads, None, frees[word] + image * reads.count)

        gone = np.searchsorted(frees, np.arange(reads.count), "right")
        fill = (words, np.arange(words.count) + 1, reads, gone, True)
        self.limit(shape.words.name, words, places, fill)
        return self.piped(shape.instance, reads, reads.count, shape.timing)

    def global_sum(self, shape: GlobalSum, words: Process) -> Process:
        """`global_sum`: the last pixel's words promise the places."""
        last = np.arange(shape.pixel_words) + (shape.positions - 1) * shape.pixel_words
        return self.piped(shape.name, words, shape.pixel_words, shape.timing, last)

    def join(self, shape: JoinUnit, sources: Sequence[Process]) -> Process:
        """Sources give a word each at a time, or take turns; a word moves when it is there and has a place."""
        if shape.turns:
            turn = np.repeat(np.arange(len(sources)), shape.turn)
            order = np.tile(turn, sources[0].count // shape.turn[0])
        else:
            order = np.zeros(sources[0].count, dtype=np.int64)
        moves = self.add(f"{shape.name} moves", _ones(len(order)))
        for number, words in enumerate(sources):
            mine = np.flatnonzero(order == number) if shape.turns else np.arange(len(order))
            moves.wait(self.seen[words](), np.arange(words.count), 0, mine)
            words.wait(moves, mine, 0)
        return self.piped(shape.name, moves, len(order), shape.timing)

    def converter(self, shape: Converter[int], words: Process) -> Process:
        """`width_converter`: an output word leaves when its last unit is in; words wait while it holds too many."""
        vectors = words.count // shape.in_words
        out = self.add(f"{shape.name} out", _ones(vectors * shape.out_words))
        needs = -(-(np.arange(shape.out_words) + 1) * shape.out_units // shape.in_units) - 1
        out.wait(words, tile(np.minimum(needs, shape.in_words - 1), vectors, shape.in_words))
        before = np.arange(shape.in_words) * shape.in_units  # units that came in with the vector's earlier words
        gone = -(-(before - shape.ready_units + 1) // shape.out_units)  # output words that must have left
        words.wait(out, tile(gone - 1, vectors, shape.out_words))
        if self.changed:
            words.wait(out, np.array([-1]), 1, np.zeros(1, np.int64))
        self.seen[out] = partial(self.when, out, out.edges[:1])
        return out

    def window(self, shape: WindowUnit, words: Process) -> Process:
        """`sliding_window` and `max_pool`: beats read words that are there; rows that nobody needs give places."""
        needs, given = shape.schedule()
        map_words = shape.map_writes * shape.writes
        reads = self.add(f"{shape.instance} reads", _ones(shape.read_cycles))
        out = self.add(f"{shape.instance} out", _ones(shape.out_words))
        reads.wait(words, -(-np.maximum(needs, 1) // shape.writes) - 1)

        def places(depth: int) -> Edge:
            """The first beat by which enough was given back for each write, in this image or one before."""
            target = (np.arange(words.count) + 1) * shape.writes - depth
            image = (target - 1) // map_words
            return Edge(reads, None, np.searchsorted(given, target - image * map_words) + image * reads.count)

        words.wait(reads, np.array([-(WINDOW_IMAGES - 1) * reads.count - 1]), 1, np.zeros(1, np.int64))
        last = np.arange(shape.out_words) * shape.group + shape.group - 1
        reads.wait(out, np.arange(shape.out_words) - WINDOW_DEPTH, 1, last)
        out.wait(reads, last, POOL_LATENCY if shape.pool else WINDOW_LATENCY)
        self.seen[out] = partial(self.when, out, out.edges[-1:])
        came = (np.arange(words.count) + 1) * shape.writes
        self.limit(shape.lines.name, words, places, (words, came, reads, given, True))
        return out

    def mvtu(self, shape: Mvtu, words: Process) -> Process:
        """`mvtu` and its `vector_buffer`: the first pass waits for words, the end of a fold for places.

        In groups every turn is a vector of its own.
        """
        chunks, folds, vectors = shape.chunks, shape.turn_folds, shape.vectors * shape.turns
        groups = shape.groups(self.levels)
        # Issues that can wait: the words of a vector's first pass, then the last word of each fold.
        per_vector = chunks + folds
        gaps = np.ones(per_vector, dtype=np.int64)
        gaps[chunks] = (groups - 1) * chunks
        gaps[chunks + 1 :] = groups * chunks
        issues = self.add(f"{shape.name} issues", np.tile(gaps, vectors))
        first_pass = tile(np.arange(chunks), vectors, per_vector)
        ends = tile(chunks + np.arange(folds), vectors, per_vector)
        issues.wait(words, np.arange(words.count), 1, first_pass)
        # A word gives its place back in the last pass, which follows the pass before without a pause but its end.
        place = np.arange(chunks)
        if folds * groups == 1:
            after, delay = place.copy(), np.zeros(chunks, dtype=np.int64)
        elif folds > 1:
            after, delay = np.full(chunks, chunks + folds - 2), (groups - 1) * chunks + 1 + place
        else:
            after, delay = np.full(chunks, chunks - 1), (groups - 2) * chunks + 1 + place
        after[-1], delay[-1] = per_vector - 1, 0
        freed = self.add(f"{shape.name} frees", np.zeros(vectors * chunks, dtype=np.int64))
        freed.wait(issues, tile(after, vectors, per_vector), np.tile(delay, vectors))
        counted = np.arange(words.count) + 1
        self.limit(
            shape.input.name,
            words,
            lambda depth: Edge(freed, None, np.arange(freed.count) - depth),
            (words, counted, freed, counted, True),
        )
        # Drained words: promised a place at the end of their fold, there `latency` cycles later, one per cycle.
        drained = np.full(folds, shape.drain_words)
        drained[-1] = shape.last_words
        fold_of = np.repeat(np.arange(folds), drained)
        place = np.concatenate([np.arange(words_of_fold) for words_of_fold in drained])
        out = self.add(f"{shape.name} out", _ones(vectors * int(drained.sum())))
        arrival = np.tile(shape.latency + place, vectors)
        drains = tile(chunks + fold_of, vectors, per_vector)
        out.wait(issues, drains, arrival)
        came = self.add(f"{shape.name} results", np.zeros(out.count, dtype=np.int64))
        came.wait(issues, drains, arrival)
        self.seen[out] = lambda: came
        counted = np.arange(out.count) + 1
        promised = tile(np.cumsum(drained) - drained, vectors, int(drained.sum()))
        self.limit(
            shape.output.name,
            issues,
            lambda depth: Edge(out, ends, promised + shape.drain_words - depth - 1),
            (came, counted, out, counted, False),
        )
        return out

    def scores(self, shape: Scores, words: Process) -> Process:
        """`scores`: one row a cycle; a word leaves with its last row. Of `score_row`, an image is one."""
        beats = np.arange(shape.beats)
        rows, lanes = (1, 1) if shape.at_once else (shape.rows, shape.lanes)
        words_of_place = ceil_div(rows, lanes)
        place, word = np.divmod(np.arange(words.count), words_of_place)
        last = place * rows + np.minimum((word + 1) * lanes, rows) - 1
        issues = self.add("scores issues", _ones(shape.beats))
        issues.wait(self.seen[words](), beats // rows * words_of_place + beats % rows // lanes, 0)
        sink = self.add("sink", _ones(shape.beats))
        issues.wait(sink, beats - SCORES_DEPTH)
        words.wait(issues, last, 0)
        sink.wait(issues, beats, SCORES_LATENCY)
        return sink
