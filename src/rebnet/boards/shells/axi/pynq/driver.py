"""Driver of an accelerator of rebnet on a board with PYNQ: this file and shell.json are all that it needs.

    from driver import Accelerator

    with Accelerator(".") as accelerator:            # shell.json, NAME.bit and NAME.hwh in this folder
        scores = accelerator.predict(images)         # uint8, (N, height, width, channels)

It imports the standard library, numpy and pynq, and runs on Python 3.8 and newer. The design is the AXI shell and one
AXI DMA (Xilinx PG021) in simple mode, without scatter-gather, MM2S and S2MM.
"""

from __future__ import annotations

import json
import operator
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MAGIC, MAJOR = 0x52424E54, 1
TIMEOUT_S = 10.0
"""Seconds in which no image came out of the accelerator, after which a transfer has failed."""
_DMA, _TX, _RX = "xilinx.com:ip:axi_dma:", 0x00, 0x30
_CONTROL, _STATUS, _ADDRESS, _ADDRESS_HIGH, _LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
_RUN, _SOFT_RESET, _HALTED, _IDLE, _ERRORS, _CLEAR = 0x1, 0x4, 0x1, 0x2, 0x70, 0x7000
_DEFAULT_LENGTH_BITS, _SPINS, _WORD = 26, 200, 0xFFFF_FFFF
_SHELL_KEYS = ("top", "address_bits", "network", "levels", "s_axis", "m_axis", "registers", "bits", "facts")


class DriverError(RuntimeError):
    """The board, its bitstream or a transfer is not as it must be; says what to do."""


class ClosedError(DriverError):
    """The accelerator was closed."""


class InputError(ValueError):
    """Images, levels or files that the accelerator does not take."""


