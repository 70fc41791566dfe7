"""`model.safetensors`: a trained network with all that is needed to build it again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rebnet.errors import FileFormatError, RebnetError
from rebnet.files import read_tensors, write_tensors
from rebnet.nn.build import build
from rebnet.nn.networks import architecture
from rebnet.nn.options import MODEL_FILE


@dataclass(frozen=True)
class ModelMetadata:
    """What a run says about its model.

    Attributes:
        network: Canonical network text.
        levels: M it was trained for.
        input_bits: Bits kept of each pixel.
        dataset: Name of the data set it was trained on.
        any_levels: Whether every m = 1 … M has numbers of its own.
    """

    network: str
    levels: int
    input_bits: int
    dataset: str
    any_levels: bool = False


def save_model(run: Path, model: nn.Sequential, metadata: ModelMetadata) -> None:
    """Write `run`/model.safetensors in one step."""
    texts = {key: str(value) for key, value in asdict(metadata).items()}
    write_tensors(run / MODEL_FILE, state_arrays(model.state_dict()), texts)


def load_model(run: Path) -> tuple[nn.Sequential, ModelMetadata]:
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
        described = architecture(metadata.network)

        def model_of() -> nn.Sequential:
            return build(described, metadata.levels, metadata.input_bits, any_levels=metadata.any_levels)

        with torch.device("meta"):  # shapes without memory: the text may ask for more than the file holds
            wanted = model_of().state_dict()
    except RebnetError as error:
        raise FileFormatError(f"{path}: its metadata describe no network ({error}); train it again") from error
    state = state_tensors(path, arrays, wanted)
    model = model_of()
    model.load_state_dict(state)
    return model.eval(), metadata


def _metadata(path: Path, texts: Mapping[str, str]) -> ModelMetadata:
    for key in ("network", "levels", "input_bits", "dataset"):
        if key not in texts:
            raise FileFormatError(f"{path}: metadata key {key!r} is missing; train it again")
    for key in ("levels", "input_bits"):
        if not texts[key].isdecimal():
            raise FileFormatError(f"{path}: metadata key {key!r} holds {texts[key]!r}, not a number; train it again")
    any_levels = texts.get("any_levels", "False")  # older than any-level networks
    if any_levels not in ("True", "False"):
        raise FileFormatError(
            f"{path}: metadata key 'any_levels' holds {any_levels!r}, not True or False; train it again"
        )
    return ModelMetadata(
        texts["network"], int(texts["levels"]), int(texts["input_bits"]), texts["dataset"], any_levels == "True"
    )


def state_arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """A state dict as arrays to write."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in state.items()}


def state_tensors(path: Path, arrays: Mapping[str, NDArray[Any]], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays read from `path` as a state dict with exactly the names, shapes and types of `wanted`.

    Raises:
        FileFormatError: A tensor is missing, surplus, of another shape or type, or not finite.
    """
    surplus = sorted(set(arrays) - set(wanted))
    if surplus:
        raise FileFormatError(f"{path}: tensor {surplus[0]!r} belongs to no part of the network; train it again")
    return {name: _tensor(path, name, arrays.get(name), like) for name, like in wanted.items()}


def _tensor(path: Path, name: str, array: NDArray[Any] | None, like: Tensor) -> Tensor:
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
