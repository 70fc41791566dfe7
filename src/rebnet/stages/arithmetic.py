"""What a layer's unit computes with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Arithmetic:
    """What a unit computes with, whatever its folding.

    Attributes:
        level_width: bits of a level count.
        gains: of each level count that is served.
        gain_width: bits of a gain.
        acc_width: bits of an accumulator.
        threshold_sets: sets of constants in the threshold memory.
        threshold_width: bits of each constant.
        threshold_shift: constants count units of 2^-threshold_shift accumulators.
        step_tree: a row has a step behind every code so far, not one a level.
        weight_gains: of each plane of the weights.
    """

    level_width: int
    gains: tuple[tuple[int, ...], ...]
    gain_width: int
    acc_width: int
    threshold_sets: int
    threshold_width: int
    threshold_shift: int = 0
    step_tree: bool = False
    weight_gains: tuple[int, ...] = (1,)
