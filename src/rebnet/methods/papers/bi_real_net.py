"""Bi-Real Net: a polynomial estimator, weights with the mean size in the forward pass alone.

Source: Liu et al., "Bi-Real Net" (arXiv:1808.00278). Activations: sign with the slope of ApproxSign, max(0, 2 -
2|x|), section 3.3. Weights: sign(w) times the mean size of each output's, clip in the backward pass, as the authors'
code has the magnitude-aware gradient. A shortcut around every convolution is the network's own: `resnet-18` and
`resnet-20` have it. There a sign reads the sum bare in the paper; here BatchNorm stands in front of it, as in front
of every sign, and costs nothing.
"""

from rebnet.methods.activations import Activation
from rebnet.methods.estimators import Polynomial
from rebnet.methods.method import Method
from rebnet.methods.weights import MeanSize, Weight

METHOD = Method(
    "bi-real-net",
    "Bi-Real Net",
    "arXiv:1808.00278",
    activation=Activation(estimator=Polynomial()),
    weight=Weight(scale=MeanSize("channel", "plain")),
)
