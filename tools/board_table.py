"""Write the tables of docs/reference/boards.md from boards.toml, the shells, the guides' figures and benchmarks/boards.

    .venv/bin/python tools/board_table.py

A figure is read where it stands, with its command, and stands nowhere else; tests/docs/test_boards.py holds the page
equal to all of them.
"""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebnet.boards import Board, Resources, boards
from rebnet.boards.shells import SHELLS, Placement
from rebnet.boards.shells import litex as litex_files
from rebnet.boards.shells.axi import zynq

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RECORDS = ROOT / "benchmarks" / "boards"
PAGE = DOCS / "reference" / "boards.md"
ZYNQ, LITEX = "zynq", "litex"
"""Ways that are no shell of boards.toml: a project of Vivado around the AXI shell, and a SoC with a target to copy."""
_TABLE = re.compile(r"(<!-- (\w+): made by tools/board_table.py -->\n).*?(<!-- end -->)", re.DOTALL)
_KBIT = {"xc7": 36, "xcup": 36, "ecp5": 18, "gowin": 18, "ice40": 4}
"""Bits of a part's own block RAM, 1024 each, by family."""


@dataclass(frozen=True)
class Figure:
    """A measured figure of a guide.

    Attributes:
        board: it is of.
        network: the network and its folding.
        shell: what was around it.
        how: what measured it.
        guide: page in docs/, with the place in it.
        said: what the page says, whitespace as one space; groups: `routed`, `counted`, `mhz`, as far as there are.
    """

    board: str
    network: str
    shell: str
    how: str
    guide: str
    said: str

    def read(self) -> dict[str, str]:
        """The groups of `said`, as the page has them.

        Raises:
            ValueError: the page does not say so once.
        """
        text = " ".join((DOCS / self.guide.split("#")[0]).read_text(encoding="utf-8").split())
        found = list(re.finditer(self.said, text))
        if len(found) != 1:
            raise ValueError(f"{self.said!r}: docs/{self.guide} says it {len(found)} times; say here what it says once")
        return found[0].groupdict()


_ROUTED = r"\| {} \| (?P<mhz>[\d.]+) MHz \| [\d.]+ \| [\d,]+ \| (?P<routed>[\d,]+) \(\d+ %\) \|"
_BITSTREAM = "guides/to-a-bitstream.md#ecp5-boards-place-and-route"
_SOC = "guides/run-in-a-litex-soc.md#2-a-soc-without-a-processor"
FIGURES = (
    *(
        Figure(
            "ulx3s-85",
            f"{name}, M = 1, the paper's folding",
            "uart",
            "nextpnr-ecp5, one seed, 100 MHz asked",
            _BITSTREAM,
            _ROUTED.format(name),
        )
        for name in ("Arch-1", "Arch-2")
    ),
    Figure(
        "ulx3s-85",
        "Arch-1, M = 1, the paper's folding",
        LITEX,
        "Yosys in LiteX's flow, not routed",
        _SOC,
        r"\| LUT4 \| flip-flops \| DP16KD \| MULT18X18D \| \|[-|]+\| \| (?P<counted>[\d,]+) \|",
    ),
    Figure(
        "colorlight-i5",
        "3x3x1, two dense layers, M = 2",
        LITEX,
        "nextpnr-ecp5 in LiteX's flow, 50 MHz asked",
        _SOC,
        r"A small network \(3x3x1, two dense layers, M = 2\) .*? (?P<mhz>\d+) MHz where 50 were asked",
    ),
)


def litex_boards() -> list[str]:
    """The boards of the target for LiteX, whose text is read because LiteX may not be there."""
    for node in ast.parse(litex_files.text("target.py")).body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "BOARDS"
            and isinstance(node.value, ast.Dict)
        ):
            return [ast.literal_eval(key) for key in node.value.keys if key is not None]
    raise ValueError("target.py of the LiteX files assigns no dictionary BOARDS")


def placement(board: Board) -> Placement | None:
    """What the board's shell says to place and route, where the open tools can."""
    return None if board.shell is None else SHELLS[board.shell].placement(board)


