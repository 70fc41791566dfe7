"""PyTorch twins of the law: binarizers, layers, networks, and the way from a text to a module.

Everything here is float and differentiable; integers begin behind `rebnet.export`. The one import rule
of this room: it needs torch, and says so in one sentence where torch is missing.
"""

from importlib.util import find_spec

from rebnet.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("this needs PyTorch, which is not installed; run: pip install 'rebnet[train]'")
