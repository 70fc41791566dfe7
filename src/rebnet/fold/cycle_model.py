"""The accelerator cycle by cycle, without its data: the modules' own handshakes and counters in Python.

Every rule here is a rule of a module of `rebnet.rtl`, where ready and valid depend on registers only, so a
cycle is two steps: see which channels move a word, then update the counters. Equality with the RTL, cycle
by cycle, is tested.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rebnet.rtl.folding import check_depths
from rebnet.rtl.geometry import PIXEL_DEPTH, SCORES_DEPTH, SCORES_LATENCY, Accelerator, Converter, Depths, Mvtu


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

    def cycles_per_image(self, skip: int = 0) -> float:
        """Mean distance of final beats, from image `skip` on; needs at least two images after it."""
        return (self.finish[-1] - self.finish[skip]) / (len(self.finish) - 1 - skip)


class _Converter:
    """`width_converter`: counts units; the end of a vector is rounded up to a whole output word."""

    def __init__(self, shape: Converter) -> None:
        self.shape = shape
        self.units = 0
        self.in_word = 0
        self.levels = 0

    def ready(self, levels: int) -> bool:
        return self.units < self.shape.ready_units and (self.units == 0 or levels == self.levels)

    def valid(self) -> bool:
        return self.units >= self.shape.out_units

    def tick(self, push: bool, pop: bool, levels: int) -> None:
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


class _Mvtu:
    """`mvtu` and its `vector_buffer`: the sequencer, the places promised, the words under way."""

    def __init__(self, shape: Mvtu, buffer_depth: int, out_depth: int, levels: Sequence[int]) -> None:
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
        return self.levels[self.popped // self.shape.out_words]

    def tick(self, now: int, push: bool, pop: bool) -> None:
        if self.again or self.fresh:
            self._issue(now)
        self.held += push
        self.fresh += push
        self.outputs -= pop
        self.popped += pop
        self.room += pop
        self.buffer_peak = max(self.buffer_peak, self.held)

    def _issue(self, now: int) -> None:
        """The sequencer with a word in front of it: issue it, unless it ends a fold that has no room."""
        shape = self.shape
        last_chunk = self.chunk == shape.chunks - 1
        last_group = self.group == shape.groups(self.levels[self.image]) - 1
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


def run(accelerator: Accelerator, levels: Sequence[int], depths: Depths) -> Timing:
    """Send `len(levels)` images, image n at levels[n], into an accelerator whose sink is always ready.

    Args:
        accelerator: the chain and its folding.
        levels: served levels of each image, at least one image.
        depths: words of the buffers and FIFOs, each at least its layer's minimum.

    Raises:
        FoldingError: a depth below its layer's minimum; the accelerator could not work at all.
    """
    check_depths(accelerator.layers, depths)
    converters = [_Converter(shape) for shape in accelerator.converters]
    units = [_Mvtu(*parts, levels) for parts in zip(accelerator.layers, depths.buffers, depths.outputs, strict=True)]
    scores = _Scores(accelerator.beats_out, accelerator.layers[-1].drain)
    count, beats, beats_in = len(units), 0, accelerator.beats_in
    total_beats, total_scores = beats_in * len(levels), accelerator.beats_out * len(levels)
    pixels = pixels_out = scores_out = 0
    finish: list[int] = []
    now = 0
    while scores_out < total_scores:
        for unit in units:
            unit.arrive(now)
        scores.arrive(now)
        beat_in = beats < total_beats and pixels < PIXEL_DEPTH
        score_out = scores.outputs > 0
        into_converter = [False] * count
        head = [0] * count
        for i in range(count):
            offered = units[i - 1].valid() if i else pixels > 0
            if offered:
                head[i] = units[i - 1].head_levels() if i else levels[pixels_out // beats_in]
                into_converter[i] = converters[i].ready(head[i])
        into_unit = [converter.valid() and unit.ready() for converter, unit in zip(converters, units, strict=True)]
        offered = units[-1].valid()
        taken = scores.takes(offered)

        for i in range(count):
            converters[i].tick(into_converter[i], into_unit[i], head[i])
            units[i].tick(now, into_unit[i], into_converter[i + 1] if i + 1 < count else taken)
        scores.tick(now, offered, score_out)
        pixels += beat_in - into_converter[0]
        pixels_out += into_converter[0]
        beats += beat_in
        if score_out:
            scores_out += 1
            if scores_out % accelerator.beats_out == 0:
                finish.append(now)
        now += 1
    peaks = Depths(tuple(u.buffer_peak for u in units), tuple(u.output_peak for u in units))
    return Timing(tuple(finish), peaks)

