"""The site: it builds without a warning, every link leads somewhere, and no page fetches anything from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .pages import DOCS, ROOT, pages, tool

pytest.importorskip("mkdocs", reason="the site is made by MkDocs; make install brings it")
pytest.importorskip("material", reason="the site is made with Material for MkDocs; make install brings it")
site_pages = tool("site_pages")


def make(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(config),
        "--site-dir",
        str(site),
    ]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = make(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Page(HTMLParser):
    """What a page links to, what it fetches, the places in it, and its paragraphs that are no list but should be."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.places |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in given:
            self.fetched.append(given["src"])
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.fetched.append(given.get("href", ""))


@cache
def read(path: Path) -> Page:
    return Page(path)


def html(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]


def test_every_page_is_in_the_site(site: Path) -> None:
    names = {str(path.relative_to(site)) for path in html(site)}
    made = [
        site_pages.in_site(str(page.relative_to(ROOT))) for page in (*pages(), *map(ROOT.joinpath, site_pages.BESIDE))
    ]
    wanted = {re.sub(r"(^|/)README\.html$", r"\1index.html", uri.removesuffix(".md") + ".html") for uri in made}
    assert wanted <= names
    assert "ReBNet" in (site / "index.html").read_text(encoding="utf-8")


def test_links_and_pictures_are_there(site: Path) -> None:
    for path in html(site):
        page = read(path)
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in read(target).places | {"__skip"}, f"{path.relative_to(site)}: {link}"


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in html(site):
        assert [link for link in read(path).fetched if urlsplit(link).scheme or link.startswith("//")] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", styles) == []


def test_lists_are_lists(site: Path) -> None:
    """The site's Markdown wants an empty line in front of a list, where a forge wants none."""
    for path in html(site):
        if "source" not in path.relative_to(site).parts:
            text = re.sub(r"<pre.*?</pre>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert re.findall(r"<p>[^<]*\n[*-] .*", text) == [], path.relative_to(site)
            assert re.findall(r"<p>\|.*", text) == [], f"{path.relative_to(site)}: a table that is none"


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    for path in ROOT.iterdir():
        if path.name not in ("docs", "site") and not path.name.startswith("."):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(DOCS, tmp_path / "docs")
    page = tmp_path / "docs" / "guides" / "prove-it.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[nowhere](synthesize.md#nowhere)\n", encoding="utf-8")
    done = make(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert "synthesize.md#nowhere" in done.stderr
