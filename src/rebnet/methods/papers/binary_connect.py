"""BinaryConnect: 1-bit weights, real activations.

Source: Courbariaux, Bengio, David, "BinaryConnect: Training Deep Neural Networks with binary weights during
propagations" (arXiv:1511.00363). Weights are sign(w), gradients pass straight through, and latents stay within -1 and
1 (section 2.4, the recipe's `latent_clip`). Activations are real, behind BatchNorm and ReLU as in section 3; the loss
is the squared hinge. Its stochastic form is section 2.3: +1 with probability min(max((w + 1)/2, 0), 1) in training,
the sign behind it, which is the first of the three ways that section 2.6 gives.
"""

from rebnet.methods.activations import Activation, Real
from rebnet.methods.estimators import Identity
from rebnet.methods.method import Method
from rebnet.methods.weights import Stochastic, Weight

METHOD = Method(
    "binary-connect",
    "BinaryConnect",
    "arXiv:1511.00363",
    activation=Activation(Real()),
    weight=Weight(estimator=Identity()),
    recipe={"loss": "squared_hinge"},
    in_hardware="bnn",
)
STOCHASTIC = Method(
    "binary-connect-stochastic",
    "BinaryConnect, stochastic",
    "arXiv:1511.00363",
    activation=Activation(Real()),
    weight=Weight(to=Stochastic(), estimator=Identity()),
    recipe={"loss": "squared_hinge"},
    in_hardware="bnn",
)
