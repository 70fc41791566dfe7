"""ReActNet-A, a MobileNet whose convolutions have 1 bit, and a small one for images of 32 x 32 pixels.

Source: Liu et al., "ReActNet" (arXiv:2003.03488), figure 5 and section 4.1: a stem of 3x3 and stride 2, then 13 blocks
of a 3x3 and a 1x1 convolution, each with a shortcut and an RPReLU behind it. Where a block halves the map, the first
shortcut is an average pool of 2x2; where it doubles the channels, two 1x1 convolutions stand side by side, each with
the shortcut, and are joined. The learned thresholds of its signs (RSign) are in the BatchNorms in front of them.
Stem and last layer have full precision there and 1 bit here, but for what a recipe gives them. Every average pool makes
the grid of features four times finer: compile with `threshold_bits=32`.

`SMALL` keeps the blocks; that it has five of them, 32 to 128 channels, and a stem that does not halve is chosen here.
"""


def block(channels: int, stride: int = 1, doubles: bool = False) -> str:
    """One block on so many channels."""
    three = f"{{ C{channels}:3x3/2+same | AP2 }}+" if stride == 2 else f"{{ C{channels}:3x3+same | }}+"
    one = f"{{ C{channels}:1x1 | }}+"
    return f"{three} - RPReLU - {f'{{ {one} | {one} }}&' if doubles else one} - RPReLU"


TEXT = " - ".join(
    [
        "224x224x3 - C32:3x3/2+same",
        block(32, doubles=True),
        block(64, 2, doubles=True),
        block(128),
        block(128, 2, doubles=True),
        block(256),
        block(256, 2, doubles=True),
        *[block(512)] * 5,
        block(512, 2, doubles=True),
        block(1024),
        "GAP - D1000",
    ]
)
SMALL = " - ".join(
    [
        "32x32x3 - C32:3x3+same",
        block(32, doubles=True),
        block(64, 2),
        block(64, doubles=True),
        block(128, 2),
        block(128),
        "GAP - D10",
    ]
)
