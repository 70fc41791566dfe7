"""Cycles of a network that is only a text, before there is anything to fold."""

from rebnet.ir.architecture import Architecture, ConvText, DenseText
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
    places = network.places
    for place in places:
        layer = place.layer
        if not isinstance(layer, ConvText | DenseText):
            continue
        if layer.folding is None:
            return None
        levels_in = levels if layers else input_bits
        layers.append(
            Mvtu(
                name=f"layer_{len(layers) + 1}",
                rows=layer.rows,
                cols=place.inputs,
                pe=layer.folding.pe,
                simd=layer.folding.simd,
                level_lanes=layer.folding.level_lanes or (1 if layers else levels_in),
                levels_in=levels_in,
                levels_out=0 if place is places[-1] else levels,
                pixels=not layers,
                vectors=place.behind.positions,
                weight_planes=layer.weights.planes,
                plane_lanes=layer.folding.plane_lanes or 1,
                parts=layer.groups,
                map_positions=place.front.positions if layer.groups > 1 else 0,
            )
        )
    beat = samples_per_beat(network.samples, layer_bound(layers, tuple(range(1, levels + 1))))
    return max(-(-network.samples // beat), layers[-1].rows, *(layer.cycles(levels) for layer in layers))
