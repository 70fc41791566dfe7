"""How the verbs tell what they are at; each takes functions of these shapes, and says nothing where none is given."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Called with what a stage is at."""

Progress = Callable[[int], None]
"""Called with the number of images done since the last call."""

ModuleProgress = Callable[[str, int, int], None]
"""Called with the name of a module, how many are done, and how many there are."""

Done = Callable[[str, object], None]
"""Called with the name of a stage and what its function returned."""


def silent(*said: object) -> None:
    """Say nothing."""
