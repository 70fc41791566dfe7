"""Cycles of a network that is only a text, before there is anything to fold."""

import math

from rebnet.ir.notation import Architecture, ConvText, PoolText
from rebnet.stages.accelerator import layer_bound
from rebnet.stages.ends import samples_per_beat
from rebnet.stages.mvtu import Mvtu


def bound_cycles(network: Architecture, levels: int, input_bits: int) -> int | None:
    """Cycles per image of the slowest part at the foldings of the text; None where the text leaves one open.

    This is `bound_cycles` of the folding.json that `rebnet compile --folding paper` writes.

    Args:
        network: the network.
        levels: M, of an accelerator that serves 1 to M.
        input_bits: bits of each pixel.
    """
    layers: list[Mvtu] = []
    for index, layer in enumerate(network.layers):
        if isinstance(layer, PoolText):
            continue
        if layer.folding is None:
            return None
        levels_in = levels if layers else input_bits
        layers.append(
            Mvtu(
                name=f"layer_{len(layers) + 1}",
                rows=layer.rows,
                cols=network.inputs_of(index),
                pe=layer.folding.pe,
                simd=layer.folding.simd,
                level_lanes=layer.folding.level_lanes or (1 if layers else levels_in),
                levels_in=levels_in,
                levels_out=0 if index + 1 == len(network.layers) else levels,
                pixels=not layers,
                vectors=math.prod(network.shapes[index + 1][:2]) if isinstance(layer, ConvText) else 1,
            )
        )
    beat = samples_per_beat(network.samples, layer_bound(layers, tuple(range(1, levels + 1))))
    return max(-(-network.samples // beat), layers[-1].rows, *(layer.cycles(levels) for layer in layers))
