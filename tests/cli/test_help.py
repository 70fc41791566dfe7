"""`rebnet --help` and the help of every verb, each with an example that can be copied."""

import re

import pytest

from rebnet.cli.app import app

EXAMPLES = {
    "train": "rebnet train --network arch-1 --dataset mnist --levels 2 --output runs/mnist-m2",
    "retrain": "rebnet retrain zoo:mnist-arch-1-m2 --seed 1 --output runs/mnist-m2-again",
    "compile": "rebnet compile zoo:mnist-arch-1-m2 --output build/mnist-m2",
    "generate": "rebnet generate build/mnist-m2 --target c",
    "export": "rebnet export build/mnist-m2 --to qonnx --output mnist-m2.onnx",
    "evaluate": "rebnet evaluate build/mnist-m2 --dataset mnist",
    "simulate": "rebnet simulate build/mnist-m2 --dataset mnist --images all --stalls 7",
    "synthesize": "rebnet synthesize build/mnist-m2 --part xc7s50",
    "report": "rebnet report build/mnist-m2",
    "reproduce": "rebnet reproduce table3 --dataset mnist",
    "build": "rebnet build zoo:mnist-arch-1-m1 --part xc7s50 --folding paper --output build/mnist-m1",
    "import": "rebnet import model.onnx",
    "sweep": "rebnet sweep study.toml --output sweeps/digits",
    "list": "rebnet list boards",
    "explain": "rebnet explain reactnet --network resnet-20 --board zc702",
    "demo": "rebnet demo --output build/demo",
}


def plain(text: str) -> str:
    """Without colours, frames and line breaks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", text).split())


def test_every_verb_has_an_example():
    assert {command.name for command in app.registered_commands} == set(EXAMPLES)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_help(rebnet, verb):
    code, out, err = rebnet(verb, "--help")
    assert (code, err) == (0, "")
    assert f"Example: {EXAMPLES[verb]}" in plain(out)
    assert f"{verb} " in plain(rebnet("--help")[1])


def test_nothing_at_all_shows_help(rebnet):
    code, out, err = rebnet()
    assert code == 2
    assert "Usage: rebnet" in plain(out + err)


def test_unknown_verb(rebnet):
    code, out, err = rebnet("trian")
    assert (code, out) == (2, "")
    assert err.startswith("rebnet: no such command 'trian'")
    assert err.endswith("; see 'rebnet --help'\n")
    assert len(err.splitlines()) == 1
