"""The page around the sections: one file that needs nothing else."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from rebnet.report.html import Child, Html, tag, varying


def page(title: str, header: Html, sections: Sequence[Html]) -> str:
    """A whole HTML document; its policy lets no script run but the page's own and nothing be fetched."""
    style, script = (Html((files("rebnet.report") / name).read_text(encoding="utf-8")) for name in _ASSETS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        header,
        tag("main", *sections, id="main"),
        tag("footer", tag("p", f"Made by rebnet {rebnet_version()} from the records of the builds, and nothing else.")),
        tag("div", id="tip", role="tooltip", hidden=True),
        tag("script", script),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


_ASSETS = ("page.css", "page.js")


def rebnet_version() -> str:
    """The version of this package; "unknown" where it runs from a source tree that is not installed."""
    try:
        return version("rebnet")
    except PackageNotFoundError:
        return "unknown"


def section(name: str, title: str, *children: Child, lead: Child = None) -> Html:
    """A part of the page with a heading; `name` is its anchor."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag(
        "section",
        tag("div", heading, tag("p", lead, class_="lead") if lead else None, class_="title"),
        tag("div", *children, class_="body"),
        id=name,
        aria_labelledby=f"{name}-title",
    )


def navigation(links: Sequence[tuple[str, str]]) -> Html:
    """Links to sections."""
    return tag("nav", *(tag("a", title, href=f"#{name}") for name, title in links), aria_label="Sections")


def masthead(above: Child, title: Child, below: Child, *children: Child) -> Html:
    """The top of the page."""
    button = tag("button", "Dark", type="button", id="theme", hidden=True)
    return tag(
        "header",
        tag("div", tag("span", above, class_="above"), button, class_="bar"),
        tag("h1", title),
        tag("p", below, class_="notation"),
        *children,
    )


def slider(served: Sequence[int], label: str, states: Sequence[str]) -> Html | None:
    """Levels to choose from; nothing where there is no choice. `states` say in words what each means."""
    if len(served) < 2:
        return None
    marks = tag("span", *(tag("i", m) for m in served), class_="marks", aria_hidden="true")
    control = tag(
        "input",
        type="range",
        id="levels",
        min=0,
        max=len(served) - 1,
        step=1,
        value=len(served) - 1,
        aria_valuetext=states[-1],
        data_at=varying([{"aria-valuetext": state} for state in states]),
    )
    shown = at("output", [{"text": state} for state in states], for_="levels")
    return tag("div", tag("label", label, for_="levels"), tag("span", control, marks, class_="range"), shown,
               class_="slider")  # fmt: skip


def at(element: str, states: Sequence[Mapping[str, object]], **attributes: object) -> Html:
    """An element that the slider changes, in its last state; equal states need no slider."""
    last = {key: value for key, value in states[-1].items() if key != "text"}
    moving = None if all(state == states[0] for state in states) else varying(states)
    shown = {**attributes, **{key.replace("class", "class_"): value for key, value in last.items()}}
    return tag(element, str(states[-1].get("text", "")) or None, data_at=moving, **shown)


def missing(what: str, command: str | None, reason: str | None = None) -> Html:
    """In place of figures that no usable record holds: why, and what writes it."""
    because = tag("p", f"{what} {reason}." if reason else f"{what} is not there yet.")
    return tag("div", because, tag("pre", tag("code", command)) if command else None, class_="missing")


def badge(words: str, *, is_measured: bool) -> Html:
    """Says whether a number was measured or comes from a model."""
    return tag("span", words, class_="badge measured" if is_measured else "badge model")


def readout(name: str, value: Child, unit: str, note: Child, **attributes: object) -> Html:
    """One key figure."""
    return tag(
        "div",
        tag("dt", name),
        tag("dd", tag("span", value, class_="value"), " ", tag("span", unit, class_="unit")),
        tag("dd", note, class_="note"),
        **attributes,
    )


def details(summary: str, *children: Child) -> Html:
    """Something to open."""
    return tag("details", tag("summary", summary), *children)
