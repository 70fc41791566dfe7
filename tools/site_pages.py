"""What MkDocs asks while it makes the site: pages from outside of docs/, and where links into the repository lead.

The home page is the repository's README; CONTRIBUTING.md and CHANGELOG.md are pages too, and so is every file of the
repository that a page links to, as it is. Texts stay written for the repository: links are translated here.

    make docs       writes site/; a link that leads nowhere is an error (mkdocs.yml, tests/docs/test_site.py)
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
HOME, CONTENTS = "README.md", "contents.md"
MOVED = {"README.md": HOME, "docs/README.md": CONTENTS}
"""Pages whose place in the site is not their place in docs/."""
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md")
_SHOWN = {".py": "python", ".toml": "toml", ".sv": "systemverilog", ".cff": "yaml", ".json": "json", "": "make"}
_LINK = re.compile(r"(\]\()(?!https?:|#)([^)#\s]+)(#[^)]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def in_site(path: str) -> str:
    """Where a file of the repository stands in the site, both with `/`: a page of docs/, or a page that shows it."""
    if path in MOVED or path in BESIDE:
        return MOVED.get(path, path)
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}.md"


def translated(text: str, path: str) -> tuple[str, set[str]]:
    """The text of the repository's page `path` with links for the site, and the files outside of docs/ it links to."""
    shown: set[str] = set()
    here = posixpath.dirname(in_site(path))

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
        if in_site(target).startswith("source/"):
            shown.add(target)
        return f"{found[1]}{posixpath.relpath(in_site(target), here or '.')}{found[3] or ''})"

    parts = _FENCE.split(text)
    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts), shown


def source_page(path: str) -> str:
    """A file of the repository as a page that search leaves out."""
    text = (ROOT / path).read_text(encoding="utf-8")
    language = _SHOWN.get(Path(path).suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n````{language}\n{text}````\n"


def on_files(files: Files, *, config: Any) -> Files:
    """All pages with their links translated, and the pages that stand in no folder of the site's."""
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    texts |= {path: (ROOT / path).read_text(encoding="utf-8") for path in (HOME, *BESIDE)}
    pages, shown = {}, set()
    for path, text in texts.items():
        pages[in_site(path)], linked = translated(text, path)
        shown |= linked
    pages |= {in_site(path): source_page(path) for path in sorted(shown)}
    for uri, text in pages.items():
        old = files.get_file_from_path(uri)
        if old is not None:
            files.remove(old)
        files.append(File.generated(config, uri, content=text))
    return files
