"""A board with PYNQ that is simulated: the AXI shell's RTL behind a stand-in for the package `pynq`.

The DMA is a twin of Xilinx' AXI DMA in simple mode, by its registers (PG021): run, soft reset, halted, idle, IOC,
errors, the width of its length register, addresses that must be aligned. Its streams and the shell's registers are
those of the RTL.
"""

import json
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from rebnet.rtl import MODULES
from rebnet.rtl import source as library
from rebnet.simulate.build import compile_units, find_tools, verilate
from rebnet.simulate.cache import default_folder

SHELL, DMA = 0x4000_0000, 0x4040_0000
OKAY = 0
MM2S, S2MM = 0x00, 0x30
HALTED, IDLE, INTERNAL, SLAVE, DECODE, IOC = 1, 2, 0x10, 0x20, 0x40, 0x1000
STEP = 50
"""Cycles that pass while the host reads a register of the DMA."""


def program(build: Path, folder: Path) -> Path:
    """Build the simulator of the accelerator of `build`, which has its AXI shell, in `folder`."""
    record = json.loads((build / "axi" / "shell.json").read_text())
    ports = json.loads((build / "ports.json").read_text())
    folder.mkdir()
    for name in ports["memories"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build / name, folder / name)
    sources = {f"{name}.sv": library(name).read_text() for name in MODULES}
    for name in (*ports["files"], *record["files"]):
        sources[Path(name).with_suffix(".sv").name] = (build / name).read_text()
    tools = find_tools()
    verilate(tools, folder, ["-sv", "-O3", "-Wno-fatal", "-DREBNET_COUNTONES"], record["top"], sources)
    shutil.copyfile(Path(__file__).with_name("streams.cpp"), folder / "harness.cpp")
    default_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    compile_units(tools, default_folder(), folder, "-Og")
    return folder / "simulator"


class BusError(Exception):
    """A register's access that the shell refuses, which on a board is a signal that ends the program."""


class Buffer(np.ndarray):
    """Memory that the DMA reaches: what a host wrote is there once it is flushed, and so is what it reads."""

    physical_address: int
    freed = False

    def flush(self) -> None:
        self.memory[:] = np.asarray(self)

    def invalidate(self) -> None:
        np.asarray(self)[:] = self.memory

    def freebuffer(self) -> None:
        assert not self.freed
        self.freed = True


