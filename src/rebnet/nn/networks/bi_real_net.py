"""Bi-Real Net 18 for images of 224 x 224 pixels: ResNet-18 with a shortcut around every convolution.

Source: Liu et al., "Bi-Real Net" (arXiv:1808.00278), figures 3 and 5: a 7x7 stem and a max-pool, four stages of 64 to
512 channels with four convolutions each. Where a stage halves the map, the shortcut is an average pool of 2x2 and a 1x1
convolution. There the stem, the 1x1 convolutions and the last layer have full precision; here every weight has 1 bit,
but for those that a recipe gives more.
"""

TEXT = (
    "224x224x3 - C64:7x7/2+same - MP3/2+same - 4{ C64:3x3+same | }+ "
    "- { C128:3x3/2+same | AP2 - C128:1x1 }+ - 3{ C128:3x3+same | }+ "
    "- { C256:3x3/2+same | AP2 - C256:1x1 }+ - 3{ C256:3x3+same | }+ "
    "- { C512:3x3/2+same | AP2 - C512:1x1 }+ - 3{ C512:3x3+same | }+ - GAP - D1000"
)
