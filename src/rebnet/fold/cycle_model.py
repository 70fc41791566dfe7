"""The accelerator cycle by cycle, without its data: the modules' own handshakes and counters in Python.

Every rule here is a rule of a module of `rebnet.rtl`, where ready and valid depend on registers only, so a
cycle is two steps: see which channels move a word, then update the counters. Equality with the RTL, cycle
by cycle, is tested.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rebnet.rtl.folding import check_depths
from rebnet.rtl.geometry import PIXEL_DEPTH, SCORES_DEPTH, SCORES_LATENCY, Accelerator, Converter, Depths, Mvtu

Levels = Callable[[int], int]
"""Levels of an image, by its number."""
State = tuple[object, ...]


@dataclass(frozen=True)
class Timing:
    """What a run of the model saw; cycles are counted from the one in which the first beat went in.

    `finish` holds the cycle of each image's final beat; the peaks are the most words that ever stood in each
    layer's input buffer and output FIFO.
    """

    finish: tuple[int, ...]
    peaks: Depths

    @property
    def latency_cycles(self) -> int:
        """Cycles from the first beat in to the first image's final beat out."""
        return self.finish[0]


class ConverterState:
    """`width_converter`: counts units; the end of a vector is rounded up to a whole output word."""

    def __init__(self, shape: Converter) -> None:
        self.shape = shape
        self.units = 0
        self.in_word = 0
        self.levels = 0

    def ready(self, levels: int) -> bool:
        """True if a word of an image at `levels` would be taken."""
        return self.units < self.shape.ready_units and (self.units == 0 or levels == self.levels)

    def valid(self) -> bool:
        """True if an output word is there."""
        return self.units >= self.shape.out_units

    def tick(self, push: bool, pop: bool, levels: int) -> None:
        """One cycle in which a word comes in, one goes out, both or none."""
        shape = self.shape
        if pop:
            self.units -= shape.out_units
        if not push:
            return
        self.levels = levels
        self.in_word += 1
        if self.in_word < shape.in_words:
            self.units += shape.in_units
            return
        self.in_word = 0
        self.units = -(-(self.units + shape.last_units) // shape.out_units) * shape.out_units

    def state(self) -> State:
        """All that decides the future."""
        return self.units, self.in_word, self.levels


class _Mvtu:
    """`mvtu` and its `vector_buffer`: the sequencer, the places promised, the words under way."""

    def __init__(self, shape: Mvtu, buffer_depth: int, out_depth: int, levels: Levels) -> None:
        self.shape = shape
        self.levels = levels
        self.buffer_depth = buffer_depth
        self.room = out_depth  # places of the output FIFO that are not promised
        self.held = self.fresh = self.chunk = self.group = self.fold = self.image = 0
        self.again = False
        self.outputs = self.popped = 0
        self.under_way: deque[int] = deque()  # cycles at which words arrive in the output FIFO
        self.buffer_peak = self.output_peak = 0

    def arrive(self, now: int) -> None:
        while self.under_way and self.under_way[0] <= now:
            self.under_way.popleft()
            self.outputs += 1
        self.output_peak = max(self.output_peak, self.outputs)

    def ready(self) -> bool:
        return self.held < self.buffer_depth

    def valid(self) -> bool:
        return self.outputs > 0

    def head_levels(self) -> int:
        """Levels of the word at the output."""
        return self.levels(self.popped // self.shape.out_words)

    def tick(self, now: int, push: bool, pop: bool) -> None:
        if self.again or self.fresh:
            self._issue(now)
        self.held += push
        self.fresh += push
        self.outputs -= pop
        self.popped += pop
        self.room += pop
        self.buffer_peak = max(self.buffer_peak, self.held)

    def state(self, now: int) -> State:
        place = self.popped % self.shape.out_words, self.chunk, self.group, self.fold, self.again
        return *place, self.room, self.held, self.fresh, self.outputs, *(cycle - now for cycle in self.under_way)

    def _issue(self, now: int) -> None:
        """The sequencer with a word in front of it: issue it, unless it ends a fold that has no room."""
        shape = self.shape
        last_chunk = self.chunk == shape.chunks - 1
        last_group = self.group == shape.groups(self.levels(self.image)) - 1
        last_fold = self.fold == shape.folds - 1
        if last_chunk and last_group:
            if self.room < shape.drain_words:
                return
            words = shape.last_words if last_fold else shape.drain_words
            self.room -= words
            self.under_way.extend(range(now + shape.latency, now + shape.latency + words))
        self.fresh -= not self.again
        self.held -= last_group and last_fold
        self.chunk += 1
        if not last_chunk:
            return
        self.chunk = 0
        self.again = not (last_group and last_fold)
        self.group = 0 if last_group else self.group + 1
        if last_group:
            self.fold = 0 if last_fold else self.fold + 1
            self.image += last_fold


class _Scores:
    """`scores`: one accumulator of the word in front a cycle, while there is room."""

    def __init__(self, rows: int, lanes: int) -> None:
        self.rows, self.lanes = rows, lanes
        self.lane = self.row = self.outputs = 0
        self.room = SCORES_DEPTH
        self.under_way: deque[int] = deque()

    def arrive(self, now: int) -> None:
        while self.under_way and self.under_way[0] <= now:
            self.under_way.popleft()
            self.outputs += 1

    def takes(self, offered: bool) -> bool:
        """True if the word offered leaves its FIFO this cycle."""
        ends = self.row == self.rows - 1 or self.lane == self.lanes - 1
        return offered and self.room > 0 and ends

    def tick(self, now: int, offered: bool, pop: bool) -> None:
        if offered and self.room > 0:
            self.room -= 1
            self.under_way.append(now + SCORES_LATENCY)
            last_row = self.row == self.rows - 1
            self.lane = 0 if last_row or self.lane == self.lanes - 1 else self.lane + 1
            self.row = 0 if last_row else self.row + 1
        self.outputs -= pop
        self.room += pop

    def state(self, now: int) -> State:
        return self.lane, self.row, self.outputs, self.room, *(cycle - now for cycle in self.under_way)


class _Chain:
    """All modules of an accelerator between a source and a sink that is always ready.

    The source offers image n from cycle n·period on; period 0 is a source that is always valid. It has `images`
    images, or no end of them if that is None.
    """

    def __init__(
        self, accelerator: Accelerator, levels: Levels, depths: Depths, *, period: int = 0, images: int | None = None
    ) -> None:
        check_depths(accelerator.layers, depths)
        self.accelerator = accelerator
        self.levels = levels
        self.period = period
        self.last_beat = math.inf if images is None else images * accelerator.beats_in
        self.converters = [ConverterState(shape) for shape in accelerator.converters]
        parts = zip(accelerator.layers, depths.buffers, depths.outputs, strict=True)
        self.units = [_Mvtu(layer, buffer, out, levels) for layer, buffer, out in parts]
        self.scores = _Scores(accelerator.beats_out, accelerator.layers[-1].drain)
        self.pixels = self.pixels_out = self.beats = self.scores_out = 0
        self.now = 0

    def images(self) -> Iterator[int]:
        """Run on, and yield the cycle of each image's final beat."""
        while True:
            now, before = self.now, self.scores_out
            self._cycle()
            done = self.scores_out // self.accelerator.beats_out
            if self.scores_out != before and done * self.accelerator.beats_out == self.scores_out:
                yield now

    def _cycle(self) -> None:
        now, units, converters, scores = self.now, self.units, self.converters, self.scores
        beats_in = self.accelerator.beats_in
        for unit in units:
            unit.arrive(now)
        scores.arrive(now)
        # See which channels move a word: from registers alone.
        offered_now = self.beats < self.last_beat and now >= self.beats // beats_in * self.period
        beat_in = offered_now and self.pixels < PIXEL_DEPTH
        head, into_converter = [], []
        for i, converter in enumerate(converters):
            offered = units[i - 1].valid() if i else self.pixels > 0
            levels = 0
            if offered:
                levels = units[i - 1].head_levels() if i else self.levels(self.pixels_out // beats_in)
            head.append(levels)
            into_converter.append(offered and converter.ready(levels))
        into_unit = [converter.valid() and unit.ready() for converter, unit in zip(converters, units, strict=True)]
        result = units[-1].valid()
        out_of_unit = [*into_converter[1:], scores.takes(result)]
        score_out = scores.outputs > 0
        # Then every module counts.
        for i, unit in enumerate(units):
            converters[i].tick(into_converter[i], into_unit[i], head[i])
            unit.tick(now, into_unit[i], out_of_unit[i])
        scores.tick(now, result, score_out)
        self.pixels += beat_in - into_converter[0]
        self.pixels_out += into_converter[0]
        self.beats += beat_in
        self.scores_out += score_out
        self.now += 1

    def lateness(self) -> int:
        """Cycles since the source first offered the image it is in; negative before it does."""
        return self.now - self.beats // self.accelerator.beats_in * self.period

    def state(self) -> State:
        """All that decides the future, relative to now."""
        late = min(self.lateness(), 0) if self.period else 0
        place = late, self.pixels, self.pixels_out % self.accelerator.beats_in, self.beats % self.accelerator.beats_in
        parts = [converter.state() for converter in self.converters] + [unit.state(self.now) for unit in self.units]
        return *place, *parts, self.scores.state(self.now)

    def peaks(self) -> Depths:
        """The most words seen in each buffer and FIFO so far."""
        return Depths(tuple(u.buffer_peak for u in self.units), tuple(u.output_peak for u in self.units))


def run(accelerator: Accelerator, levels: Sequence[int], depths: Depths) -> Timing:
    """Send `len(levels)` images without a pause, image n at levels[n].

    Args:
        accelerator: the chain and its folding.
        levels: served levels of each image, at least one image.
        depths: words of the buffers and FIFOs.

    Raises:
        FoldingError: a depth below its layer's minimum; the accelerator could not work at all.
    """
    last = len(levels) - 1
    chain = _Chain(accelerator, lambda image: levels[min(image, last)], depths, images=len(levels))
    finish = tuple(cycle for _, cycle in zip(levels, chain.images(), strict=False))
    return Timing(finish, chain.peaks())


def keeps_pace(accelerator: Accelerator, levels: int, depths: Depths, period: int) -> bool:
    """True if the accelerator takes an image every `period` cycles, for ever.

    Images are offered at that pace. The model is a finite machine: when its state repeats at the end of an
    image, what happened in between happens for ever, and either the source fell further behind or it did not.
    An accelerator that keeps the pace settles as soon as its pipeline is filled; one that has not settled long
    after that, because it loses a cycle or two in many images, counts as one that does not.
    """
    chain = _Chain(accelerator, lambda image: levels, depths, period=period)
    seen: dict[State, int] = {}
    for _, _ in zip(range(4 * len(accelerator.layers) + 8), chain.images(), strict=False):
        state, late = chain.state(), chain.lateness()
        if state in seen and late >= seen[state]:
            return late == seen[state]
        seen[state] = late
    return False


def steady(accelerator: Accelerator, levels: int, depths: Depths, patience: int) -> tuple[float, Depths] | None:
    """Cycles per image in the long run without a pause, and the peaks on the way there; exact.

    None if the state did not repeat within `patience` images.
    """
    chain = _Chain(accelerator, lambda image: levels, depths)
    seen: dict[State, tuple[int, int]] = {}
    for image, cycle in zip(range(patience), chain.images(), strict=False):
        state = chain.state()
        if state in seen:
            before, then = seen[state]
            return (cycle - then) / (image - before), chain.peaks()
        seen[state] = image, cycle
    return None
