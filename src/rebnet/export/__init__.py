"""Export: the only door between torch and the rest."""

import rebnet.nn  # isort: skip # noqa: F401 - first: it says in one sentence that torch is missing

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rebnet.errors import OptionError
from rebnet.export.modules import check_pixels, checked_steps, own_copy
from rebnet.export.walk import walk
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding, parse
from rebnet.methods import method_of
from rebnet.nn.calibration import calibrate
from rebnet.nn.graph import steps
from rebnet.nn.load import load_model
from rebnet.nn.methods.absorb import absorb_, has_method
from rebnet.nn.options import FEATURE_BITS, FLOAT_LEVELS
from rebnet.nn.pixels import PixelInput


def export(
    model: nn.Module,
    name: str = "network",
    *,
    foldings: Sequence[Folding | None] = (),
    images: NDArray[np.uint8] | None = None,
    gain_bits: int = 8,
    feature_bits: int = FEATURE_BITS,
    regression: bool = False,
) -> Network:
    """A trained module as a network of real operations, ready for lowering.

    Args:
        model: an `nn.Sequential` or a `rebnet.nn.graph.Graph` of PixelInput, then modules that say their operations
            (`rebnet.nn.operations`): those of `rebnet.nn`, torch's that have a meaning in hardware, and your own that
            have a method `operations`. Sequentials and Graphs in it are read through, and so is what torch.compile made
            of it. It may be on any device, in training or not, and is not changed.
        name: name of the network.
        foldings: folding of each dense layer, None or missing where it is open.
        images: training images, uint8 N×H×W×C, at least one. With them the factors γ are first set to integer gains
            over a power of two, features to a grid, and BatchNorm is recalibrated, as `rebnet train` does at its end;
            without them they must be already.
        gain_bits: width of the sum of a layer's gains.
        feature_bits: F, features are multiples of 2^-F; it is set with the factors, where there are images.
        regression: whether what the model gives are values, whose unit the scores keep, and not scores of classes.

    Raises:
        OptionError: a module says no operations, its numbers are not finite or not float32, its factors were not
            snapped and there are no images, or images that do not fit it. Nothing has been computed by then.
        VerifyError: its modules stand in an order that is no network.
    """
    flow = checked_steps(model, name)
    if images is not None:
        pixels = flow[0].module
        assert isinstance(pixels, PixelInput)
        array = check_pixels(images, pixels, name)
        if has_method(model):
            plain = own_copy(flow)
            absorb_(plain)
            flow = steps(plain)
        walk(flow, name, foldings, snapped=False)
        copied = own_copy(flow)
        calibrate(copied, array, gain_bits, feature_bits)
        flow = steps(copied)
    return replace(walk(flow, name, foldings), regression=regression)


def export_run(run: Path) -> Network:
    """Export the finished training in the folder `run`; the foldings are those of its network text.

    Raises:
        FileFormatError: the folder holds no finished training.
        OptionError: it holds a float network, or one of a method that hardware does not have.
    """
    model, metadata = load_model(run)
    if metadata.levels == FLOAT_LEVELS:
        raise OptionError(
            f"{run}: holds a float network, which has no 1-bit weights; train with --levels 1 to 8, and with "
            f"--teacher {run} to learn from it"
        )
    if refusal := method_of(metadata.method).refusal:
        raise OptionError(f"{run}: {refusal}")
    architecture = parse(metadata.network)
    name = f"{metadata.dataset.split(':')[0]}-m{metadata.levels}"
    foldings = [layer.folding for layer in architecture.weighted]
    return export(model, name, foldings=foldings, regression=metadata.regression)
