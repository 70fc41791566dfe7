"""The verb `train`: a data set and a network text in, `model.safetensors` and `training.json` out."""

from rebnet.nn.load import ModelMetadata, load_model
from rebnet.train.again import retrain
from rebnet.train.loop import train
from rebnet.train.recipe import RECIPES, Recipe, recipe_for

__all__ = ["RECIPES", "ModelMetadata", "Recipe", "load_model", "recipe_for", "retrain", "train"]
