"""ReActNet: a trained threshold a channel, and RPReLU.

Source: Liu et al., "ReActNet" (arXiv:2003.03488). Activations: RSign, +1 where x is above a trained threshold of its
channel, with Bi-Real Net's polynomial slope as in the authors' code. Weights: Bi-Real Net's. RPReLU behind every
layer, or behind the sum that it ends in (section 4.2). Its distributional loss is a teacher's, `--teacher` with a
distillation share of 1. `SIGNS` is RSign alone, with the slope of clip.
"""

from rebnet.methods.activations import Activation, Learned
from rebnet.methods.behind import Bend
from rebnet.methods.estimators import Polynomial
from rebnet.methods.method import Method
from rebnet.methods.weights import MeanSize, Weight

METHOD = Method(
    "reactnet",
    "ReActNet",
    "arXiv:2003.03488",
    activation=Activation(threshold=Learned("channel", 0.0), estimator=Polynomial()),
    weight=Weight(scale=MeanSize("channel", "plain")),
    nonlinearity=Bend(shifts=True),
)
SIGNS = Method(
    "reactnet-signs",
    "ReActNet, thresholds alone",
    "arXiv:2003.03488",
    activation=Activation(threshold=Learned("channel", 0.0)),
)
