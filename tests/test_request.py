"""Requests: what is kept of a call, and the command lines that ask for the same again."""

import inspect
import re
import shlex
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typer

from rebnet import flow
from rebnet.cli.app import app
from rebnet.errors import FileFormatError
from rebnet.files import write_record
from rebnet.records import read_any as read
from rebnet.records.request import _LEFT_OUT, FROM_PYTHON, Request, Verb, command_line, request_of


def verb(
    build: Path,
    source: str | Path = "zoo:x",
    *,
    part: str | None = None,
    levels: tuple[int, ...] | None = None,
    images: int | None = None,
    target_fps: float = 0,
    fixed: bool = False,
    scores: bool = True,
    quiet: bool = False,
) -> dict[str, object]:
    return request_of(verb, locals())


def test_only_what_differs_from_the_defaults_is_kept():
    assert verb(Path("b")) == {"verb": "verb", "options": {}}
    assert verb(Path("b"), quiet=True)["options"] == {}
    kept = verb(Path("b"), Path("runs/a b"), levels=(3, np.uint8(1)), images=np.int64(7), target_fps=2.5, scores=False)
    assert kept["options"] == {
        "source": "runs/a b", "levels": [3, 1], "images": 7, "target_fps": 2.5, "scores": False
    }  # fmt: skip
    assert verb(Path("b"), target_fps=float("inf"))["options"] == {"target_fps": "inf"}  # JSON has no such number


@pytest.mark.parametrize(
    ("request_", "folder", "line"),
    [
        ({"verb": "compile", "options": {"source": "zoo:mnist-arch-1-m2", "folding": "paper", "fixed_levels": True}},
         "build/m2", "rebnet compile zoo:mnist-arch-1-m2 --folding paper --fixed-levels --output build/m2"),
        ({"verb": "compile", "options": {"source": "-x", "target_fps": 1e5}}, "it's; rm -rf x",
         "rebnet compile ./-x --target-fps 100000 --output 'it'\"'\"'s; rm -rf x'"),
        ({"verb": "evaluate", "options": {"dataset": "npz:$(id).npz", "adaptive": [1, 3], "max_loss": 0.25}}, "-b",
         "rebnet evaluate ./-b --dataset 'npz:$(id).npz' --adaptive 1,3 --max-loss 0.25"),
        ({"verb": "simulate", "options": {"dataset": "digits", "levels": [3, 1], "stalls": 0}}, "b",
         "rebnet simulate b --dataset digits --levels 3,1 --stalls 0"),
        ({"verb": "synthesize", "options": {"board": "ulx3s-85", "place_and_route": True, "scores": False,
          "timeout": 9.0}}, "b", "rebnet synthesize b --board ulx3s-85 --place-and-route --no-scores --timeout 9"),
        ({"verb": "compile", "options": {"source": "r", "margin": {"LUT\n;": 1.5}}}, "b",
         'rebnet compile r --output b  # and, from Python only, {"margin": {"LUT\\n;": 1.5}}'),
        ({"verb": "train", "options": {"network": "8x8x1 - D10", "dataset": "digits", "seed": -1}}, "r",
         "rebnet train --network '8x8x1 - D10' --dataset digits --seed=-1 --output r"),
    ],
)  # fmt: skip
def test_command_lines(request_, folder, line):
    assert command_line(Request(**request_), folder) == line


def flags(name: str) -> set[str]:
    """The options of a verb on the command line, with the names of its arguments."""
    command = typer.main.get_command(app).commands[name]
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("name", get_args(Verb))
def test_every_option_of_a_verb_is_one_of_the_command_line(name):
    """So that what Python was asked for can be asked for in a shell."""
    known = flags(name)
    for option in inspect.signature(getattr(flow, name)).parameters:
        if option not in (*_LEFT_OUT, *FROM_PYTHON):
            assert option in known or f"--{option.replace('_', '-')}" in known, option


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "key 'request' holds [], it must hold an object"),
        ({"verb": "sh", "options": {}}, "key 'request.verb' holds 'sh', it must hold train, retrain, compile, "
         "evaluate, simulate or synthesize"),
        ({"verb": "train"}, "key 'request.options' is missing, it must hold options by their names, each a text, a "
         "number, true, false, null or a list or an object of such"),
        ({"verb": "train", "options": {"x; y": 1}}, "key 'request.options' holds {'x; y': 1}, it must hold options by "
         "their names, each a text, a number, true, false, null or a list or an object of such"),
        ({"verb": "train", "options": {"x": [[[[1]]]]}}, "key 'request.options' holds {'x': [[[[1]]]]}, it must hold "
         "options by their names, each a text, a number, true, false, null or a list or an object of such"),
    ],
)  # fmt: skip
def test_damaged_requests(tmp_path, asked, message):
    path = tmp_path / "compile.json"
    write_record(path, {"inputs": {}, "request": asked})
    with pytest.raises(
        FileFormatError, match=f"^{re.escape(f'{path}: {message}; run the stage that writes it again')}$"
    ):
        read(path)


def test_what_a_command_line_says_is_one_word_for_a_shell():
    evil = "a b\n$HOME;`id`'\"\\"
    line = command_line(Request(verb="compile", options={"source": evil, "folding": evil}), evil)
    assert shlex.split(line) == ["rebnet", "compile", evil, "--folding", evil, "--output", evil]


def test_a_recipe_of_one_s_own_is_told_as_what_the_command_line_lacks():
    asked = Request(verb="train", options={"network": "arch-1", "recipe": {"epochs": 3}})
    assert command_line(asked, "runs/x") == (
        """rebnet train --network arch-1 --output runs/x  # and, from Python only, {"recipe": {"epochs": 3}}"""
    )
