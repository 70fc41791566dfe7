"""`model.safetensors`: a trained network with all that is needed to build it again."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.errors import FileFormatError, RebnetError
from rebnet.files import Array, Arrays, read_tensors, write_tensors
from rebnet.methods import METHODS, REBNET, method_of
from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.nn.options import MODEL_FILE, Estimator, Gradient

_NORM = "weight|bias|running_mean|running_var|num_batches_tracked"
_SIGN = "log_increments|snapped|is_snapped"
_BEFORE_NORM_SIGN = re.compile(rf"(norm|sign)([0-9]+(?:\.[0-9]+)?)\.({_NORM}|{_SIGN})")
"""Names of tensors from when BatchNorm and residual sign were modules of their own: `norm1.bias`, `sign1.0.snapped`."""
_YOUNG = {"regression": False, "method": REBNET.name}
"""What is left out where it has this value, as older files do."""
_LEGAL: dict[str, tuple[str, ...]] = {
    "any_levels": ("True", "False"),
    "regression": ("True", "False"),
    "gradient": get_args(Gradient),
    "estimator": get_args(Estimator),
    "method": tuple(METHODS),
}


@dataclass(frozen=True)
class ModelMetadata:
    """What a run says about its model: all that `rebnet.nn.build.build` asks for, and the data set.

    Attributes:
        network: Canonical network text.
        levels: M it was trained for; 0 is the float network.
        input_bits: Bits kept of each pixel.
        dataset: Name of the data set it was trained on.
        any_levels: Whether every m = 1 … M has numbers of its own.
        gradient: Gradient of its residual signs.
        estimator: What stands in for the slope of their signs.
        regression: Whether it gives values, and no scores of classes.
        method: Name of the method that binarized it; where that costs nothing at inference, the tensors are those of a
            plain network.
    """

    network: str
    levels: int
    input_bits: int
    dataset: str
    any_levels: bool = False
    gradient: Gradient = "chain"
    estimator: Estimator = "clip"
    regression: bool = False
    method: str = REBNET.name

    def build(self) -> nn.Module:
        """The model that is meant, with weights as they start."""
        described, method = architecture(self.network), method_of(self.method).at_inference
        gradient, estimator = self.gradient, self.estimator
        return build(described, self.levels, self.input_bits, gradient, estimator, self.any_levels, method)


def save_model(run: Path, model: nn.Module, metadata: ModelMetadata) -> None:
    """Write `run`/model.safetensors in one step."""
    texts = {key: str(value) for key, value in asdict(metadata).items() if value != _YOUNG.get(key)}
    write_tensors(run / MODEL_FILE, state_arrays(model.state_dict()), texts)


def load_model(run: Path) -> tuple[nn.Module, ModelMetadata]:
    """Read `run`/model.safetensors; the model comes back in eval mode.

    Raises:
        FileFormatError: The file is missing, corrupt, or its tensors are not those of its own network.
        SchemaError: The file has another schema version.
    """
    path = run / MODEL_FILE
    if not path.exists():
        raise FileFormatError(
            f"{path}: no such file, so {run} is not a finished training; run 'rebnet train' with --output {run}, "
            "and --resume if it was interrupted"
        )
    arrays, texts = read_tensors(path)
    metadata = _metadata(path, texts)
    try:
        with torch.device("meta"):  # shapes without memory: the text may ask for more than the file holds
            wanted = metadata.build().state_dict()
    except RebnetError as error:
        raise FileFormatError(f"{path}: its metadata describe no network ({error}); train it again") from error
    state = state_tensors(path, arrays, wanted)
    model = metadata.build()
    model.load_state_dict(state)
    return model.eval(), metadata


def _metadata(path: Path, texts: Mapping[str, str]) -> ModelMetadata:
    values: dict[str, Any] = {}
    for one in fields(ModelMetadata):
        text = texts.get(one.name, str(one.default))  # a file may be older than an option, and then has its default
        if one.name not in texts and one.default is MISSING:
            raise FileFormatError(f"{path}: metadata key {one.name!r} is missing; train it again")
        if one.type is int and not text.isdecimal():
            raise FileFormatError(f"{path}: metadata key {one.name!r} holds {text!r}, not a number; train it again")
        if one.name in _LEGAL and text not in _LEGAL[one.name]:
            legal = " or ".join(_LEGAL[one.name])
            raise FileFormatError(f"{path}: metadata key {one.name!r} holds {text!r}, not {legal}; train it again")
        values[one.name] = int(text) if one.type is int else text == "True" if one.type is bool else text
    return ModelMetadata(**values)


def state_arrays(state: Mapping[str, Tensor]) -> dict[str, Array]:
    """A state dict as arrays to write."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in state.items()}


def state_tensors(path: Path, arrays: Arrays, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays read from `path` as a state dict with exactly the names, shapes and types of `wanted`.

    Raises:
        FileFormatError: A tensor is missing, surplus, of another shape or type, or not finite.
    """
    arrays = {_current(name): array for name, array in arrays.items()}
    surplus = sorted(set(arrays) - set(wanted))
    if surplus:
        raise FileFormatError(f"{path}: tensor {surplus[0]!r} belongs to no part of the network; train it again")
    return {name: _tensor(path, name, arrays.get(name), like) for name, like in wanted.items()}


def _current(name: str) -> str:
    """The name that a tensor has today."""
    old = _BEFORE_NORM_SIGN.fullmatch(name)
    return name if old is None else f"norm{old[2]}.{old[1]}.{old[3]}"


def _tensor(path: Path, name: str, array: Array | None, like: Tensor) -> Tensor:
    if array is None:
        raise FileFormatError(f"{path}: tensor {name!r} is missing; train it again")
    shape = () if like.ndim == 0 and array.shape == (1,) else array.shape  # numpy writes a scalar as one element
    tensor = torch.from_numpy(array.reshape(shape))
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        raise FileFormatError(
            f"{path}: tensor {name!r} is {tensor.dtype} of shape {tuple(tensor.shape)}, the network needs "
            f"{like.dtype} of shape {tuple(like.shape)}; train it again"
        )
    if not np.isfinite(array).all():
        raise FileFormatError(f"{path}: tensor {name!r} holds a number that is not finite; train it again")
    return tensor
