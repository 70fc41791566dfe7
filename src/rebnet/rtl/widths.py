"""Bit widths of one layer's arithmetic, and of the words between layers."""

from dataclasses import dataclass

from rebnet.ir.ops import Network
from rebnet.rtl.geometry import clog2
from rebnet.spec.scores import score_bits

USER_BITS = 4
"""Width of TUSER on both streams."""


@dataclass(frozen=True)
class Widths:
    """Widths of the network's words: levels, scores, and per layer gains and accumulators."""

    level: int
    threshold: int
    score: int
    score_bytes: int
    gains: tuple[int, ...]
    accumulators: tuple[int, ...]


def widths_of(network: Network) -> Widths:
    """The widths that a lowered network needs, each as narrow as its largest value allows."""
    dense = network.dense
    score = score_bits(network.threshold_bits)
    return Widths(
        level=clog2(network.levels + 1),
        threshold=network.threshold_bits,
        score=score,
        score_bytes=-(-score // 8),
        gains=tuple(clog2(max(max(gains) for gains in layer.gains or ()) + 1) for layer in dense),
        accumulators=tuple(clog2(max(layer.reaches) + 1) for layer in dense),
    )
