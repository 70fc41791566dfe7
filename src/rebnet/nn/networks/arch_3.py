"""Arch-3, the paper's network for ImageNet: AlexNet's shape, five convolutions and three dense layers.

Source: ReBNet (arXiv:1711.01243), Table I, third row; the numbers in parentheses are the paper's own folding,
PE and SIMD. The table is silent on padding and the pools' stride. Chosen here: pools of 3x3 with stride 2, as in
AlexNet, and 'same' padding in the three 3x3 convolutions only, which gives maps of 54, 26, 22, 10 and 4
pixels and 4x4x256 = 4096 inputs to the first dense layer.
"""

TEXT = (
    "224x224x3 - C96(32,33):11x11/4 - MP3/2 - C256(64,25):5x5 - MP3/2 - C384(64,54):3x3+same - C384(64,36):3x3+same "
    "- C256(64,36):3x3+same - MP3/2 - D4096(128,64) - D4096(128,64) - D1000(40,50)"
)
