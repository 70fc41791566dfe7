"""`mvtu`: the matrix-vector-threshold unit, with what it computes with."""

from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

from rebnet.ir.bounds import grouped_pe
from rebnet.spec.residual import steps_of
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.memories import Rom, ram_style, rom_style
from rebnet.stages.module import Module, Parameters, quoted
from rebnet.stages.numbers import Count, Integers, clog2, largest_divisor
from rebnet.stages.timing import Timing, count_stages, unrolled_timing
from rebnet.stages.unrolled import WIRES

Other = TypeVar("Other", int, Integers)


def popcount_stages(width: Count) -> Count:
    """Pipeline stages of a popcount: leaves of four lanes, then two levels of adders a stage but for an odd last."""
    return 1 + clog2(-(-width // 4)) // 2


@dataclass(frozen=True)
class Mvtus(Generic[Count]):
    """Matrix-vector-threshold units of one layer, at one folding or at an array of them: what follows from parameters.

    `levels_out` is 0 where accumulators leave; `pixels` says that the input is the image, and `every_plane` that all of
    its planes count at every m, as those of pixels do; `vectors` are those of an image, one per position of a
    convolution's window. `weight_style`: the weights are in block RAM ("block"), in LUTs ("distributed"), wires of an
    unrolled layer ("wires"), or where `rebnet.stages.memories` would have them ("auto"). `arithmetic` is None before
    lowering. `weight_planes` are those of the weights, of which `plane_lanes` are read at a time; `even_planes` says
    that all of them count the same.

    `threshold_style` says the same of the thresholds, "block", "distributed" or "auto".

    `parts` are the groups of a convolution in groups: outputs that see `cols` elements of their own. Its vectors come
    group by group: `sides` of them side by side, where PE has all rows of several groups, and `turns` one after the
    other. `map_positions` are the pixels of the map in front of it, which comes in a word of `sides` groups a cycle.
    """

    name: str
    rows: int
    cols: int
    pe: Count
    simd: Count
    level_lanes: Count
    levels_in: int
    levels_out: int
    pixels: bool
    vectors: int = 1
    weight_style: str = "auto"
    arithmetic: Arithmetic | None = None
    every_plane: bool = False
    weight_planes: int = 1
    plane_lanes: Count | int = 1
    even_planes: bool = True
    parts: int = 1
    map_positions: int = 0
    threshold_style: str = "auto"

    def at(self, pe: Other, simd: Other, level_lanes: Other, plane_lanes: Other | int = 1) -> "Mvtus[Other]":
        """The same layer at another folding, or at an array of them."""
        chosen = {"pe": pe, "simd": simd, "level_lanes": level_lanes, "plane_lanes": plane_lanes}
        return Mvtus(**(vars(self) | chosen))

    @property
    def chunks(self) -> Count:
        """Words of SIMD inputs in a vector."""
        return -(-self.cols // self.simd)

    @property
    def folds(self) -> Count:
        """Passes over the rows, PE at a time."""
        return -(-self.rows // self.pe)

    @property
    def part_rows(self) -> int:
        """Rows of a group of the convolution."""
        return self.rows // self.parts

    @property
    def sides(self) -> Count:
        """Groups of the convolution that stand side by side: each has PEs and inputs of its own."""
        if self.parts == 1:
            return self.pe // self.pe
        sides: Count = self.pe // self.part_rows + (self.pe < self.part_rows)
        return sides

    @property
    def turns(self) -> Count:
        """Vectors of an image's window, one after the other."""
        return self.parts // self.sides

    @property
    def turn_folds(self) -> Count:
        """Passes over the rows that see one vector."""
        return self.folds // self.turns

    @property
    def legal_pe(self) -> tuple[int, ...]:
        """All PE that the unit can have, rising: those of one group divide its rows, those of several have all."""
        return tuple(range(1, self.rows + 1)) if self.parts == 1 else grouped_pe(self.rows, self.parts)

    @property
    def level_groups(self) -> Count:
        """Groups of level lanes when all input planes count."""
        return -(-self.levels_in // self.level_lanes)

    @property
    def plane_groups(self) -> Count | int:
        """Groups of lanes of the weights' planes."""
        return -(-self.weight_planes // self.plane_lanes)

    @property
    def groups_max(self) -> Count:
        """Groups of lanes when all input planes count: those of levels for each of the weights' planes."""
        return self.level_groups * self.plane_groups

    @property
    def lanes(self) -> Count:
        """Sums of a row in parallel: of each level lane for each of the planes."""
        return self.level_lanes * self.plane_lanes

    @property
    def xnor_lanes(self) -> Count:
        """Pairs of an input's bit and a weight's bit that are compared a cycle."""
        return self.pe * self.simd * self.lanes

    def groups(self, levels: int) -> Count:
        """Groups of lanes of an image that runs at `levels`."""
        every = self.pixels or self.every_plane
        return (self.level_groups if every else -(-levels // self.level_lanes)) * self.plane_groups

    def cycles(self, levels: int) -> Count:
        """Cycles per image at `levels`: of its vectors, or in groups of the map that comes in, where those are more."""
        work, words = self.vectors * self.vector_cycles(levels), self.map_positions * self.turns
        cycles: Count = work + (words - work) * (words > work)
        return cycles

    def vector_cycles(self, levels: int) -> Count:
        """Cycles per window at `levels`."""
        return self.folds * self.groups(levels) * self.chunks

    def turn_cycles(self, levels: int) -> Count:
        """Cycles per vector that comes in at `levels`: of a window, or in groups of a turn."""
        return self.turn_folds * self.groups(levels) * self.chunks

    @property
    def drain(self) -> Count:
        """Rows drained a cycle: the smallest divisor of PE that empties the PEs within a pass."""
        return self.pe // largest_divisor(self.pe, self.chunks)

    @property
    def drain_words(self) -> Count:
        """Cycles that draining the PEs takes."""
        return self.pe // self.drain

    @property
    def last_words(self) -> Count:
        """Drained words of the last fold that hold rows of the layer; the others are dropped."""
        return -(-(self.rows - (self.folds - 1) * self.pe) // self.drain)

    @property
    def out_words(self) -> Count:
        """Words of one output vector."""
        return (self.folds - 1) * self.drain_words + self.last_words

    @property
    def popcount_stages(self) -> Count:
        """Pipeline stages of each popcount."""
        return popcount_stages(self.simd)

    @property
    def multiplies(self) -> Count:
        """1 if the unit has multipliers for gains: not for a gain of 1, nor for pixels, whose lanes are shifted.

        Planes of the weights that are read one group after the other need them too, unless all count the same.
        """
        whole = int(self.pixels) & (self.level_groups == 1)
        levels: Count = (self.levels_in > 1) & (whole ^ 1)
        if self.weight_planes == 1:
            return levels
        full = int(self.even_planes) & (self.weight_planes % self.plane_lanes == 0)
        multiplies: Count = levels | ((self.plane_groups > 1) & (full ^ 1))
        return multiplies

    @property
    def numbers(self) -> Arithmetic:
        """What the unit computes with."""
        assert self.arithmetic is not None, f"{self.name} is of a network that was not lowered"
        return self.arithmetic

    def sizes(self, buffer_depth: Count, out_depth: Count) -> Parameters:
        """The parameters that are numbers, by the names of the RTL."""
        numbers = self.numbers
        return {
            "ROWS": self.rows,
            "COLS": self.cols,
            **({"SIDES": self.sides, "TURNS": self.turns} if self.parts > 1 else {}),
            "PE": self.pe,
            "SIMD": self.simd,
            "LEVELS_IN": self.levels_in,
            "LEVELS_OUT": self.levels_out,
            "LEVEL_LANES": self.level_lanes,
            **self._planes(),
            "SETS": len(numbers.gains),
            "THRESHOLD_SETS": numbers.threshold_sets,
            "PIXELS": int(self.pixels or self.every_plane),
            "DRAIN": self.drain,
            "LEVEL_WIDTH": numbers.level_width,
            "GAIN_WIDTH": numbers.gain_width,
            "MULTIPLY": self.multiplies,
            "ACC_WIDTH": numbers.acc_width,
            "THRESHOLD_WIDTH": numbers.threshold_width,
            **({"THRESHOLD_SHIFT": numbers.threshold_shift} if numbers.threshold_shift else {}),
            **({"STEP_TREE": 1} if numbers.step_tree else {}),
            "BUFFER_DEPTH": buffer_depth,
            "OUT_DEPTH": out_depth,
            "POPCOUNT_STAGES": self.popcount_stages,
        }

    def _planes(self) -> Parameters:
        """The parameters of planes of weights, where there are several."""
        if self.weight_planes == 1:
            return {}
        return {"WEIGHT_PLANES": self.weight_planes, "PLANE_LANES": self.plane_lanes}


class Mvtu(Mvtus[int]):
    """One unit."""

    @property
    def instance(self) -> str:
        """Name of the module's instance."""
        return self.name

    @property
    def fewest_cycles(self) -> int:
        """Cycles per image where all rows and inputs are in parallel, at the level lanes that there are."""
        return max(self.vectors * self.groups_max, self.map_positions)

    @property
    def input(self) -> Buffer:
        """The input buffer."""
        return Buffer(f"{self.name}.input", self.word_bits, self.min_buffer_depth)

    @property
    def word_bits(self) -> int:
        """Bits of the words that come in."""
        return self.levels_in * self.sides * self.simd

    @property
    def output(self) -> Buffer:
        """The output FIFO."""
        return Buffer(f"{self.name}.output", self.out_bits, self.min_out_depth)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """Those whose depths are chosen; an unrolled layer has none."""
        return () if self.unrolled else (self.input, self.output)

    @property
    def unrolled(self) -> bool:
        """True if the weights are wires: `unrolled.sv` instead of `mvtu.sv`."""
        return self.weight_style == WIRES

    @property
    def timing(self) -> Timing:
        """Of an unrolled layer."""
        (gains,) = self.numbers.gains
        return unrolled_timing(self.cols, gains)

    @property
    def out_bits(self) -> int:
        """Bits of the words that leave: codes, or accumulators."""
        return self.drain * (self.levels_out or self.numbers.acc_width)

    def module(self, depths: Depths) -> Module:
        """The instance and its parameters, its memory images or constants left out."""
        if self.unrolled:
            return Module("unrolled", self._unrolled(), self.name)
        buffer = depths[self.input.name]
        parameters = {
            **self.sizes(buffer, depths[self.output.name]),
            **self.weights.banks("WEIGHT_"),
            **self.thresholds.banks("THRESHOLD_"),
            "WEIGHT_STYLE": quoted(self.weights.style),
            "WEIGHT_COLUMN": self.weights.column,
            "THRESHOLD_STYLE": quoted(self.thresholds.style),
            "BUFFER_STYLE": quoted(ram_style(self.word_bits, buffer)),
            "GAINS": "{}'h{:x}".format(*self.gains_word),
        }
        return Module("mvtu", parameters, self.name)

    def _unrolled(self) -> Parameters:
        """The parameters of an unrolled layer that are numbers."""
        return {
            "ROWS": self.rows,
            "COLS": self.cols,
            "LEVELS_IN": self.levels_in,
            "LEVELS_OUT": self.levels_out,
            **{key.upper(): getattr(self.numbers, key) for key in ("level_width", "gain_width", "acc_width")},
            "COUNT_STAGES": count_stages(self.cols),
        }

    @property
    def gains_word(self) -> tuple[int, int]:
        """The gains of all sets, group by group, lanes of levels and of planes padded with gain 0: bits and value."""
        width, value, position = self.numbers.gain_width, 0, 0
        planes = (*self.numbers.weight_gains, *[0] * (-self.weight_planes % self.plane_lanes))
        lanes = range(self.level_lanes)
        for gains in self.numbers.gains:
            levels = (*gains, *[0] * (self.level_groups * self.level_lanes - len(gains)))
            for group in product(range(self.plane_groups), range(self.level_groups), range(self.plane_lanes), lanes):
                plane_group, level_group, plane, lane = group
                level = levels[level_group * self.level_lanes + lane]
                value |= level * planes[plane_group * self.plane_lanes + plane] << position
                position += width
        return position, value

    @property
    def tail(self) -> int:
        """Cycles from draining a sum to its accumulator: picking, gains, adding lanes, adding groups."""
        return 1 + self.multiplies + (clog2(self.lanes) + 1) // 2 + (self.groups_max > 1)

    @property
    def threshold_wait(self) -> int:
        """Cycles that an accumulator waits for its thresholds, whose place is known when its sums are drained."""
        return max(0, self.thresholds.latency - self.tail) if self.levels_out else 0

    @property
    def latency(self) -> int:
        """Cycles from issuing a fold's last word to seeing its first result at the output."""
        behind = self.popcount_stages + self.tail + self.threshold_wait + self.levels_out + 3
        return self.weights.latency + behind

    @property
    def weights(self) -> Rom:
        """The weight memory."""
        return Rom(self.weight_bits, self.weight_depth, self.weights_in, in_columns=True)

    @property
    def thresholds(self) -> Rom:
        """The memory of thresholds and steps, where codes leave."""
        numbers = self.numbers
        of_row = 1 + steps_of(self.levels_out, numbers.step_tree) if self.levels_out else 0
        width = self.drain * of_row * numbers.threshold_width
        depth = numbers.threshold_sets * self.folds * self.drain_words
        auto = self.threshold_style == "auto"
        return Rom(width, depth, rom_style(width, depth) if auto else self.threshold_style)

    @property
    def weights_in(self) -> str:
        """Where the weights are, "block", "distributed" or "wires"."""
        if self.weight_style != "auto":
            return self.weight_style
        return rom_style(self.weight_bits, self.weight_depth)

    @property
    def weight_bits(self) -> int:
        """Bits of a word of the weight memory."""
        return self.pe * self.plane_lanes * self.simd

    @property
    def weight_depth(self) -> int:
        """Words of the weight memory: one a fold, group of planes and chunk."""
        return self.folds * self.plane_groups * self.chunks

    @property
    def replays(self) -> bool:
        """True if a vector is read more than once."""
        return self.turn_folds > 1 or self.groups_max > 1

    @property
    def min_buffer_depth(self) -> int:
        """Fewest words the input buffer must hold for the layer to work at all."""
        return self.chunks if self.replays else 1

    @property
    def min_out_depth(self) -> int:
        """Fewest words the output FIFO must hold for the layer to work at all."""
        return self.drain_words
