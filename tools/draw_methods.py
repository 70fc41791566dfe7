"""Draw docs/pictures/estimators.svg and write the table of docs/concepts/binarization-methods.md from the code.

    .venv/bin/python tools/draw_methods.py

tests/docs/test_methods.py holds both equal to the code.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from rebnet.methods import METHODS
from rebnet.methods.activations import Real
from rebnet.methods.estimators import ESTIMATORS, Ede, Estimator, Iee
from rebnet.methods.method import Method
from rebnet.nn.methods.estimators import slope_of, surrogate_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "concepts" / "binarization-methods.md"
PICTURE = ROOT / "docs" / "pictures" / "estimators.svg"
_TABLE = re.compile(r"(<!-- methods: made by tools/draw_methods.py -->\n).*?(<!-- end -->)", re.DOTALL)
_PAPERS = "../../src/rebnet/methods/papers"
_SIZE, _GAP, _REACH, _PEAK = 130, 14, 2.0, 3.0  # pixels, and what is shown of x and y
_STYLE = """\
svg{--ink:#1f2328;--line:#8c959f;--card:#ffffff;--slope:#0969da}
@media (prefers-color-scheme: dark){svg{--ink:#e6edf3;--line:#6e7681;--card:#0d1117;--slope:#58a6ff}}
text{font:12px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}
.card{fill:var(--card)}.axis{stroke:var(--line);stroke-width:.6}
.f{fill:none;stroke:var(--ink);stroke-width:1.3}.h{fill:none;stroke:var(--slope);stroke-width:1.3}
.early{opacity:.35}.middle{opacity:.65}"""


def table() -> str:
    """The methods and their parts, Markdown."""
    rows = [
        "| method | activations | weights | sums, behind | costs | in hardware |",
        "|---|---|---|---|---|---|",
    ]
    rows += [_row(method) for method in METHODS.values()]
    return "\n".join(rows) + "\n"


def _row(method: Method) -> str:
    told = {(judged.place, judged.part): judged.text for judged in method.parts}
    activations = [told["activations", "planes"]]
    if told["activations", "threshold"] not in ("0", "0.5"):
        activations.append(f"threshold {told['activations', 'threshold']}")
    if method.activation.about_threshold and told["activations", "threshold"] != "0.5":
        activations.append("codes about it")
    if not isinstance(method.activation.planes, Real):
        activations.append("the recipe's estimator" if method.recipe_estimator else told["activations", "estimator"])
    weights = [told["weights", "values"]]
    if told["weights", "latents"] != "as they are":
        weights.insert(0, told["weights", "latents"])
    if told["weights", "scale"] != "1":
        weights.append(f"scale {told['weights', 'scale']}")
    if told["weights", "offset"] != "0":
        weights.append("about their mean")
    weights.append(told["weights", "estimator"])
    behind = ", ".join(told[place, ""] for place in ("scale of sums", "nonlinearity") if told[place, ""] != "none")
    hardware = f"`{method.in_hardware}`" if method.in_hardware else "yes"
    kind, _, number = method.source.partition(":")
    link = f"https://{'arxiv.org/abs' if kind == 'arXiv' else 'doi.org'}/{number}"
    named = f"`{method.name}` ([{method.title}]({link}))"
    return f"| {named} | {', '.join(activations)} | {', '.join(weights)} | {behind} | {method.kind} | {hardware} |"


def picture() -> str:
    """The estimators side by side, SVG."""
    width, height = len(ESTIMATORS) * (_SIZE + _GAP) + _GAP, _SIZE + 2 * _GAP + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Estimators of the slope of a sign: function and slope</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="{width}" height="{height}"/>',
    ]
    for index, estimator in enumerate(ESTIMATORS):
        parts += _panel(estimator, _GAP + index * (_SIZE + _GAP), _GAP + 16)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(estimator: Estimator, left: int, top: int) -> list[str]:
    middle, zero = left + _SIZE / 2, top + _SIZE * _PEAK / (_PEAK + 1.5)
    name = str(estimator).split("(")[0]
    lines = [
        f'<text x="{middle:g}" y="{top - 6}">{name}</text>',
        f'<line class="axis" x1="{left}" x2="{left + _SIZE}" y1="{zero:.1f}" y2="{zero:.1f}"/>',
        f'<line class="axis" x1="{middle:g}" x2="{middle:g}" y1="{top}" y2="{top + _SIZE}"/>',
    ]
    x = torch.linspace(-_REACH, _REACH, 161, dtype=torch.float64)
    sharpens = isinstance(estimator, Ede | Iee)
    for progress, shade in ((0.35, " early"), (0.5, " middle"), (0.7, "")) if sharpens else ((0.0, ""),):
        t = estimator.schedule.at(progress) if isinstance(estimator, Ede | Iee) else 1.0
        for kind, values in (("f", surrogate_of(x, estimator, t)), ("h", slope_of(x, estimator, t))):
            lines.append(_curve(f"{kind}{shade}", x, values, left, top))
    return lines


def _curve(kind: str, x: Tensor, y: Tensor, left: int, top: int) -> str:
    scale = _SIZE / (_PEAK + 1.5)
    points = (
        f"{left + (a + _REACH) / (2 * _REACH) * _SIZE:.1f},{top + (_PEAK - min(max(b, -1.5), _PEAK)) * scale:.1f}"
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    return f'<polyline class="{kind}" points="{" ".join(points)}"/>'


def page(text: str) -> str:
    """The page with the table of today."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
