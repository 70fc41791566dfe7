"""Blocks drawn as SVG.

Those of a chain have each the arrow into it, so that a row of them wraps wherever the page ends. A network with
branches is drawn in parts from top to bottom, each part a picture of its own, and these wrap.
"""

from itertools import pairwise

from rebnet.report.blocks import Block, Filled, blocks
from rebnet.report.commands import command
from rebnet.report.html import Html, join, tag
from rebnet.report.layers import ARROW as TIP
from rebnet.report.layers import LINE, Box, Drawing, Wire, laid_out, parts
from rebnet.report.page import at, missing, section
from rebnet.report.records import Build

ARROW, BODY, HEIGHT = 54, 130, 164
"""User units: the arrow in front of a block, and the block itself."""
BUFFER = 88
"""User units: width of a skip buffer."""
_FITS, _FITS_BOLD, _LONGEST = 17, 14, 26
"""Characters of a line that fit into a block, of a name in bold too, and those that do where they are set closer."""
_ENDS = 18
"""User units above and below a part, where it says from which part its words come and to which they go."""
_LEAD = (
    "Modules in the order of the stream. On an arrow: bits of a word, and below it behind a width converter. "
    "In a layer: PE × SIMD × level lanes, and where its weights are. Bars: predicted peak of a buffer; ticks: measured."
)
_LEAD_OF_PARTS = (
    "Modules from top to bottom, part by part: words that leave a part enter the next. On an arrow: bits of a word, "
    "and below it behind a width converter; where words meet, the block says theirs. A dot is a fork: each reader "
    "has a skip buffer. "
) + _LEAD[_LEAD.index("In a layer") :]


def diagram(build: Build) -> Html:
    """The section of the page."""
    name, title = "blocks", "Block diagram"
    if build.accelerator is None:
        reason = build.unused.get("folding.json")
        return section(name, title, missing("folding.json", command(build, "folding.json"), reason))
    found = blocks(build)
    if all(after.reads == (one.instance,) for one, after in pairwise(found)):
        return section(name, title, tag("ol", *map(_in_a_row, found), class_="blocks"), lead=_LEAD)
    by_name = {block.instance: block for block in found}
    made = parts([_box(block) for block in found])
    items = [_part(part, place, len(made), by_name) for place, part in enumerate(made)]
    return section(name, title, tag("ol", *items, class_="parts"), lead=_LEAD_OF_PARTS)


def _in_a_row(block: Block) -> Html:
    empty = at("svg", _labels(block), viewBox=f"0 0 {ARROW + BODY} {HEIGHT}", role="img")
    return tag("li", Html(empty.replace("</svg>", f"{drawn(block)}</svg>")))


def _labels(block: Block) -> list[dict[str, str]]:
    return [{"aria-label": block.sentence(place)} for place in range(len(block.limits))]


def drawn(block: Block) -> Html:
    """A block and its arrow, at the origin; what the slider changes changes."""
    (words,) = block.words
    parts = [
        tag("path", d=f"M0 30H{ARROW - 8}", class_="wire"),
        tag("path", d=f"M{ARROW - 9} 25L{ARROW} 30L{ARROW - 9} 35Z", class_="head"),
        tag("text", f"{words[0]:,} b", x=(ARROW - 8) / 2, y=23, text_anchor="middle"),
        *(
            tag("text", f"→ {bits:,} b", x=(ARROW - 8) / 2, y=45 + 13 * place, text_anchor="middle")
            for place, bits in enumerate(words[1:])
        ),
        *_body(block, ARROW, HEIGHT, lines=2, paces=True),
    ]
    return _moving(block, parts)


def _moving(block: Block, children: list[Html], **attributes: object) -> Html:
    """A block that the slider marks where it sets the pace."""
    labels = _labels(block) if attributes else [{}] * len(block.limits)
    states = [{**label, "class": "block limit" if limit else "block"}
              for label, limit in zip(labels, block.limits, strict=True)]  # fmt: skip
    empty = at("g", states, **attributes)
    return Html(empty.replace("</g>", f"{join(children)}</g>"))


def _body(block: Block, left: int, height: float, *, lines: int, paces: bool) -> list[Html]:
    """A block without its arrow: as many lines for facts, and one that says that it sets the pace if there is one."""
    edge, y = left, 68 + 15 * (lines - 1)
    left += 9
    parts = [
        tag("rect", x=edge + 0.5, y=0.5, width=BODY - 1, height=height - 1, class_="body"),
        _line(block.name, left, 19, "name"),
        _line(block.kind, left, 35),
        *(_line(fact, left, 51 + 15 * place) for place, fact in enumerate(block.facts)),
        at("text", [{"text": f"{cycles:,} cycles"} for cycles in block.cycles], x=left, y=y, class_="cycles"),
    ]
    if paces:
        y += 15
        pace = [{"text": "sets the pace" if limit else ""} for limit in block.limits]
        parts.append(at("text", pace, x=left, y=y, class_="pace"))
    parts += [_bar(buffer, left, y + 16 + 26 * place, BODY - 18) for place, buffer in enumerate(block.buffers)]
    return parts