def clock(board: Board) -> tuple[str, str]:
    """The board's clock, MHz, and where it comes from."""
    placed = placement(board)
    if placed is None:
        return f"{board.clock_mhz:g}", "assumed"
    if placed.clock_net is None:
        return f"{placed.oscillator_mhz:g}", "oscillator"
    return f"{board.clock_mhz:g} asked", "timed"


def ways(board: Board) -> list[str]:
    """The names of what there is to stand around an accelerator on the board."""
    others = {ZYNQ: zynq.able(), LITEX: litex_boards()}
    return [*([board.shell] if board.shell else []), *(way for way, able in others.items() if board.name in able)]


def board_table() -> str:
    """Every board, Markdown."""
    rows = [
        "| board | part | family | LUT | FF | block RAM, kbit | DSP | clock, MHz | from | ways | memory port, bits |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for board in boards():
        part = board.part
        has = {name: there for name, (_, there) in part.usage(Resources()).items()}
        cells = [
            f"`{board.name}`",
            part.order_code,
            part.family,
            *(f"{has[name]:,}" for name in ("LUT", "FF")),
            f"{has['BRAM']:,} × {_KBIT[part.family]}",
            f"{has['DSP']:,}",
            *clock(board),
            ", ".join(f"[`{way}`](#{way})" for way in ways(board)),
            str(board.memory_port_bits or ""),
        ]
        rows.append(_row(cells))
    return "\n".join(rows) + "\n"


def figure_table() -> str:
    """What was measured for boards that open tools place, Markdown, and the boards of which nothing was."""
    rows = [
        "| board | network | in | LUT, routed | LUT, Yosys' count | MHz, routed | measured by |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in FIGURES:
        said = figure.read()
        numbers = (said.get(name, "") for name in ("routed", "counted", "mhz"))
        rows.append(
            _row(
                [
                    f"`{figure.board}`",
                    figure.network,
                    f"`{figure.shell}`",
                    *numbers,
                    f"[{figure.how}](../{figure.guide})",
                ]
            )
        )
    measured = {figure.board for figure in FIGURES} | {record["board"] for record in records()}
    without = [f"`{board.name}`" for board in boards() if placement(board) and board.name not in measured]
    return "\n".join(rows) + (f"\n\nNo figure is on record for {', '.join(without)}.\n" if without else "\n")


def records() -> list[dict[str, Any]]:
    """What `benchmarks/open_boards.py` wrote, in the order of the boards."""
    found = [(board.name, RECORDS / f"{board.name}.json") for board in boards()]
    return [json.loads(path.read_text(encoding="utf-8")) for _, path in found if path.is_file()]


def bitstream_table() -> str:
    """The bitstreams on record, Markdown, and what tools said where they refused one."""
    rows = [
        "| board | network | accuracy, % | cycles an image | LUT | FF | block RAM | DSP | MHz, routed | clock, MHz "
        "| images/s | over the line |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [_row(_bitstream(record)) for record in records() if "refused" not in record]
    refused = [f"\n`{record['board']}`: {record['refused']}.\n" for record in records() if "refused" in record]
    told = {record["board"] for record in records()}
    without = [f"`{board.name}`" for board in boards() if placement(board) and board.name not in told]
    missing = [f"\nNo record is there yet for {', '.join(without)}.\n"] if without else []
    return "\n".join(rows) + "\n" + "".join(refused + missing)


def _bitstream(record: dict[str, Any]) -> list[str]:
    used, there = record["used"], record["available"]
    name = record["source"] if record["source"].startswith("zoo:") else f"{record['network']}, M = {record['levels']}"
    shares = (f"{used[key]:,} of {there[key]:,}" if there[key] else "" for key in ("LUT", "FF", "BRAM_18K", "DSP"))
    return [
        f"`{record['board']}`",
        f"`{name}`, {record['dataset']}",
        f"{record['accuracy']:.2f}",
        f"{record['cycles']:,}",
        *shares,
        f"{record['fmax_mhz']:.1f}",
        f"{record['clock_mhz']:g}",
        f"{record['images_per_second']:,.0f}",
        f"{record['line_images_per_second']:,.0f}",
    ]


def _row(cells: list[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


TABLES = {"boards": board_table, "bitstreams": bitstream_table, "figures": figure_table}


def page(text: str) -> str:
    """The page with its tables made again."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
