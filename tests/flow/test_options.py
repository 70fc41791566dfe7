"""Every verb of the command line is a function of `flow` with the same options and the same defaults."""

import inspect

import pytest

from rebnet import flow
from rebnet.cli.app import SHARED, app

VERBS = {command.name: command.callback for command in app.registered_commands}
NAMES = {"list": "list_", "import": "import_"}
TOLD = {"quiet", "say", "progress", "begin", "done", "answered", "note"}
"""What a function takes in place of a terminal."""
INSIDE = {("compile", "margin"), ("compile", "image")}
"""What Python alone has: `build` searches again with a margin, and a module needs the shape of its images."""
OTHERWISE = {
    ("simulate", "images"): ("all", None),
    ("build", "images"): ("100", 100),
    ("reproduce", "from_"): (None, ()),
    ("reproduce", "rows"): (None, ()),
    ("generate", "target"): (inspect.Parameter.empty, "rtl"),
    ("train", "levels"): (1, inspect.Parameter.empty),
}
"""Defaults that the command line writes in another way, or that one of the two does not have."""


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_equal(verb):
    command = inspect.signature(VERBS[verb]).parameters
    function = inspect.signature(getattr(flow, NAMES.get(verb, verb))).parameters
    inside = {name for owner, name in INSIDE if owner == verb}
    assert set(command) - set(SHARED) == set(function) - TOLD - inside
    for name in set(command) - set(SHARED):
        defaults = (command[name].default, function[name].default)
        expected = OTHERWISE.get((verb, name))
        assert defaults == expected if expected else defaults[0] == defaults[1], name


@pytest.mark.parametrize("verb", VERBS)
def test_paths_may_be_text(verb):
    function = getattr(flow, NAMES.get(verb, verb))
    for name, parameter in inspect.signature(function).parameters.items():
        kinds = str(parameter.annotation)
        assert "Path" not in kinds or "str" in kinds, name
