"""From cells of a synthesized netlist to resources: what each kind of cell takes of a device."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.boards import Family, Resources


@dataclass(frozen=True)
class _Rule:
    """What a kind of cell takes, by its name."""

    pattern: re.Pattern[str]
    takes: Resources
    memory: bool  # LUTs that are RAM or shift registers


def _rule(pattern: str, *, memory: bool = False, **takes: int) -> _Rule:
    return _Rule(re.compile(pattern), Resources(**takes), memory)


# A cell is counted by the first rule that matches its whole name.
_AMD = (
    _rule(r"LUT[1-6]|INV", lut=1),
    _rule(r"SRL16E|SRLC16E|SRLC32E", lut=1, memory=True),
    _rule(r"RAM(32|64)X1S", lut=1, memory=True),
    _rule(r"RAM(32|64)X1D|RAM128X1S", lut=2, memory=True),
    _rule(r"RAM32M|RAM64M|RAM128X1D|RAM256X1S", lut=4, memory=True),
    _rule(r"RAM32M16|RAM64M8|RAM256X1D|RAM512X1S|RAM64X8SW|RAM32X16DR8", lut=8, memory=True),
    _rule(r"FD[CPRS]E(_1)?|LD[CP]E", ff=1),
    _rule(r"RAMB36E[12]", bram_36k=1),
    _rule(r"RAMB18E[12]", bram_18k=1),
    _rule(r"DSP48E[12]", dsp=1),
    _rule(r"CARRY[48]|MUXF[789]|BUFG|VCC|GND"),
)
_ECP5 = (
    _rule(r"LUT4", lut=1),
    _rule(r"CCU2C", lut=2),
    _rule(r"TRELLIS_DPR16X4", lut=6),  # four hold the bits, two of a third slice are its write port
    _rule(r"TRELLIS_FF", ff=1),
    _rule(r"DP16KD|PDPW16KD", bram_18k=1),
    _rule(r"MULT(18X18|9X9)D", dsp=1),
    _rule(r"PFUMX|L6MUX21|ALU54B|VLO|VHI"),
)
_ICE40 = (
    _rule(r"SB_LUT4", lut=1),
    _rule(r"SB_DFF[A-Z]*", ff=1),
    _rule(r"SB_RAM40_4K[A-Z]*", bram_18k=1),
    _rule(r"SB_MAC16", dsp=1),
    _rule(r"SB_CARRY|SB_GB"),
)
_GOWIN = (
    _rule(r"LUT[1-4]|ALU|INV", lut=1),
    _rule(r"RAM16S(DP)?1", lut=1, memory=True),
    _rule(r"RAM16S(DP)?2", lut=2, memory=True),
    _rule(r"RAM16S(DP)?4", lut=4, memory=True),
    _rule(r"DFF[A-Z]*", ff=1),
    _rule(r"(SP|DP|SDP)(X9)?B?|pROM(X9)?", bram_18k=1),
    _rule(r"MULT(18X18|9X9)", dsp=1),
    _rule(r"MUX2_LUT[5-8]|GND|VCC"),
)
_RULES: dict[Family, tuple[_Rule, ...]] = {
    "xc7": _AMD,
    "xcup": _AMD,
    "ecp5": _ECP5,
    "gowin": _GOWIN,
    "ice40": _ICE40,
}


def resources(cells: Mapping[str, int], family: Family) -> Resources:
    """What `cells`, a number for each kind of cell, take of a device of `family`.

    Raises:
        KeyError: a kind of cell that no rule knows, so that nothing is left out in silence; its argument is the name.
    """
    total = Resources()
    for cell, number in cells.items():
        total += _find(cell, family).takes * number
    return total


def memory_luts(cells: Mapping[str, int], family: Family) -> int:
    """How many of the LUTs are RAM or shift registers; errors as `resources`."""
    rules = ((_find(cell, family), number) for cell, number in cells.items())
    return sum(rule.takes.lut * number for rule, number in rules if rule.memory)


def _find(cell: str, family: Family) -> _Rule:
    for rule in _RULES[family]:
        if rule.pattern.fullmatch(cell):
            return rule
    raise KeyError(cell)
