"""Arch-1, the paper's network for MNIST: three hidden layers of 256.

Source: ReBNet (arXiv:1711.01243), Table I, first row; the numbers in parentheses are the paper's own folding,
PE and SIMD. The same topology is FINN's SFC.
"""

TEXT = "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"
