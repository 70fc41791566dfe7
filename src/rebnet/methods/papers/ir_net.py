"""IR-Net: balanced, standardized weights with a power of two, and an estimator that grows sharper.

Source: Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks"
(arXiv:1909.10788). Libra-PB is equations 4 to 7: latents minus their mean, over their standard deviation, then sign,
times the power of two 2^s of equation 6, whose logarithm is rounded. EDE, of activations and of weights, is equation
9, t from 0.1 to 10. The standard deviation is that of a sample (over n - 1), of each output channel, as in the
authors' code.
"""

from rebnet.methods.activations import Activation
from rebnet.methods.estimators import Ede
from rebnet.methods.method import Method
from rebnet.methods.weights import PowerOfTwo, Weight

METHOD = Method(
    "ir-net",
    "IR-Net",
    "arXiv:1909.10788",
    activation=Activation(estimator=Ede()),
    weight=Weight(centred=True, standardized=True, scale=PowerOfTwo("channel"), estimator=Ede()),
)
