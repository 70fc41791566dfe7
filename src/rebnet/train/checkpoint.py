"""`checkpoint.safetensors`: everything an interrupted training needs to go on bit for bit."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rebnet.errors import FileFormatError, OptionError
from rebnet.files import Array, Arrays, read_tensors, write_tensors
from rebnet.nn.load import state_arrays, state_tensors
from rebnet.records.training import Epoch
from rebnet.train.folder import CHECKPOINT_FILE
from rebnet.train.optimizers import fresh_states
from rebnet.train.recipe import LATER, Recipe

Curve = list[Epoch]
"""One entry per finished epoch."""
YOUNG: dict[str, Any] = {"any_levels": False, "recipe": Recipe().recorded() | LATER}
"""Settings that checkpoints may lack, with the value that they then have."""


def save_checkpoint(
    run: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: Mapping[str, object], curve: Curve
) -> None:
    """Write model, optimizer, settings and learning curve in one step; the epoch is the curve's length."""
    arrays = {f"model.{name}": array for name, array in state_arrays(model.state_dict()).items()}
    states = optimizer.state_dict()["state"]
    for index, moments in enumerate(fresh_states(optimizer)):
        state = states.get(index, moments)  # a step at some level counts leaves the numbers of the others alone
        arrays |= {f"optimizer.{index}.{name}": array for name, array in state_arrays(state).items()}
    metadata = {
        "settings": json.dumps(dict(settings), default=dict),
        "epoch": str(len(curve)),
        "curve": json.dumps(curve, default=dict),
    }
    write_tensors(run / CHECKPOINT_FILE, arrays, metadata)


def load_checkpoint(
    run: Path, model: nn.Module, optimizer_of: Callable[[int], torch.optim.Optimizer], settings: Mapping[str, object]
) -> tuple[Curve, torch.optim.Optimizer]:
    """Put the checkpoint of `run` into `model` and the optimizer; without one, leave them and return no curve.

    Args:
        run: Folder of the run.
        model: The network.
        optimizer_of: Makes the optimizer of an epoch, counted from 0.
        settings: What the checkpoint must have been made with.

    Returns:
        The curve, and the optimizer of the last finished epoch, or else of the first.

    Raises:
        OptionError: The checkpoint was made under other settings; names the first that differs.
        FileFormatError: The checkpoint is corrupt.
        SchemaError: The checkpoint has another schema version.
    """
    path = run / CHECKPOINT_FILE
    if not path.exists():
        return [], optimizer_of(0)
    arrays, metadata = read_tensors(path)
    try:
        saved, epoch, curve = (json.loads(metadata[key]) for key in ("settings", "epoch", "curve"))
        readable = isinstance(saved, dict) and isinstance(curve, list) and epoch == len(curve)
        entries = [Epoch.from_json("curve", entry) for entry in curve] if readable else []
    except (KeyError, ValueError):
        readable = False
    if not readable:
        raise FileFormatError(f"{path}: its metadata hold no settings, epoch and curve; delete it and train again")
    _check_settings(path, saved, settings)
    parts: dict[str, dict[str, Array]] = {"model": {}, "optimizer": {}}
    for name, array in arrays.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = array
    optimizer = optimizer_of(max(0, len(entries) - 1))
    model.load_state_dict(state_tensors(path, parts["model"], model.state_dict()))
    _load_optimizer(path, parts["optimizer"], optimizer)
    return entries, optimizer


def _load_optimizer(path: Path, arrays: Arrays, optimizer: torch.optim.Optimizer) -> None:
    fresh = fresh_states(optimizer)
    moments = {f"{index}.{name}": like for index, state in enumerate(fresh) for name, like in state.items()}
    tensors = state_tensors(path, arrays, moments)
    state = {
        index: {
            name: torch.empty_like(moments[key]).copy_(tensors[key])  # in the memory format of the parameter
            for name in names
            for key in [f"{index}.{name}"]
        }
        for index, names in enumerate(fresh)
    }
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _check_settings(path: Path, saved: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    known = _flat(YOUNG) | _flat(saved)
    asked = _flat(YOUNG) | _flat(wanted)
    for key in {**asked, **known}:
        before, value = known.get(key), asked.get(key)
        if before != value:
            raise OptionError(
                f"{path}: was made with {key} = {before}, this training has {key} = {value}; resume with the old "
                "value, or name another --output"
            )


def _flat(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings with those of the recipe written out as `recipe.epochs` and so on."""
    flat: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
        else:
            flat[key] = value
    return flat
