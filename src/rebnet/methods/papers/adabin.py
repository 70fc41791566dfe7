"""AdaBin: binary sets {b - a, b + a} of activations and weights, and two slopes behind.

Source: Tu et al., "AdaBin: Improving Binary Neural Networks with Adaptive Binary Sets" (arXiv:2208.08084).
Activations: a·sign((x - b)/a) + b with a and b trained, one of each a layer, the slope of Bi-Real Net's polynomial;
the authors' code gives a·(sign + b), here it is the paper's. Weights: b the mean and a the standard deviation of each
output's, EDE in the backward pass; the deviation is that of a sample, where the paper divides by n. Maxout behind
every layer or sum, see `rebnet.methods.behind.Maxout`. `CENTRED` leaves the weights' b out: it adds the sum of every
window's activations, times a real number of its own, to each output.
"""

from dataclasses import replace

from rebnet.methods.activations import Activation, Learned
from rebnet.methods.behind import Maxout
from rebnet.methods.estimators import Ede, Polynomial
from rebnet.methods.method import Method
from rebnet.methods.weights import Deviation, Weight

CENTRED = Method(
    "adabin-centred",
    "AdaBin, weights about 0",
    "arXiv:2208.08084",
    activation=Activation(
        threshold=Learned("layer", 0.0),
        scale=Learned("layer", 1.0),
        about_threshold=True,
        estimator=Polynomial(),
    ),
    weight=Weight(centred=True, standardized=True, scale=Deviation(), estimator=Ede()),
    nonlinearity=Maxout(),
)
METHOD = replace(
    CENTRED,
    name="adabin",
    title="AdaBin",
    weight=replace(CENTRED.weight, about_mean=True),
    in_hardware="adabin-centred",
)
