"""Blocks drawn as SVG, each with the arrow into it, so that a row of them wraps wherever the page ends."""

from rebnet.report.blocks import Block, Filled, blocks
from rebnet.report.commands import command
from rebnet.report.html import Html, join, tag
from rebnet.report.page import at, missing, section
from rebnet.report.records import Build

ARROW, BODY, HEIGHT = 54, 130, 164
"""User units: the arrow in front of a block, and the block itself."""
_FITS, _LONGEST = 17, 26
"""Characters of a line that fit into a block, and those that do where they are set closer."""
_LEAD = (
    "Modules in the order of the stream. On an arrow: bits of a word, and below it behind a width converter. "
    "In a layer: PE × SIMD × level lanes, and where its weights are. Bars: predicted peak of a buffer; ticks: measured."
)


def diagram(build: Build) -> Html:
    """The section of the page."""
    name, title = "blocks", "Block diagram"
    if build.accelerator is None:
        reason = build.unused.get("folding.json")
        return section(name, title, missing("folding.json", command(build, "folding.json"), reason))
    items = []
    for block in blocks(build):
        labels = [{"aria-label": block.sentence(place)} for place in range(len(block.cycles))]
        empty = at("svg", labels, viewBox=f"0 0 {ARROW + BODY} {HEIGHT}", role="img")
        items.append(tag("li", Html(empty.replace("</svg>", f"{drawn(block)}</svg>"))))
    return section(name, title, tag("ol", *items, class_="blocks"), lead=_LEAD)


def drawn(block: Block) -> Html:
    """A block and its arrow, at the origin; what the slider changes changes."""
    states = [{"class": "block limit" if limit else "block"} for limit in block.limits]
    left = ARROW + 9
    parts = [
        tag("path", d=f"M0 30H{ARROW - 8}", class_="wire"),
        tag("path", d=f"M{ARROW - 9} 25L{ARROW} 30L{ARROW - 9} 35Z", class_="head"),
        tag("text", f"{block.words[0]:,} b", x=(ARROW - 8) / 2, y=23, text_anchor="middle"),
        *(
            tag("text", f"→ {bits:,} b", x=(ARROW - 8) / 2, y=45 + 13 * place, text_anchor="middle")
            for place, bits in enumerate(block.words[1:])
        ),
        tag("rect", x=ARROW + 0.5, y=0.5, width=BODY - 1, height=HEIGHT - 1, class_="body"),
        _line(block.name, left, 19, "name"),
        _line(block.kind, left, 35),
        *(_line(fact, left, 51 + 15 * place) for place, fact in enumerate(block.facts)),
        at("text", [{"text": f"{cycles:,} cycles"} for cycles in block.cycles], x=left, y=83, class_="cycles"),
        at("text", [{"text": "sets the pace" if limit else ""} for limit in block.limits], x=left, y=98, class_="pace"),
        *(_bar(buffer, left, 114 + 26 * place) for place, buffer in enumerate(block.buffers)),
    ]
    empty = at("g", states)
    return Html(empty.replace("</g>", f"{join(parts)}</g>"))


def _bar(buffer: Filled, left: int, y: int) -> Html:
    """A buffer's name and fill."""
    width = BODY - 18
    parts = [
        _line(str(buffer), left, y),
        tag("rect", x=left, y=y + 4, width=width, height=7, class_="track"),
        tag("rect", x=left, y=y + 4, width=_length(buffer.predicted, buffer.depth, width), height=7, class_="fill"),
    ]
    if buffer.measured is not None:
        place = left + _length(buffer.measured, buffer.depth, width)
        parts.append(tag("rect", x=place - 1, y=y + 2, width=2, height=11, class_="tick"))
    return tag("g", *parts)


def _length(words: int, depth: int, width: int) -> float:
    return round(min(words / depth, 1) * width, 1)


def _line(line: str, left: int, y: int, kind: str | None = None) -> Html:
    """A line of text, set closer where it would not fit."""
    shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    fitted = {"textLength": BODY - 18, "lengthAdjust": "spacingAndGlyphs"} if len(shown) > _FITS else {}
    return tag("text", shown, x=left, y=y, class_=kind, **fitted)
