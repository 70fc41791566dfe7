"""What there is by name: networks of the zoo, boards, parts, recipes, data sets, methods of binarization."""

from collections.abc import Callable
from typing import get_args

from rebnet.choices import Kind
from rebnet.errors import OptionError

Listed = dict[str, object]
"""A thing that there is: its `name`, and what there is to know."""


def list_(kind: Kind) -> list[Listed]:
    """All networks of the zoo, boards, parts, recipes, data sets or methods, in the order that help texts show.

    Args:
        kind: "zoo", "boards", "parts", "recipes", "datasets" or "methods".

    Returns:
        A dictionary each: `name`, and what there is to know; accuracies in percent.

    Raises:
        OptionError: there is no such kind.
    """
    if kind not in _KINDS:
        raise OptionError(f"kind={kind!r}: use {', '.join(get_args(Kind))}")
    return _KINDS[kind]()


def _zoo() -> list[Listed]:
    from rebnet import zoo
    from rebnet.records import Evaluation, Training, read

    rows = []
    for name in zoo.NAMES:
        path = zoo.folder(name)
        training = read(path / Training.FILE, Training, needs=("any_levels",))
        evaluation = read(path / Evaluation.FILE, Evaluation)
        told = {key: training[key] for key in ("dataset", "levels", "any_levels")}
        scores = {key: evaluation[key] for key in ("accuracy", "float_accuracy")}
        rows.append({"name": f"{zoo.PREFIX}{name}", **told, **scores, "network": training.network})
    return rows


def _boards() -> list[Listed]:
    from rebnet.boards import boards

    return [
        {"name": board.name, "part": board.part.name, "clock_mhz": board.clock_mhz, **board.part.device.as_record()}
        for board in boards()
    ]


def _parts() -> list[Listed]:
    from rebnet.boards import parts

    return [
        {"name": part.name, "family": part.part.family, "order_code": part.part.order_code}
        | dict(part.part.device.as_record())
        for part in parts()
    ]


def _recipes() -> list[Listed]:
    from rebnet.train.recipe import RECIPES

    return [{"name": name, **recipe.recorded()} for name, recipe in sorted(RECIPES.items())]


def _datasets() -> list[Listed]:
    from rebnet.datasets import NAMES

    return [{"name": name} for name in NAMES]


def _methods() -> list[Listed]:
    from rebnet.methods import METHODS

    return [
        {
            "name": method.name,
            "title": method.title,
            "source": method.source,
            "at_inference": method.kind,
            "in_hardware": method.in_hardware or ("" if method.refusal else method.name),
        }
        for method in METHODS.values()
    ]


_KINDS: dict[Kind, Callable[[], list[Listed]]] = {
    "zoo": _zoo,
    "boards": _boards,
    "parts": _parts,
    "recipes": _recipes,
    "datasets": _datasets,
    "methods": _methods,
}
