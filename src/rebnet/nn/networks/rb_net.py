"""RB-Net's reshaped point-wise convolutions in the place of ResNet-18's, for images of 32 x 32 pixels.

Source: Liu et al., "RB-Net: Training Highly Accurate and Efficient Binary Neural Networks With Reshaped Point-Wise
Convolution and Balanced Activation" (IEEE TCSVT 32(9), 2022, doi:10.1109/TCSVT.2022.3166803), as its abstract has it: a
point-wise convolution of what was moved from places into channels. Blocks of 2 x 2 places become 4·C channels; a 1x1
convolution of these is one of kernel and stride 2 on the map itself. One that halves the map ends there; one that keeps
it has 4·C channels, which a pixel shuffle moves back into places: 16·C² products for 4 places, 36·C² of a 3x3
convolution, 2.25 times as many.

The stem, the shortcut around every convolution and the shortcuts of those that halve are those of
`rebnet.nn.networks.real_to_binary.SMALL`, which RB-Net is compared with; that the stem stays a 3x3 convolution is
chosen here. Balanced activation is no topology and is not here. For ImageNet, blocks of 2 x 2 do not fit the 7 x 7 map
of the last stage.
"""


def keeps(channels: int) -> str:
    """A reshaped point-wise convolution that keeps the map and its channels, with a shortcut."""
    return f"{{ C{4 * channels}:2x2/2 - PS2 | }}+"


def halves(channels: int) -> str:
    """One that halves the map, to so many channels, with a shortcut."""
    return f"{{ C{channels}:2x2/2 | AP2 - C{channels}:1x1 }}+"


SMALL = (
    f"32x32x3 - C64:3x3+same - 4{keeps(64)} "
    + "".join(f"- {halves(channels)} - 3{keeps(channels)} " for channels in (128, 256, 512))
    + "- GAP - D10"
)
