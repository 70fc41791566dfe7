"""The register map of the AXI shell as data: the RTL's package, the guide's table and the host side are made of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Access = Literal["read", "read, write", "read, write 1 to clear", "read, write 1 to do"]

MAGIC = int.from_bytes(b"RBNT", "big")
"""What the first register says: this is a shell of rebnet."""

VERSION = (1, 0)
"""Of the map: major for what moved, minor for what was added."""

LOAD_VERSION = (1, 1)
"""Of the map with the registers that load weights."""

WORDS = 64
"""Words that the map has room for; addresses behind them are refused."""

ADDRESS_BITS = 12
"""Bits of an address: 4 KiB, the least that a processor maps."""


@dataclass(frozen=True)
class Field:
    """Bits of a register.

    Attributes:
        name: in capitals.
        low: the lowest bit.
        text: what it says.
        width: bits.
    """

    name: str
    low: int
    text: str
    width: int = 1

    @property
    def mask(self) -> int:
        """The bits in the word."""
        return ((1 << self.width) - 1) << self.low


@dataclass(frozen=True)
class Register:
    """A word, or several of one meaning.

    Attributes:
        name: in capitals, as the package of the RTL has it.
        index: word; the address is four times as much.
        access: what a host may do with it.
        text: what it says.
        fact: whether it says the same for as long as the bitstream is loaded.
        words: how many.
        fields: bits of it, where these have names.
    """

    name: str
    index: int
    access: Access
    text: str
    fact: bool = False
    words: int = 1
    fields: tuple[Field, ...] = ()

    @property
    def address(self) -> int:
        """Bytes from the shell's base."""
        return 4 * self.index

    @property
    def writable(self) -> bool:
        """Whether a write is answered with OKAY."""
        return self.access != "read"


INTERRUPTS = (
    Field("IMAGE", 0, "the last answer of an image was taken"),
    Field("TRANSFER", 1, "the last beat of a transfer of answers was taken"),
    Field("SHORT", 2, "a transfer of images ended within an image, which was filled up with zeros"),
    Field("RESET", 3, "a reset is done"),
)

REGISTERS = (
    Register("MAGIC", 0, "read", 'the text "RBNT", `0x52424E54`', fact=True),
    Register("VERSION", 1, "read", "of this map: major in the upper half, minor in the lower", fact=True),
    Register(
        "CONTROL", 2, "read, write 1 to do", "asks for something; bit 0 reads as 1 while a reset goes on", fields=(
            Field("RESET", 0, "reset in order: input is drained to TLAST, output is ended with TLAST"),
            Field("ABORT", 1, "reset at once: what is offered goes; for where the DMA is reset too"),
            Field("CLEAR", 2, "all counters to 0"),
        ),
    ),
    Register(
        "MODE", 3, "read, write", "written while the shell is idle", fields=(
            Field("LABELS", 0, "answers are labels, one a place; else scores"),
            Field("HEADERS", 1, "each image comes behind a beat that says its levels; else LEVELS says them"),
        ),
    ),
    Register(
        "STATUS", 4, "read", "how it stands", fields=(
            Field("IDLE", 0, "no image is inside, no answer is offered, no transfer has begun"),
            Field("RESETTING", 1, "a reset goes on"),
            Field("ERROR_TLAST", 2, "the accelerator counted other beats than the shell; never, unless one is wrong"),
        ),
    ),
    Register("INTERRUPTS", 5, "read, write 1 to clear", "what has happened", fields=INTERRUPTS),
    Register("ENABLE", 6, "read, write", "which of INTERRUPTS raise the interrupt", fields=INTERRUPTS),
    Register("LEVELS", 7, "read, write", "levels m of the images that begin from now on; 0, or more than M: M"),
    Register("LEVELS_NOW", 8, "read", "levels of the image that began last"),
    Register(
        "IMAGES", 9, "read, write",
        "images of a transfer of answers, TLAST is on the last one; 0: where the input had TLAST; written while idle",
    ),
    Register("IMAGES_IN", 10, "read", "counter: images that went in whole"),
    Register("IMAGES_OUT", 11, "read", "counter: images whose last answer was taken"),
    Register("CYCLES", 12, "read", "counter: cycles in which an image was inside, lower half; reading keeps the upper"),
    Register("CYCLES_HIGH", 13, "read", "upper half, as it was when CYCLES was read"),
    Register("STALLS_IN", 14, "read", "counter: cycles in which a beat of images waited"),
    Register("STALLS_OUT", 15, "read", "counter: cycles in which a beat of answers waited"),
    Register("MAX_LEVELS", 16, "read", "M", fact=True),
    Register("FIXED_LEVELS", 17, "read", "1 if every image runs at M", fact=True),
    Register("CLASSES", 18, "read", "scores of a place", fact=True),
    Register("PLACES", 19, "read", "answers of an image: 1, or the places of a map", fact=True),
    Register("HEIGHT", 20, "read", "rows of an image", fact=True),
    Register("WIDTH", 21, "read", "columns of an image", fact=True),
    Register("CHANNELS", 22, "read", "samples of a pixel", fact=True),
    Register("SAMPLES_PER_BEAT", 23, "read", "bytes of an image in a beat, the first lowest", fact=True),
    Register("BEAT_BYTES", 24, "read", "bytes of a beat of images, those that are not samples are ignored", fact=True),
    Register("BEATS", 25, "read", "beats of an image, its header not counted", fact=True),
    Register("ANSWER_BYTES", 26, "read", "bytes of a beat of answers", fact=True),
    Register("SCORE_BITS", 27, "read", "bits of a score, which fills its beat by its sign", fact=True),
    Register("NETWORK", 32, "read", "SHA-256 of the build's `network.json`, the first four bytes highest", fact=True,
             words=8),
)  # fmt: skip
"""In the order of their addresses. `readable` and `writable` words of the RTL, and the table of the guide, follow."""

