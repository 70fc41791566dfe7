"""What parts that hardware does not have would take of it per image, counted from the shapes.

The counts are those of table IV and equation 9 of the ReBNet paper (arXiv:1711.01243) as `rebnet reproduce table4` has
them, where factors are computed while an image is classified: sums that are held until a number is known, additions,
multiplications, and passes over what is held. The numbers of a part that is one of many networks are all 0 where
hardware has it.
"""

from collections.abc import Callable
from typing import NamedTuple

from rebnet.ir.architecture import Architecture, ConvText, DenseText, Place
from rebnet.methods.activations import Dynamic, Real
from rebnet.methods.behind import KMap, PlaceScale, SqueezeExcite
from rebnet.methods.method import Judged, Method

NUMBER_BITS = 24
"""Width of a real number as hardware would hold it: that of a threshold."""


class RunTime(NamedTuple):
    """What one part would take per image.

    Attributes:
        part: Where it stands.
        operation: What it computes.
        additions: An image.
        multiplications: An image.
        held_bits: To keep until a number is known.
        passes: Over what is held, of each layer.
    """

    part: str
    operation: str
    additions: int = 0
    multiplications: int = 0
    held_bits: int = 0
    passes: int = 0


_Counts = tuple[int, int, int, int]
"""Additions, multiplications, bits held, passes."""


def run_time(method: Method, network: Architecture, levels: int = 1) -> tuple[RunTime, ...]:
    """What each part of a method that hardware does not have would take on a network.

    Args:
        method: The method.
        network: The network, with or without its nonlinearity.
        levels: M; sums of so many levels are held.
    """
    rows = []
    places = [place for place in network.places if isinstance(place.layer, DenseText | ConvText)]
    for judged in method.parts:
        if judged.verdict.kind != "H3":
            continue
        count, image = _counter(judged, method)
        read = places if image else places[1:]
        counts = [count(place, levels) for place in read]
        added, multiplied, held, passes = (
            (list(column) for column in zip(*counts, strict=True)) if counts else [[0]] * 4
        )
        part = f"{judged.place}, {judged.part}" if judged.part else judged.place
        rows.append(RunTime(part, judged.verdict.says, sum(added), sum(multiplied), sum(held), max(passes)))
    return tuple(rows)


def _counter(judged: Judged, method: Method) -> tuple[Callable[[Place, int], _Counts], bool]:
    """What counts of a layer what a part takes, and whether the layer that reads the image has the part too."""
    if judged.place == "weights":
        return (_offset if judged.part == "offset" else _products), True
    if judged.place == "scale of sums":
        return _of_scale(method), False
    threshold = method.activation.threshold
    if judged.part == "threshold" and isinstance(threshold, Dynamic):
        return lambda place, levels: _dynamic(place, levels, threshold.reduction), False
    assert isinstance(method.activation.planes, Real), judged
    return _products, False


def _of_scale(method: Method) -> Callable[[Place, int], _Counts]:
    scale = method.scale
    if isinstance(scale, SqueezeExcite):
        return lambda place, levels: _gate(place, levels, scale.reduction)
    assert isinstance(scale, KMap | PlaceScale), scale
    return _k_map if isinstance(scale, KMap) else _place_scale


def _sums(place: Place) -> int:
    return place.behind.elements


def _sum_bits(place: Place, levels: int) -> int:
    """Width of a sum of so many levels, with a sign."""
    return (place.inputs * levels).bit_length() + 1


def _k_map(place: Place, levels: int) -> _Counts:
    """Sizes of all channels at each place, summed in each window; every sum times that of its window."""
    rows, columns = place.layer.window.kernel if isinstance(place.layer, ConvText) else (1, 1)
    held = rows * place.front.width * NUMBER_BITS if isinstance(place.layer, ConvText) else NUMBER_BITS
    return place.front.elements + rows * columns * place.behind.positions, _sums(place), held, 0


def _place_scale(place: Place, levels: int) -> _Counts:
    """Every sum times its number, which is of its channel, its row and its column."""
    return 0, 3 * _sums(place), 0, 0


def _gate(place: Place, levels: int, reduction: int) -> _Counts:
    """Means of channels, two dense layers; every sum, held until then, times its channel's gate."""
    inner = max(1, place.front.channels // reduction)
    weights = place.front.channels * inner + inner * place.behind.channels
    return (
        place.front.elements + weights,
        weights + _sums(place),
        _sums(place) * _sum_bits(place, levels),
        1,
    )


def _dynamic(place: Place, levels: int, reduction: int) -> _Counts:
    """Means of channels, two dense layers; every value, held until then, is compared with what they give."""
    inner = max(1, place.front.channels // reduction)
    weights = 2 * place.front.channels * inner
    return place.front.elements + weights, weights, place.front.elements * NUMBER_BITS, 1


def _products(place: Place, levels: int) -> _Counts:
    """A product for every input of every sum, and not a bit."""
    products = place.inputs * _sums(place)
    return products, products, 0, 0


def _offset(place: Place, levels: int) -> _Counts:
    """The sum of every window, times a number of each channel, added to each of its sums."""
    return place.inputs * place.behind.positions + _sums(place), _sums(place), 0, 0
