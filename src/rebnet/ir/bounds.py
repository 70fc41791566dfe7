"""The largest things there are: in network texts, in records, in files.

Far above what a device holds or a person trains, and low enough that a few bytes of a stranger's file cannot ask for
all of a machine's memory or time. Whoever needs more changes a number here.
"""

from rebnet.spec.window import NO_PADS, Window

MAX_SIDE = 4096
"""Height and width of an image or feature map, kernel and stride of a window."""
MAX_MAP = 1 << 26
"""Values of an image or feature map: pixels times channels."""
MAX_ROWS = 1 << 20
"""Outputs of a layer."""
MAX_LAYERS = 1000
"""Layers and pools of a network."""
MAX_NESTING = 8
"""Blocks of a network text in one another."""
MAX_WEIGHTS = 1 << 30
"""Weights of a network, and of a layer with the padding that its PE and SIMD ask for."""
MAX_LANES = 1 << 24
"""XNOR lanes of a layer, PE x SIMD x LEVEL_LANES x PLANE_LANES: more than any device could hold."""
MAX_DEPTH = 1 << 20
"""Words of a FIFO."""


def shape_fault(height: int, width: int, channels: int) -> str | None:
    """What is wrong with the size of an image or feature map, or None: "has 5000x1 pixels; ..."."""
    if max(height, width) > MAX_SIDE:
        return f"has {height}x{width} pixels; a side is at most {MAX_SIDE}"
    if channels > MAX_ROWS:
        return f"has {channels} channels; it can have at most {MAX_ROWS}"
    if height * width * channels > MAX_MAP:
        return f"has {height}x{width}x{channels} values; it can have at most {MAX_MAP}"
    return None


def window_fault(window: Window) -> str | None:
    """What is wrong with a window, or None: "kernel and stride must be at least 1"."""
    sides, (rows, columns) = (*window.kernel, *window.stride), window.pads
    if min(sides) < 1:
        return "kernel and stride must be at least 1"
    if max(sides) > MAX_SIDE:
        return f"kernel and stride must be at most {MAX_SIDE}"
    if min(*rows, *columns) < 0 or max(rows) >= window.kernel[0] or max(columns) >= window.kernel[1]:
        return "padding must be less than the kernel, so that every window holds a part of the map"
    if window.same and window.pads != NO_PADS:
        return "a map is padded by so many rows and columns or by 'same', not both"
    return None


def grouped_pe(rows: int, groups: int) -> tuple[int, ...]:
    """All PE that a convolution in groups can have, rising.

    PE that are all of one group take turns over its outputs, which they divide. PE of several groups side by side have
    all outputs of each, and their groups divide the layer's.
    """
    own = rows // groups
    return (*divisors(own)[:-1], *(side * own for side in divisors(groups)))


def divisors(number: int) -> list[int]:
    """All divisors, rising."""
    return [one for one in range(1, number + 1) if number % one == 0]


def pe_fault(rows: int, groups: int, pe: int) -> str | None:
    """Why a layer in groups cannot have so many PE, or None: "PE=3 for 4 groups of 2 outputs; use one of 1, 2 …"."""
    if groups <= 1 or pe in (legal := grouped_pe(rows, groups)):
        return None
    return f"PE={pe} for {groups} groups of {rows // groups} outputs; use one of {', '.join(map(str, legal))}"


def folding_fault(
    rows: int, columns: int, pe: int, simd: int, level_lanes: int, planes: int = 1, plane_lanes: int = 1
) -> str | None:
    """What is too large of a layer's parallelism, or None: "makes 5000000000 XNOR lanes, ..."."""
    lanes = pe * simd * level_lanes * plane_lanes
    if lanes > MAX_LANES:
        return f"makes {lanes} XNOR lanes, more than the {MAX_LANES} that any device could hold; use fewer"
    weights = -(-rows // pe) * pe * (-(-columns // simd) * simd) * -(-planes // plane_lanes) * plane_lanes
    if weights > MAX_WEIGHTS:
        return f"pads the layer to {weights} weights, more than {MAX_WEIGHTS}; use a smaller PE"
    return None
