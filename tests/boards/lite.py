"""A master of AXI4-Lite: whole accesses one after the other, addresses, data and answers at random times."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OKAY, SLVERR = 0, 2
ALL = 0xF


@dataclass
class Access:
    """A read, or a write of `data`; what came of it once it is done."""

    address: int
    data: int | None = None
    strobes: int = ALL
    response: int | None = None
    read: int = 0
    done: bool = False
    then: Callable[["Access"], None] = field(default=lambda access: None)


class Lite:
    """Plays queues of reads and writes at the same time; an agent of `tests.rtl.streams.Bench`."""

    def __init__(self, dut: Any, seed: int) -> None:
        self._dut, self._random = dut, random.Random(seed)
        self.patience = 0.7
        self.count = 0
        self.rest()

    def rest(self) -> None:
        self.writes: list[Access] = []
        self.reads: list[Access] = []
        self._sent: set[str] = set()
        self._over: set[str] = set()  # offers that were taken in the cycle before
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(self._dut, f"s_axi_{name}").value = 0
        self._levels = dict.fromkeys(("aw", "w", "b", "ar", "r"), 0)
        self._held: dict[str, tuple[int, ...]] = {}

    @property
    def done(self) -> bool:
        return not self.writes and not self.reads

    def _set(self, channel: str, name: str, value: int) -> None:
        self._levels[channel] = value
        getattr(self._dut, f"s_axi_{name}").value = value

    def _offer(self, channel: str, **values: int) -> None:
        """Begin to offer at a random time, once an access."""
        if self._levels[channel] or channel in self._sent or self._random.random() > self.patience:
            return
        for name, value in values.items():
            getattr(self._dut, f"s_axi_{name}").value = value
        self._set(channel, f"{channel}valid", 1)

    def drive(self) -> None:
        for channel in self._over:
            self._set(channel, f"{channel}valid", 0)
        self._over.clear()
        if self.writes:
            access = self.writes[0]
            self._offer("aw", awaddr=access.address)
            self._offer("w", wdata=access.data or 0, wstrb=access.strobes)
        if self.reads:
            self._offer("ar", araddr=self.reads[0].address)
        for channel in ("b", "r"):
            self._set(channel, f"{channel}ready", int(self._random.random() < self.patience))

    def sample(self, cycle: int) -> None:
        dut = self._dut
        for channel in ("aw", "w", "ar"):
            ready = getattr(dut, f"s_axi_{channel}ready").value == 1
            if self._levels[channel] and ready:
                self._sent.add(channel)
                self._levels[channel] = 0
                self._over.add(channel)
        self._answer("b", self.writes, {"aw", "w"}, ("bresp",))
        self._answer("r", self.reads, {"ar"}, ("rresp", "rdata"))

    def _answer(self, channel: str, queue: list[Access], sent: set[str], names: tuple[str, ...]) -> None:
        if getattr(self._dut, f"s_axi_{channel}valid").value != 1:
            assert channel not in self._held, f"{channel} was taken back before it was taken"
            return
        values = tuple(int(getattr(self._dut, f"s_axi_{name}").value) for name in names)
        assert self._held.get(channel, values) == values, f"{channel} changed before it was taken"
        self._held[channel] = values
        assert queue, f"an answer on {channel} to nothing"
        assert sent <= self._sent, f"an answer on {channel} before all was there"
        if not self._levels[channel]:
            return
        del self._held[channel]
        access = queue.pop(0)
        access.response, access.done = values[0], True
        self.count += 1
        access.read = values[1] if len(values) > 1 else 0
        self._sent -= sent
        access.then(access)
