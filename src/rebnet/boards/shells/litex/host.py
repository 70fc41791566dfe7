"""The host's side of a LiteX SoC with an accelerator of rebnet: registers and memory over any of LiteX's bridges.

    from litex.tools.remote.comm_uart import CommUART

    host = Host(CommUART("/dev/ttyUSB0", 1_000_000), "build/ulx3s-85/csr.json")
    scores = host.predict(images)  # uint8 (N, height, width, channels) in, int64 (N, scores) out

This file needs the standard library and numpy; the bridge may be LiteX's or any with `read(address, length)`, which
gives a list of words, and `write(address, words)`.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

WORD_BYTES, SCORE_WORDS = 4, 2
_READ_WORDS = 128  # the protocol's length is a byte
HEADERS, RESET = 2, 1
_REGISTERS = (
    *(f"accelerator_{register}" for register in ("network", "control", "images_out", "error")),
    *(f"{dma}_{register}" for dma in ("reader", "writer") for register in ("enable", "base", "length")),
    "writer_done",
)


class HostError(RuntimeError):
    """The accelerator is not as it must be; says what to do."""


def line_baud(csr: str | Path, name: str = "rebnet") -> int:
    """Bits/s of the line of a SoC that target.py made.

    Raises:
        HostError: its csr.json does not say.
    """
    constants = _load(csr).get("constants")
    baud = constants.get(f"{name}_baud") if isinstance(constants, dict) else None
    if not isinstance(baud, int) or baud < 1:
        raise HostError(f"{csr}: does not say {name}_baud; call soc.add_constant in a SoC of your own")
    return baud


def _load(csr: str | Path) -> dict[str, Any]:
    try:
        record = json.loads(Path(csr).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostError(f"{csr}: cannot be read ({error}); name the csr.json that LiteX wrote") from None
    if not isinstance(record, dict):
        raise HostError(f"{csr}: is no record; name the csr.json that LiteX wrote")
    return record


class Bus(Protocol):
    """Words by address, in bytes; LiteX's bridges are such."""

    def read(self, address: int, length: int, /) -> list[int]: ...  # noqa: D102
    def write(self, address: int, words: Sequence[int], /) -> None: ...  # noqa: D102


