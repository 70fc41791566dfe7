"""BinaryDenseNet-28 and -37, and a small one for images of 32 x 32 pixels: every convolution sees all before it.

Source: Bethge et al., "Back to Simplicity: How to Train Accurate BNNs from Scratch?" (arXiv:1906.08637), section 3.3,
figure 3 and table 4: a 7x7 stem of stride 2 and a max-pool, four blocks of 3x3 convolutions that each add 64 channels,
and between blocks a max-pool and a 1x1 convolution that leaves a share of the channels, a multiple of 32. Stem, 1x1
convolutions and the last layer have full precision there and 1 bit here; the ReLU in front of the 1x1 convolutions is
our sign.

`SMALL` keeps this with blocks of 3, 3 and 3 convolutions of 16 channels and a 3x3 stem; its sizes are chosen here.
"""

from collections.abc import Sequence


def text(stem: str, blocks: Sequence[int], left: Sequence[int], growth: int, classes: int) -> str:
    """The network text.

    Args:
        stem: What stands in front of the first block.
        blocks: Convolutions of each.
        left: Channels that the transition between two blocks leaves.
        growth: Channels that a convolution adds.
        classes: Outputs.
    """
    dense = [f"{count}{{ | C{growth}:3x3+same }}&" for count in blocks]
    behind = [*(f"MP2 - C{channels}:1x1" for channels in left), f"GAP - D{classes}"]
    return " - ".join([stem, *(f"{one} - {then}" for one, then in zip(dense, behind, strict=True))])


STEM = "224x224x3 - C64:7x7/2+same - MP3/2+same"
TEXT_28 = text(STEM, (6, 6, 6, 5), (160, 192, 256), 64, 1000)
TEXT_37 = text(STEM, (6, 8, 12, 6), (128, 192, 256), 64, 1000)
SMALL = text("32x32x3 - C32:3x3+same", (3, 3, 3), (32, 64), 16, 10)
