"""Print the licence of every distribution that `make install` takes, from the metadata of what is installed.

    .venv/bin/python tools/licences.py > docs/reference/licences.md

Nothing of them is part of the project: they are installed beside it.
"""

import sys
from importlib.metadata import Distribution, distribution

from lock import LOCK, ROOT, read

_LONG = 60
HEAD = """\
# Licences of what is installed beside the project

rebnet itself is Apache-2.0. This lists what `make install` brings, with the licence that each distribution states; made
by `python tools/licences.py`. Nothing of them is copied into the project. Verilator (LGPL-3.0 or Artistic-2.0), Yosys
and nextpnr (ISC), g++, perl and make (GPL) are programs that are run as processes of their own; what they are given and
what they write is the user's. A build of torch for GPUs, which is what `make install` takes where no build for the CPU
is offered, brings triton (MIT) and NVIDIA's libraries (under NVIDIA's licences) besides: `requirements-index.lock`.

| distribution | licence |
|---|---|
"""


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
    if field not in ("", "UNKNOWN") and len(field) <= _LONG and "\n" not in field:
        return field
    return ", ".join(classifiers) or "not stated"


def names() -> list[str]:
    """The distributions of the lock, and torch."""
    return sorted([*read((ROOT / LOCK).read_text()), "torch"])


def page() -> str:
    """The page, Markdown.

    Raises:
        importlib.metadata.PackageNotFoundError: one of them is not installed.
    """
    return HEAD + "".join(row(name) for name in names())


def row(name: str) -> str:
    """The line of one distribution."""
    return f"| {name} | {licence(distribution(name))} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
