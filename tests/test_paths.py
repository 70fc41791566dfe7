"""Paths as users write them."""

import re
from pathlib import Path

import pytest

from rebnet.errors import OptionError
from rebnet.paths import followed, path_of, shortened, some_path_of


def refuse(message: str, name: str) -> None:
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        path_of(name)


def test_texts_and_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("a/b") == path_of(Path("a/b")) == Path("a/b")
    assert path_of("~/a") == tmp_path / "a"
    assert path_of("~root") == Path("/root")
    assert path_of("./~") == Path("~")
    assert some_path_of(None) is None
    assert some_path_of("a") == Path("a")


def test_refusals(tmp_path):
    refuse("~nosuchuser: there is no such user; write the whole path of what is here under this name", "~nosuchuser")
    refuse("'a\\x00b': is no path (embedded null byte); name another", "a\0b")
    refuse(f"{'x' * 30}… (300 characters): is longer than the system takes; use a shorter path", "x" * 300)
    refuse("ü" * 30 + "… (130 characters): is longer than the system takes; use a shorter path", "ü" * 130)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert path_of(tmp_path / "loop") == tmp_path / "loop"


def test_links(tmp_path):
    (tmp_path / "b").symlink_to("c")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    assert followed(tmp_path / "a") == (tmp_path / "c").resolve()
    assert followed(tmp_path / "d") == tmp_path / "d"


def test_shortened():
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 30 + "… (61 characters)"
