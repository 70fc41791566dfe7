"""ResNet-20 for images of 32 x 32 pixels, with a shortcut around every convolution, every block, or none.

Source: He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 4.2: a stem of 16
channels, three stages of 16, 32 and 64 channels with three blocks of two 3x3 convolutions each, a global average pool
and a dense layer. A shortcut around every convolution is Bi-Real Net's (arXiv:1808.00278), figure 3. Where a stage
halves the map, the shortcut is a 1x1 convolution of stride 2, which reads the same code as the one beside it.

`ONE_SHORTCUT` has one around each block of two convolutions, as figure 2 of the first paper has it; `PLAIN` has none,
as the plain networks there.
"""

TEXT = (
    "32x32x3 - C16:3x3+same - 6{ C16:3x3+same | }+ "
    "- { C32:3x3/2+same | C32:1x1/2 }+ - 5{ C32:3x3+same | }+ "
    "- { C64:3x3/2+same | C64:1x1/2 }+ - 5{ C64:3x3+same | }+ - GAP - D10"
)

ONE_SHORTCUT = (
    "32x32x3 - C16:3x3+same - 3{ C16:3x3+same - C16:3x3+same | }+ "
    "- { C32:3x3/2+same - C32:3x3+same | C32:1x1/2 }+ - 2{ C32:3x3+same - C32:3x3+same | }+ "
    "- { C64:3x3/2+same - C64:3x3+same | C64:1x1/2 }+ - 2{ C64:3x3+same - C64:3x3+same | }+ - GAP - D10"
)

PLAIN = " - ".join(
    [
        "32x32x3",
        *["C16:3x3+same"] * 7,
        "C32:3x3/2+same",
        *["C32:3x3+same"] * 5,
        "C64:3x3/2+same",
        *["C64:3x3+same"] * 5,
        "GAP",
        "D10",
    ]
)