class Host:
    """Drives the accelerator of a SoC that `add_rebnet` made.

    Args:
        bus: reads and writes words by address, in bytes.
        csr: csr.json, as LiteX's Builder writes it.
        name: of the accelerator there.
        ram: of the memory there that images and scores may take.
        timeout_s: seconds in which a batch must be done.

    Attributes:
        bus: as given.
        batch: images that the memory holds, with their scores.
        image_words: words of an image, without the levels in front of it.
        scores: scores of an image.

    Raises:
        HostError: csr.json has no such accelerator or memory, or the memory is too small.
    """

    def __init__(
        self,
        bus: Bus,
        csr: str | Path,
        name: str = "rebnet",
        ram: str = "rebnet_ram",
        timeout_s: float = 10.0,
    ) -> None:
        self.bus, self._csr, self._record, self._name, self._timeout_s = bus, csr, _load(csr), name, timeout_s
        self._base, self._bytes = (self._number("memories", ram, key) for key in ("base", "size"))
        self.image_words, self.scores = (
            self._number("constants", f"{name}_{key}", least=1) for key in ("image_words", "scores")
        )
        for register in _REGISTERS:
            self._place(register)
        self._answer_words = self.scores * SCORE_WORDS
        self.batch = self._bytes // (WORD_BYTES * (1 + self.image_words + self._answer_words))
        if self.batch < 1:
            raise HostError(f"{ram}: its {self._bytes} bytes do not hold one image; make the SoC with more")

    def read(self, register: str) -> int:
        """A register's value, by its name behind the accelerator's, such as accelerator_images_out."""
        address, size = self._place(register)
        value = 0
        for word in self.bus.read(address, size):
            value = value << 32 | word  # LiteX has the highest word first
        return value

    def write(self, register: str, value: int) -> None:
        """Set a register."""
        address, size = self._place(register)
        self.bus.write(address, [value >> 32 * i & 0xFFFF_FFFF for i in reversed(range(size))])

    @property
    def network(self) -> str:
        """SHA-256 of the network.json whose accelerator is there, in hex."""
        return f"{self.read('accelerator_network'):064x}"

    def reset(self) -> None:
        """Forget all that is on its way."""
        self.write("accelerator_control", RESET)

    def predict(self, images: NDArray[np.uint8], levels: int | ArrayLike | None = None) -> NDArray[np.int64]:
        """Scores of images.

        Args:
            images: uint8, (N, height, width, channels).
            levels: of all images, or N of them; all that the network has if None.

        Returns:
            int64, (N, scores).

        Raises:
            HostError: a batch was not done in time, or the accelerator lost count and is reset; images of another size,
                or levels that are no whole numbers or not as many.
        """
        if not isinstance(images, np.ndarray) or not images.ndim:
            raise HostError(f"images are a {type(images).__name__}; the SoC takes an array, uint8, an image a row")
        count, given = len(images), np.asarray(0 if levels is None else levels)
        if given.shape not in ((), (count,)) or (given.size and (given.dtype.kind not in "iu" or given.min() < 0)):
            raise HostError(f"levels={levels!r}: give one whole number, or one for each of {count} images")
        each = np.broadcast_to(given, (count,)).astype(np.uint32)
        if images.dtype != np.uint8 or (count and -(-images[0].size // WORD_BYTES) != self.image_words):
            raise HostError(f"images are {images.dtype}, {images.shape[1:]} each; the SoC takes uint8, in its order")
        padded = np.zeros((count, WORD_BYTES * self.image_words), dtype=np.uint8)
        if count:
            padded[:, : images[0].size] = images.reshape(count, -1)
        words = np.concatenate([each[:, None], padded.view("<u4")], axis=1)
        found = [self._run(words[i : i + self.batch]) for i in range(0, count, self.batch)]
        return np.concatenate([np.zeros((0, self.scores), dtype=np.int64), *found])

    def _place(self, register: str) -> tuple[int, int]:
        """Address and words of a register."""
        address, size = (self._number("csr_registers", f"{self._name}_{register}", key) for key in ("addr", "size"))
        return address, size

    def _number(self, *keys: str, least: int = 0) -> int:
        """What csr.json says there."""
        found: Any = self._record
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
            if found is None:
                raise HostError(f"{self._csr}: has no {key!r}; name the csr.json of the SoC that has {self._name}")
        if not isinstance(found, int) or found < least:
            raise HostError(f"{self._csr}: {'.'.join(keys)} is {found!r}; name the csr.json that LiteX wrote")
        return found

    def _run(self, words: NDArray[np.uint32]) -> NDArray[np.int64]:
        count = len(words)
        flat = words.reshape(-1).tolist()
        answers = self._base + WORD_BYTES * len(flat)
        for i in range(0, len(flat), _READ_WORDS):
            self.bus.write(self._base + WORD_BYTES * i, flat[i : i + _READ_WORDS])
        self.write("accelerator_control", HEADERS)
        self._start("writer", answers, WORD_BYTES * count * self._answer_words)
        self._start("reader", self._base, WORD_BYTES * len(flat))
        end = time.monotonic() + self._timeout_s
        while not self.read("writer_done"):
            if time.monotonic() > end:
                self._fail(f"{self.read('accelerator_images_out')} images came out in {self._timeout_s:g} s")
        if self.read("accelerator_error"):
            self._fail("the accelerator lost count of its beats")
        total = count * self._answer_words
        data: list[int] = []
        for i in range(0, total, _READ_WORDS):
            data += self.bus.read(answers + WORD_BYTES * i, min(_READ_WORDS, total - i))
        return np.array(data, dtype="<u4").view("<i8").astype(np.int64).reshape(count, -1)

    def _start(self, dma: str, base: int, length: int) -> None:
        self.write(f"{dma}_enable", 0)
        self.write(f"{dma}_base", base)
        self.write(f"{dma}_length", length)
        self.write(f"{dma}_enable", 1)

    def _fail(self, what: str) -> NoReturn:
        self.reset()
        raise HostError(f"{what}; it was reset, try again")
