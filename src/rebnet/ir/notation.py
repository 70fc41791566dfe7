"""Networks in the paper's own notation (Table I): text to `Architecture` and back.

    28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)

The first token is the image, height x width x channels. `D256(PE,SIMD)` is a dense layer of 256
outputs; `(PE,SIMD)` and a third factor, the level lanes, are optional. BatchNorm and residual
binarization follow each hidden layer by themselves, BatchNorm alone follows the last.
"""

import re
from dataclasses import dataclass

from rebnet.errors import FoldingError, NotationError

_INPUT = re.compile(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})")
_DENSE = re.compile(r"D([0-9]{1,9})(?:\(([^()]*)\))?")
_NUMBER = re.compile(r"[0-9]{1,9}")
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
class Architecture:
    """A network as text says it: the image's shape and the layers in order."""

    height: int
    width: int
    channels: int
    layers: tuple[DenseText, ...]

    @property
    def samples(self) -> int:
        """Samples (pixels times channels) in one image."""
        return self.height * self.width * self.channels

    @property
    def classes(self) -> int:
        """Outputs of the last layer."""
        return self.layers[-1].rows

    def inputs_of(self, index: int) -> int:
        """Inputs of layer `index`, counted from 0."""
        return self.samples if index == 0 else self.layers[index - 1].rows

    def without_folding(self) -> "Architecture":
        """The same network with every (PE,SIMD) left open."""
        layers = tuple(DenseText(layer.rows) for layer in self.layers)
        return Architecture(self.height, self.width, self.channels, layers)

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
    if len(tokens) == 1:
        raise NotationError(f"network text {text!r}: no layer follows the image; add one, such as ' - D10'")
    layers = tuple(_dense(position, token) for position, token in enumerate(tokens[1:], start=2))
    architecture = Architecture(height, width, channels, layers)
    for index, layer in enumerate(layers):
        if layer.folding is not None:
            check_folding(f"layer {index + 1}, {layer}", layer.folding, architecture.inputs_of(index))
    return architecture


def _dense(position: int, token: str) -> DenseText:
    match = _DENSE.fullmatch(token)
    if match is None or int(match[1]) == 0:
        raise NotationError(
            f"network text, token {position}, {token!r}: not a layer; legal is a dense layer "
            "D<outputs>, D<outputs>(PE,SIMD) or D<outputs>(PE,SIMD,LANES), such as D256(16,64)"
        )
    if match[2] is None:
        return DenseText(int(match[1]))
    numbers = [number.strip() for number in match[2].split(",")]
    if len(numbers) not in (2, 3) or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise NotationError(
            f"network text, token {position}, {token!r}: the parentheses must hold (PE,SIMD) or "
            "(PE,SIMD,LANES) in whole numbers, such as (16,64)"
        )
    return DenseText(int(match[1]), Folding(*map(int, numbers)))


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
