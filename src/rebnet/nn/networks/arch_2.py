"""Arch-2, the paper's network for CIFAR-10 and SVHN: six convolutions and three dense layers.

Source: ReBNet (arXiv:1711.01243), Table I, second row; the numbers in parentheses are the paper's own folding,
PE and SIMD. The table is silent on stride, padding and the pools' stride; its layer sizes leave 3x3, stride 1,
no padding, and 2x2 pools of stride 2. The same topology is FINN's CNV.
"""

TEXT = (
    "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) "
    "- D512(1,4) - D512(1,8) - D10(4,1)"
)
