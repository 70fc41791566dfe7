"""Resources against the device."""

import json
from collections.abc import Sequence

from rebnet.records import Folding, Synthesis
from rebnet.records.kinds import Modules, listed
from rebnet.records.synthesis import UnitTiming
from rebnet.report.commands import command
from rebnet.report.html import Child, Html, number, table, tag, words
from rebnet.report.operating import Resources, bram, predicted, synthesised
from rebnet.report.page import badge, details, missing, section
from rebnet.report.records import RESOURCES, Build

_NAMES = {"LUT": "LUT", "FF": "flip-flops", "BRAM": "block RAM, 36 kbit", "DSP": "DSP"}


def fit(build: Build) -> Html:
    """What the cost model predicts and what synthesis counted, and the command where neither is known."""
    title = "Does it fit"
    model, counted = predicted(build), synthesised(build)
    used = counted or model
    synthesis, folding = build.get(Synthesis), build.get(Folding)
    gap = missing("synthesis.json", command(build, "synthesis.json"), build.unused.get("synthesis.json"))
    if used is None:
        return section("resources", title, gap)
    rows, over = [], []
    for key, name in _NAMES.items():
        taken, has = _of(used, key), bram(used.device) if key == "BRAM" else used.device[key]
        if taken > has:
            over.append(f"{_amount(taken - has)} {name}")
        share = 100 * taken / has if has else None
        bar = None if share is None else tag("span", tag("i", style=f"--share:{min(share, 100):.1f}%"), class_="gauge")
        cells: tuple[Child, ...] = (
            tag("th", name, scope="row"),
            *(
                tag("td", "–" if each is None else _amount(_of(each, key)), class_="key" if each is used else None)
                for each in (model, counted)
            ),
            tag("td", _amount(has)),
            tag("td", "–" if share is None else f"{share:.1f} %"),
            tag("td", bar, class_="wide"),
        )
        rows.append(tag("tr", *cells, class_="limit" if taken > has else None))
    names = ("resource", "predicted", "synthesised", "device", "share", "")
    head = tag("tr", *(tag("th", words, scope="col") for words in names))
    parts: list[Child] = [
        tag("p", *(badge(each.origin, is_measured=each.is_measured) for each in (model, counted) if each))
    ]
    if over:
        fitting = synthesis.boards_that_fit if synthesis is not None else None
        way_out = f" It fits {', '.join(map(str, fitting))}." if fitting else ""
        parts.append(tag("p", f"It does not fit: {' and '.join(over)} too many.{way_out}", class_="alert"))
    parts.append(tag("div", tag("table", tag("thead", head), tag("tbody", *rows), id="fit"), class_="scroll"))
    if synthesis is not None:
        parts += _modules("Module by module, synthesised", synthesis.modules)
    if folding is not None and folding.predicted_resources is not None:
        parts += _modules("Module by module, predicted", folding.predicted_resources.modules)
    if folding is not None and folding.search is not None:
        facts = [
            (key.replace("_", " "), json.dumps(value, ensure_ascii=False)) for key, value in folding.search.items()
        ]
        parts.append(details("How this folding was found, and its certificate", table(("the search", ""), facts)))
    if synthesis is not None and synthesis.timing:
        parts.append(details("The longest path of each unit alone", _timing(synthesis.timing)))
    if synthesis is None:
        parts.append(gap)
    return section("resources", title, *parts, lead=_lead(synthesis))


def _of(each: Resources, key: str) -> float:
    return each.bram if key == "BRAM" else float(each.used[key])


def _lead(synthesis: Synthesis | None) -> str:
    fmax = synthesis.fmax_mhz if synthesis is not None else None
    clock = f" Place and route reached {fmax:g} MHz." if fmax else ""
    placed = synthesis.place_and_route if synthesis is not None else None
    if placed is not None and placed.longest_path is not None:
        clock += f" Its longest path: {placed.longest_path.in_words}."
    return f"LUT counts logic, LUT RAM and shift registers; two block RAMs of 18 kbit count as one of 36.{clock}"


def _timing(units: Sequence[UnitTiming]) -> Child:
    rows = []
    for unit in units:
        ns = "" if unit.routed is None else f"{unit.routed.ns:.2f}"
        rows.append((", ".join(unit.names), words(unit.module), str(unit.levels), ns, words(unit.passed)))
    return table(("unit", words("module", "th"), "levels of logic", "ns, routed", words("longest path", "th")), rows)


def _modules(title: str, modules: Modules | None) -> list[Child]:
    entries = listed(modules)
    if not entries:
        return []
    most = max(1, *(entry.LUT for entry in entries))
    rows = [
        (
            entry.name or entry.module or "?",
            entry.module or "",
            number(entry.count) if entry.count is not None else "",
            *(number(getattr(entry, key)) for key in RESOURCES),
            tag(
                "td",
                tag("span", tag("i", style=f"--share:{100 * entry.LUT / most:.1f}%"), class_="gauge"),
                class_="wide",
            ),
        )
        for entry in entries
    ]
    headings = ("part", "module", "instances", "LUT", "FF", "BRAM 36K", "BRAM 18K", "DSP", "LUT of the largest")
    return [details(title, table(headings, rows))]


def _amount(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1)
