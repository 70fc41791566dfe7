"""The pages in a real headless browser: what they show after their scripts ran, by mouse, by keyboard, in the dark."""

import shutil

import pytest
from tests.records.chained import rechain
from tests.report.browser import Browser, find

from rebnet.files import read_json, write_record
from rebnet.report import report

PROGRAM = find()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no headless browser; install one, such as Debian's chromium")


def shown(browser: Browser) -> list[str]:
    """The key figures at the top."""
    return browser.texts(".readouts .value")


def test_an_accelerator(browser, page):
    browser.open(page)
    assert browser.complaints == []
    assert browser.requests == [page.resolve().as_uri()]
    assert shown(browser)[1:3] == ["520,833", "384"]
    assert browser.texts("#pace tbody th") == ["pixels in", "layer_1", "layer_2", "layer_3", "layer_4", "scores out"]
    assert browser.texts("#pace tr.limit th") == ["layer_2", "layer_3"]
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_slider_changes_the_figures(browser, page):
    browser.open(page)
    accuracies = []
    for cycles, limits in ((384, ["layer_2", "layer_3"]), (256, ["layer_2", "layer_3"]), (208, ["layer_1"])):
        accuracies.append(shown(browser)[0])
        assert shown(browser)[1:3] == [f"{round(200e6 / cycles):,}", str(cycles)]
        assert browser.texts("#pace tr.limit th") == limits
        browser.evaluate("document.getElementById('levels').focus()")
        browser.press("ArrowLeft")
    assert len(set(accuracies)) == 3
    assert browser.evaluate("document.getElementById('levels').getAttribute('aria-valuetext')").startswith("1 of 3")
    assert browser.complaints == []


def test_a_sweep(browser, sweep):
    browser.open(sweep)
    assert browser.complaints == []
    assert browser.requests == [sweep.resolve().as_uri()]
    assert shown(browser)[1] == f"{round(200e6 / 208):,}"
    assert browser.texts("#speed .best text") == ["3", "1"]
    before = browser.evaluate("document.querySelector('#speed .front').getAttribute('d')")
    browser.evaluate("document.getElementById('levels').focus()")
    browser.press("ArrowLeft")
    assert browser.texts("#figures tbody tr:first-child td:nth-child(3)") == ["2"]
    assert browser.texts("#figures tbody tr:first-child td:nth-child(7)") == ["256"]
    assert browser.evaluate("document.querySelector('#speed .front').getAttribute('d')") != before
    assert browser.complaints == []


def test_a_tooltip_by_mouse_and_by_keyboard(browser, sweep):
    browser.open(sweep)
    assert browser.evaluate("document.getElementById('tip').hidden")
    browser.hover("#speed .point:last-of-type circle")
    assert "images/s" in browser.texts("#tip")[0]
    assert browser.evaluate("document.querySelectorAll('#figures .lit').length") == 1
    assert browser.complaints == []
    browser.press("Escape")
    assert browser.evaluate("document.getElementById('tip').hidden")
    browser.evaluate("document.querySelector('#logic .point').focus()")
    assert not browser.evaluate("document.getElementById('tip').hidden")
    assert "XNOR lanes" in browser.evaluate("document.activeElement.getAttribute('aria-label')")


def test_light_and_dark(browser, page):
    ink = "getComputedStyle(document.documentElement).color"
    browser.open(page)
    light = browser.evaluate(ink)
    browser.evaluate("document.getElementById('theme').click()")
    dark = browser.evaluate(ink)
    browser.open(page, dark=True)
    assert browser.evaluate(ink) == dark != light
    assert browser.texts("#theme") == ["Light"]


EVIL = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">\ud800"


def test_text_of_records_does_not_run(browser, builds, tmp_path):
    build = shutil.copytree(builds[0], tmp_path / "<script>document.title='run'</script>")
    training = read_json(build / "training.json")
    write_record(build / "training.json", {**training, "network": EVIL, "dataset": EVIL, "device": EVIL})
    rechain(build)
    for folder in (build, build / "exported"):
        record = read_json(folder / "network.json")
        record["inputs"] = {}
        write_record(folder / "network.json", {**record, "name": EVIL})
    write_record(build / "folding.json", {**read_json(build / "folding.json"), "inputs": {}})
    rechain(build)
    for path in (
        report([build], tmp_path / "one.html"),
        report([build, *builds[1:]], tmp_path / "sweep.html"),
    ):
        browser.open(path)
        assert browser.evaluate("document.title") != "run"
        assert browser.evaluate("document.scripts.length") == 1
        assert browser.evaluate("document.images.length") == 0
        assert browser.complaints == []
    browser.evaluate("[...document.querySelectorAll('#speed .point')].find((p) => p.dataset.build === '0').focus()")
    assert "<script>document.title='run'</script>" in browser.texts("#tip")[0]
    assert browser.evaluate("document.querySelectorAll('#tip *').length") == 0
    browser.open(tmp_path / "one.html")
    assert browser.texts(".notation")[0].startswith("</script><script>")


def test_without_scripts_every_figure_is_there(page):
    text = page.read_text()
    for figure in ("520,833", "layer_4", "sets the pace"):
        assert figure in text
    assert len(text) < 200_000
