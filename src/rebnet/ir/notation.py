"""Networks in the paper's own notation (Table I) and, with blocks of branches, beyond it: text to `Architecture`.

    28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)
    32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - D512 - D10
    32x32x3 - C64:3x3+same - 2{ C64:3x3+same | }+ - { C128:3x3/2+same | C128:1x1/2 }+ - GAP - D10

The first token is the image, height x width x channels. `D256(PE,SIMD)` is a dense layer of 256
outputs; `(PE,SIMD)` and a third factor, the level lanes, are optional. `C64(PE,SIMD)` is a convolution of
64 channels, 3x3, stride 1, without padding; `C96(32,33):11x11/4` has another kernel and stride and
`C384:3x3+same` pads. `C32%4:3x3` is one in 4 groups, `DW:3x3+same` a depthwise one, of as many channels as stand in
front of it, and `DW2` of twice as many. `MP2` pools 2x2 with stride 2, `MP3/2` 3x3 with stride 2. BatchNorm and
residual binarization follow each hidden layer by themselves (after the pool, where one follows), BatchNorm alone
follows the last. That is dense, or a convolution, which scores every place of its map.

Weights are 1 bit where nothing is said. `C64w2` and `D10w8` have weights of 2 and of 8 bits, odd integers, `C16t`
ternary ones, `D10r2` residual planes, each with a factor that is trained; all are planes of ±1. A fourth number of a
folding says how many planes of weights are read a cycle.

Rows come before columns: `C16:1x9/1x2` has windows of 1 row and 9 columns that move by 1 and by 2, `MP1x4` pools 1x4
with stride 1x4. `+1` pads a map by 1 on every side, `+0x4` its left and right by 4, `+(0,1)x(3,4)` by 0 above, 1 below,
3 left and 4 right; `+same` so that ceil(in/stride) windows fit along each axis. A max-pool may pad too.

`{ chain | chain }+` adds what its branches give, `}&` joins its channels; an empty branch is the identity, and a number
in front repeats the block. Right behind a join, `{ | chain }<` adds what the chain gives to its last part.
`U2` and `U2x1` repeat rows and places of a map, to the nearest; `PS2` parts the channels of each place among 2 x 2
places, torch's pixel shuffle. `AP2` is an average pool, `GAP` that of the whole map, `PReLU` bends what is negative,
and `RPReLU` does so between two shifts. Pools of averages and PReLUs give features, numbers on a grid, as the last
layer of a branch does; a layer with weights reads their residual code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rebnet.errors import NotationError
from rebnet.ir.architecture import (
    MAX_LEVELS,
    MAX_WEIGHT_GAIN,
    MAX_WEIGHT_PLANES,
    ONE_BIT,
    PLAIN,
    Architecture,
    AverageText,
    Block,
    ConvText,
    DenseText,
    DepthwiseText,
    Folding,
    Item,
    LayerText,
    Meet,
    PoolText,
    TwoSlopeText,
    Weights,
    behind,
    met,
)
from rebnet.ir.bounds import MAX_LAYERS, MAX_NESTING, window_fault
from rebnet.ir.foldings import check_folding
from rebnet.ir.moves import DepthToSpaceText, MovedText, UpsampleText, check_moved, read_moved
from rebnet.ir.sizes import check_size
from rebnet.ir.tokens import Tokens
from rebnet.ir.values import Shape
from rebnet.spec.groups import group_fault
from rebnet.spec.window import Window, read_window

__all__ = [
    "MAX_LEVELS",
    "MAX_WEIGHT_GAIN",
    "MAX_WEIGHT_PLANES",
    "Architecture",
    "AverageText",
    "Block",
    "ConvText",
    "DenseText",
    "DepthToSpaceText",
    "DepthwiseText",
    "Folding",
    "LayerText",
    "PoolText",
    "TwoSlopeText",
    "UpsampleText",
    "Weights",
    "check_folding",
    "check_size",
    "parse",
]

_INPUT = re.compile(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})")
_DENSE = re.compile(r"D([0-9]{1,9})([wr][0-9]{1,9}|t)?(?:\(([^()]*)\))?")
_CONV = re.compile(r"C([0-9]{1,9})([wr][0-9]{1,9}|t)?(?:%([0-9]{1,9}))?(?:\(([^()]*)\))?(?::([0-9x/+same(,)]+))?")
_DEPTHWISE = re.compile(r"DW([0-9]{1,9})?(?:\(([^()]*)\))?(?::([0-9x/+same(,)]+))?")
_POOL = re.compile(r"([MA])P([0-9]{1,4})(x[0-9]{1,4})?(/[0-9x]+)?(\+[0-9xsame(,)]+)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MEETS: dict[str, Meet] = {"}+": "+", "}&": "&", "}<": "<"}


def parse(text: str) -> Architecture:
    """Read a network text; `str()` of the result gives it back in its one canonical spelling.

    Raises `NotationError` naming the token and what is legal there, and `FoldingError` for a folding
    that its layer cannot have.
    """
    tokens = Tokens(text)
    image = _INPUT.fullmatch(tokens.word)
    if image is None or 0 in map(int, image.groups()):
        raise NotationError(
            f"network text, token 1, {tokens.word!r}: the image must come first as HEIGHTxWIDTHxCHANNELS, "
            "each at least 1, such as 28x28x1; tokens are separated by ' - '"
        )
    shape = Shape(*map(int, image.groups()))
    if tokens.layers > MAX_LAYERS + 1:
        raise NotationError(f"network text: has {tokens.layers - 1} layers and pools; use at most {MAX_LAYERS}")
    if tokens.mark == "":
        raise NotationError(f"network text {text!r}: no layer follows the image; add one, such as ' - D10'")
    if not tokens.at_separator:
        raise NotationError(f"{tokens.place}: stands right behind the image; put ' - ' between them")
    tokens.next()
    items, _ = _chain(tokens, _Stand(shape), depth=0)
    if tokens.mark:
        raise NotationError(f"{tokens.place}: no block is open here; put a '{{' before its branches, or leave it out")
    if not isinstance(items[-1], DenseText | ConvText | DepthwiseText):
        raise NotationError(
            f"network text, {str(items[-1])!r}: the last layer must have weights; add one, such as ' - D10', or "
            "' - C10:1x1' for scores of every place of the map"
        )
    count = _count(items)
    if count > MAX_LAYERS:
        raise NotationError(f"network text: has {count} layers and pools; use at most {MAX_LAYERS}")
    architecture = Architecture(*shape, items)
    check_size(architecture)
    for index, place in enumerate(architecture.places):
        layer = place.layer
        if isinstance(layer, DenseText | ConvText) and layer.folding is not None:
            place_text = f"layer {index + 1}, {layer}"
            check_folding(place_text, layer.folding, place.inputs, layer.weights.planes, layer.rows, layer.groups)
    return architecture


@dataclass(frozen=True)
class _Stand:
    """What stands in front of an item.

    Attributes:
        shape: of the map.
        kind: "image", "sums" of a convolution, "pooled" ones, "dense" sums, or a "feature".
        vector: whether only dense layers may follow.
        area: what a feature's unit is divided by.
        last: channels of the last part of a join; 0 where it is none.
    """

    shape: Shape
    kind: str = "image"
    vector: bool = False
    area: int = 1
    last: int = 0


def _chain(tokens: Tokens, stand: _Stand, depth: int) -> tuple[tuple[Item, ...], _Stand]:
    """Items up to the end of a branch or of the text, and what stands behind them."""
    items: list[Item] = []
    while True:
        if tokens.opens and tokens.word == "":
            block, stand = _block(tokens, stand, depth + 1)
            items.append(block)
            if tokens.word:
                raise NotationError(f"{tokens.word_place}: stands right behind a block; put ' - ' between them")
        else:
            layer = _layer(tokens.word_place, tokens.word)
            items.append(layer)
            if tokens.opens:
                raise NotationError(f"{tokens.place}: stands right behind a layer; put ' - ' between them")
            stand = _behind(tokens.word_place, stand, layer)
        if not tokens.at_separator:
            return tuple(items), stand
        tokens.next()


def _block(tokens: Tokens, front: _Stand, depth: int) -> tuple[Block, _Stand]:
    """A block, and what stands behind it; the tokens stand behind its end."""
    place, number = tokens.place, tokens.mark[:-1]
    if depth > MAX_NESTING:
        raise NotationError(f"{place}: is a block in {depth - 1} others; use at most {MAX_NESTING} in one another")
    if number and (len(number) > 9 or int(number) == 0):
        raise NotationError(f"{place}: a block stands at least once; use a number of 1 to {MAX_LAYERS}, or none")
    branches: list[tuple[Item, ...]] = []
    while tokens.mark[:1] != "}":
        tokens.next()
        items: tuple[Item, ...] = ()
        if tokens.word or not tokens.closes:
            if not tokens.mark and not tokens.word:
                raise NotationError(f"{place}: the block is not closed; end it with '}}+' or '}}&'")
            items, _ = _chain(tokens, front, depth)
        branches.append(items)
        if not tokens.closes:
            raise NotationError(f"{place}: the block is not closed; end it with '}}+' or '}}&'")
    end, mark = tokens.place, tokens.mark
    if mark == "}":
        raise NotationError(f"{end}: does not say how branches meet; write '}}+' for a sum or '}}&' to join channels")
    if len(branches) < 2:
        raise NotationError(f"{end}: ends a block of one branch; part branches by '|', an empty one is the identity")
    if not any(branches):
        raise NotationError(f"{end}: ends a block without a layer; give at least one branch a layer")
    block = Block(tuple(branches), _MEETS[mark], int(number or 1))
    if _count([block]) > MAX_LAYERS:
        raise NotationError(f"{place}: makes {_count([block])} layers and pools; use at most {MAX_LAYERS}")
    stand = _behind(place, front, block, end)
    tokens.next()
    return block, stand


def _count(items: Sequence[Item]) -> int:
    """Layers and pools, as often as they stand; a block counts one at least."""
    return sum(item.times * max(1, sum(map(_count, item.branches))) if isinstance(item, Block) else 1 for item in items)


def _layer(place: str, token: str) -> LayerText:
    if (dense := _DENSE.fullmatch(token)) and int(dense[1]) > 0:
        weights = _weights(place, dense[2])
        return DenseText(int(dense[1]), _folding(place, dense[3], weights), weights)
    if (convolution := _convolution(place, token)) is not None:
        return convolution
    if pool := _POOL.fullmatch(token):
        kernel = f"{pool[2]}{pool[3] or f'x{pool[2]}'}"
        stride, pads = pool[4] or f"/{kernel if pool[3] else 2}", pool[5] or ""
        window = _window(place, f"{kernel}{stride}{pads}", "MP3/2 or MP1x4")
        return PoolText(window) if pool[1] == "M" else AverageText(window)
    if token == "GAP":
        return AverageText()
    if (moved := read_moved(place, token)) is not None:
        return moved
    if token in ("PReLU", "RPReLU"):
        return TwoSlopeText(token == "RPReLU")
    raise NotationError(
        f"{place}: not a layer; legal is a dense layer D<outputs>, D<outputs>(PE,SIMD) or D<outputs>(PE,SIMD,LANES), "
        "such as D256(16,64), a convolution C<channels> with an optional (PE,SIMD) and :KxK/STRIDE+same, such as "
        "C96(32,33):11x11/4, in groups with %GROUPS behind its channels, such as C32%4, or a depthwise one, such as "
        "DW:3x3+same, a max-pool MP<size>/STRIDE, such as MP2 or MP3/2, an average pool AP<size>/STRIDE or GAP, "
        "PReLU or RPReLU, U<factor> or U<rows>x<columns>, such as U2, a pixel shuffle PS<block>, such as PS2, or a "
        "block such as 2{ C64:3x3+same | }+"
    )


def _convolution(place: str, token: str) -> ConvText | DepthwiseText | None:
    if (conv := _CONV.fullmatch(token)) and int(conv[1]) > 0:
        weights, groups = _weights(place, conv[2]), int(conv[3] or 1)
        fault = group_fault(groups or 1, int(conv[1]), groups, weights.planes)
        if fault is not None:
            raise NotationError(f"{place}: {fault}")
        window = _conv_window(place, conv[5])
        return ConvText(int(conv[1]), _folding(place, conv[4], weights), window, groups, weights)
    if (depthwise := _DEPTHWISE.fullmatch(token)) and int(depthwise[1] or 1) > 0:
        window = _conv_window(place, depthwise[3])
        return DepthwiseText(int(depthwise[1] or 1), _folding(place, depthwise[2], ONE_BIT), window)
    return None


def _conv_window(place: str, text: str | None) -> Window:
    return PLAIN if text is None else _window(place, text, "C16:5x5/2 or C16:1x9/1x2+same")


def _window(place: str, text: str, example: str) -> Window:
    window = read_window(text)
    if window is None:
        raise NotationError(
            f"{place}: {text!r} is no window; write rows x columns, and where there are any a stride behind '/' and "
            f"padding behind '+', such as {example}"
        )
    fault = window_fault(window)
    if fault is not None:
        raise NotationError(f"{place}: {fault}, such as {example}")
    return window


def _weights(place: str, text: str | None) -> Weights:
    weights = ONE_BIT if text is None else Weights.read(text)
    if weights is None:
        raise NotationError(
            f"{place}: {text!r} are no weights; use w1 to w{MAX_WEIGHT_PLANES} for bits, t for ternary ones, or r2 to "
            f"r{MAX_WEIGHT_PLANES} for residual planes"
        )
    return weights


def _folding(place: str, text: str | None, weights: Weights) -> Folding | None:
    if text is None:
        return None
    numbers = [number.strip() for number in text.split(",")]
    most = 3 if weights.planes == 1 else 4
    if not 2 <= len(numbers) <= most or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise NotationError(
            f"{place}: the parentheses must hold (PE,SIMD) or (PE,SIMD,LANES) in whole numbers, such as (16,64)"
        )
    return Folding(*map(int, numbers))


def _behind(place: str, stand: _Stand, item: Item, end: str = "") -> _Stand:
    """What stands behind an item, which must be able to stand there."""
    if isinstance(item, Block):
        for _ in range(item.times):
            stand = _behind_block(place, stand, item, end)
        return stand
    _check_order(place, stand, item)
    shape = behind(item, stand.shape)
    match item:
        case DenseText():
            return _Stand(shape, "dense", vector=True)
        case ConvText() | DepthwiseText():
            return _Stand(shape, "sums")
        case PoolText() | UpsampleText() | DepthToSpaceText():
            return replace(stand, shape=shape, kind="pooled" if stand.kind == "sums" else stand.kind, last=0)
        case AverageText(window=window):
            area = stand.shape.positions if window is None else window.area
            return _Stand(shape, "feature", area=stand.area * area)
        case TwoSlopeText():
            return replace(stand, kind="feature", last=0)


def _check_order(place: str, stand: _Stand, layer: LayerText) -> None:
    if isinstance(layer, DenseText):
        return
    if isinstance(layer, TwoSlopeText):
        if stand.kind == "image":
            raise NotationError(f"{place}: bends features, and the image is none; put a layer in front of it")
        return
    if stand.vector:
        raise NotationError(f"{place}: stands behind a dense layer, where only dense layers D<outputs> may stand")
    if isinstance(layer, PoolText) and stand.kind not in ("sums", "feature"):
        raise NotationError(f"{place}: a max-pool must follow a convolution C<channels>")
    if isinstance(layer, AverageText) and stand.kind == "image":
        raise NotationError(f"{place}: an average pool must follow a convolution C<channels>, a pool or a block")
    if isinstance(layer, MovedText):
        check_moved(place, layer, stand.shape, stand.kind == "image")
        return
    height, width, _ = stand.shape
    if isinstance(layer, ConvText):
        fault = group_fault(stand.shape.channels, layer.rows, layer.groups)
        if fault is not None:
            raise NotationError(f"{place}: {fault}")
    window = layer.window or Window(1)
    if isinstance(layer, AverageText) and window.padded:
        raise NotationError(f"{place}: an average pool is not padded; leave {window.padding_text} out")
    if not window.fits(height, width):
        rows, columns = window.kernel
        raise NotationError(
            f"{place}: a {rows}x{columns} window does not fit the {height}x{width} map in front of it; "
            "use a smaller one, or +same in a convolution"
        )


def _behind_block(place: str, front: _Stand, block: Block, end: str) -> _Stand:
    """What stands behind a block that stands once."""
    ends = []
    for branch in block.branches:
        stand = front
        for item in branch:
            stand = _behind(place, stand, item, end)
        if stand.kind == "image":
            raise NotationError(f"{end}: a branch gives the image itself; put a layer in front of the block")
        ends.append(stand)
    if block.meet == "<":
        return _improved(front, block, end, ends[-1])
    shapes = [one.shape for one in ends]
    meeting = shapes if block.meet == "+" else [shape._replace(channels=0) for shape in shapes]
    given = " and ".join(dict.fromkeys(map(str, shapes)))
    if len(set(meeting)) > 1 or len({one.vector for one in ends}) > 1:
        raise NotationError(
            f"{end}: its branches give {given}; give them the same strides and padding"
            + (", and the same number of channels" if block.meet == "+" else "")
        )
    areas = sorted(one.area if one.kind == "feature" else 1 for one in ends)
    times = [area / areas[0] for area in areas]
    if any(time != 1 << int(time).bit_length() - 1 for time in times) or (block.meet == "&" and times[-1] > 1):
        raise NotationError(
            f"{end}: its branches give averages of {' and '.join(map(str, dict.fromkeys(areas)))} elements, which "
            "count other units; pool every branch, or pool behind the block"
        )
    last = shapes[-1].channels if block.meet == "&" else 0
    return _Stand(met(block.meet, shapes), "feature", vector=ends[0].vector, area=areas[-1], last=last)


def _improved(front: _Stand, block: Block, end: str, added: _Stand) -> _Stand:
    """What stands behind a block whose second branch adds to the last part of the join in front."""
    wanted = front.shape._replace(channels=front.last)
    if front.last == 0 or len(block.branches) != 2 or block.branches[0]:
        raise NotationError(
            f"{end}: adds to the last part of a join; write it right behind a block that ends in '}}&', as "
            "'{ | C64:3x3+same }& - { | C64:3x3+same }<'"
        )
    if (added.shape, added.area, added.vector) != (wanted, 1, front.vector):
        raise NotationError(
            f"{end}: adds {added.shape} to the last part of the join in front, {wanted}; give it the same map and "
            "channels, from a layer with weights"
        )
    return front
