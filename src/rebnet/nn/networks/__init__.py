"""Networks by name, each in a file that cites its table; and any other network by its text."""

from dataclasses import replace

from rebnet.errors import NotationError, OptionError
from rebnet.ir.architecture import Architecture, DepthwiseText, LayerText, WeightedText, mapped
from rebnet.ir.notation import check_size, parse
from rebnet.nn.networks import (
    arch_1,
    arch_2,
    arch_3,
    bi_real_net,
    binary_dense_net,
    melius_net,
    rb_net,
    reactnet,
    real_to_binary,
    resnet_18,
    resnet_20,
    survey,
    vgg_small,
)

NETWORKS = {
    "arch-1": arch_1.TEXT,
    "arch-2": arch_2.TEXT,
    "arch-3": arch_3.TEXT,
    "bi-real-net-18": bi_real_net.TEXT,
    "binary-densenet-28": binary_dense_net.TEXT_28,
    "binary-densenet-37": binary_dense_net.TEXT_37,
    "binary-densenet-small": binary_dense_net.SMALL,
    "cnv-4": survey.CNV_4,
    "cnv-8": vgg_small.TEXT,
    "meliusnet-22": melius_net.TEXT_22,
    "meliusnet-small": melius_net.SMALL,
    "mlp-4": survey.MLP_4,
    "rb-net-18-small": rb_net.SMALL,
    "reactnet-a": reactnet.TEXT,
    "reactnet-small": reactnet.SMALL,
    "real-to-binary-18": real_to_binary.TEXT,
    "real-to-binary-18-small": real_to_binary.SMALL,
    "resnet-18": resnet_18.TEXT,
    "resnet-20": resnet_20.TEXT,
    "resnet-20-one-shortcut": resnet_20.ONE_SHORTCUT,
    "resnet-20-plain": resnet_20.PLAIN,
    "vgg-small": vgg_small.TEXT,
}
"""Network texts by name."""


def architecture(name_or_text: str) -> Architecture:
    """Read a network given by its name (`arch-1`) or by its text (`28x28x1 - D64 - D10`).

    Raises:
        NotationError: Neither a known name nor a legal text.
        FoldingError: A text with a folding that its layer cannot have.
    """
    name = name_or_text.strip()
    if name in NETWORKS:
        return parse(NETWORKS[name])
    if not name[:1].isdigit():
        raise NotationError(
            f"network {name!r}: not a known name; use one of {', '.join(sorted(NETWORKS))}, "
            "or a text such as '28x28x1 - D64 - D10'"
        )
    return parse(name)


def widen(architecture: Architecture, factor: float) -> Architecture:
    """Multiply the outputs of every hidden layer by `factor`, rounded to whole outputs; windows and pools stay.

    A layer keeps its folding; where it then has fewer inputs than its SIMD, the folding is left open.

    Raises:
        OptionError: `factor` is not positive, or leaves a layer without outputs.
        NotationError: the layers would be larger than any may be.
    """
    if not 0 < factor < float("inf"):
        raise OptionError(
            f"width={factor}: hidden layers are multiplied by it, so it must be above 0; 1 changes nothing"
        )

    def scaled(layer: WeightedText) -> LayerText:
        if isinstance(layer, DepthwiseText):  # has as many channels as stand in front of it
            return layer
        return replace(layer, rows=round(layer.rows * factor))

    *hidden, last = architecture.items
    wide = replace(architecture, items=(*mapped(hidden, scaled), last))
    rows = [layer.rows for layer in wide.weighted]
    if 0 in rows:
        raise OptionError(f"width={factor}: layer {rows.index(0) + 1} would have no outputs; use a larger width")
    check_size(wide)
    fewest: dict[int, int] = {}  # inputs of a layer, wherever it stands
    for place in wide.places:
        fewest[id(place.layer)] = min(place.inputs, fewest.get(id(place.layer), place.inputs))

    def legal(layer: WeightedText) -> LayerText:
        if isinstance(layer, DepthwiseText) or layer.groups > 1:  # their PE divide other outputs now
            return layer if factor == 1 else replace(layer, folding=None)
        fits = layer.folding is None or layer.folding.simd <= fewest[id(layer)]
        return layer if fits else replace(layer, folding=None)

    return replace(wide, items=mapped(wide.items, legal))
