import importlib.util
import runpy

import pytest

import rebnet.nn
from rebnet.errors import MissingExtraError


def test_missing_torch_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        runpy.run_path(rebnet.nn.__file__)
    assert str(caught.value) == ("this needs PyTorch, which is not installed; run: pip install 'rebnet[train]'")
