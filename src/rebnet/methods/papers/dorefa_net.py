"""DoReFa-Net: activations of k bits between 0 and 1, weights of one bit and one mean size a layer.

Source: Zhou et al., "DoReFa-Net" (arXiv:1606.06160). Activations: section 2.5, quantize_k of x clipped to 0 and 1; k
is the number of levels, so --levels 2 is 2 bits. Ties are rounded up. Weights: section 2.3, sign(w)·E|w| of the
layer, whose gradient passes straight through. Weights of more bits are those of the network text (w2 and so on), on a
grid of odd integers; gradients are not quantized.
"""

from rebnet.methods.activations import Activation, Uniform
from rebnet.methods.estimators import Identity
from rebnet.methods.method import Method
from rebnet.methods.weights import MeanSize, Weight

METHOD = Method(
    "dorefa-net",
    "DoReFa-Net",
    "arXiv:1606.06160",
    activation=Activation(Uniform(), threshold=0.5, scale=0.5, about_threshold=True),
    weight=Weight(scale=MeanSize("layer", "plain"), estimator=Identity()),
)
