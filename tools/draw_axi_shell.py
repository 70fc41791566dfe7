"""Draw docs/pictures/axi-shell.svg: the AXI shell between a processor with a DMA and an accelerator.

    .venv/bin/python tools/draw_axi_shell.py

Boxes and wires are data here, widths are the shell's and the boards'. tests/docs/test_axi_shell.py holds the picture to
the files of the shell: every module is a box, every wire joins ports that are there, no port of the top is left out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

from rebnet.boards import boards
from rebnet.boards.shells.axi import ANSWER_BITS
from rebnet.boards.shells.axi.registers import ADDRESS_BITS

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "axi-shell.svg"
_WIDTH, _HEIGHT = 920, 420  # pixels
_FRAME = (250, 14, 656, 366)
_STYLE = """\
svg{--ink:#1f2328;--line:#8c959f;--card:#ffffff;--room:#eef3f8;--load:#fff1d6;--host:#f6f8fa}
@media (prefers-color-scheme: dark){
svg{--ink:#e6edf3;--line:#6e7681;--card:#0d1117;--room:#1c2b3a;--load:#4a3510;--host:#161b22}}
text{font:13px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}
.small{font-size:11px}.begin{text-anchor:start}.end{text-anchor:end}
.shell{fill:var(--room);stroke:var(--line)}.load{fill:var(--load);stroke:var(--line);stroke-dasharray:5 3}
.host{fill:var(--host);stroke:var(--line)}.accelerator{fill:var(--card);stroke:var(--ink);stroke-width:1.5}
.frame{fill:none;stroke:var(--line);stroke-dasharray:2 3}
.wire{fill:none;stroke:var(--line);stroke-width:1.5;marker-end:url(#head)}
.stream{fill:none;stroke:var(--ink);stroke-width:2;marker-end:url(#head)}
.optional{fill:none;stroke:var(--line);stroke-width:1.5;stroke-dasharray:5 3;marker-end:url(#head)}
.head{fill:var(--line)}"""


@dataclass(frozen=True)
class Box:
    """Something that stands.

    Attributes:
        name: of it; of a module of the shell, as its file has it.
        words: what it does.
        at: x, y, width, height.
        kind: whose it is; `load` is there only where weights are written at run time.
    """

    name: str
    words: str
    at: tuple[int, int, int, int]
    kind: Literal["host", "shell", "load", "accelerator"]


@dataclass(frozen=True)
class Wire:
    """Signals between two boxes.

    Attributes:
        source: the box they come from.
        out: its ports, by the names in its file; a bus by what its ports begin with.
        target: the box they go to.
        into: its ports.
        path: of the line, SVG.
        labels: where words stand, their anchor (`begin`, `end`, or none for the middle), and the words.
        kind: an AXI-Stream, a wire that is there only where weights are written at run time, or another.
    """

    source: str
    out: tuple[str, ...]
    target: str
    into: tuple[str, ...]
    path: str
    labels: tuple[tuple[int, int, str, str], ...]
    kind: Literal["stream", "wire", "optional"] = "wire"


BOXES = (
    Box("processor", "a driver, memory", (10, 40, 124, 74), "host"),
    Box("DMA", "MM2S, S2MM", (10, 204, 124, 160), "host"),
    Box("axi_load", "weights at run time", (276, 62, 140, 46), "load"),
    Box("axi_registers", "levels, counters, flags", (494, 62, 176, 46), "shell"),
    Box("axi_images", "whole images, levels", (322, 216, 136, 46), "shell"),
    Box("accelerator", "the proved network", (510, 196, 144, 80), "accelerator"),
    Box("axi_answers", "scores or labels, TLAST", (724, 216, 160, 46), "shell"),
)
HOST = ("processor", "DMA")
WIRES = (
    Wire(
        "processor",
        ("s_axi",),
        "axi_load",
        ("s_axi",),
        "M134 85H276",
        ((192, 79, "", "s_axi"), (192, 99, "", "AXI4-Lite, 32 bits,"), (192, 113, "", f"addresses of {ADDRESS_BITS}")),
    ),
    Wire("axi_load", ("i_axi",), "axi_registers", ("s_axi",), "M416 85H494", ((455, 79, "", "i_axi"),)),
    Wire("axi_registers", ("irq",), "processor", ("irq",), "M640 62V46H134", ((192, 41, "", "irq"),)),
    Wire(
        "DMA",
        ("s_axis",),
        "axi_images",
        ("s_axis",),
        "M134 239H322",
        ((192, 233, "", "s_axis"), (192, 254, "", "images, 8·P bits")),
        "stream",
    ),
    Wire(
        "axi_load",
        ("hold",),
        "axi_images",
        ("s_axis",),
        "M292 108V237",
        ((286, 200, "end", "hold"),),
        "optional",
    ),
    Wire("axi_images", ("a_axis",), "accelerator", ("s_axis",), "M458 239H510", ((483, 233, "", "a_in"),), "stream"),
    Wire("accelerator", ("m_axis",), "axi_answers", ("a_axis",), "M654 239H724", ((688, 233, "", "a_out"),), "stream"),
    Wire(
        "axi_answers",
        ("m_axis",),
        "DMA",
        ("m_axis",),
        "M850 262V340H134",
        ((192, 334, "", "m_axis"), (192, 355, "", f"answers, {ANSWER_BITS} bits")),
        "stream",
    ),
    Wire(
        "axi_images",
        ("ends",),
        "axi_answers",
        ("ends",),
        "M390 262V304H764V262",
        ((577, 298, "", "ends: is this image a transfer's last?"),),
    ),
    Wire(
        "axi_registers",
        ("levels", "headers"),
        "axi_images",
        ("levels", "headers"),
        "M536 108V164H376V216",
        ((460, 177, "", "levels, headers"),),
    ),
    Wire(
        "axi_images",
        ("image_in", "short_transfer", "levels_now"),
        "axi_registers",
        ("image_in", "short_transfer", "levels_now"),
        "M342 216V132H510V108",
        ((458, 127, "", "what came in"),),
    ),
    Wire(
        "axi_registers",
        ("labels", "images"),
        "axi_answers",
        ("labels", "images"),
        "M626 108V164H786V216",
        ((712, 177, "", "labels, images"),),
    ),
    Wire(
        "axi_answers",
        ("image_out", "transfer_out"),
        "axi_registers",
        ("image_out", "transfer_out"),
        "M826 216V132H654V108",
        ((744, 127, "", "what went out"),),
    ),
    Wire(
        "axi_registers",
        ("reset_now", "abort_now"),
        "accelerator",
        ("aresetn",),
        "M566 108V196",
        ((558, 190, "end", "a_resetn"),),
    ),
    Wire(
        "accelerator",
        ("error_tlast",),
        "axi_registers",
        ("error_tlast",),
        "M596 196V108",
        ((600, 190, "begin", "error_tlast"),),
    ),
    Wire(
        "axi_load",
        ("config_out",),
        "accelerator",
        ("config_in",),
        "M403 108V206H510",
        ((452, 201, "", "constants"),),
        "optional",
    ),
    Wire("accelerator", ("config_out",), "axi_load", ("config_in",), "M510 206H403V108", (), "optional"),
)


def picture() -> str:
    """The shell, SVG."""
    x, y, width, height = _FRAME
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        "<title>The AXI shell: registers, images and answers between a processor with a DMA and an accelerator</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="var(--card)"/>',
        f'<rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>',
        _text(x + width - 10, y + 20, "end", "accelerator_axi"),
        *_memory(),
    ]
    for wire in WIRES:
        lines.append(f'<path class="{wire.kind}" d="{wire.path}"/>')
        lines += [_text(*label, small=True) for label in wire.labels]
    for box in BOXES:
        lines += _box(box)
    words = "tinted: only where weights are written at run time; else s_axi goes to axi_registers, and no image is held"
    lines.append(_text(_WIDTH // 2, _HEIGHT - 14, "", words, small=True))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _memory() -> list[str]:
    """The line between the processor's memory and the DMA, and how wide it is on the boards that have one."""
    bits = sorted({board.memory_port_bits for board in boards() if board.memory_port_bits})
    return [
        '<path class="stream" d="M72 114V204"/>',
        '<path class="stream" d="M72 204V114"/>',
        _text(80, 154, "begin", "memory port,", small=True),
        _text(80, 168, "begin", f"{' or '.join(map(str, bits))} bits", small=True),
    ]


def _box(box: Box) -> list[str]:
    x, y, width, height = box.at
    middle, line = x + width // 2, y + height // 2
    return [
        f'<rect class="{box.kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>',
        _text(middle, line - 3, "", box.name),
        _text(middle, line + 13, "", box.words, small=True),
    ]


def _text(x: int, y: int, anchor: str, words: str, *, small: bool = False) -> str:
    kinds = " ".join(kind for kind in ("small" if small else "", anchor) if kind)
    chosen = f' class="{kinds}"' if kinds else ""
    return f'<text{chosen} x="{x}" y="{y}">{escape(words)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
