"""Where things stand on the page, measured in a browser: on screens of three widths, and on paper."""

import itertools
import json

import pytest
from tests.ir.graphs import random_graph
from tests.ir.networks import from_text
from tests.report.browser import Browser, find
from tests.simulate.builds import save_run

from rebnet import flow
from rebnet.files import file_hash, read_json, write_record
from rebnet.report import report

pytestmark = pytest.mark.skipif(find() is None, reason="no headless browser; install one, such as Debian's chromium")

PAPER = 718
"""CSS pixels between the margins of A4."""
Box = dict[str, float]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A page with every section that is quick to fill, and figures as wide as they come."""
    build = tmp_path_factory.mktemp("whole") / "build"
    text = "8x8x1 - C4(2,9) - MP2 - C6:2x2+same - " + "D12 - " * 7 + "D10"
    run = save_run(build.parent / "run", from_text(text, levels=2))
    curve = [{"epoch": epoch, "validation_accuracy": 90.0, "loss": 0.5, "learning_rate": 0.1} for epoch in (1, 2, 3)]
    training = {**read_json(run / "training.json"), "curve": curve, "recipe": {"epochs": 3, "loss": "x" * 40}}
    write_record(run / "training.json", training)
    flow.compile(run, build, folding="balanced", board="zc702")
    flow.evaluate(build, "digits")
    folding = read_json(build / "folding.json")
    simulation = {
        "inputs": {"ports": file_hash(build / "ports.json")}, "dataset": "digits", "images": 10_000, "levels": [2],
        "stalls": None, "mismatches": 0, "accuracy": 98.76, "cycles_per_image": 132, "bound_cycles": 132,
        "latency_cycles": 123_456, "fifo_peaks": {fifo["name"]: 1 for fifo in folding["fifos"]},
    }  # fmt: skip
    write_record(build / "simulation.json", simulation)
    return report([build], build.parent / "whole.html")


@pytest.fixture(scope="module")
def branched(tmp_path_factory):
    """A page of a network with forks of seven, joins of four and forks of forks."""
    folder = tmp_path_factory.mktemp("branched")
    flow.compile(save_run(folder / "run", random_graph(51, levels=2, maps=False)), folder / "build", folding="balanced")
    return report([folder / "build"], folder / "page.html")


def boxes(browser: Browser, selector: str) -> list[Box]:
    """Left, right, top and bottom of every visible element that matches, and its text."""
    return browser.evaluate(
        f"[...document.querySelectorAll({json.dumps(selector)})].map((node) => {{"
        "  const range = document.createRange(); range.selectNodeContents(node);"
        "  const box = (node.childNodes.length && !node.children.length ? range : node).getBoundingClientRect();"
        "  return {left: box.left, right: box.right, top: box.top, bottom: box.bottom, text: node.textContent};"
        "}).filter((box) => box.right > box.left && box.bottom > box.top)"
    )


def lines(browser: Browser, selector: str) -> list[Box]:
    """The same of every line of text in these elements."""
    return browser.evaluate(
        f"[...document.querySelectorAll({json.dumps(selector)})].flatMap((node) => {{"
        "  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT), found = [];"
        "  while (walker.nextNode()) {"
        "    const range = document.createRange(); range.selectNodeContents(walker.currentNode);"
        "    found.push(...[...range.getClientRects()].map((box) => ({left: box.left, right: box.right, top: box.top,"
        "      bottom: box.bottom, text: node.textContent})));"
        "  }"
        "  return found;"
        "})"
    )


def overlap(one: Box, other: Box) -> bool:
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    return across > 0.5 and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 0.5


def overlapping(found: list[Box]) -> list[tuple[str, str]]:
    pairs = itertools.combinations(found, 2)
    return [(str(one["text"]), str(other["text"])) for one, other in pairs if overlap(one, other)]


def too_wide(browser: Browser, allowed: str) -> list[str]:
    """Elements beyond the window's right edge, but for those inside of what scrolls by itself."""
    return browser.evaluate(
        "[...document.body.querySelectorAll('*')].filter((node) => "
        f"!node.closest({json.dumps(allowed)}) && node.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map((node) => node.outerHTML.slice(0, 120))"
    )


