"""VGG-Small, the network with which binarization methods are compared on CIFAR-10: six convolutions, one dense layer.

Source: Zhang et al., "LQ-Nets" (arXiv:1807.10029), section 4.1, as used by IR-Net (arXiv:1909.10788) and AdaBin
(arXiv:2208.08084): 2x128C3-MP2-2x256C3-MP2-2x512C3-MP2-10, 3x3 convolutions with 'same' padding. Those networks keep
the first convolution and the last layer in full precision; here every weight has 1 bit.
"""

TEXT = (
    "32x32x3 - C128:3x3+same - C128:3x3+same - MP2 - C256:3x3+same - C256:3x3+same - MP2 - C512:3x3+same "
    "- C512:3x3+same - MP2 - D10"
)
