"""Class by class: how many images are right, what is taken for what, and some of the images that are wrong."""

import base64
import hashlib
import struct

from rebnet.records import Evaluation
from rebnet.records.evaluation import Mistakes, Pictures
from rebnet.report.commands import command
from rebnet.report.html import Child, Html, number, table, tag, words
from rebnet.report.page import details, missing, section
from rebnet.report.records import Build

PICTURES_FILE = "evaluation.png"
_ALL = 32
"""Up to so many classes the page shows each, and the whole matrix."""
_WORST = 20
_PAIRS = 15
_MOST_BYTES = 4 << 20
"""A file of pictures beyond this is none that `evaluate` wrote."""


def classes(build: Build) -> Html:
    """The section of the page."""
    title = "Class by class"
    record = build.get(Evaluation)
    found = None if record is None else record.mistakes
    if record is None or found is None:
        reason = build.unused.get("evaluation.json") if record is None else "does not count class by class"
        return section("classes", title, missing("evaluation.json", command(build, "evaluation.json"), reason))
    names = [_name(found, place) for place in range(found.classes)]
    pairs = _pairs(found, names) if found.confusions else None
    parts: list[Child] = [tag("div", _accuracies(found, names), pairs, class_="pair")]
    if found.classes <= _ALL and not found.confusions_left_out:
        parts += [tag("h3", "Confusion matrix"), _matrix(found, names)]
    lead = f"The integer network at m = {record.levels} on all {record.images:,} test images"
    if record.labels is None:
        parts += _wrong(build, record.pictures, found, names)
        lead += "."
    else:
        lead += f", {record.labels:,} labels on their maps; mean intersection over union {found.mean_iou:.2f} %."
    return section("classes", title, *parts, lead=lead)


def _name(found: Mistakes, place: int) -> str:
    """A class as people call it, or else its number."""
    return str(found.class_names[place]) if found.class_names else str(place)


def _accuracies(found: Mistakes, names: list[str]) -> Html:
    counts = zip(found.class_correct, found.class_images, strict=True)
    wrong = [100 * (1 - right / images) if images else None for right, images in counts]
    most = max((share for share in wrong if share is not None), default=0) or 1
    order = list(range(len(names)))
    few = len(names) <= _ALL
    if not few:
        known = [place for place in order if wrong[place] is not None]
        order = sorted(known, key=lambda place: (-(wrong[place] or 0), place))[:_WORST]
    rows: list[tuple[Child, ...]] = []
    for place in order:
        share = wrong[place]
        bar = tag("span", tag("i", style=f"--share:{100 * (share or 0) / most:.1f}%"), class_="gauge")
        union = () if found.class_iou is None else (number(found.class_iou[place], 2),)
        rows.append(
            (
                names[place],
                number(found.class_images[place]),
                number(found.class_correct[place]),
                number(None if share is None else 100 - share, 2),
                *union,
                tag("td", bar, class_="wide"),
            )
        )
    heading = "class" if few else f"the {len(order)} worst of {len(names):,} classes"
    bars = words("wrong, of the worst", "th")
    counted, *union_heading = ("test images",) if found.class_iou is None else ("labels", "IoU, %")
    return table((heading, counted, "right", "accuracy, %", *union_heading, bars), rows, id="per-class")


def _matrix(found: Mistakes, names: list[str]) -> Html:
    """Rows are labels, columns predictions; darker is more."""
    counts = {(pair.label, pair.prediction): pair.images for pair in found.confusions}
    most = max(counts.values(), default=1)
    head = tag("tr", tag("th", "label \\ taken for", scope="col"), *(tag("th", name, scope="col") for name in names))
    rows = []
    for row, name in enumerate(names):
        cells = [tag("th", name, scope="row")]
        for column in range(len(names)):
            count = found.class_correct[row] if row == column else counts.get((row, column), 0)
            shade = None if row == column or not count else f"--share:{8 + 32 * count / most:.0f}%"
            cells.append(
                tag("td", number(count) if count else "·", class_="right" if row == column else None, style=shade)
            )
        rows.append(tag("tr", *cells))
    shown = tag("table", tag("thead", head), tag("tbody", *rows), id="confusion")
    note = "Rows: the label. Columns: what it was taken for. The diagonal is right; the stronger a shade, the more."
    return tag("div", tag("p", note), tag("div", shown, class_="scroll", tabindex=0, role="region",
                                          aria_label="Confusion matrix"))  # fmt: skip


def _pairs(found: Mistakes, names: list[str]) -> Html:
    rows = [
        (names[pair.label], names[pair.prediction], number(pair.images),
         number(100 * pair.images / max(found.class_images[pair.label], 1), 2))
        for pair in found.confusions[:_PAIRS]
    ]  # fmt: skip
    counted = "images" if found.class_iou is None else "labels"
    return table(("often confused: label", words("taken for", "th"), counted, "of the class, %"),
                 [(row[0], words(row[1]), *row[2:]) for row in rows], id="pairs")  # fmt: skip


def _wrong(build: Build, place: Pictures | None, found: Mistakes, names: list[str]) -> list[Child]:
    """Pictures of images that are wrong, or a table of them where there are none."""
    wrong = found.wrong or ()
    if not wrong:
        return [tag("p", "No image is wrong.")]
    count = sum(found.class_images) - sum(found.class_correct)
    rows = [
        (number(one.index), words(names[one.label]), words(names[one.prediction]), number(one.lead)) for one in wrong
    ]
    headings = ("test image", words("label", "th"), words("taken for", "th"), "lead of its score")
    listed = table(headings, rows, id="wrong")
    title = tag("h3", f"{len(wrong)} of {count:,} images that are wrong")
    note = tag("p", "Those whose wrong class leads the right one by most: label → taken for, and the number of the "
                    "test image.")  # fmt: skip
    sheet = _sheet(build, place, found)
    if sheet is None or place is None:
        gone = tag("p", f"{PICTURES_FILE}, with their pictures, is not there or is of other images.")
        return [title, note, gone, listed]
    lines = -(-len(wrong) // place.columns)
    tiles = []
    for at, one in enumerate(wrong):
        across, down = at % place.columns, at // place.columns
        where = f"{_share(across, place.columns)} {_share(down, lines)}"
        label, taken = names[one.label], names[one.prediction]
        tile = tag("span", role="img", aria_label=f"test image {one.index}: {label}, taken for {taken}",
                   style=f"background-position:{where}")  # fmt: skip
        tiles.append(tag("li", tile, tag("b", f"{label} → {taken}"), tag("small", f" {one.index:,}")))
    style = (
        f"--sheet:url(data:image/png;base64,{sheet});--size:{100 * place.columns}% {100 * lines}%;"
        f"--ratio:{place.width}/{place.height}"
    )
    return [title, note, tag("ul", *tiles, class_="wrong", style=style), details("These images as a table", listed)]


def _share(place: int, count: int) -> str:
    """Where a tile is, as CSS places backgrounds."""
    return f"{100 * place / (count - 1):.4g}%" if count > 1 else "0%"


def _sheet(build: Build, place: Pictures | None, found: Mistakes) -> str | None:
    """The pictures as base64, if they are those of the record."""
    path = build.folder / PICTURES_FILE
    if place is None or path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return None
    data = path.read_bytes()
    size = (place.columns * place.width, -(-len(found.wrong or ()) // place.columns) * place.height)
    is_png = data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) > 24
    if hashlib.sha256(data).hexdigest() != place.sha256 or not is_png or struct.unpack(">II", data[16:24]) != size:
        return None
    return base64.b64encode(data).decode()
