"""The units of an accelerator, in the order that data meets them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rebnet.ir.network import PIXELS, Network
from rebnet.ir.notation import Folding
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.ends import Pixels, Scores
from rebnet.stages.module import Module
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Stage, pixels_of, places_of, scores_of

Unit = Pixels | Stage | Scores
"""A module of the library in its place."""


@dataclass(frozen=True)
class Accelerator:
    """A whole accelerator.

    Attributes:
        levels: M.
        served: level counts that it runs at.
        pixels: where images come in.
        stages: all units between the ends: converters, windows, pools and layers.
        scores: where answers leave.
        reads: name of the instance whose words each instance takes, the scores' too.
        computes: names of the network's nodes that a layer or a pool computes, by the name of its instance.
    """

    levels: int
    served: tuple[int, ...]
    pixels: Pixels
    stages: tuple[Stage, ...]
    scores: Scores
    reads: Mapping[str, str]
    computes: Mapping[str, tuple[str, ...]]

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units, the ends too."""
        return self.pixels, *self.stages, self.scores

    @cached_property
    def layers(self) -> tuple[Mvtu, ...]:
        """The matrix-vector units."""
        return tuple(stage for stage in self.stages if isinstance(stage, Mvtu))

    @property
    def samples(self) -> int:
        """Samples of an image."""
        return self.pixels.samples

    @property
    def samples_per_beat(self) -> int:
        """Samples that come in together."""
        return self.pixels.samples_per_beat

    @property
    def beats_in(self) -> int:
        """Input beats of an image."""
        return self.pixels.beats

    @property
    def beats_out(self) -> int:
        """Output beats of an image, one a class."""
        return self.scores.rows

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The buffers whose depths are chosen."""
        return tuple(buffer for unit in self.units for buffer in unit.buffers)

    def bound_cycles(self, levels: int) -> int:
        """Cycles per image of the slowest part: a layer, the input beats or the output beats."""
        return max(self.beats_in, self.beats_out, *(layer.cycles(levels) for layer in self.layers))

    def modules(self, depths: Depths) -> Iterator[Module]:
        """Every module below the top level."""
        return (unit.module(depths) for unit in self.units)


def layer_bound(layers: Iterable[Mvtu], served: tuple[int, ...]) -> int:
    """Cycles per image of the slowest layer, at the served level count at which that is least."""
    layers = tuple(layers)
    return min(max(layer.cycles(m) for layer in layers) for m in served)


def layers_of(
    network: Network, foldings: tuple[Folding, ...], weight_styles: tuple[str, ...] | None = None
) -> tuple[Mvtu, ...]:
    """The units of a network's layers at these foldings, one for each in the network's order.

    Without `weight_styles` the weights are where `rebnet.stages.memories` would have them.
    """
    places = [place for place in places_of(network) if place.layer is not None]
    styles = weight_styles or ("auto",) * len(foldings)
    return tuple(place.folded(own, style) for place, own, style in zip(places, foldings, styles, strict=True))


def accelerator_of(
    network: Network,
    foldings: tuple[Folding, ...],
    samples_per_beat: int,
    weight_styles: tuple[str, ...] | None = None,
) -> Accelerator:
    """The accelerator of a network, its foldings and weight styles as in `layers_of`."""
    layers = {layer.name: layer for layer in layers_of(network, foldings, weight_styles)}
    pace = layer_bound(layers.values(), network.served)
    pixels = pixels_of(network, samples_per_beat)
    gives = {PIXELS: (pixels.instance, samples_per_beat)}  # the instance and the elements of the words of each value
    stages: list[Stage] = []
    reads: dict[str, str] = {}
    computes: dict[str, tuple[str, ...]] = {}
    for place in places_of(network):
        source, elements = gives[place.source]
        layer = layers[place.name]
        cycles = min(layer.vector_cycles(m) for m in network.served)
        units = place.front(elements, cycles, pace)
        word = place.word(elements, units)
        if place.layer is not None:
            units = *units, place.to_simd(word, layer.simd), layer
            word = layer.drain
        for unit in units:
            reads[unit.instance], source = source, unit.instance
        stages += units
        computes[source] = place.nodes
        gives |= dict.fromkeys(place.nodes, (source, word))
    last = next(layer for layer in layers.values() if not layer.levels_out)
    scores = scores_of(network, last, last.drain)
    reads[scores.instance] = last.instance
    return Accelerator(network.levels, network.served, pixels, tuple(stages), scores, reads, computes)
