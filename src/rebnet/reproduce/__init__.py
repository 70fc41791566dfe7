"""Tables and figures of papers from our records, beside the published numbers. Nothing is trained or run here."""

from collections.abc import Sequence
from pathlib import Path

from rebnet.choices import Target
from rebnet.errors import OptionError
from rebnet.files import make_folder, write_bytes, write_record, write_text
from rebnet.reproduce.figure9 import figure9
from rebnet.reproduce.figure10 import figure10
from rebnet.reproduce.figure11 import figure11
from rebnet.reproduce.figure12 import figure12
from rebnet.reproduce.picture import check_matplotlib, render
from rebnet.reproduce.records import BoundCycles, Source, read_runs
from rebnet.reproduce.repair_study import repair_study, runs_in
from rebnet.reproduce.survey_table3 import survey_table3
from rebnet.reproduce.table3 import table3
from rebnet.reproduce.table4 import table4
from rebnet.reproduce.target import Make, Reproduction

__all__ = ["TARGETS", "Reproduction", "Target", "reproduce"]

TARGETS: dict[Target, Make] = {
    "table3": table3,
    "figure9": figure9,
    "figure10": figure10,
    "figure11": figure11,
    "figure12": figure12,
    "table4": table4,
    "repair-study": repair_study,
    "survey-table3": survey_table3,
}
"""A table or figure by name; one more is one more file, its name above, and its entry here."""
STUDIES: tuple[Target, ...] = ("repair-study",)
"""Those whose sources may be folders of runs, each named as its row."""


def reproduce(
    target: Target,
    output: Path,
    *,
    dataset: str | None = None,
    sources: Sequence[Source] = (),
    bound_cycles: BoundCycles,
) -> Reproduction:
    """Make a table or figure and write TARGET.json, TARGET.md, TARGET.svg and TARGET.png into `output`.

    Args:
        target: which one, a key of `TARGETS`.
        output: folder of the four files.
        dataset: only this data set; all that have something to show if not given.
        sources: folders of runs or builds, or zoo:NAME; the whole zoo if none is given.
        bound_cycles: cycles per image of a network's text.

    Raises:
        OptionError: no such target or data set, or the records do not hold what the target needs.
        FileFormatError: a record is missing, damaged or edited into nonsense.
        MissingExtraError: matplotlib is not installed.
        OutputError: `output` cannot be written.
    """
    if target not in TARGETS:
        raise OptionError(f"target={target!r}: nothing of that name can be reproduced; use {', '.join(TARGETS)}")
    check_matplotlib()
    if target in STUDIES:
        sources = [found for source in sources for found in runs_in(source)]
    made = TARGETS[target](read_runs(sources, bound_cycles), dataset)
    pictures = render(made.draw, *made.size)
    make_folder(output)
    write_record(output / f"{target}.json", {"target": target, **made.record})
    write_text(output / f"{target}.md", made.table.markdown)
    for kind, data in pictures.items():
        write_bytes(output / f"{target}.{kind}", data)
    return made
