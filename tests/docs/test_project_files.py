"""What stands at the repository's root for newcomers: the changelog, the citation, and how to contribute."""

import re
from pathlib import Path

import yaml

import rebnet
from rebnet.files import SCHEMA

from .pages import DOCS, ROOT

_HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})$", re.MULTILINE)
_KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = [version for version, _ in _HEADING.findall(CHANGELOG)]
    assert versions[0] == rebnet.__version__
    assert len(set(versions)) == len(versions)
    assert set(re.findall(r"^### (\w+)$", CHANGELOG, re.MULTILINE)) <= _KINDS


def test_the_newest_schema_of_the_changelog_is_the_one_that_is_written() -> None:
    table = re.findall(r"^\| (\d+) \| (\S+) \|", CHANGELOG, re.MULTILINE)
    assert int(table[-1][0]) == SCHEMA
    assert {since for _, since in table} <= {version for version, _ in _HEADING.findall(CHANGELOG)}


def test_keys_that_the_changelog_says_were_added_are_documented() -> None:
    documented = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    rows = re.findall(r"^\| (all|`[^|]*json`) \| ([^|]*) \|", CHANGELOG, re.MULTILINE)
    keys = [key for _, cell in rows for key in re.findall(r"`([^`]+)`", cell)]
    assert keys
    assert [key for key in keys if not re.search(rf"`{re.escape(key)}[`.\[]", documented)] == []


def test_the_citation_is_of_this_version_and_of_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (str(citation["version"]), citation["license"]) == (rebnet.__version__, "Apache-2.0")
    paper = citation["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == ["Ghasemzadeh", "Samragh", "Koushanfar"]
    assert (paper["title"], paper["year"]) == ("ReBNet: Residual Binarized Neural Network", 2018)
    assert paper["url"] in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_the_guide_for_contributors_names_is_there() -> None:
    names = set(re.findall(r"`((?:src|tests|docs|tools|benchmarks|examples)/[^`*{} ]*)`", CONTRIBUTING))
    assert names
    places = [ROOT / (name if "NAME" not in name else str(Path(name).parent)) for name in sorted(names)]
    assert [place for place in places if not place.exists()] == []
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", CONTRIBUTING)) <= targets


def test_the_readme_shows_a_picture_before_anything_is_to_be_typed() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\|[-|]+\|$", readme, re.MULTILINE)) <= 1
    assert readme.index("](docs/pictures/accuracy-against-cycles.svg)") < readme.index("```")