class Board:
    """The simulated board.

    Attributes:
        transfers: bytes of each transfer of images.
        stuck: whether the DMA's stream of images stands still.
        deaf: whether its stream of answers does.
        unmapped: whether the DMA reaches no memory.
        said: what registers of the shell say instead, by address.
        rails: what the board measures.
        names: `ip_dict` of the block design.
        place: a folder that is copied to it, where a test has one.
    """

    place: Path

    def __init__(self, program: Path, top: str, seed: int = 0, length_bits: int = 26) -> None:
        self.stuck = self.deaf = self.unmapped = False
        self.transfers: list[int] = []
        self.said: dict[int, int] = {}
        self.buffers: list[Buffer] = []
        self.cycles = 0
        self.length_bits, self._next = length_bits, 0x1000_0000
        self.rails: dict[str, Any] = {}
        self.names = {
            "axi_dma_0": {
                "type": "xilinx.com:ip:axi_dma:7.1",
                "phys_addr": DMA,
                "parameters": {"c_sg_length_width": str(length_bits)},
            },
            "accelerator_0": {"type": f"xilinx.com:module_ref:{top}:1.0", "phys_addr": SHELL, "parameters": {}},
        }
        self._process = subprocess.Popen(
            [program, str(seed)], cwd=program.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.programmed: list[tuple[str, bool]] = []
        self._power_up()

    def _power_up(self) -> None:
        self._control = {MM2S: 0, S2MM: 0}
        self._status = {MM2S: HALTED, S2MM: HALTED}  # not idle before the first transfer
        self._busy = {MM2S: False, S2MM: False}
        self._address = {MM2S: 0, S2MM: 0}
        self._length = {MM2S: 0, S2MM: 0}
        self._answers = b""

    # what is simulated

    def _tell(self, what: str, a: int = 0, b: int = 0, n: int = 0, data: bytes = b"") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack("<4I", ord(what), a, b, n) + data)
        self._process.stdin.flush()

    def _hear(self, count: int) -> tuple[int, ...]:
        assert self._process.stdout is not None
        return struct.unpack(f"<{count}I", self._process.stdout.read(4 * count))

    def shell_read(self, address: int) -> int:
        self._tell("r", address)
        response, data = self._hear(2)
        if response != OKAY:
            raise BusError(f"read of 0x{address:x}")
        return self.said.get(address, data)

    def shell_write(self, address: int, data: int) -> None:
        self._tell("w", address, data)
        if self._hear(1) != (OKAY,):
            raise BusError(f"write of 0x{address:x}")

    def advance(self, cycles: int = STEP) -> None:
        """Let cycles pass, and the DMA take what came."""
        self.cycles += cycles
        self._tell("n", n=cycles)
        waits, takes, beats = self._hear(3)
        assert self._process.stdout is not None
        self._answers += self._process.stdout.read(8 * beats)
        if self._busy[MM2S] and not waits and not self.stuck:
            self._done(MM2S)
        if self._busy[S2MM] and not takes and not self.deaf:
            if len(self._answers) > self._length[S2MM]:
                self._fail(S2MM, INTERNAL)  # more came than there is room for
                return
            memory = self._memory(S2MM, len(self._answers))
            memory[:] = np.frombuffer(self._answers, np.uint8)
            self._length[S2MM] = len(self._answers)
            self._answers = b""
            self._done(S2MM)

    def _done(self, side: int) -> None:
        self._busy[side] = False
        self._status[side] |= IDLE | IOC

    def _memory(self, side: int, size: int) -> np.ndarray:
        for buffer in self.buffers:
            start = self._address[side] - buffer.physical_address
            if start >= 0 and start + size <= len(buffer) and not buffer.freed and not self.unmapped:
                return buffer.memory[start : start + size]
        raise LookupError("no memory there")

    def _fail(self, side: int, error: int) -> None:
        self._busy[side] = False
        self._status[side] |= HALTED | error
        self._control[side] &= ~1

    # the DMA's registers

    def dma_read(self, offset: int) -> int:
        self.advance()
        side, register = (S2MM, offset - S2MM) if offset >= S2MM else (MM2S, offset)
        return {
            0x00: self._control[side],
            0x04: self._status[side],
            0x18: self._address[side] & 0xFFFF_FFFF,
            0x1C: self._address[side] >> 32,
            0x28: self._length[side],
        }[register]

    def dma_write(self, offset: int, value: int) -> None:
        side, register = (S2MM, offset - S2MM) if offset >= S2MM else (MM2S, offset)
        if register == 0x00:
            if value & 4:  # both sides
                self._tell("x")
                self._power_up()
                return
            self._control[side] = value
            if value & 1:
                self._status[side] &= ~HALTED
        elif register == 0x04:
            self._status[side] &= ~(value & 0x7000)
        elif register == 0x18:
            self._address[side] = self._address[side] >> 32 << 32 | value
        elif register == 0x1C:
            self._address[side] = self._address[side] & 0xFFFF_FFFF | value << 32
        elif register == 0x28:
            self._begin(side, value)
        else:
            raise KeyError(hex(offset))

    def _begin(self, side: int, length: int) -> None:
        if self._status[side] & HALTED:
            return  # nothing begins
        length &= (1 << self.length_bits) - 1
        if not length or self._address[side] % 8:
            self._fail(side, INTERNAL)
            return
        try:
            memory = self._memory(side, length)
        except LookupError:
            self._fail(side, DECODE)
            return
        assert not self._busy[side], "a transfer was begun within a transfer"
        self._length[side], self._busy[side] = length, True
        self._status[side] &= ~IDLE
        if side == S2MM:
            self._answers = b""
            self._tell("o", int(not self.deaf))
        else:
            self.transfers.append(length)
            data = memory.tobytes()
            if not self.stuck:
                self._tell("i", n=len(data), data=data)

    # what is on the board's Python

    def pynq(self) -> ModuleType:
        """The stand-in for the package."""
        board = self

        class MMIO:
            def __init__(self, base: int, length: int) -> None:
                self.read, self.write = {
                    SHELL: (board.shell_read, board.shell_write),
                    DMA: (board.dma_read, board.dma_write),
                }[base]

        class Overlay:
            def __init__(self, path: str, download: bool = True) -> None:
                assert Path(path).with_suffix(".hwh").is_file()
                board.programmed.append((path, download))
                if download:
                    board._tell("x")
                    board._power_up()
                    board._tell("z")
                self.ip_dict = board.names

        def allocate(shape: tuple[int, ...], dtype: Any) -> Buffer:
            buffer = np.full(shape, 0xA5, dtype).view(Buffer)
            buffer.memory = np.full(shape, 0x5A, dtype)
            buffer.physical_address = board._next
            board._next += -(-buffer.nbytes // 4096) * 4096 + 4096
            board.buffers.append(buffer)
            return buffer

        module = ModuleType("pynq")
        module.Overlay, module.MMIO, module.allocate = Overlay, MMIO, allocate
        module.get_rails, module.Clocks = lambda: self.rails, SimpleNamespace(fclk0_mhz=100.0)
        return module

    def close(self) -> None:
        self._process.kill()
        with suppress(OSError), self._process:
            pass
