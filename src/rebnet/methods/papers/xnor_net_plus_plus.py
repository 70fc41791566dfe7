"""XNOR-Net++: sums times a trained scale of channel, row and column.

Source: Bulat, Tzimiropoulos, "XNOR-Net++" (arXiv:1909.13863), case 4: Γ = α ⊗ β ⊗ γ. Signs with the gradient 1[|x| <=
1] on both sides. `CHANNELS` is its case 1, one trained scale a channel.
"""

from rebnet.methods.behind import PlaceScale
from rebnet.methods.method import Method
from rebnet.methods.weights import LearnedScale, Weight

METHOD = Method(
    "xnor-net-plus-plus",
    "XNOR-Net++",
    "arXiv:1909.13863",
    scale=PlaceScale(),
    in_hardware="xnor-net-plus-plus-channels",
)
CHANNELS = Method(
    "xnor-net-plus-plus-channels",
    "XNOR-Net++, of channels",
    "arXiv:1909.13863",
    weight=Weight(scale=LearnedScale("channel")),
)
