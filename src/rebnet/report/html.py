"""Markup as text that is safe by construction: whatever is no `Html` is escaped.

Records hold names and texts that a person wrote; none of it can become a tag, an attribute or a script.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""No characters of a page, and commands to a terminal that prints it."""
Child = str | int | float | None | Iterable["Child"]
_VOID = frozenset({"meta", "input", "br"})


def text(value: object) -> Html:
    """A value as characters: markup stays, anything else is escaped."""
    if isinstance(value, Html):
        return value
    plain = str(value).encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    return Html(escape(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", plain), quote=True))


def join(children: Iterable[Child]) -> Html:
    """Children one after the other; None is nothing."""
    parts = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, str | int | float):
            parts.append(text(child))
        else:
            parts.append(join(child))
    return Html("".join(parts))


def tag(element: str, /, *children: Child, **attributes: object) -> Html:
    """One element.

    Args:
        element: its name.
        children: texts, which are escaped, and elements.
        attributes: a trailing underscore is dropped and others become hyphens; None and False leave one out, True
            gives it no value.
    """
    shown = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        plain = key.rstrip("_").replace("_", "-")
        shown.append(f" {plain}" if value is True else f' {plain}="{text(str(value))}"')
    opened = f"<{element}{''.join(shown)}>"
    return Html(opened) if element in _VOID else Html(f"{opened}{join(children)}</{element}>")


def varying(states: Sequence[Mapping[str, object]]) -> str:
    """The value of `data-at`: what changes on an element at each position of the slider, from the first.

    Keys are attributes, or `text`; None takes an attribute away.
    """
    return json.dumps(states, ensure_ascii=True, separators=(",", ":"))


def table(headings: Sequence[Child], rows: Iterable[Sequence[Child]], **attributes: object) -> Html:
    """A table with a heading over each column; the first cell of a row is its heading."""
    head = tag("tr", *(h if _is(h, "th") else tag("th", h, scope="col") for h in headings))
    body = (
        tag("tr", tag("th", first, scope="row"), *(cell if _is(cell, "td") else tag("td", cell) for cell in rest))
        for first, *rest in rows
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body), **attributes), class_="scroll")


def words(content: Child, element: str = "td") -> Html:
    """A cell of text, set to the left."""
    return tag(element, content, class_="words", scope="col" if element == "th" else None)


def _is(cell: Child, element: str) -> bool:
    return isinstance(cell, Html) and cell.startswith(f"<{element}")


def number(value: float | None, places: int = 0) -> str:
    """A number with separated thousands, or a dash where there is none."""
    return "–" if value is None else f"{value:,.{places}f}"
