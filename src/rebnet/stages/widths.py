"""Bit widths of one layer's arithmetic, and of the words between layers."""

from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.ir.network import Network
from rebnet.spec.scores import score_bits
from rebnet.stages.geometry import clog2

USER_BITS = 4
"""Width of TUSER on both streams."""


@dataclass(frozen=True)
class Widths:
    """Widths of the network's words: levels, scores, and gains and accumulators by the layer's name."""

    level: int
    threshold: int
    score: int
    score_bytes: int
    gains: Mapping[str, int]
    accumulators: Mapping[str, int]


def widths_of(network: Network) -> Widths:
    """The widths that a lowered network needs, each as narrow as its largest value allows."""
    score = score_bits(network.threshold_bits)
    return Widths(
        level=clog2(network.levels + 1),
        threshold=network.threshold_bits,
        score=score,
        score_bytes=-(-score // 8),
        gains={layer.name: clog2(max(map(max, layer.op.gains or ())) + 1) for layer in network.layers},
        accumulators={layer.name: clog2(max(layer.op.reaches) + 1) for layer in network.layers},
    )
