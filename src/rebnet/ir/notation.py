"""Networks in the paper's own notation (Table I): text to `Architecture` and back.

    28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)
    32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - D512 - D10

The first token is the image, height x width x channels. `D256(PE,SIMD)` is a dense layer of 256
outputs; `(PE,SIMD)` and a third factor, the level lanes, are optional. `C64(PE,SIMD)` is a convolution of
64 channels, 3x3, stride 1, without padding; `C96(32,33):11x11/4` has another kernel and stride and
`C384:3x3+same` pads. `MP2` pools 2x2 with stride 2, `MP3/2` 3x3 with stride 2. BatchNorm and residual
binarization follow each hidden layer by themselves (after the pool, where one follows), BatchNorm alone
follows the last, which is dense.
"""

import re
from dataclasses import dataclass, replace

from rebnet.errors import FoldingError, NotationError
from rebnet.ir.bounds import MAX_LAYERS, MAX_SIDE, MAX_WEIGHTS, shape_fault
from rebnet.ir.values import Shape
from rebnet.spec.window import Window

_INPUT = re.compile(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})")
_DENSE = re.compile(r"D([0-9]{1,9})(?:\(([^()]*)\))?")
_CONV = re.compile(r"C([0-9]{1,9})(?:\(([^()]*)\))?(?::([0-9]{1,4})x([0-9]{1,4})(?:/([0-9]{1,4}))?(\+same)?)?")
_POOL = re.compile(r"MP([0-9]{1,4})(?:/([0-9]{1,4}))?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_PLAIN = Window(3, 1)  # a convolution's, where the text gives none
MAX_LEVELS = 8
"""Most levels a network can have: super-increasing gains of more do not fit one byte."""


@dataclass(frozen=True)
class Folding:
    """Parallelism of one layer: outputs (PE), inputs (SIMD) and levels (LEVEL_LANES) per cycle.

    `level_lanes` is None where the text leaves it open: all bits in the first layer, else 1.
    """

    pe: int
    simd: int
    level_lanes: int | None = None

    def __str__(self) -> str:
        lanes = "" if self.level_lanes is None else f",{self.level_lanes}"
        return f"({self.pe},{self.simd}{lanes})"


@dataclass(frozen=True)
class DenseText:
    """One dense layer of a network text: `rows` outputs and, if given, its folding."""

    rows: int
    folding: Folding | None = None

    def __str__(self) -> str:
        return f"D{self.rows}{self.folding or ''}"


@dataclass(frozen=True)
class ConvText:
    """One convolution of a network text: `rows` output channels, its window and, if given, its folding."""

    rows: int
    folding: Folding | None = None
    window: Window = _PLAIN

    def __str__(self) -> str:
        return f"C{self.rows}{self.folding or ''}{'' if self.window == _PLAIN else f':{self.window}'}"


@dataclass(frozen=True)
class PoolText:
    """One max-pool of a network text, on the channels of the convolution before it."""

    window: Window

    def __str__(self) -> str:
        kernel, stride = self.window.kernel, self.window.stride
        return f"MP{kernel}" if stride == kernel == 2 else f"MP{kernel}/{stride}"


LayerText = DenseText | ConvText | PoolText


@dataclass(frozen=True)
class Architecture:
    """A network as text says it: the image's shape and the layers in order."""

    height: int
    width: int
    channels: int
    layers: tuple[LayerText, ...]

    @property
    def samples(self) -> int:
        """Samples (pixels times channels) in one image."""
        return self.height * self.width * self.channels

    @property
    def classes(self) -> int:
        """Outputs of the last layer."""
        return self.shapes[-1][2]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape in front of each layer, and behind the last; dense layers give 1 x 1 x outputs."""
        shapes = [Shape(self.height, self.width, self.channels)]
        for layer in self.layers:
            match layer:
                case DenseText():
                    shapes.append(Shape(1, 1, layer.rows))
                case ConvText():
                    shapes.append(shapes[-1].windowed(layer.window, layer.rows))
                case PoolText():
                    shapes.append(shapes[-1].windowed(layer.window))
        return tuple(shapes)

    @property
    def weighted(self) -> tuple[DenseText | ConvText, ...]:
        """The layers that have weights, in order."""
        return tuple(layer for layer in self.layers if not isinstance(layer, PoolText))

    def inputs_of(self, index: int) -> int:
        """Inputs of one output of layer `index`, counted from 0: the columns of its weight matrix."""
        shape, layer = self.shapes[index], self.layers[index]
        if isinstance(layer, DenseText):
            return shape.elements
        return layer.window.kernel**2 * shape.channels

    def without_folding(self) -> "Architecture":
        """The same network with every (PE,SIMD) left open."""
        layers = tuple(layer if isinstance(layer, PoolText) else replace(layer, folding=None) for layer in self.layers)
        return replace(self, layers=layers)

    def __str__(self) -> str:
        image = f"{self.height}x{self.width}x{self.channels}"
        return " - ".join([image, *map(str, self.layers)])


def parse(text: str) -> Architecture:
    """Read a network text; `str()` of the result gives it back in its one canonical spelling.

    Raises `NotationError` naming the token and what is legal there, and `FoldingError` for a folding
    that its layer cannot have.
    """
    tokens = [token.strip() for token in re.split(r"\s-\s|–|—", text.strip())]
    image = _INPUT.fullmatch(tokens[0])
    if image is None or 0 in map(int, image.groups()):
        raise NotationError(
            f"network text, token 1, {tokens[0]!r}: the image must come first as HEIGHTxWIDTHxCHANNELS, "
            "each at least 1, such as 28x28x1; tokens are separated by ' - '"
        )
    height, width, channels = map(int, image.groups())
    if len(tokens) > MAX_LAYERS + 1:
        raise NotationError(f"network text: has {len(tokens) - 1} layers and pools; use at most {MAX_LAYERS}")
    if len(tokens) == 1:
        raise NotationError(f"network text {text!r}: no layer follows the image; add one, such as ' - D10'")
    layers: tuple[LayerText, ...] = ()
    for position, token in enumerate(tokens[1:], start=2):
        place = f"network text, token {position}, {token!r}"
        layer = _layer(place, token)
        _check_order(place, layers, layer, Architecture(height, width, channels, layers).shapes[-1])
        layers = (*layers, layer)
    if not isinstance(layers[-1], DenseText):
        raise NotationError(f"network text, {tokens[-1]!r}: the last layer must be dense; add one, such as ' - D10'")
    architecture = Architecture(height, width, channels, layers)
    check_size(architecture)
    for index, layer in enumerate(layers):
        if not isinstance(layer, PoolText) and layer.folding is not None:
            check_folding(f"layer {index + 1}, {layer}", layer.folding, architecture.inputs_of(index))
    return architecture


def _layer(place: str, token: str) -> LayerText:
    if (dense := _DENSE.fullmatch(token)) and int(dense[1]) > 0:
        return DenseText(int(dense[1]), _folding(place, dense[2]))
    if (conv := _CONV.fullmatch(token)) and int(conv[1]) > 0:
        return ConvText(int(conv[1]), _folding(place, conv[2]), _window(place, conv))
    if (pool := _POOL.fullmatch(token)) and int(pool[1]) > 0:
        stride = int(pool[2] or 2)
        if stride == 0:
            raise NotationError(f"{place}: stride=0; use at least 1, such as MP3/2")
        return PoolText(Window(int(pool[1]), stride))
    raise NotationError(
        f"{place}: not a layer; legal is a dense layer D<outputs>, D<outputs>(PE,SIMD) or D<outputs>(PE,SIMD,LANES), "
        "such as D256(16,64), a convolution C<channels> with an optional (PE,SIMD) and :KxK/STRIDE+same, such as "
        "C96(32,33):11x11/4, or a max-pool MP<size>/STRIDE, such as MP2 or MP3/2"
    )


def _window(place: str, match: re.Match[str]) -> Window:
    if match[3] is None:
        return _PLAIN
    kernel, width, stride = int(match[3]), int(match[4]), int(match[5] or 1)
    if kernel != width or kernel == 0 or stride == 0:
        raise NotationError(f"{place}: the kernel must be square and kernel and stride at least 1, such as :5x5/2")
    return Window(kernel, stride, same=match[6] is not None)


def _folding(place: str, text: str | None) -> Folding | None:
    if text is None:
        return None
    numbers = [number.strip() for number in text.split(",")]
    if len(numbers) not in (2, 3) or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise NotationError(
            f"{place}: the parentheses must hold (PE,SIMD) or (PE,SIMD,LANES) in whole numbers, such as (16,64)"
        )
    return Folding(*map(int, numbers))


def _check_order(place: str, before: tuple[LayerText, ...], layer: LayerText, shape: Shape) -> None:
    if isinstance(layer, DenseText):
        return
    if before and isinstance(before[-1], DenseText):
        raise NotationError(f"{place}: stands behind a dense layer, where only dense layers D<outputs> may stand")
    if isinstance(layer, PoolText) and not (before and isinstance(before[-1], ConvText)):
        raise NotationError(f"{place}: a max-pool must follow a convolution C<channels>")
    height, width = shape.height, shape.width
    kernel = layer.window.kernel
    if not layer.window.same and kernel > min(height, width):
        raise NotationError(
            f"{place}: a {kernel}x{kernel} window does not fit the {height}x{width} map in front of it; "
            "use a smaller one, or +same in a convolution"
        )


def check_size(architecture: Architecture) -> None:
    """Raise `NotationError` where an image, map, window or the weights are larger than any may be."""
    first, *maps = architecture.shapes
    fault = shape_fault(*first)
    if fault is not None:
        raise NotationError(f"network text, the image: {fault}; scale the images down")
    weights = 0
    for index, (layer, shape) in enumerate(zip(architecture.layers, maps, strict=True)):
        place = f"network text, layer {index + 1}, {layer}"
        fault = shape_fault(*shape)
        if fault is not None:
            raise NotationError(f"{place}: its output {fault}")
        if not isinstance(layer, DenseText) and max(layer.window.kernel, layer.window.stride) > MAX_SIDE:
            raise NotationError(f"{place}: kernel and stride are at most {MAX_SIDE}")
        weights += 0 if isinstance(layer, PoolText) else layer.rows * architecture.inputs_of(index)
        if weights > MAX_WEIGHTS:
            raise NotationError(f"{place}: the network has {weights} weights up to here; it can have {MAX_WEIGHTS}")


def check_folding(place: str, folding: Folding, inputs: int) -> None:
    """Raise `FoldingError` unless a layer of `inputs` inputs can have this folding."""
    if folding.pe < 1:
        raise FoldingError(f"{place}: PE={folding.pe}; use at least 1")
    if folding.simd < 1:
        raise FoldingError(f"{place}: SIMD={folding.simd}; use 1 to {inputs}")
    if folding.simd > inputs:
        raise FoldingError(f"{place}: SIMD={folding.simd} is more than the layer's {inputs} inputs; use 1 to {inputs}")
    lanes = folding.level_lanes
    if lanes is not None and not 1 <= lanes <= MAX_LEVELS:
        raise FoldingError(f"{place}: LEVEL_LANES={lanes}; use 1 to {MAX_LEVELS}")
