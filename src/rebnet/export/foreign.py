"""Modules of others, of Brevitas or of plain torch, as QONNX files, by Brevitas' own exporter."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from rebnet.errors import MissingExtraError, ModelError, OptionError
from rebnet.nn.pixels import PixelInput


def write_qonnx(model: object, image: Sequence[int], path: Path) -> Path:
    """Write a module as QONNX; it is exported as it evaluates, and not changed.

    Args:
        model: of Brevitas' modules, or of torch's.
        image: channels, height, width of its image, whose values are 0 to 1, or how many values there are.
        path: of the file.

    Returns:
        The file.

    Raises:
        MissingExtraError: Brevitas or what it exports with is not installed.
        OptionError: `image` is no shape, or the module is one of ours.
        ModelError: it cannot be exported; says what Brevitas says.
    """
    name = type(model).__name__
    if not isinstance(model, nn.Module):
        raise OptionError(f"{name}: is no module of torch; give a module, a run, zoo:NAME or FILE.onnx")
    if len(image) not in (1, 3) or not all(isinstance(side, int) and side > 0 for side in image):
        raise OptionError(f"image={tuple(image)}: give channels, height and width of the images of {name}, or values")
    if any(isinstance(module, PixelInput) for module in model.modules()):
        raise OptionError(
            f"{name}: is of rebnet's own modules; compile the run that trained it, or rebnet.export.export"
        )
    try:
        import onnxoptimizer  # noqa: F401 - Brevitas asks for it late
        from brevitas.export import export_qonnx
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{name}: exporting it needs the package {error.name}; pip install brevitas onnxoptimizer"
        ) from None
    training = model.training
    try:
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            args = torch.rand(1, *image, device=next(iter(model.parameters()), torch.zeros(())).device)
            export_qonnx(model.eval(), args=args, export_path=str(path), dynamo=False, opset_version=13)
    except Exception as error:  # whatever a stranger's module or torch's exporter raises
        raise ModelError(f"{name}: Brevitas cannot export it ({type(error).__name__}: {error})") from error
    finally:
        model.train(training)
    return path
