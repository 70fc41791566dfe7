"""The register map of the AXI shell: the package of the RTL, the guide and the record say the same.

    REFRESH_GOLDEN=1 pytest tests/boards/test_axi_map.py

writes the package and the guide's table anew.
"""

import os
from pathlib import Path

import pytest

from rebnet.boards.shells.axi import source
from rebnet.boards.shells.axi.registers import (
    BY_NAME,
    LOAD_REGISTERS,
    REGISTERS,
    WORDS,
    facts_word,
    load_package_text,
    package_text,
    table_text,
)

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
BEGIN, END = "<!-- {}registers: made by tests/boards/test_axi_map.py -->\n", "<!-- end -->"
TABLES = {"axi-shell.md": ("", REGISTERS), "weights-at-run-time.md": ("load ", LOAD_REGISTERS)}
PACKAGES = {"axi_map": package_text, "axi_load_map": load_package_text}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_of_the_rtl(package: str) -> None:
    path, text = source(package), PACKAGES[package]()
    if os.environ.get("REFRESH_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("guide", TABLES)
def test_the_table_of_a_guide(guide: str) -> None:
    path, (which, registers) = GUIDES / guide, TABLES[guide]
    begin, text = BEGIN.format(which), table_text(registers)
    before, _, rest = path.read_text().partition(begin)
    table, _, behind = rest.partition(END)
    if os.environ.get("REFRESH_GOLDEN"):
        path.write_text(before + begin + text + END + behind)
        table = text
    assert table == text


def test_no_two_registers_share_a_word_and_no_two_fields_a_bit() -> None:
    both = (*REGISTERS, *LOAD_REGISTERS)
    taken = [index for r in both for index in range(r.index, r.index + r.words)]
    assert len(set(taken)) == len(taken)
    assert max(taken) < WORDS
    assert list(BY_NAME) == [r.name for r in REGISTERS]
    for register in both:
        bits = [bit for field in register.fields for bit in range(field.low, field.low + field.width)]
        assert len(set(bits)) == len(bits)
        assert sum(field.mask for field in register.fields) == sum(1 << bit for bit in bits)
        assert not (register.fact and register.writable)
    run = [r.index for r in LOAD_REGISTERS]
    assert run == [*range(run[0], run[0] + len(run))]  # as the RTL decodes them


def test_facts_stand_in_their_words() -> None:
    facts = {r.name: r.index + 1 for r in REGISTERS if r.fact} | {
        "NETWORK": int("00112233" + "00" * 24 + "44556677", 16)
    }
    size, _, digits = facts_word(facts).partition("'h")
    value = int(digits, 16)
    assert size == str(32 * WORDS)
    words = [value >> 32 * index & 0xFFFF_FFFF for index in range(WORDS)]
    assert words[BY_NAME["CLASSES"].index] == BY_NAME["CLASSES"].index + 1
    first = BY_NAME["NETWORK"].index
    assert (words[first], words[first + 7]) == (0x00112233, 0x44556677)
    assert words[BY_NAME["LEVELS"].index] == 0
    with pytest.raises(KeyError):
        facts_word({})
