"""The units of an accelerator, in the order that data meets them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rebnet.ir.network import PIXELS, Network
from rebnet.ir.notation import Folding
from rebnet.stages.branches import Branch, BranchUnit
from rebnet.stages.buffers import Buffer, Depths
from rebnet.stages.converter import Converter
from rebnet.stages.ends import Pixels, Scores
from rebnet.stages.features import Fork, Skip
from rebnet.stages.module import Module
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Place, Stage, pixels_of, places_of, scores_of
from rebnet.stages.unrolled import WIRES, check_unrolled

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
        reads: names of the instances whose words each instance takes, the scores' too.
        computes: names of the network's nodes that a unit computes, by the name of its instance.
    """

    levels: int
    served: tuple[int, ...]
    pixels: Pixels
    stages: tuple[Stage, ...]
    scores: Scores
    reads: Mapping[str, tuple[str, ...]]
    computes: Mapping[str, tuple[str, ...]]

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units, the ends too."""
        return self.pixels, *self.stages, self.scores

    @cached_property
    def by_instance(self) -> Mapping[str, Unit]:
        """All units by the names of their instances."""
        return {unit.instance: unit for unit in self.units}

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
        """Output beats of an image, one a score, or one of all scores."""
        return self.scores.beats

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """The buffers whose depths are chosen."""
        return tuple(buffer for unit in self.units for buffer in unit.buffers)

    def bound_cycles(self, levels: int) -> int:
        """Cycles per image of the slowest part: a layer, what pools, adds or joins, the input or the output beats."""
        others = (stage.cycles for stage in self.stages if isinstance(stage, BranchUnit))
        return max(self.beats_in, self.beats_out, *(layer.cycles(levels) for layer in self.layers), *others)

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
    places = [place for place in places_of(network) if isinstance(place, Place) and place.layer is not None]
    styles = weight_styles or ("auto",) * len(foldings)
    for place, own, style in zip(places, foldings, styles, strict=True):
        if style == WIRES:
            check_unrolled(network, place.name, own, place.planes)
    return tuple(place.folded(own, style) for place, own, style in zip(places, foldings, styles, strict=True))


def accelerator_of(
    network: Network,
    foldings: tuple[Folding, ...],
    samples_per_beat: int,
    weight_styles: tuple[str, ...] | None = None,
) -> Accelerator:
    """The accelerator of a network, its foldings and weight styles as in `layers_of`."""
    layers = {layer.name: layer for layer in layers_of(network, foldings, weight_styles)}
    pixels = pixels_of(network, samples_per_beat)
    wiring = _Wiring(network, pixels)
    pace = layer_bound(layers.values(), network.served)
    for place in places_of(network):
        if isinstance(place, Branch):
            arrivals = [wiring.taken(source) for source in place.sources]
            fronts, unit = place.units([arrival.elements for arrival in arrivals], pace)
            ends = [wiring.add(front, arrival.instance) for front, arrival in zip(fronts, arrivals, strict=True)]
            wiring.put(unit, *ends)
        else:
            arrival = wiring.taken(place.source)
            layer = None if place.layer is None else layers[place.name]
            cycles, sides = (1, 1) if layer is None else (min(map(layer.turn_cycles, network.served)), layer.sides)
            units = place.front(arrival.elements, cycles, pace, sides)
            if layer is not None:
                word = place.word(arrival.elements, units)
                units = *units, *place.to_layer(word, layer), layer
            wiring.add(units, arrival.instance)
        wiring.computed(place.nodes)
    answering = network.layer_of(network.answers[0])
    assert answering is not None
    last = layers[answering.name]
    scores = scores_of(network, last, last.drain)
    reads = wiring.reads | {scores.instance: (last.instance,)}
    return Accelerator(network.levels, network.served, pixels, tuple(wiring.stages), scores, reads, wiring.computes)


@dataclass(frozen=True)
class _Stream:
    """Words that leave a unit, and how many elements each has."""

    instance: str
    elements: int


class _Wiring:
    """The stages of an accelerator as they are put, and the streams of each value that are still to be taken."""

    def __init__(self, network: Network, pixels: Pixels) -> None:
        self._network, self._level_width = network, pixels.level_width
        self.stages: list[Stage] = []
        self.reads: dict[str, tuple[str, ...]] = {}
        self.computes: dict[str, tuple[str, ...]] = {}
        self._streams: dict[str, list[_Stream]] = {}
        self._fork(PIXELS, _Stream(pixels.instance, pixels.samples_per_beat), pixels)

    def taken(self, value: str) -> _Stream:
        """A stream of a value, for one of its readers."""
        return self._streams[value].pop(0)

    def put(self, stage: Stage, *sources: str) -> str:
        """Add a stage that reads these instances; its own instance."""
        self.reads[stage.instance] = sources
        self.stages.append(stage)
        return stage.instance

    def add(self, stages: Iterable[Stage], source: str) -> str:
        """Add stages, one behind the other; the last one's instance."""
        for stage in stages:
            source = self.put(stage, source)
        return source

    def computed(self, nodes: tuple[str, ...]) -> None:
        """Say which nodes the last stage computes; several readers of the last one's value begin with a fork."""
        stage = self.stages[-1]
        assert not isinstance(stage, Converter)
        self.computes[stage.instance] = nodes
        elements = stage.drain if isinstance(stage, Mvtu) else stage.out_elements
        self._fork(nodes[-1], _Stream(stage.instance, elements), stage)

    def _fork(self, value: str, stream: _Stream, unit: Pixels | Stage) -> None:
        readers = len(self._network.users[value])
        if readers <= 1:
            self._streams[value] = [stream]
            return
        bits = unit.out_bits
        fork = self.put(Fork(value, readers, stream.elements, bits, self._level_width), stream.instance)
        self._streams[value] = []
        for number in range(readers):
            skip = Skip(value, number, stream.elements, bits, self._level_width, len(self._network.served))
            self._streams[value].append(_Stream(self.put(skip, fork), stream.elements))
