"""BinaryNet: activations and weights are signs.

Source: Courbariaux, Hubara et al., "Binarized Neural Networks" (arXiv:1602.02830). Both are deterministic signs
(equation 1); gradients pass where |x| <= 1 (equation 4), and latents stay within -1 and 1 (the recipe's
`latent_clip`). The loss is the squared hinge (section 2.1 of the experiments). Its shift-based BatchNorm and AdaMax
are left out.
"""

from rebnet.methods.method import Method

METHOD = Method("bnn", "BNN", "arXiv:1602.02830", recipe={"loss": "squared_hinge"})
