"""The guide's C compiles, and its table says what is generated."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.generate.c_programs import STRICT, host

from rebnet import flow

from .pages import DOCS, blocks

PAGE = DOCS / "guides" / "run-on-a-microcontroller.md"
ROWS = re.findall(r"^\| `([\w-]+)` \| ([\d,]+) \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "constants", "memory"), ROWS)
def test_sizes(name: str, constants: str, memory: str, tmp_path: Path) -> None:
    flow.compile(f"zoo:{name}", tmp_path / "build", until="lower")
    record = flow.generate(tmp_path / "build", target="c")
    assert (f"{record['constant_bytes']:,}", f"{record['memory_bytes']:,}") == (constants, memory)


def test_the_table_has_all_networks() -> None:
    assert [name for name, _, _ in ROWS] == [
        f"{network}-m{levels}" for network in ("mnist-arch-1", "cifar10-arch-2") for levels in (1, 2, 3)
    ]


def test_the_c_of_the_page_compiles(tmp_path: Path) -> None:
    flow.compile("zoo:mnist-arch-1-m2", tmp_path / "build", until="lower")
    flow.generate(tmp_path / "build", target="c", output=tmp_path)
    (code,) = (block.text for block in blocks(PAGE) if block.language == "c")
    (tmp_path / "use.c").write_text(code)
    subprocess.run([*host(), *STRICT, "-c", "use.c", "-o", "use.o"], cwd=tmp_path, check=True)
