"""Real-to-Binary: channels scaled by a gate that each image's real features make.

Source: Martinez et al., "Training Binary Neural Networks with Real-to-Binary Convolutions" (arXiv:2003.11535):
data-driven channel re-scaling, two dense layers and a sigmoid on the means of the features in front of the sign, and
PReLU behind. The layer between is an eighth as wide. The teacher and the stages of its training are the recipe's and
`--teacher`. `STATIC` has one trained scale a channel in the gate's place.
"""

from rebnet.methods.behind import Bend, SqueezeExcite
from rebnet.methods.method import Method
from rebnet.methods.weights import LearnedScale, Weight

METHOD = Method(
    "real-to-binary",
    "Real-to-Binary",
    "arXiv:2003.11535",
    scale=SqueezeExcite(8),
    nonlinearity=Bend(),
    in_hardware="real-to-binary-static",
)
STATIC = Method(
    "real-to-binary-static",
    "Real-to-Binary, static",
    "arXiv:2003.11535",
    weight=Weight(scale=LearnedScale("channel")),
    nonlinearity=Bend(),
)
