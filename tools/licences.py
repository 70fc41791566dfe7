"""Print the licence of every distribution that the project needs, from the metadata of what is installed.

    python tools/licences.py > docs/reference/licences.md

Every requirement of pyproject.toml, and what these require in turn; one that is not installed is left out. Nothing of
them is part of the project: they are installed beside it.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

EXTRAS = ("train", "data", "simulate", "synthesize", "reproduce", "dev")
_LONG = 60
HEAD = """\
# Licences of what is installed beside the project

rebnet itself is Apache-2.0. This lists what `make install` brings, with the licence that each distribution states; made
by `python tools/licences.py`. Nothing of them is copied into the project. Verilator (LGPL-3.0 or Artistic-2.0), Yosys
and nextpnr (ISC), g++, perl and make (GPL) are programs that are run as processes of their own; what they are given and
what they write is the user's.

| distribution | licence |
|---|---|
"""


def needed(name: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all distributions that `name` with `extras` requires here, itself first; some more than once."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    left = [(name, extras)]
    while left:
        item = left.pop()
        if item in seen:
            continue
        seen.add(item)
        try:
            found = distribution(item[0])
        except PackageNotFoundError:
            continue
        yield found.metadata["Name"]
        for line in found.requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*item[1], "")):
                left.append((requirement.name, tuple(sorted(requirement.extras))))


def licence(found: Distribution) -> str:
    """What the metadata states: the expression, else the classifiers, else the field where it is short."""
    metadata = found.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    field = (metadata.get("License") or "").strip()
    if field and len(field) <= _LONG and "\n" not in field:
        return field
    return ", ".join(classifiers) or "not stated"


def page() -> str:
    """The page, Markdown."""
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in needed("rebnet", EXTRAS)} - {"rebnet"}
    return HEAD + "".join(f"| {name} | {licence(distribution(name))} |\n" for name in sorted(names))


if __name__ == "__main__":
    sys.stdout.write(page())
