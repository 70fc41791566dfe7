"""An instance of a module of the library: what a unit becomes in a top level, and what the cost model prices."""

from dataclasses import dataclass
from typing import Any

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Module:
    """An instance of a module of the library.

    Attributes:
        name: of the module.
        parameters: by the names of the RTL; memory images left out. Numbers, or arrays of one for each choice.
        of: name of the instance.
    """

    name: str
    parameters: Parameters
    of: str = ""


def quoted(text: str) -> str:
    """A string parameter."""
    return f'"{text}"'
