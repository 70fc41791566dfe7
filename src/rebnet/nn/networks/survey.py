"""The networks by which surveys compare binarization methods, where they print a name and no sizes.

Source: Su et al., "Binary Neural Networks in FPGAs: Architectures, Tool Flows and Hardware Comparisons" (Sensors
23(22), 9254, 2023). Chosen here: MLP-4 is FINN's LFC (arXiv:1612.07119, section 5), four dense layers, three of them of
1024; CNV-8 is VGG-small; CNV-4 is that with one convolution of each pair and half the channels, which leaves three
convolutions and a dense layer.
"""

MLP_4 = "28x28x1 - D1024 - D1024 - D1024 - D10"
CNV_4 = "32x32x3 - C64:3x3+same - MP2 - C128:3x3+same - MP2 - C256:3x3+same - MP2 - D10"
