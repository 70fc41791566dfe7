"""How large a network as a text says it may be."""

from rebnet.errors import NotationError
from rebnet.ir.architecture import Architecture
from rebnet.ir.bounds import MAX_WEIGHTS, shape_fault


def check_size(architecture: Architecture) -> None:
    """Raise `NotationError` where an image, map, window or the weights are larger than any may be."""
    fault = shape_fault(*architecture.image)
    if fault is not None:
        raise NotationError(f"network text, the image: {fault}; scale the images down")
    weights = 0
    for index, place in enumerate(architecture.places):
        where = f"network text, layer {index + 1}, {place.layer}"
        fault = shape_fault(*place.behind)
        if fault is not None:
            raise NotationError(f"{where}: its output {fault}")
        weights += place.weights
        if weights > MAX_WEIGHTS:
            raise NotationError(f"{where}: the network has {weights} weights up to here; it can have {MAX_WEIGHTS}")
