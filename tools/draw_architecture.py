"""Draw docs/pictures/architecture.svg and write the table of docs/concepts/architecture.md from the import contract.

    .venv/bin/python tools/draw_architecture.py

The floors are the layers of the contract "imports point down" in pyproject.toml, the last one at the bottom; what a
room is for is the first sentence of its docstring. tests/docs/test_pictures.py holds both equal to the code.
"""

import ast
import re
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
PAGE = ROOT / "docs" / "concepts" / "architecture.md"
CONTRACT = "imports point down"
TORCH = {"nn", "train", "export"}
_TABLE = re.compile(r"(<!-- floors: made by tools/draw_architecture.py -->\n).*?(<!-- end -->)", re.DOTALL)
_WIDTH, _FLOOR, _GAP, _SIDE = 860, 34, 8, 84  # pixels
_STYLE = """\
svg{--ink:#1f2328;--line:#8c959f;--card:#ffffff;--room:#eef3f8;--torch:#fff1d6}
@media (prefers-color-scheme: dark){
svg{--ink:#e6edf3;--line:#6e7681;--card:#0d1117;--room:#1c2b3a;--torch:#4a3510}}
text{font:13px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}
.small{font-size:11px}.room{fill:var(--room);stroke:var(--line)}.torch{fill:var(--torch);stroke:var(--line)}"""


def floors() -> list[list[str]]:
    """The rooms of every floor, top first, in the order in which the contract names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["name"] == CONTRACT)
    return [[room.strip().removeprefix("rebnet.") for room in layer.split("|")] for layer in layers]


def path_of(room: str) -> Path:
    """A room's file: a package's __init__.py, or a module."""
    package = ROOT / "src" / "rebnet" / room / "__init__.py"
    return package if package.is_file() else package.parent.with_suffix(".py")


def purpose(room: str) -> str:
    """The first sentence of the room's docstring."""
    text = ast.get_docstring(ast.parse(path_of(room).read_text(encoding="utf-8"))) or ""
    return re.split(r"\.(?:\s|$)", " ".join(text.split("\n\n")[0].split()), maxsplit=1)[0]


def table() -> str:
    """The rooms from the bottom to the top, Markdown."""
    rows = ["| floor | room | what it is for |", "|---|---|---|"]
    for number, rooms in enumerate(reversed(floors())):
        for room in rooms:
            place = path_of(room).relative_to(ROOT)
            link = f"[`{room}`](../../{place})"
            rows.append(f"| {number} | {link} | {purpose(room)} |")
    return "\n".join(rows) + "\n"


def page(text: str) -> str:
    """The page with its table made again."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", text)


def picture() -> str:
    """The house, SVG."""
    stack = floors()
    height = len(stack) * (_FLOOR + _GAP) + 2 * _GAP + 18
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        "<title>The rooms of rebnet in floors; imports point down</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="var(--card)"/>',
        *_arrow(height - 2 * _GAP - 18),
    ]
    for number, rooms in enumerate(stack):
        lines += _floor(len(stack) - 1 - number, _GAP + number * (_FLOOR + _GAP), rooms)
    words = "a room imports from floors below its own; those that may import torch are tinted"
    lines.append(f'<text class="small" x="{_WIDTH / 2:g}" y="{height - 10}">{words}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(height: int) -> list[str]:
    """The direction of imports, at the left."""
    return [
        f'<path d="M26 {_GAP + 6}V{height - 8}m-5 -8l5 8l5 -8" fill="none" stroke="var(--line)" stroke-width="1.5"/>',
        f'<text class="small" transform="translate(16 {height / 2:g}) rotate(-90)">imports</text>',
    ]


def _floor(number: int, top: int, rooms: list[str]) -> list[str]:
    """A floor: its number and its rooms, each as wide as its name asks for."""
    free = _WIDTH - _SIDE - _GAP * len(rooms)
    letters = sum(len(room) + 4 for room in rooms)
    lines = [f'<text class="small" x="{_SIDE - 24}" y="{top + 22}">{number}</text>']
    x = float(_SIDE)
    for room in rooms:
        width = round(free * (len(room) + 4) / letters, 1)
        kind = "torch" if room in TORCH else "room"
        lines.append(f'<rect class="{kind}" x="{x:g}" y="{top}" width="{width:g}" height="{_FLOOR}" rx="5"/>')
        lines.append(f'<text x="{round(x + width / 2, 1):g}" y="{top + 22}">{escape(room)}</text>')
        x = round(x + width + _GAP, 1)
    return lines


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
