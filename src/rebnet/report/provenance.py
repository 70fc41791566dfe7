"""Where every figure comes from: files, hashes, versions, commands."""

import json
from collections.abc import Sequence

from rebnet.records import Synthesis, Training
from rebnet.report.commands import made_by
from rebnet.report.html import Child, Html, table, tag, words
from rebnet.report.page import details, rebnet_version, section
from rebnet.report.records import Build

_FILES = ("training.json", "compile.json", "network.json", "folding.json", "ports.json", "evaluation.json",
          "adaptive.json", "simulation.json", "synthesis.json")  # fmt: skip
_LEAD = (
    "The page holds what these records say and nothing else. Figures stand only where the hashes chain from the "
    "training to the record. That shows what belongs together; the proof of a figure is to run its command again."
)


def provenance(build: Build) -> Html:
    """Each record with its hash, what it was made from, and the command that makes it."""
    rows: list[tuple[Child, ...]] = []
    for file in _FILES:
        digest = build.hashes.get(file)
        sources = [link for link in build.links if link.record == file]
        made = [
            tag("span", f"{'✓' if link.whole else '✗ another'} {link.source} ", class_=None if link.whole else "mark")
            for link in sources
        ]
        state = "–" if digest is None else tag("code", digest[:16], title=digest)
        rows.append((file, words(state), words(made)))
    headings = ("record", words("SHA-256, first 16 digits", "th"), words("made from, hash compared", "th"))
    commands, untold = made_by(build, _FILES)
    parts: list[Child] = [
        table(headings, rows),
        tag("h3", "Commands that make these records"),
        _untold(untold),
        tag("pre", tag("code", "\n".join(commands))),
        tag("p", versions([build])),
    ]
    training = build.get(Training)
    if training is not None and training.recipe is not None:
        recipe = [(str(key), json.dumps(value, ensure_ascii=False)) for key, value in training.recipe.items()]
        parts.append(details("The recipe of the training", table(("setting", "value"), recipe)))
    return section("provenance", "Provenance", *parts, lead=_LEAD)


def _untold(files: Sequence[str]) -> Html | None:
    """Says which commands are no more than a guess."""
    if not files:
        return None
    names = ", ".join(files)
    return tag("p", f"The request is not in {names}: an older rebnet wrote it. The commands say what can be known; "
               "capitals stand for what cannot.", class_="untold")  # fmt: skip


def versions(builds: Sequence[Build]) -> str:
    """What made the page and what was synthesised with."""
    tools = {record["tool"] for build in builds if (record := build.get(Synthesis)) is not None}
    return ", ".join([f"rebnet {rebnet_version()}", *sorted(tools)])
