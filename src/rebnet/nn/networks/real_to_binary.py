"""Real-to-Binary's ResNet-18: Bi-Real Net's with a PReLU behind every convolution.

Source: Martinez et al., "Training Binary Neural Networks with Real-to-Binary Convolutions" (arXiv:2003.11535), section
4.1 and figure 1. Its scales that depend on data (section 4.3) are no topology, and no hardware of ours: see
`rebnet explain real-to-binary`. What has full precision there has 1 bit here, see `rebnet.nn.networks.bi_real_net`.
`SMALL` is the same for images of 32 x 32 pixels, with the stem of our `resnet-18`: the paper's figure 1 with a 3x3
stem and no pool.
"""

_STAGES = (
    "4{ C64:3x3+same - PReLU | }+ "
    "- { C128:3x3/2+same - PReLU | AP2 - C128:1x1 }+ - 3{ C128:3x3+same - PReLU | }+ "
    "- { C256:3x3/2+same - PReLU | AP2 - C256:1x1 }+ - 3{ C256:3x3+same - PReLU | }+ "
    "- { C512:3x3/2+same - PReLU | AP2 - C512:1x1 }+ - 3{ C512:3x3+same - PReLU | }+ - GAP"
)
TEXT = f"224x224x3 - C64:7x7/2+same - MP3/2+same - {_STAGES} - D1000"
SMALL = f"32x32x3 - C64:3x3+same - {_STAGES} - D10"
