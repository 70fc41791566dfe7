"""Every code block of the documentation runs, every command line parses, every link leads somewhere."""

import doctest
import os
import re
import shlex
from pathlib import Path

import pytest
import typer

from rebnet.cli.app import app

from .pages import DOCS, ROOT, Block, blocks, commands, name, pages
from .transcripts import run, transcript

README = ROOT / "README.md"
BESIDE = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
"""Pages at the repository's root."""
MOST_LINES = 205
MOST_LINES_OF_TABLES = 400  # the reference is looked up, not read; the command line has a section a verb
_LANGUAGES = ("python", "console", "systemverilog", "json", "toml", "tcl", "c", "")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, and console blocks with output, in the order of the page and in one folder."""
    monkeypatch.syspath_prepend(str(ROOT))  # a page may use what stands beside its tests
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "docs"}
    left = []
    for block in blocks(page):
        if block.language == "console":
            left += _replay(page, block, tmp_path)
        elif block.language == "python" and ">>> " in block.text:
            _check(page, block, scope)
        elif block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), scope)
    if left:
        pytest.skip(f"all but what needs data was run: {'; '.join(left)}")


def _replay(page: Path, block: Block, folder: Path) -> list[str]:
    """Run a console block that shows output; names it where its data is not there."""
    shown = transcript(page.read_text(encoding="utf-8"), block)
    if shown is None:
        return []
    where = f"{name(page)}, line {block.line}"
    data = Path(os.environ.get("REBNET_DATA_DIR") or os.devnull)
    lacking = [needed for needed in shown.needs if not (data / needed).is_dir()]
    if lacking:
        return [f"{where} needs {', '.join(lacking)}"]
    run(shown, folder, where)
    return []


def _check(page: Path, block: Block, scope: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, scope, name(page), str(page), block.line - 1)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=report.append, clear_globs=False)
    scope.update(test.globs)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("page", [*pages(), *BESIDE], ids=name)
def test_commands_parse(page: Path) -> None:
    group = typer.main.get_command(app)
    for line in commands(page):
        words = shlex.split(line, comments=True)
        words = words[: words.index("|")] if "|" in words else words
        if Path(words[0]).name != "rebnet":
            continue
        verb = group.commands[words[1]]  # type: ignore[attr-defined]
        if "--help" not in words:
            verb.make_context(words[1], words[2:])


@pytest.mark.parametrize("page", [*pages(), *BESIDE], ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        place = page.parent / target if target else page
        assert place.exists(), f"{name(page)}: {target}"
        assert place.resolve().is_relative_to(ROOT), f"{name(page)}: {target} leaves the project"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor[1:] in slugs, f"{name(page)}: {anchor}"


MADE = DOCS / "reference" / "python.md"
"""Made from docstrings, and as long as they are."""


@pytest.mark.parametrize("page", [page for page in pages() if page != MADE], ids=name)
def test_pages_are_short_and_their_blocks_are_named(page: Path) -> None:
    most = MOST_LINES_OF_TABLES if page.parent.name == "reference" else MOST_LINES
    assert len(page.read_text(encoding="utf-8").splitlines()) <= most
    assert {block.language for block in blocks(page)} <= set(_LANGUAGES)


def test_the_index_names_every_page() -> None:
    index = DOCS / "README.md"
    targets = {(DOCS / target).resolve() for target, _ in _LINK.findall(index.read_text(encoding="utf-8"))}
    of_their_own = {DOCS / "reference" / "rtl", DOCS / "decisions"}  # these folders have an index
    listed = [page for page in pages() if page.name == "README.md" or page.parent not in of_their_own]
    assert {page.resolve() for page in listed} - {index} <= targets
