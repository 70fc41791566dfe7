"""Console blocks that show output: run, and what they print compared.

A line that begins with `$ ` is a command, what follows it is its standard output. A comment on the line in front of the
block, `<!-- console: varies NAME, needs DATASET, silent -->`, says any of

    varies NAME NAME    numbers in the lines that begin with these names are not compared: times and rates
    needs DATASET       runs where REBNET_DATA_DIR holds it
    silent              shows no output, is run, and must print none
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .pages import Block

_MARK = re.compile(r"^<!-- console: (.*) -->$")
_WORDS = {"varies": True, "needs": True, "silent": False}
"""What a mark may say, and whether names follow."""
_NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Transcript:
    """Commands with what each prints, and what the block's mark says of them."""

    steps: tuple[tuple[str, str], ...]
    varies: tuple[str, ...]
    needs: tuple[str, ...]


def transcript(page: str, block: Block) -> Transcript | None:
    """What is to be run of a console block of the page's text; None where it shows no output and is not `silent`."""
    mark = _mark(page.splitlines()[block.line - 3])
    steps: list[tuple[str, str]] = []
    for line in block.text.replace("\\\n", " ").splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:].strip(), ""))
        else:
            steps[-1] = (steps[-1][0], steps[-1][1] + line)
    if "silent" not in mark and not any(output for _, output in steps):
        return None
    return Transcript(tuple(steps), mark.get("varies", ()), mark.get("needs", ()))


def _mark(line: str) -> dict[str, tuple[str, ...]]:
    match = _MARK.match(line)
    if match is None:
        return {}
    said = {words[0]: tuple(words[1:]) for words in map(str.split, match[1].split(","))}
    for word, names in said.items():
        assert _WORDS.get(word) == bool(names), f"{line}: varies NAME, needs DATASET, silent"
    return said


def run(shown: Transcript, folder: Path, where: str) -> None:
    """Run the commands one after another in the folder; each must end with 0 and print what is shown.

    Output is not compared for commands in front of the last that show none: a page may leave it out.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"PATH": path}
    for number, (command, output) in enumerate(shown.steps, 1):
        call = ["bash", "-euo", "pipefail", "-c", command]
        done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{where}: {command}\n{done.stderr}"
        if output or number == len(shown.steps):
            printed = compared(done.stdout, shown.varies)
            assert printed == compared(output, shown.varies), f"{where}: {command} prints\n{done.stdout}"


def compared(output: str, varies: tuple[str, ...]) -> list[str]:
    """The lines that must be equal: without trailing blanks, and without the numbers that vary."""
    return [
        _NUMBER.sub("#", line).rstrip() if line.startswith(varies or "\n") else line.rstrip()
        for line in output.splitlines()
        if line.strip()
    ]
