"""IE-Net: two signs of the same features, and an estimator that grows sharper.

Source: Ding, Liu, Zhou, "IE-Net: Information-Enhanced Binary Neural Networks for Accurate Classification",
Electronics 11(6):937, 2022, after its authors' code. IE-BC: the same weights see the signs of features under two
trained shifts, and the second counts by a trained factor. Here a shift is the bias of a BatchNorm of its own; the
factor is one of a layer, where theirs is one of an output, above 0, and a power of two at the end of the training;
and the two shifts start apart, as Adam would move equal ones alike. Weights are centred and standardized, with one
trained scale a channel. IEE is the estimator of both, of activations with t of at least 1. Hardtanh behind every sum
is left out.
"""

from rebnet.methods.activations import Activation, Parallel
from rebnet.methods.estimators import Iee
from rebnet.methods.method import Method
from rebnet.methods.weights import LearnedScale, Weight

METHOD = Method(
    "ie-net",
    "IE-Net",
    "doi:10.3390/electronics11060937",
    activation=Activation(Parallel(2), estimator=Iee(least=1.0)),
    weight=Weight(centred=True, standardized=True, scale=LearnedScale("channel"), estimator=Iee()),
)
