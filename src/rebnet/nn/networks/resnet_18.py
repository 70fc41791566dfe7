"""ResNet-18 for images of 32 x 32 pixels, with a shortcut around every convolution.

Source: He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), table 1, with the stem used on
CIFAR-10, one 3x3 convolution of 64 channels without a pool (as in IR-Net, arXiv:1909.10788, and AdaBin,
arXiv:2208.08084); four stages of 64 to 512 channels with two blocks of two 3x3 convolutions each. A shortcut around
every convolution is Bi-Real Net's (arXiv:1808.00278), figure 3. Where a stage halves the map, the shortcut is a 1x1
convolution of stride 2, which reads the same code as the one beside it.
"""

TEXT = (
    "32x32x3 - C64:3x3+same - 4{ C64:3x3+same | }+ "
    "- { C128:3x3/2+same | C128:1x1/2 }+ - 3{ C128:3x3+same | }+ "
    "- { C256:3x3/2+same | C256:1x1/2 }+ - 3{ C256:3x3+same | }+ "
    "- { C512:3x3/2+same | C512:1x1/2 }+ - 3{ C512:3x3+same | }+ - GAP - D10"
)
