"""Resources against the device."""

from typing import Any

from rebnet.errors import FileFormatError
from rebnet.report.commands import command
from rebnet.report.html import Child, Html, number, table, tag
from rebnet.report.operating import bram, resources
from rebnet.report.page import badge, details, missing, section
from rebnet.report.records import RESOURCES, Build

_NAMES = {"LUT": "LUT", "FF": "flip-flops", "BRAM": "block RAM, 36 kbit", "DSP": "DSP"}


def fit(build: Build) -> Html:
    """What synthesis counted, or else what the cost model predicts, and the command where neither is known."""
    title = "Does it fit"
    used = resources(build)
    synthesis = build.get("synthesis.json")
    gap = missing("synthesis.json", command(build, "synthesis.json"), build.unused.get("synthesis.json"))
    if used is None:
        return section("resources", title, gap)
    rows = []
    over = []
    for key, name in _NAMES.items():
        taken = bram(used.used) if key == "BRAM" else used.used[key]
        has = None if used.device is None else bram(used.device) if key == "BRAM" else used.device[key]
        share = None if not has else 100 * taken / has
        if has is not None and taken > has:
            over.append(f"{_amount(taken - has)} {name}")
        bar = None if share is None else tag("span", tag("i", style=f"--share:{min(share, 100):.1f}%"), class_="gauge")
        cells: tuple[Child, ...] = (
            tag("th", name, scope="row"),
            tag("td", _amount(taken), class_="key"),
            tag("td", "–" if has is None else _amount(has)),
            tag("td", "–" if share is None else f"{share:.1f} %"),
            tag("td", bar, class_="wide"),
        )
        rows.append(tag("tr", *cells, class_="limit" if has is not None and taken > has else None))
    head = tag("tr", *(tag("th", words, scope="col") for words in ("resource", "used", "device", "share", "")))
    parts: list[Child] = [tag("p", badge(used.origin, is_measured=used.is_measured))]
    if over and synthesis is not None and synthesis.get("boards_that_fit"):
        over_note = f" It fits {', '.join(map(str, synthesis['boards_that_fit']))}."
    else:
        over_note = ""
    if over:
        parts.append(tag("p", f"It does not fit: {' and '.join(over)} too many.{over_note}", class_="alert"))
    parts.append(tag("div", tag("table", tag("thead", head), tag("tbody", *rows), id="fit"), class_="scroll"))
    if synthesis is not None:
        parts += _modules(build, synthesis)
    else:
        parts.append(gap)
    return section("resources", title, *parts, lead=_lead(synthesis))


def _lead(synthesis: dict[str, Any] | None) -> str:
    fmax = synthesis.get("fmax_mhz") if synthesis else None
    clock = f" Place and route reached {fmax:g} MHz." if fmax is not None else ""
    return f"LUT counts logic, LUT RAM and shift registers; two block RAMs of 18 kbit count as one of 36.{clock}"


def _modules(build: Build, synthesis: dict[str, Any]) -> list[Child]:
    held = synthesis.get("modules")
    if not held:
        return []
    entries = [{"name": name, **_entry(build, value)} for name, value in held.items()] if isinstance(held, dict) else [
        _entry(build, value) for value in held
    ]  # fmt: skip
    most = max(1, *(entry["LUT"] for entry in entries))
    rows = []
    for entry in entries:
        count = entry.get("count")
        bar = tag("span", tag("i", style=f"--share:{100 * entry['LUT'] / most:.1f}%"), class_="gauge")
        rows.append(
            (
                str(entry.get("name", entry.get("module", "?"))),
                str(entry.get("module", "")),
                number(count) if isinstance(count, int) else "",
                *(number(entry[key]) for key in RESOURCES),
                tag("td", bar, class_="wide"),
            )
        )
    headings = ("part", "module", "instances", "LUT", "FF", "BRAM 36K", "BRAM 18K", "DSP", "LUT of the largest")
    return [details("Module by module", table(headings, rows, id="modules"))]


def _entry(build: Build, value: Any) -> dict[str, Any]:
    """A module with all its counts."""
    path = build.folder / "synthesis.json"
    if not isinstance(value, dict):
        raise FileFormatError(f"{path}: an entry of modules holds {value!r}, it must hold dict")
    for key in RESOURCES:
        if not isinstance(value.get(key), int | float) or isinstance(value[key], bool):
            raise FileFormatError(f"{path}: an entry of modules holds {key}={value.get(key)!r}, it must hold a number")
    return value


def _amount(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1)
