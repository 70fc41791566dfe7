"""Pages of the documentation and the code blocks in them."""

import re
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the line it begins on."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page of docs/, in order."""
    return sorted(DOCS.rglob("*.md"))


def name(page: Path) -> str:
    """A page's path inside docs/; the README's name for it."""
    return str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text[: m.start(2)].count("\n") + 1) for m in _BLOCK.finditer(text)]


def commands(page: Path) -> list[str]:
    """The `$ ...` lines of a page's console blocks, continuation lines joined, without their prompt."""
    found = []
    for block in blocks(page):
        if block.language == "console":
            joined = block.text.replace("\\\n", " ")
            found += [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]
    return found


def tool(name: str) -> ModuleType:
    """The module tools/NAME.py."""
    spec = spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
