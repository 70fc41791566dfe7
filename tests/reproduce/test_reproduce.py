"""The four files of a target."""

import builtins
import json
import re
from typing import get_args
from xml.etree import ElementTree

import pytest

from rebnet import flow
from rebnet.errors import MissingExtraError, OptionError
from rebnet.reproduce import TARGETS, Target


def make(target, output, folder):
    if target == "repair-study":
        return flow.reproduce(target, output)
    sources = [folder(f"m{levels}", levels=levels) for levels in (1, 2)]
    wide = "28x28x1 - D512(16,64) - D512(32,16) - D512(16,32) - D10(16,4)"
    return flow.reproduce(target, output, from_=[*sources, folder("wide", network=wide)])


def test_every_target_has_its_name():
    assert tuple(TARGETS) == get_args(Target)


@pytest.mark.parametrize("target", TARGETS)
def test_files(target, folder, tmp_path):
    made = make(target, tmp_path / "out", folder)
    names = [f"{target}.{kind}" for kind in ("json", "md", "png", "svg")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    record = json.loads((tmp_path / "out" / f"{target}.json").read_text())
    assert record == {"schema": 1, "target": target, **json.loads(json.dumps(made.record))}
    assert (tmp_path / "out" / f"{target}.md").read_text() == made.table.markdown
    assert (tmp_path / "out" / f"{target}.png").read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(tmp_path / "out" / f"{target}.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_records_give_the_same_bytes(target, folder, tmp_path):
    for output in ("one", "two"):
        make(target, tmp_path / output, folder)
    for kind in ("json", "md", "png", "svg"):
        assert (tmp_path / "one" / f"{target}.{kind}").read_bytes() == (
            tmp_path / "two" / f"{target}.{kind}"
        ).read_bytes()


def test_markdown(folder, tmp_path):
    lines = make("figure9", tmp_path, folder).table.markdown.splitlines()
    assert lines[0] == "# Figure 9, learning curves"
    assert lines[2] == "| data set | M | epochs | validation % | test % | paper % | logs % | run |"
    assert len(lines) == 9


def test_unknown_target(tmp_path):
    with pytest.raises(OptionError, match=re.escape(
        "target='table9': nothing of that name can be reproduced; use table3, figure9, figure10, figure11, "
        "figure12, table4, repair-study, survey-table3"
    )):  # fmt: skip
        flow.reproduce("table9", tmp_path)


def test_without_matplotlib(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == "matplotlib":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=re.escape(
        "pictures are drawn with matplotlib, which is not installed; run pip install 'rebnet[reproduce]'"
    )):  # fmt: skip
        flow.reproduce("table3", tmp_path / "out")
    assert not (tmp_path / "out").exists()
