"""The verb `train`: a data set and a network text in, `model.safetensors` and `training.json` out.

What needs torch is imported where it is used first, so that recipes are listed and requests refused without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rebnet.train.recipe import RECIPES, Recipe, recipe_for

if TYPE_CHECKING:
    from rebnet.nn.load import ModelMetadata, load_model
    from rebnet.train.again import retrain
    from rebnet.train.loop import train

__all__ = ["RECIPES", "ModelMetadata", "Recipe", "load_model", "recipe_for", "retrain", "train"]

_LATER = {
    "ModelMetadata": "rebnet.nn.load",
    "load_model": "rebnet.nn.load",
    "retrain": "rebnet.train.again",
    "train": "rebnet.train.loop",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