class Accelerator:
    """The accelerator of a bitstream, programmed now; threads take turns.

    Args:
        folder: with shell.json and one NAME.bit, NAME.hwh beside it.
        bitstream: the .bit, where it is another, or there are several; here, or in the folder.
        weights: a weights.bin that is loaded at once, of a bitstream with --runtime-weights; see `load`.
        download: program the bitstream; False where it is loaded.
        batch: most images of a transfer; fewer where the DMA's length register ends before.
        timeout_s: seconds in which no image came out of the accelerator, after which a transfer has failed.
        ip: name of the shell in the block design; that of the type in shell.json if None.
        dma: name of the DMA; the only one if None.

    Raises:
        DriverError: pynq is missing, a file is missing, or another accelerator answers.
        InputError: an argument that cannot be.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        bitstream: str | Path | None = None,
        *,
        weights: str | Path | None = None,
        download: bool = True,
        batch: int = 256,
        timeout_s: float = TIMEOUT_S,
        ip: str | None = None,
        dma: str | None = None,
    ) -> None:
        if not _is_count(batch) or not _is_time(timeout_s):
            raise InputError(
                f"batch={batch!r}, timeout_s={timeout_s!r}: must be above 0, and batch a whole number; give others"
            )
        self.folder, self.timeout_s = Path(folder), timeout_s
        self.shell = _record(self.folder / "shell.json", _SHELL_KEYS)
        self._lock = threading.Lock()
        self._buffers: dict[tuple[int, int], Any] = {}
        self._closed, self._owner = False, os.getpid()
        self._pynq = _import_pynq()
        place = _bitstream(self.folder, bitstream)
        self.overlay = self._pynq.Overlay(str(place), download=download)
        blocks = self.overlay.ip_dict
        shell = _block(blocks, ip, lambda kind: self.shell["top"] in kind, f"the shell, {self.shell['top']}")
        engine = _block(blocks, dma, lambda kind: kind.startswith(_DMA), "AXI DMA")
        self._shell = self._pynq.MMIO(blocks[shell]["phys_addr"], 1 << self.shell["address_bits"])
        self._dma = self._pynq.MMIO(blocks[engine]["phys_addr"], 0x1000)
        self._check_facts()
        settings = {key.lower(): value for key, value in (blocks[engine].get("parameters") or {}).items()}
        bits = int(settings.get("c_sg_length_width", _DEFAULT_LENGTH_BITS))
        images, answers = self.shell["s_axis"], self.shell["m_axis"]
        self.levels: int = self.shell["facts"]["MAX_LEVELS"]
        self._beat_bytes = images["tdata_bits"] // 8
        self._answers = answers["places"] * answers["classes"]
        most = ((1 << bits) - 1) // max(images["bytes_per_image"] + self._beat_bytes, 8 * self._answers)
        if most < 1:
            raise DriverError(
                f"{engine}: its length register has {bits} bits, too few for one image; set c_sg_length_width to 26 in "
                "the block design and make the bitstream again"
            )
        self.batch = min(batch, most)
        with self._turn():
            self._reset()
        if weights is not None:
            self.load(weights)
        self._check_network(self.shell["network"] if weights is None else self.network)

    # what it computes

    def predict(self, images: Any, levels: Any = None) -> np.ndarray:
        """Scores of images.

        Args:
            images: uint8 (N, height, width, channels); one image without the first axis, and all of them without the
                last where there is one channel, are taken too.
            levels: m to run at, of all images or one for each; M if None.

        Returns:
            int64 (N, classes), or (N, places, classes) of a network that answers on a map, places row by row; without
            the first axis for one image.

        Raises:
            InputError: images or levels that the network does not take.
            DriverError: a transfer failed; the accelerator is reset, and the next call begins anew.
        """
        answers = self.shell["m_axis"]
        shape = (answers["classes"],) if answers["places"] == 1 else (answers["places"], answers["classes"])
        return self._run(images, levels, shape, labels=False)

    def labels(self, images: Any, levels: Any = None) -> np.ndarray:
        """First index of the largest score, found by the shell: (N,), or (N, places); as in `predict`."""
        places = self.shell["m_axis"]["places"]
        return self._run(images, levels, () if places == 1 else (places,), labels=True)

    def throughput(self, images: int = 1000, levels: int | None = None) -> dict[str, float]:
        """How fast random images go through, transfers and copies of the processor with them.

        Returns:
            images; seconds; images_per_s; in_mb_per_s and out_mb_per_s of the DMA; cycles_per_image, counted by the
            shell while an image was inside; clock_mhz of the fabric, where pynq knows it.
        """
        if not _is_count(images):
            raise InputError(f"images={images!r}: at least one is needed to measure a speed; give more")
        height, width, channels = self.shell["s_axis"]["image"]
        given = np.random.RandomState(1).randint(0, 256, (images, height, width, channels)).astype(np.uint8)
        with self._turn():
            self._write("CONTROL", self._bit("CONTROL.CLEAR"))
        start = time.perf_counter()
        self.predict(given, levels)
        seconds = time.perf_counter() - start
        with self._turn():
            cycles = self._read("CYCLES") | self._read("CYCLES_HIGH") << 32
        found = {
            "images": images,
            "seconds": seconds,
            "images_per_s": images / seconds,
            "in_mb_per_s": images * self.shell["s_axis"]["bytes_per_image"] / seconds / 1e6,
            "out_mb_per_s": images * 8 * self._answers / seconds / 1e6,
            "cycles_per_image": cycles / images,
        }
        clock = getattr(getattr(self._pynq, "Clocks", None), "fclk0_mhz", None)
        return found if clock is None else dict(found, clock_mhz=float(clock))

    def power(self) -> dict[str, float]:
        """Watts of each rail that the board measures, by name; empty where it measures none."""
        rails: dict[str, Any] = getattr(self._pynq, "get_rails", dict)()
        return {name: float(rail.power.value) for name, rail in rails.items() if getattr(rail, "power", None)}

    # weights at run time

    def load(self, weights: str | Path) -> str:
        """Make the accelerator that of another network, from weights.bin and the weights.json beside it.

        Returns:
            SHA-256 of the network's network.json, in hex.

        Raises:
            InputError: the words are of another shape, damaged, or the bitstream takes none.
            DriverError: what arrived is not what was sent; no image runs before a load ends well.
        """
        path = Path(weights)
        if "LOAD" not in self.shell["registers"]:
            raise InputError(
                f"{path}: this bitstream takes no weights at run time; make one with rebnet compile --runtime-weights"
            )
        data = _bytes(path)
        record = _record(path.with_suffix(".json"), ("words", "checksum", "file", "shape", "network"))
        if len(data) != 8 * record["words"] or zlib.crc32(data) != record["checksum"]:
            raise InputError(f"{path}: is not what {record['file']} was; copy it again")
        if int(record["shape"], 16) != self._read("LOAD_SHAPE"):
            raise InputError(
                f"{path}: is of networks of shape {record['shape']}, and the bitstream's is "
                f"{self._read('LOAD_SHAPE'):08x}; make it from this accelerator's build: rebnet generate BUILD "
                "--target weights"
            )
        with self._turn():
            self._until_idle()
            self._write("LOAD", self._bit("LOAD.BEGIN"))
            following = None
            for address, word in np.frombuffer(data, "<u4").reshape(-1, 2).tolist():
                if address != following:
                    self._write("LOAD_ADDRESS", address)
                self._write("LOAD_DATA", word)
                following = address + 1
            self._write("LOAD_CHECKSUM", record["checksum"])
            if self._read("LOAD"):
                raise DriverError(f"{path}: the words that arrived are not those that were sent; load it again")
        self._check_network(record["network"])
        return self.network

    # how it stands

    @property
    def network(self) -> str:
        """SHA-256 of the network.json of the network that runs, as the registers say it; 0s behind a failed load."""
        base = self.shell["registers"]["NETWORK"]
        return "".join(f"{self._shell.read(base + 4 * word):08x}" for word in range(8))

    def reset(self) -> None:
        """Begin anew: the DMA's soft reset, then the shell's; what was on its way is lost."""
        with self._turn():
            self._reset()

    def close(self) -> None:
        """Give the buffers back; the bitstream stays. Twice is the same as once, and in a forked process it is none."""
        if self._owner != os.getpid():
            return
        with self._lock:
            buffers, self._buffers, self._closed = list(self._buffers.values()), {}, True
        for buffer in buffers:
            buffer.freebuffer()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # transfers

    def _run(self, images: Any, levels: Any, shape: tuple[int, ...], labels: bool) -> np.ndarray:
        taken, alone = self._images(images)
        each = self._levels(levels, len(taken))
        found = np.zeros((len(taken), int(np.prod(shape))), dtype=np.int64)
        with self._turn():
            if len(taken):
                self._exchange(taken, each, found, labels)
        answers = found.reshape((len(taken), *shape))
        return np.asarray(answers[0]) if alone else answers

    def _exchange(self, images: np.ndarray, each: np.ndarray, found: np.ndarray, labels: bool) -> None:
        """Transfers one behind the other; while one is on its way the next lies ready, and the last is read."""
        headers = bool((each != each[0]).any())
        if "LOAD" in self.shell["registers"] and self._read("LOAD"):
            raise DriverError("a load of weights has not ended well, and no image runs before one has; load them again")
        self._until_idle()
        self._write("MODE", labels * self._bit("MODE.LABELS") | headers * self._bit("MODE.HEADERS"))
        self._write("IMAGES", 0)
        self._write("LEVELS", int(each[0]))
        self._write("INTERRUPTS", self._bit("INTERRUPTS.SHORT"))
        starts = range(0, len(images), self.batch)
        try:
            sent = self._fill(0, images[: self.batch], each[: self.batch] if headers else None)
            for turn, start in enumerate(starts):
                count, end = min(self.batch, len(images) - start), start + self.batch
                self._start(turn % 2, sent, 8 * count * found.shape[1])
                if end < len(images):
                    following = slice(end, end + self.batch)
                    sent = self._fill(1 - turn % 2, images[following], each[following] if headers else None)
                self._wait(count, 8 * count * found.shape[1])
                answers = self._buffer(_RX, turn % 2)
                answers.invalidate()
                taken = np.asarray(answers)[: 8 * count * found.shape[1]].view("<i8")
                found[start:end] = taken.reshape(count, found.shape[1])
            self._check_status()
        except BaseException:
            self._reset()
            raise

    def _fill(self, which: int, images: np.ndarray, levels: np.ndarray | None) -> int:
        """Lay images into a buffer, each behind its header where there are levels; how many bytes they take."""
        record = self.shell["s_axis"]
        beats, samples, wide = record["beats_per_image"], record["samples_per_beat"], self._beat_bytes
        before = 0 if levels is None else 1
        total = len(images) * (before + beats) * wide
        buffer = self._buffer(_TX, which)
        memory = np.asarray(buffer)[:total].reshape(len(images), before + beats, wide)
        if levels is not None:
            memory[:, 0] = 0
            memory[:, 0, 0] = levels
        flat = images.reshape(len(images), -1)
        whole = flat.shape[1] // samples
        memory[:, before : before + whole, :samples] = flat[:, : whole * samples].reshape(len(images), whole, samples)
        if whole < beats:
            rest = flat.shape[1] - whole * samples
            memory[:, before + whole :] = 0
            memory[:, before + whole, :rest] = flat[:, whole * samples :]
        buffer.flush()
        return int(total)

    def _buffer(self, side: int, which: int) -> Any:
        if (side, which) not in self._buffers:
            size = self.shell["s_axis"]["bytes_per_image"] + self._beat_bytes if side == _TX else 8 * self._answers
            self._buffers[side, which] = self._pynq.allocate(shape=(self.batch * size,), dtype=np.uint8)
            self._buffers[side, which].flush()  # what the processor cleared must not come over what the DMA writes
        return self._buffers[side, which]

    def _start(self, which: int, sent: int, received: int) -> None:
        """Begin a transfer, the side that takes the answers first."""
        for side, length in ((_RX, received), (_TX, sent)):
            address = self._buffer(side, which).physical_address
            self._dma.write(side + _STATUS, _CLEAR)
            self._dma.write(side + _ADDRESS, address & _WORD)
            self._dma.write(side + _ADDRESS_HIGH, address >> 32)
            self._dma.write(side + _LENGTH, length)

    def _wait(self, count: int, expected: int) -> None:
        """Wait until both sides are idle, as long as images come out."""
        out, until, spins = self._read("IMAGES_OUT"), time.monotonic() + self.timeout_s, 0
        while True:
            states = [self._dma.read(side + _STATUS) for side in (_TX, _RX)]
            for side, state in zip(("MM2S", "S2MM"), states):  # noqa: B905 - Python 3.8
                if state & _ERRORS:
                    raise DriverError(
                        f"the DMA's {side} stopped with errors (status 0x{state:08x}): check in the block design that "
                        "it reaches the memory, without scatter-gather; the accelerator was reset"
                    )
            if all(state & _IDLE for state in states):
                break
            spins += 1
            if spins < _SPINS:
                continue
            time.sleep(0.0001)
            now = self._read("IMAGES_OUT")
            if now != out:
                out, until = now, time.monotonic() + self.timeout_s
            elif time.monotonic() > until:
                raise DriverError(
                    f"a transfer of {count} images stands still: nothing came in {self.timeout_s:g} s (DMA 0x"
                    f"{states[0]:08x} 0x{states[1]:08x}, shell {self._state()}); the accelerator was reset, run it "
                    "again. If it happens again, check clock and streams of the block design"
                )
        received = self._dma.read(_RX + _LENGTH)
        if received != expected:
            raise DriverError(
                f"{received} bytes of answers came, and {expected} were due: a transfer ended too early; the "
                "accelerator was reset, run it again"
            )

    def _check_status(self) -> None:
        if self._read("INTERRUPTS") & self._bit("INTERRUPTS.SHORT"):
            raise DriverError(
                "a transfer ended within an image, as where the DMA's stream is not "
                f"{8 * self._beat_bytes} bits wide; the accelerator was reset"
            )
        if self._read("STATUS") & self._bit("STATUS.ERROR_TLAST"):
            raise DriverError("the accelerator counted other beats than its shell; make the bitstream again")

    def _reset(self) -> None:
        self._dma.write(_TX + _CONTROL, _SOFT_RESET)  # of both sides
        self._until(lambda: not self._dma.read(_TX + _CONTROL) & _SOFT_RESET, "the DMA's soft reset does not end")
        self._write("CONTROL", self._bit("CONTROL.ABORT"))
        resetting = self._bit("STATUS.RESETTING")
        self._until(lambda: not self._read("STATUS") & resetting, "the reset of the shell does not end")
        for side in (_TX, _RX):
            self._dma.write(side + _CONTROL, _RUN)
        self._until(
            lambda: not any(self._dma.read(side + _STATUS) & _HALTED for side in (_TX, _RX)), "the DMA does not run"
        )

    def _until_idle(self) -> None:
        idle = self._bit("STATUS.IDLE")
        self._until(lambda: bool(self._read("STATUS") & idle), "the shell does not become idle")

    def _until(self, done: Any, sentence: str) -> None:
        until = time.monotonic() + self.timeout_s
        while not done():
            if time.monotonic() > until:
                raise DriverError(f"{sentence} ({self._state()}); program the bitstream again")

    # registers, and what is given

    def _read(self, name: str) -> int:
        return int(self._shell.read(self.shell["registers"][name]))

    def _write(self, name: str, value: int) -> None:
        self._shell.write(self.shell["registers"][name], int(value))

    def _bit(self, name: str) -> int:
        return int(self.shell["bits"][name])

    def _state(self) -> str:
        names = ("STATUS", "IMAGES_IN", "IMAGES_OUT", "STALLS_IN", "STALLS_OUT")
        return ", ".join(f"{name} {self._read(name)}" for name in names)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a turn; not in a forked process, where the lock of a thread that is not there would stay."""
        if self._owner != os.getpid():
            raise ClosedError("the accelerator is that of another process, before the fork; make another")
        with self._lock:
            if self._closed:
                raise ClosedError("the accelerator is closed; make another")
            yield

    def _check_facts(self) -> None:
        magic, version = self._read("MAGIC"), self._read("VERSION")
        if magic != MAGIC:
            raise DriverError(
                f"no shell of rebnet is there: its first register says 0x{magic:08x}; check the address map of the "
                "block design, or name the block with ip="
            )
        if version >> 16 != MAJOR:
            raise DriverError(
                f"the shell's registers are version {version >> 16}.{version & 0xFFFF}, and this driver knows "
                f"{MAJOR}; take the driver.py of the build that made the bitstream"
            )
        for name, value in self.shell["facts"].items():
            if self._read(name) != value:
                raise DriverError(
                    f"another accelerator is loaded: its {name} is {self._read(name)}, and shell.json says {value}; "
                    "copy shell.json and the bitstream of the same build"
                )

    def _check_network(self, expected: str) -> None:
        if self.network != expected:
            raise DriverError(
                f"another network runs: {self.network[:16]}…, and {expected[:16]}… is expected; copy shell.json and "
                "the bitstream of the same build, or give weights="
            )
        if not int(self.network, 16):
            raise DriverError("no network runs: its load failed; load it again")

    def _images(self, images: Any) -> tuple[np.ndarray, bool]:
        taken, shape = _array(images, "images"), tuple(self.shell["s_axis"]["image"])
        if taken.dtype != np.uint8:
            raise InputError(f"images of {taken.dtype}: bytes from 0 to 255 are taken; give uint8")
        for own, added in ((shape, ()), (shape[:2], (1,)) if shape[2] == 1 else (shape, ())):
            if taken.shape == own:
                return taken.reshape((1, *shape)), True
            if taken.shape[1:] == own:
                return taken.reshape((len(taken), *own, *added)), False
        raise InputError(f"images of shape {taken.shape}: the network takes (N, {', '.join(map(str, shape))})")

    def _levels(self, levels: Any, count: int) -> np.ndarray:
        served = self.shell["levels"]
        each = _array(self.levels if levels is None else levels, "levels")
        if each.shape == (0,) == (count,):
            each = each.astype(np.uint8)
        if each.dtype.kind not in "iu" or each.shape not in ((), (count,)):
            raise InputError(f"levels={levels!r}: give one whole number, or one for each of {count} images")
        wrong = sorted(set(each.reshape(-1).tolist()) - set(served))
        if wrong:
            raise InputError(f"levels={wrong[0]}: the network runs at {', '.join(map(str, served))}; give one of these")
        return np.broadcast_to(each, (count,)).astype(np.uint8)


