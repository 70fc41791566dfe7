"""XNOR-Net: weights a·sign(w) with the mean size a, sums times the mean size K of what each window saw.

Source: Rastegari et al., "XNOR-Net" (arXiv:1603.05279). Weights: equation 6, a = Σ|w|/n of each output, and the
gradient of section 3.1 through a as well. Activations are signs with the gradient 1[|x| <= 1], behind BatchNorm, as
section 3.2 orders a block. The map K is equation 11; the first layer, whose input is an image, has none. `ALPHA`
leaves the map out, as the authors' own code does.
"""

from dataclasses import replace

from rebnet.methods.behind import KMap
from rebnet.methods.method import Method
from rebnet.methods.weights import MeanSize, Weight

ALPHA = Method(
    "xnor-net-alpha", "XNOR-Net without K", "arXiv:1603.05279", weight=Weight(scale=MeanSize("channel", "full"))
)
METHOD = replace(ALPHA, name="xnor-net", title="XNOR-Net", scale=KMap(), in_hardware="xnor-net-alpha")