def _facts(block: Block) -> list[str]:
    """Lines of a block of a part; where words meet, also those of each source, which have no place on their arrows."""
    if len(block.words) < 2:
        return list(block.facts)
    each = [" → ".join(f"{bits:,}" for bits in words) + " b" for words in block.words]
    met = [f"{len(each)} × {each[0]}"] if len(set(each)) == 1 else each
    return [*(f"of {words}" for words in met), *block.facts]


def _box(block: Block) -> Box:
    """The place that a block takes in a part."""
    if not block.cycles:
        return Box(block.instance, block.reads, BUFFER, 34, len(block.words[0]))
    height = 77 + 15 * (len(_facts(block)) - 1 + any(block.limits)) + 26 * len(block.buffers)
    lines = len(block.words[0]) if len(block.words) == 1 and block.reads else 0
    return Box(block.instance, block.reads, BODY, height, lines)


def _part(part: tuple[Box, ...], place: int, count: int, found: dict[str, Block]) -> Html:
    """One part as a picture."""
    layout = laid_out(part)
    top = 0 if layout.entry is None else _ENDS
    is_last = place + 1 == count
    height = top + layout.height + (0 if is_last else _ENDS + 8)
    body = [*_wires(layout, part, found), *(_placed(found[box.name], layout, box) for box in part)]
    shown = [tag("g", *body, transform=f"translate(0 {top})", class_="block")]
    if layout.entry is not None:
        x = layout.entry[0]
        shown.append(tag("path", d=f"M{x:g} {_ENDS - 4}V{_ENDS}", class_="wire"))
        shown.append(tag("text", f"from {place}", x=f"{x:g}", y=11, text_anchor="middle", class_="end"))
    if not is_last:
        x, y = layout.exit[0], top + layout.exit[1]
        shown.append(tag("path", d=f"M{x:g} {y:g}V{y + 11:g}", class_="wire"))
        shown.append(tag("text", f"to {place + 2}", x=f"{x:g}", y=f"{y + 23:g}", text_anchor="middle", class_="end"))
    picture = tag(
        "svg",
        *shown,
        viewBox=f"0 0 {layout.width:g} {height:g}",
        role="group",
        aria_label=f"part {place + 1} of {count}",
    )
    return tag("li", tag("b", place + 1, aria_hidden="true"), picture, style=f"--width:{layout.width:g}px")


def _placed(block: Block, layout: Drawing, box: Box) -> Html:
    x, y = layout.corners[box.name]
    if block.cycles:
        told = Block(**(vars(block) | {"facts": tuple(_facts(block))}))
        body = _body(told, 0, box.height, lines=len(told.facts), paces=any(block.limits))
    else:
        body = [
            tag("rect", x=0.5, y=0.5, width=BUFFER - 1, height=box.height - 1, class_="body"),
            *(_bar(buffer, 7, 15, BUFFER - 14) for buffer in block.buffers),
        ]
    return _moving(block, body, transform=f"translate({x:g} {y:g})", role="img")


def _wires(layout: Drawing, part: tuple[Box, ...], found: dict[str, Block]) -> list[Html]:
    """Lines, arrows, forks, and the words on an arrow."""
    lines = {box.name: box.lines for box in part}
    shown = [tag("path", d=_line_of(wire), class_="wire") for wire in layout.wires]
    for wire in layout.wires:
        x, y = wire.points[-1]
        shown.append(tag("path", d=f"M{x - 5:g} {y - 9:g}L{x:g} {y:g}L{x + 5:g} {y - 9:g}Z", class_="head"))
        if lines[wire.target]:
            above = y - TIP - LINE * lines[wire.target]
            words = found[wire.target].words[0]
            shown += [
                tag("text", f"→ {bits:,} b" if place else f"{bits:,} b", x=f"{x + 8:g}",
                    y=f"{above + 13 + LINE * place:g}")
                for place, bits in enumerate(words)
            ]  # fmt: skip
    shown += [tag("circle", cx=f"{x:g}", cy=f"{y:g}", r=3.5, class_="head") for x, y in layout.forks]
    return shown


def _line_of(wire: Wire) -> str:
    """The path of a wire; it ends where the arrow begins."""
    *points, (x, y) = wire.points
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in (*points, (x, y - 8)))


def _bar(buffer: Filled, left: int, y: int, width: int) -> Html:
    """A buffer's name and fill."""
    parts = [
        _line(str(buffer), left, y, width=width),
        tag("rect", x=left, y=y + 4, width=width, height=7, class_="track"),
        tag("rect", x=left, y=y + 4, width=_length(buffer.predicted, buffer.depth, width), height=7, class_="fill"),
    ]
    if buffer.measured is not None:
        place = left + _length(buffer.measured, buffer.depth, width)
        parts.append(tag("rect", x=place - 1, y=y + 2, width=2, height=11, class_="tick"))
    return tag("g", *parts)


def _length(words: int, depth: int, width: int) -> float:
    return round(min(words / depth, 1) * width, 1)


def _line(line: str, left: int, y: int, kind: str | None = None, width: int = BODY - 18) -> Html:
    """A line of text, set closer where it would not fit."""
    shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    fits = (_FITS_BOLD if kind == "name" else _FITS) * width // (BODY - 18)
    fitted = {"textLength": width, "lengthAdjust": "spacingAndGlyphs"} if len(shown) > fits else {}
    return tag("text", shown, x=left, y=y, class_=kind, **fitted)