TILES = ".readouts dt, .readouts .value, .readouts .unit, .readouts .note"
SCROLLS = ".scroll, pre, #tip, #figures thead"


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_no_page_is_wider_than_its_window(browser, whole, page, sweep, width):
    for path in (whole, page, sweep):
        browser.open(path, width=width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert too_wide(browser, SCROLLS) == []
        assert overlapping(lines(browser, TILES)) == []


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_every_column_of_a_sweep_is_on_the_screen(browser, sweep, width):
    browser.open(sweep, width=width)
    cells = boxes(browser, "#figures tbody th, #figures tbody td")
    assert len(cells) >= 3 * 12
    visible = browser.evaluate("document.documentElement.clientWidth")
    hidden = [cell for cell in cells if cell["left"] < 0 or cell["right"] > visible]
    assert hidden == [] or width == 768  # there the first column stays while the others pass
    assert overlapping(cells) == []


def test_on_a_narrow_screen_cells_say_their_column(browser, sweep):
    browser.open(sweep, width=390)
    label = "getComputedStyle(document.querySelector('#figures td:nth-of-type({})'), '::before').content"
    assert [browser.evaluate(label.format(place)) for place in (3, 5)] == ['"accuracy, %"', '"images/s"']
    assert browser.evaluate("document.querySelector('#figures').getAttribute('role')") == "table"


def test_on_a_narrow_screen_the_key_columns_come_first(browser, whole):
    browser.open(whole, width=390)
    visible = browser.evaluate("document.documentElement.clientWidth")
    for table, columns in (("#pace", 4), ("#fifos table", 2)):
        for column in range(1, columns + 1):
            cells = boxes(browser, f"{table} tbody tr > :nth-child({column})")
            assert cells
            assert all(cell["right"] <= visible for cell in cells), (table, column)
    browser.evaluate("document.querySelector('#pace').parentNode.scrollLeft = 200")
    assert all(cell["left"] >= 0 for cell in boxes(browser, "#pace tbody th"))  # the names stay


@pytest.mark.parametrize("width", [390, 1280])
def test_a_block_diagram_wraps_and_is_legible(browser, whole, width):
    browser.open(whole, width=width)
    found = boxes(browser, ".blocks li")
    assert len(found) > 12
    rows = {round(box["top"]) for box in found}
    assert len(rows) > 1
    assert overlapping(found) == []
    scale = browser.evaluate("document.querySelector('.blocks svg').getBoundingClientRect().width / 184")
    assert scale > 0.9  # of a font of 11 pixels
    bodies, texts = boxes(browser, ".block .body"), boxes(browser, ".block text")
    for text in texts:
        inside = [body for body in bodies if overlap(body, text)]
        assert all(text["right"] <= body["right"] + 1 for body in inside), text
    assert overlapping(texts) == []


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_branches_are_legible(browser, branched, width, dark):
    """Parts that are wider than the window scroll by themselves; no text leaves its block or covers another."""
    browser.open(branched, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert too_wide(browser, f"{SCROLLS}, .parts") == []
    assert overlapping(boxes(browser, ".parts li")) == []
    widest = "document.querySelector('.parts svg:has(circle)')"
    assert browser.evaluate(f"{widest}.getBoundingClientRect().width / {widest}.viewBox.baseVal.width") > 0.89
    bodies, texts = boxes(browser, ".parts .body"), boxes(browser, ".parts text")
    assert len(bodies) > 30
    assert overlapping(bodies) == overlapping(texts) == []
    for text in texts:
        inside = [body for body in bodies if overlap(body, text)]
        assert all(body["left"] < text["left"] and text["right"] <= body["right"] + 1 for body in inside), text
    assert browser.complaints == []


def print_view(browser: Browser, path, width: int = PAPER) -> None:
    browser.open(path, width=width)
    browser.call("Emulation.setEmulatedMedia", media="print")


def test_paper_shows_everything(browser, whole, page, sweep):
    for path in (whole, page, sweep):
        print_view(browser, path)
        assert too_wide(browser, "#tip") == []
        assert browser.evaluate("document.querySelectorAll('details').length") > 0
        assert browser.evaluate(
            "[...document.querySelectorAll('details > :not(summary)')].every((node) => node.checkVisibility() && "
            "node.getBoundingClientRect().height > 0)"
        )
        assert browser.complaints == []


def test_branches_on_paper_are_whole(browser, branched):
    print_view(browser, branched)
    assert too_wide(browser, "#tip") == []
    assert all(body["right"] <= PAPER for body in boxes(browser, ".parts .body"))


def test_tiles_on_paper_stand_apart(browser, whole):
    print_view(browser, whole)
    tiles = lines(browser, TILES)
    assert {"1,515,152", "132", "617.28"} <= {str(tile["text"]) for tile in tiles}
    assert overlapping(tiles) == []
    values = boxes(browser, ".readouts .value")
    for one, other in itertools.combinations(values, 2):
        if abs(one["top"] - other["top"]) < 5:
            assert max(one["left"], other["left"]) - min(one["right"], other["right"]) > 12


def test_copied_tiles_stand_apart(browser, whole):
    browser.open(whole)
    browser.evaluate("getSelection().selectAllChildren(document.querySelector('.readouts'))")
    copied = browser.evaluate("getSelection().toString()")
    lines = copied.split("\n")
    assert "1,515,152 images/s" in lines
    assert "132" in [line.strip() for line in lines]


def test_bars_on_paper_are_whole(browser, whole):
    print_view(browser, whole)
    gauges = boxes(browser, ".gauge")
    assert len(gauges) > 20
    assert all(0 <= gauge["left"] < gauge["right"] <= PAPER for gauge in gauges)
    marks = browser.evaluate(
        "[...document.querySelectorAll('.gauge > em')].filter((node) => node.textContent).map((node) => "
        "[node.getBoundingClientRect().left - node.parentNode.getBoundingClientRect().left])"
    )
    assert marks
    assert all(left >= 0 for [left] in marks)
