"""Bit widths of the words that all of an accelerator shares."""

from dataclasses import dataclass

from rebnet.ir.network import Network
from rebnet.spec.scores import score_bits
from rebnet.stages.numbers import clog2


@dataclass(frozen=True)
class Widths:
    """Widths of level counts, of thresholds unless a layer needs fewer bits, and of scores."""

    level: int
    threshold: int
    score: int


def widths_of(network: Network) -> Widths:
    """The widths of a network, each as narrow as its largest value allows."""
    score = score_bits(network.threshold_bits)
    return Widths(clog2(network.levels + 1), network.threshold_bits, score)
