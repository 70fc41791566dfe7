"""MeliusNet-22 and a small one for images of 32 x 32 pixels: dense blocks, each improved by one more convolution.

Source: Bethge et al., "MeliusNet" (arXiv:2001.05936), figures 2 and 3 and table 2: a dense block adds 64 channels, an
improvement block adds what a 3x3 convolution makes of all channels to these 64; a stem of three 3x3 convolutions, two
of them in groups, and a max-pool; between stages a max-pool and a 1x1 convolution. Stem, 1x1 convolutions and the last
layer have full precision there and 1 bit here.

`SMALL` keeps the blocks: three stages of 2 with 16 channels, 32 of them in front; its sizes are chosen here.
"""

from collections.abc import Sequence


def text(stem: str, stages: Sequence[int], left: Sequence[int], growth: int, classes: int) -> str:
    """The network text; arguments as of `rebnet.nn.networks.binary_dense_net.text`."""
    conv = f"C{growth}:3x3+same"
    block = f"{{ | {conv} }}& - {{ | {conv} }}<"
    behind = [*(f"MP2 - C{channels}:1x1" for channels in left), f"GAP - D{classes}"]
    parts = [" - ".join([*[block] * count, then]) for count, then in zip(stages, behind, strict=True)]
    return " - ".join([stem, *parts])


TEXT_22 = text(
    "224x224x3 - C32:3x3/2+same - C32%4:3x3+same - C64%8:3x3+same - MP2", (4, 5, 4, 4), (160, 224, 256), 64, 1000
)
SMALL = text("32x32x3 - C32:3x3+same", (2, 2, 2), (32, 48), 16, 10)
