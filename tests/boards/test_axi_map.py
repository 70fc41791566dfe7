"""The register map of the AXI shell: the package of the RTL, the guide and the record say the same.

    REFRESH_GOLDEN=1 pytest tests/boards/test_axi_map.py

writes the package and the guide's table anew.
"""

import os
from pathlib import Path

import pytest

from rebnet.boards.shells.axi import source
from rebnet.boards.shells.axi.registers import BY_NAME, REGISTERS, WORDS, facts_word, package_text, table_text

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "axi-shell.md"
BEGIN, END = "<!-- registers: made by tests/boards/test_axi_map.py -->\n", "<!-- end -->"


def test_the_package_of_the_rtl() -> None:
    path = source("axi_map")
    if os.environ.get("REFRESH_GOLDEN"):
        path.write_text(package_text())
    assert path.read_text() == package_text()


def test_the_table_of_the_guide() -> None:
    before, _, rest = GUIDE.read_text().partition(BEGIN)
    table, _, behind = rest.partition(END)
    if os.environ.get("REFRESH_GOLDEN"):
        GUIDE.write_text(before + BEGIN + table_text() + END + behind)
        table = table_text()
    assert table == table_text()


def test_no_two_registers_share_a_word_and_no_two_fields_a_bit() -> None:
    taken = [index for r in REGISTERS for index in range(r.index, r.index + r.words)]
    assert len(set(taken)) == len(taken)
    assert max(taken) < WORDS
    assert list(BY_NAME) == [r.name for r in REGISTERS]
    for register in REGISTERS:
        bits = [bit for field in register.fields for bit in range(field.low, field.low + field.width)]
        assert len(set(bits)) == len(bits)
        assert sum(field.mask for field in register.fields) == sum(1 << bit for bit in bits)
        assert not (register.fact and register.writable)


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
