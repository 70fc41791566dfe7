"""The end of a training: what costs nothing at inference goes into BatchNorm, codes and signs of weights.

Behind `absorb_` a network of such parts alone is a plain one: the same names of tensors, the same modules, and nothing
downstream knows that there was a method. Its BatchNorms have to be recalibrated, as `rebnet.nn.calibration.calibrate`
does; up to their epsilon and float rounding the scores are then the same.
"""

import torch
from torch import nn

from rebnet.nn.linear import BinaryLayer
from rebnet.nn.methods.activation import MethodSign
from rebnet.nn.methods.estimators import EstimatedSign
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.residual import ResidualSign
from rebnet.nn.window import PadLowest


@torch.no_grad()
def absorb_(model: nn.Module) -> None:
    """Put plain signs and plain weights in the place of those of a method, as far as these cost nothing."""
    plain: dict[ResidualSign, ResidualSign] = {}
    for module in list(model.modules()):
        if isinstance(module, BinaryLayer) and module.binarizer is not None and module.binarizer.in_float is None:
            module.weight.copy_(module.binarizer.absorbed(module.weight))
            module.binarizer = None
        if isinstance(module, NormSign) and isinstance(module.sign, MethodSign) and module.sign.dynamic is None:
            plain[module.sign] = module.sign.absorbed(module.norm)
            module.sign = plain[module.sign]
    for module in model.modules():
        if isinstance(module, PadLowest):
            module.follow(plain)


def has_method(model: nn.Module) -> bool:
    """Whether something is left that `absorb_` takes away."""
    return any(
        isinstance(module, MethodSign) or (isinstance(module, BinaryLayer) and module.binarizer is not None)
        for module in model.modules()
    )


def set_progress(model: nn.Module, progress: float) -> None:
    """Let every estimator take its sharpness for when that share of the training is done, 0 to 1."""
    for module in model.modules():
        if isinstance(module, EstimatedSign):
            module.set_progress(progress)
