"""A Vivado project of the AXI shell on a board: one script, from an empty folder to NAME.bit and NAME.hwh.

`design.tcl` is the same for every board; in front of it stand the parameters that this module writes. What the two
kinds of processor call their pins and settings is data here: AMD PG082 (processing_system7), PG201 (zynq_ultra_ps_e).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from rebnet.boards import Board, Family, boards
from rebnet.boards.shells.axi.ipxact import BLOCK, vlnv
from rebnet.errors import OptionError
from rebnet.records.shell import ShellBuild

SCRIPT, HOOK, IP_FOLDER = "design.tcl", "memories.tcl", "ip"
LENGTH_BITS = 26
"""Bits of the DMA's length register: transfers of up to 64 MiB, the most that there is (PG021)."""
_LEAST_MEMORY_BITS = 32


@dataclass(frozen=True)
class _Kind:
    """What a kind of processor calls what the design uses of it.

    Attributes:
        ip: name of the IP.
        asked: setting of the first fabric clock, MHz.
        actual: the clock that the processor's dividers make of it, MHz.
        settings: that switch on one general master, one memory port, one clock with its reset, interrupts.
        clock, reset, interrupt: pins; clocks_in are those that its two ports run at.
        general, memory: interfaces.
        base: where the general master's addresses begin.
        address_bits: of the DMA.
        external: interfaces that leave the chip.
    """

    ip: str
    asked: str
    actual: str
    settings: Mapping[str, str]
    clock: str
    reset: str
    interrupt: str
    clocks_in: tuple[str, str]
    general: str
    memory: str
    base: int
    address_bits: int
    external: str


_KINDS: Mapping[Family, _Kind] = {
    "xc7": _Kind(
        ip="processing_system7",
        asked="PCW_FPGA0_PERIPHERAL_FREQMHZ",
        actual="PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ",
        settings={
            "PCW_USE_M_AXI_GP0": "1",
            "PCW_USE_S_AXI_HP0": "1",
            "PCW_S_AXI_HP0_DATA_WIDTH": "64",
            "PCW_USE_FABRIC_INTERRUPT": "1",
            "PCW_IRQ_F2P_INTR": "1",
            "PCW_FPGA_FCLK0_ENABLE": "1",
        },
        clock="FCLK_CLK0",
        reset="FCLK_RESET0_N",
        interrupt="IRQ_F2P",
        clocks_in=("M_AXI_GP0_ACLK", "S_AXI_HP0_ACLK"),
        general="M_AXI_GP0",
        memory="S_AXI_HP0",
        base=0x4000_0000,
        address_bits=32,
        external="FIXED_IO, DDR",
    ),
    "xcup": _Kind(
        ip="zynq_ultra_ps_e",
        asked="PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ",
        actual="PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ",
        settings={
            "PSU__USE__M_AXI_GP0": "1",
            "PSU__USE__M_AXI_GP1": "0",
            "PSU__USE__M_AXI_GP2": "0",
            "PSU__USE__S_AXI_GP2": "1",
            "PSU__SAXIGP2__DATA_WIDTH": "128",
            "PSU__USE__IRQ0": "1",
            "PSU__FPGA_PL0_ENABLE": "1",
        },
        clock="pl_clk0",
        reset="pl_resetn0",
        interrupt="pl_ps_irq0",
        clocks_in=("maxihpm0_fpd_aclk", "saxihp0_fpd_aclk"),
        general="M_AXI_HPM0_FPD",
        memory="S_AXI_HP0_FPD",
        base=0xA000_0000,
        address_bits=40,
        external="",
    ),
}


def able() -> tuple[str, ...]:
    """Names of the boards that there is a project for."""
    return tuple(board.name for board in boards() if board.processor is not None)


def script_text(shell: ShellBuild, board: Board, *, name: str, deploy: str, memories: str | None) -> str:
    """The script.

    Args:
        shell: the record of shell.json.
        board: one of `able`.
        name: of the bitstream, without its ending.
        deploy: folder that the bitstream is copied to, absolute or from the script's own.
        memories: folder of the memory images beside the IP's sources, if there are any.

    Raises:
        OptionError: there is no project for the board.
    """
    kind, processor = _KINDS.get(board.part.family), board.processor
    if kind is None or processor is None:
        raise OptionError(f"board {board.name!r} has no project for Vivado; use {', '.join(able())}")
    words = {
        "clock_mhz": f"{board.clock_mhz:g}",
        "jobs": "2",
        "deploy": deploy,
        "name": name,
        "part": board.part.order_code,
        "board_part": processor.board_part,
        "accelerator": vlnv(shell.top),
        "registers": f"s_axi/{BLOCK}",
        "registers_bytes": str(1 << shell.address_bits),
        "in_bits": str(shell.s_axis.tdata_bits),
        "in_memory_bits": str(max(shell.s_axis.tdata_bits, _LEAST_MEMORY_BITS)),
        "out_bits": str(shell.m_axis.tdata_bits),
        "length_bits": str(LENGTH_BITS),
        "memories": memories or "",
        "processor": kind.ip,
        "asked_clock": kind.asked,
        "actual_clock": kind.actual,
        "ps_clock": kind.clock,
        "ps_reset": kind.reset,
        "ps_interrupt": kind.interrupt,
        "ps_general": kind.general,
        "ps_general_clock": kind.clocks_in[0],
        "ps_memory": kind.memory,
        "ps_memory_clock": kind.clocks_in[1],
        "ps_external": kind.external,
        "base": f"0x{kind.base:08X}",
        "dma_address_bits": str(kind.address_bits),
    }
    lists = {"board_settings": processor.settings, "settings": tuple(kind.settings.items())}
    lines = [f"# {board.name}: {shell.top} with a DMA and the processor. Made by rebnet; run it where Vivado is:"]
    lines += [f"#   vivado -mode batch -source {SCRIPT}                 at the clock below", *_HEAD]
    lines += [f"set {key} {word(value)}" for key, value in words.items()]
    for key, pairs in lists.items():
        inner = "".join(f" {word(f'CONFIG.{setting}')} {word(value)}" for setting, value in pairs)
        lines.append(f"set {key} [list{inner}]")
    return "\n".join(lines) + "\n\n" + _file(SCRIPT)


def hook_text(memories: str) -> str:
    """What synthesis runs first: memory images are laid into the folder in which it runs."""
    return f"set memories {word(memories)}\n" + _file(HOOK)


def word(text: str) -> str:
    """One word of Tcl that means `text`, whatever is in it: nothing is substituted, and it ends where it should.

    Raises:
        OptionError: it has a character that no version 8 of Tcl can name.
    """
    if any(ord(letter) > 0xFFFF or letter == "\0" for letter in text):
        raise OptionError(f"{text!r}: has a character that Tcl does not know; use another name")
    return '"' + "".join(_letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    if letter in '\\"$[]{};#':
        return f"\\{letter}"
    return letter if " " <= letter <= "~" else f"\\u{ord(letter):04x}"


def _file(name: str) -> str:
    return (files("rebnet.boards.shells.axi.zynq") / name).read_text(encoding="utf-8")


_HEAD = (f"#   vivado -mode batch -source {SCRIPT} -tclargs 100    at 100 MHz", "")