def _import_pynq() -> Any:
    try:
        import pynq
    except ImportError as error:
        raise DriverError(
            f"pynq cannot be imported ({error}); run this on a board with PYNQ, in its own Python, as root"
        ) from error
    return pynq


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); copy it here") from error


def _is_count(value: Any) -> bool:
    try:
        return operator.index(value) > 0
    except TypeError:
        return False


def _is_time(value: Any) -> bool:
    try:
        return bool(value > 0)
    except TypeError:
        return False


def _array(value: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name}: are no array ({error}); give all of one shape") from error


def _record(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        record = json.loads(_bytes(path).decode())
    except ValueError as error:
        raise InputError(f"{path}: is damaged ({error}); copy it again") from error
    if not isinstance(record, dict) or record.get("schema") != 1:
        raise InputError(f"{path}: is no record of schema 1; take the driver.py of the build that made it")
    for key in keys:
        if key not in record:
            raise InputError(f"{path}: is damaged (it has no {key!r}); copy it again")
    return record


def _bitstream(folder: Path, bitstream: str | Path | None) -> Path:
    if bitstream is None:
        found = sorted(folder.glob("*.bit"))
    else:
        found = [Path(bitstream) if Path(bitstream).is_file() else folder / bitstream]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise DriverError(f"{folder}: holds {names} of *.bit; copy one there, or name it with bitstream=")
    for path in (found[0], found[0].with_suffix(".hwh")):
        if not path.is_file():
            raise DriverError(f"{path}: is missing; pynq needs a .bit and its .hwh of the same name side by side")
    return found[0]


def _block(blocks: Any, name: str | None, fits: Any, what: str) -> str:
    """The name of the one block that fits in ip_dict."""
    if name is not None:
        found = [name] if name in blocks else []
    else:
        found = [key for key, block in blocks.items() if fits(str(block.get("type")))]
    if len(found) != 1:
        raise DriverError(
            f"the block design has {len(found)} blocks for {what}, among {', '.join(sorted(blocks)) or 'none'}; there "
            "must be one, or name it with ip= or dma="
        )
    return found[0]
