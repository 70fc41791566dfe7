"""Tokens of a network text that move what stands in a map: `U2`, `U2x1` and `PS2`."""

import re
from dataclasses import dataclass

from rebnet.errors import NotationError
from rebnet.ir.values import Shape
from rebnet.spec.upsample import Factors
from rebnet.spec.window import short

_UPSAMPLE = re.compile(r"U([0-9]{1,4})(?:x([0-9]{1,4}))?")
_DEPTH_TO_SPACE = re.compile(r"PS([0-9]{1,4})")


@dataclass(frozen=True)
class UpsampleText:
    """Every row and every place of a row several times."""

    factors: Factors

    def behind(self, shape: Shape) -> Shape:
        """The map that it makes of one."""
        return shape.upsampled(self.factors)

    def __str__(self) -> str:
        return f"U{short((self.factors.rows, self.factors.columns))}"


@dataclass(frozen=True)
class DepthToSpaceText:
    """Every place as block x block places, among which its channels are parted: torch's pixel shuffle."""

    block: int

    def behind(self, shape: Shape) -> Shape:
        """The map that it makes of one."""
        return shape.spread(self.block)

    def __str__(self) -> str:
        return f"PS{self.block}"


MovedText = UpsampleText | DepthToSpaceText


def read_moved(place: str, token: str) -> MovedText | None:
    """What a token says; None where it is of another kind.

    Raises:
        NotationError: it moves nothing.
    """
    if upsample := _UPSAMPLE.fullmatch(token):
        rows, columns = int(upsample[1]), int(upsample[2] or upsample[1])
        if min(rows, columns) == 0 or rows * columns == 1:
            raise NotationError(f"{place}: repeats a map {rows}x{columns} times; use at least 1, and one of them above")
        return UpsampleText(Factors(rows, columns))
    if shuffle := _DEPTH_TO_SPACE.fullmatch(token):
        if int(shuffle[1]) < 2:
            raise NotationError(f"{place}: parts channels among {shuffle[1]}x{shuffle[1]} places; use at least 2")
        return DepthToSpaceText(int(shuffle[1]))
    return None


def check_moved(place: str, layer: MovedText, front: Shape, image: bool) -> None:
    """Refuse what cannot stand behind a map, or behind the image.

    Raises:
        NotationError: it is the image, or has channels that cannot be parted.
    """
    does = "repeats" if isinstance(layer, UpsampleText) else "moves"
    if image:
        raise NotationError(f"{place}: {does} the image itself; put a layer in front of it")
    if isinstance(layer, DepthToSpaceText) and front.channels % layer.block**2:
        raise NotationError(
            f"{place}: parts {front.channels} channels among {layer.block}x{layer.block} places; give the layer "
            f"in front a multiple of {layer.block**2}"
        )
