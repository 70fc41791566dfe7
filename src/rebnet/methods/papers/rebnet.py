"""ReBNet: residual levels with trained factors, 1-bit weights with one factor a layer.

Source: Ghasemzadeh, Samragh, Koushanfar, "ReBNet: Residual Binarized Neural Network", FCCM 2018 (arXiv:1711.01243),
Algorithm 1 and equations 5 to 8. The weights' factor is a power of two, which BatchNorm cancels; the estimator is the
recipe's.
"""

from rebnet.methods.method import Method

METHOD = Method("rebnet", "ReBNet", "arXiv:1711.01243", recipe_estimator=True)