LOAD_REGISTERS = (
    Register(
        "LOAD", 48, "read, write 1 to do", "how the weights stand", fields=(
            Field("BEGIN", 0, "write 1: begin; refused unless IDLE. Reads 1 while a load goes on: no image begins"),
            Field("WRONG", 1, "the checksum written last is not that of what was written, or that is no whole network"),
        ),
    ),
    Register("LOAD_ADDRESS", 49, "read, write", "address of the next word; each that is written or read moves it on"),
    Register("LOAD_DATA", 50, "read, write", "the word there; while a load goes on"),
    Register(
        "LOAD_CHECKSUM", 51, "read, write",
        "CRC-32 of all words written since BEGIN, address and data; writing the same ends the load of a whole network",
    ),
    Register("LOAD_READ_CHECKSUM", 52, "read", "the same of all words read since BEGIN"),
    Register("LOAD_SHAPE", 53, "read", "`runtime_weights.shape` of ports.json: networks of it fit", fact=True),
)  # fmt: skip
"""Of accelerators whose weights are written at run time; others refuse these. NETWORK says what was loaded."""

BY_NAME = {register.name: register for register in REGISTERS}


def facts_word(facts: dict[str, int]) -> str:
    """All that never changes as one sized number of (System)Verilog, word r at bits 32*r.

    Args:
        facts: what each register that is a fact says; of several words the number that they make, the first highest.

    Raises:
        KeyError: a fact is missing.
    """
    value = 0
    for register in (register for register in REGISTERS if register.fact):
        number = facts[register.name]
        for word in range(register.words):
            part = number >> (32 * (register.words - 1 - word)) & 0xFFFF_FFFF
            value |= part << (32 * (register.index + word))
    return f"{32 * WORDS}'h{value:x}"


def package_text() -> str:
    """`axi_map.sv`: the numbers of the registers that the RTL knows, and which may be read and written."""
    live = "\n".join(f"  localparam int {r.name} = {r.index};" for r in REGISTERS if not r.fact)
    return f"""\
// Numbers of the AXI shell's registers; made from registers.py, which says what they mean.
package axi_map;
  /* verilator lint_off UNUSEDPARAM */
  localparam int WORDS = {WORDS};
  localparam int INTERRUPT_BITS = {len(INTERRUPTS)};
{live}
  localparam logic [WORDS-1:0] READABLE = {_mask(False)};
  localparam logic [WORDS-1:0] WRITABLE = {_mask(True)};
  /* verilator lint_on UNUSEDPARAM */
endpackage
"""


def load_package_text() -> str:
    """`axi_load_map.sv`: the numbers of the registers that the RTL of loads knows."""
    others = (BY_NAME["STATUS"], BY_NAME["NETWORK"])
    numbers = "\n".join(f"  localparam int {r.name} = {r.index};" for r in (*LOAD_REGISTERS, *others))
    return f"""\
// Numbers of the registers that load weights; made from registers.py, which says what they mean.
package axi_load_map;
{numbers}
  localparam int LAST = {LOAD_REGISTERS[-1].index};
endpackage
"""


def table_text(registers: Iterable[Register] = REGISTERS) -> str:
    """The map as a table of Markdown, fields in rows of their own."""
    return "\n".join(_rows(registers)) + "\n"


def _mask(writes: bool) -> str:
    words = sum(((1 << r.words) - 1) << r.index for r in REGISTERS if r.writable or not writes)
    return f"{WORDS}'h{words:x}"


def _rows(registers: Iterable[Register]) -> Iterator[str]:
    yield "| address | register | access | |"
    yield "|---|---|---|---|"
    for register in registers:
        last = f" … `0x{register.address + 4 * (register.words - 1):02X}`" if register.words > 1 else ""
        yield f"| `0x{register.address:02X}`{last} | `{register.name}` | {register.access} | {register.text} |"
        if register.name == "ENABLE":
            continue
        for field in register.fields:
            high = "" if field.width == 1 else f"{field.low + field.width - 1}:"
            yield f"| | `{field.name}` | bit {high}{field.low} | {field.text} |"
