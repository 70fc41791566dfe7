import pytest

from rebnet.errors import OptionError
from rebnet.train.recipe import RECIPES, Recipe, recipe_for


def test_a_data_set_has_its_own_recipe():
    assert recipe_for("mnist") is RECIPES["mnist"]
    assert recipe_for("npz:parts.npz") is RECIPES["default"]
    assert recipe_for("mnist", "digits") is RECIPES["digits"]
    assert recipe_for("mnist", epochs=3).epochs == 3


def test_only_pictures_that_may_be_mirrored_are():
    assert {name for name, recipe in RECIPES.items() if recipe.flip} == {"cifar10", "imagenet"}


def test_unknown_recipe():
    with pytest.raises(OptionError) as caught:
        recipe_for("mnist", "fast")
    assert (
        str(caught.value) == "recipe='fast': no such recipe; use one of cifar10, default, digits, imagenet, mnist, svhn"
    )


@pytest.mark.parametrize("epochs", [0, -1])
def test_refuses_epochs(epochs):
    with pytest.raises(OptionError, match=f"epochs={epochs}: a training takes at least one pass"):
        recipe_for("mnist", epochs=epochs)


def test_learning_rate_rises_then_falls_to_zero():
    recipe = Recipe(peak_learning_rate=0.01, warmup_steps=10)
    rates = [recipe.learning_rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01, rel=0.03)
    assert rates.index(max(rates)) == 9
    assert rates[-1] < 1e-5
    assert recipe.learning_rate(100, 100) == 0


def test_a_short_training_warms_up_for_a_tenth_of_it():
    recipe = Recipe(peak_learning_rate=0.01, warmup_steps=500)
    rates = [recipe.learning_rate(step, 40) for step in range(40)]
    assert rates.index(max(rates)) == 3
