"""The AXI shell around accelerators: every register, runs of images under pauses, refusals, interrupts and resets.

Scores are those of the reference engine. `REBNET_AXI_ROUNDS=150` plays some 10,000 accesses a network.
"""

import itertools
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.boards.lite import OKAY, SLVERR, Access, Lite
from tests.ir.networks import exported, from_text
from tests.rtl.bench import bundle, play
from tests.rtl.streams import SEED, Bench, Sink, Source, moods, played

from rebnet.boards.shells import axi
from rebnet.boards.shells.axi.registers import REGISTERS
from rebnet.engine.reference import run
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower

ADDRESS = {register.name: register.address for register in REGISTERS}
NETWORKS = {
    "dense, two levels": (4, lambda: lower(exported(1, 2, 8, (3, 3, 1), (6, 5), 4))),  # the last beat is not full
    "one class, one sample": (1, lambda: lower(exported(2, 3, 4, (1, 1, 1), (3,), 1))),
    "convolution, odd sizes, three levels": (8, lambda: lower(from_text("7x5x3 - C4:3x3 - MP2 - D9 - D5", 3, 3))),
    "on a map": (2, lambda: lower(from_text("4x5x1 - C4:3x3+same - C3:1x1", 5, 2))),
    "fixed levels, an image a beat": (16, lambda: lower(exported(4, 2, 8, (5, 3, 1), (7,), 3), fixed_levels=True)),
}
"""Samples a beat, and the network."""
COUNT = 6


def compiled(build: Path, case: str, *, runtime_weights: bool = False):
    samples, make = NETWORKS[case]
    network = make()
    return network, compiled_network(build, samples, network, runtime_weights=runtime_weights)


def compiled_network(build: Path, samples: int, network, *, runtime_weights: bool):
    """A network in its shell, so many samples to a beat; the shell's record."""
    storage.save(network, build)
    fold(build)
    folding = json.loads((build / "folding.json").read_text())
    given = {key: folding[key] for key in ("schema", "layers")} | {"samples_per_beat": samples}
    (build / "given.json").write_text(json.dumps(given))
    fold(build, folding=str(build / "given.json"))
    generate(build, runtime_weights=runtime_weights)
    return generate(build, target="axi")


def playable(build: Path, case: str) -> tuple[str, dict[str, str], list[Path]]:
    """A network in its shell for a bench: its top, the simulation's files, and the sources beside the library's."""
    network, record = compiled(build, case)
    image = network.input
    shape = (image.height, image.width, image.channels)
    images = np.random.default_rng(1).integers(0, 256, (COUNT, *shape), dtype=np.uint8)
    per_beat, beats = record.s_axis.samples_per_beat, record.s_axis.beats_per_image
    cut = images.copy().reshape(COUNT, -1)
    cut[:, per_beat * (beats // 2) :] = 0  # a transfer that ended in its middle
    scores = {}
    for m in range(1, network.levels + 1):
        at = m if len(network.served) > 1 else network.levels
        whole = [run(network, several, levels=at).tolist() for several in (images, cut.reshape(images.shape))]
        scores[m] = [[list(map(int, np.ravel(row))) for row in rows] for rows in whole]
    traffic = {
        "images": [list(map(int, picture.ravel())) for picture in images],
        "scores": scores,
        "record": json.loads((build / "axi" / "shell.json").read_text()),
        "rounds": int(os.environ.get("REBNET_AXI_ROUNDS", "6")),
    }
    memories = {file: (build / file).read_text() for file in json.loads((build / "ports.json").read_text())["memories"]}
    texts = {
        "bundle.sv": bundle(record.top, {case: {}}, lambda case: {})[0],
        "accelerator.sv": (build / "rtl" / "accelerator.sv").read_text(),
        f"{record.top}.sv": (build / "axi" / f"{record.top}.v").read_text(),
        "traffic.json": json.dumps(traffic),
    }
    return record.top, texts | memories, [axi.source(module) for module in axi.MODULES]


@pytest.mark.rtl
@pytest.mark.parametrize("case", NETWORKS)
def test_axi(passed: Path | None, tmp_path: Path, case: str) -> None:
    top, texts, sources = playable(tmp_path / "compiled", case)
    said = play(tmp_path, passed, top, {case: "case_0"}, texts, __name__, sources=sources)
    assert said == {case: ""}


class Host(Bench):
    """A processor with a DMA: registers by name, transfers of images, and what comes back."""

    def __init__(self, dut) -> None:
        self.traffic = json.loads(Path("traffic.json").read_text())
        self.record = self.traffic["record"]
        self.lite = Lite(dut, SEED)
        self.images = Source(dut.s_axis_tvalid, dut.s_axis_tready, [dut.s_axis_tdata, dut.s_axis_tlast])
        self.answers = Sink(dut.m_axis_tvalid, dut.m_axis_tready, [dut.m_axis_tdata, dut.m_axis_tlast])
        super().__init__(dut, (self.lite, self.images, self.answers))
        self.most = len(self.traffic["scores"])
        self.beats, self.per_beat = (self.record["s_axis"][key] for key in ("beats_per_image", "samples_per_beat"))
        self.classes, self.places = (self.record["m_axis"][key] for key in ("classes", "places"))

    async def start(self) -> None:
        from cocotb.clock import Clock

        self.dut.aclk.value = 0
        Clock(self.dut.aclk, 2, "ns").start()
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        from cocotb.triggers import FallingEdge

        await FallingEdge(self.dut.aclk)
        for agent in self.agents:
            agent.rest()
        self.dut.aresetn.value = 0
        for _ in range(cycles):
            await FallingEdge(self.dut.aclk)
        self.dut.aresetn.value = 1
        self.cycle = 0

    async def step(self) -> None:
        from cocotb.triggers import FallingEdge, ReadOnly

        for agent in self.agents:
            agent.drive()
        await ReadOnly()
        for agent in self.agents:
            agent.sample(self.cycle)
        self.cycle += 1
        await FallingEdge(self.dut.aclk)

    async def until(self, done: Callable[[], bool], patience: int = 20_000) -> None:
        for _ in range(patience):
            if done():
                return
            await self.step()
        raise AssertionError(f"nothing moved any more: {len(self.answers.words)} answers")

    async def access(self, address: int, data: int | None = None, strobes: int = 15) -> Access:
        access = Access(address, data, strobes)
        (self.lite.reads if data is None else self.lite.writes).append(access)
        await self.until(lambda: access.done)
        return access

    async def read(self, name: str) -> int:
        access = await self.access(ADDRESS[name])
        assert access.response == OKAY
        return access.read

    async def write(self, name: str, data: int) -> None:
        assert (await self.access(ADDRESS[name], data)).response == OKAY

    async def bit(self, name: str, value: int = 1) -> None:
        """Wait until a bit of a register, by its name in the record, is as said."""
        register, mask = name.split(".", maxsplit=1)[0], self.record["bits"][name]
        for _ in range(2000):
            if bool(await self.read(register) & mask) == bool(value):
                return
        raise AssertionError(f"{name} never became {value}")

    def effective(self, levels: int) -> int:
        return levels if 1 <= levels <= self.most else self.most

    def words(self, number: int, levels: int | None = None) -> list[int]:
        """The beats of an image, its header first where it has levels of its own."""
        pixels = self.traffic["images"][number]
        words = [pixels[i : i + self.per_beat] for i in range(0, len(pixels), self.per_beat)]
        beats = [int.from_bytes(bytes(word), "little") for word in words]
        assert len(beats) == self.beats
        # what stands above the levels in a header is ignored
        mask = (1 << self.record["s_axis"]["tdata_bits"]) - 1
        return beats if levels is None else [(levels | 0xA5A5A5A0 & ~15) & mask, *beats]

    def expected(self, number: int, levels: int, labels: bool, cut: bool = False) -> list[int]:
        scores = self.traffic["scores"][str(self.effective(levels))][int(cut)][number]
        if not labels:
            return [score & (1 << 64) - 1 for score in scores]
        places = [scores[i : i + self.classes] for i in range(0, len(scores), self.classes)]
        return [place.index(max(place)) for place in places]


def marked(words: Sequence[int]) -> list[tuple[int, int]]:
    """A transfer: TLAST on the last beat alone."""
    return [(word, int(i == len(words) - 1)) for i, word in enumerate(words)]


def refused(host: Host, rng: random.Random) -> Access:
    """An access that the shell must refuse."""
    holes = [4 * i for i in range(1024) if not any(r.index <= i < r.index + r.words for r in REGISTERS)]
    read_only = [r.address for r in REGISTERS if not r.writable]
    writable = [r.address for r in REGISTERS if r.writable]
    everything = [r.address for r in REGISTERS]
    return rng.choice(
        (
            lambda: Access(rng.choice(holes), rng.choice((None, rng.getrandbits(32)))),
            lambda: Access(rng.choice(everything) + rng.randrange(1, 4), rng.choice((None, rng.getrandbits(32)))),
            lambda: Access(rng.choice(read_only), rng.getrandbits(32)),
            lambda: Access(rng.choice(writable), rng.getrandbits(32), rng.randrange(15)),
        )
    )()


def chatter(host: Host, rng: random.Random, levels: int) -> Iterator[None]:
    """Random accesses whose answers are known, as long as it is asked for another."""
    facts = list(host.record["facts"].items())
    while True:
        kind = rng.choice(("fact", "refused", "refused", "levels", "enable", "counter"))
        if kind == "fact":
            name, value = rng.choice(facts)
            queue(host, Access(ADDRESS[name]), OKAY, value)
        if kind == "refused":
            queue(host, refused(host, rng), SLVERR, 0)
        if kind == "levels":
            queue(host, Access(ADDRESS["LEVELS"]), OKAY, levels if levels < 16 else 0)
        if kind == "enable":
            queue(host, Access(ADDRESS["ENABLE"]), OKAY, 0)
        if kind == "counter":
            queue(host, Access(ADDRESS["CYCLES_HIGH"]), OKAY, 0)
        yield


def queue(host: Host, access: Access, response: int, value: int) -> None:
    def check(done: Access) -> None:
        assert (done.response, done.read) == (response, value if access.data is None else 0), access

    access.then = check
    (host.lite.reads if access.data is None else host.lite.writes).append(access)


@played
async def identity(dut):
    """What never changes is what the record says."""
    host = Host(dut)
    await host.start()
    for name, value in host.record["facts"].items():
        assert await host.read(name) == value, name
    words = [(await host.access(ADDRESS["NETWORK"] + 4 * i)).read for i in range(8)]
    assert "".join(f"{word:08x}" for word in words) == host.record["network"]
    await host.bit("STATUS.IDLE")
    for name in ("IMAGES_IN", "IMAGES_OUT", "CYCLES", "CYCLES_HIGH", "STALLS_IN", "STALLS_OUT", "INTERRUPTS", "MODE"):
        assert await host.read(name) == 0, name


@played
async def written_and_read(dut):
    """What is written is read back, as far as there are bits; what is refused changes nothing."""
    host, rng = Host(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    masks = {"MODE": 3, "ENABLE": 15, "IMAGES": 0xFFFF_FFFF}
    for _ in range(8):
        values = {name: rng.getrandbits(32) for name in masks}
        for name, value in values.items():
            await host.write(name, value)
            for _ in range(rng.randrange(4)):
                access = refused(host, rng)
                again = await host.access(access.address, access.data, access.strobes)
                assert (again.response, again.read) == (SLVERR, 0)
        for name, value in values.items():
            assert await host.read(name) == value & masks[name]
    for value, kept in ((0, 0), (1, 1), (15, 15), (16, 0), (0xFFFF_FFF1, 0)):
        await host.write("LEVELS", value)
        assert await host.read("LEVELS") == kept


@played
async def runs(dut):
    """Transfers back to back, levels by register or by header, scores or labels, TLAST by input or by count."""
    host, rng = Host(dut), random.Random(SEED)
    await host.start()
    count, beats = len(host.traffic["images"]), 0
    for turn in range(host.traffic["rounds"]):
        await host.bit("STATUS.IDLE")
        labels, headers, counted = turn % 2, rng.randrange(2), rng.randrange(2)
        own = rng.choice((0, 1, host.most, host.most + 1, 15, 77))
        transfers = [rng.choices(range(count), k=rng.randrange(1, 5)) for _ in range(rng.randrange(1, 4))]
        flat = [number for transfer in transfers for number in transfer]
        images = rng.choice([n for n in range(1, len(flat) + 1) if len(flat) % n == 0]) if counted else 0
        await host.write("CONTROL", host.record["bits"]["CONTROL.CLEAR"])
        await host.write("MODE", labels | headers << 1)
        await host.write("IMAGES", images)
        await host.write("LEVELS", own)
        sent: list[tuple[int, int]] = []
        expected: list[tuple[int, int]] = []
        for transfer in transfers:
            levels = [rng.randrange(16) if headers else own for _ in transfer]
            pairs = list(zip(transfer, levels, strict=True))
            sent += marked([word for n, m in pairs for word in host.words(n, m if headers else None)])
            expected += marked([answer for n, m in pairs for answer in host.expected(n, m, bool(labels))])
        if counted:
            each = len(expected) // len(flat) * images
            expected = [(word, int((i + 1) % each == 0)) for i, (word, _) in enumerate(expected)]
        host.answers.play(moods(rng))
        host.images.play(sent, moods(rng))
        talk = chatter(host, rng, own)
        while len(host.answers.words) < len(expected) or len(host.images.times) < len(sent):
            if len(host.lite.reads) + len(host.lite.writes) < 4:
                next(talk)
            await host.step()
            assert host.cycle < 4_000_000
        host.answers.hurry()
        await host.until(lambda: host.lite.done)
        await host.steps(20)
        assert host.answers.words == expected
        beats += len(sent) + len(expected)
        assert await host.read("IMAGES_IN") == await host.read("IMAGES_OUT") == len(flat)
        assert await host.read("CYCLES") > 0
        last = host.most if host.record["facts"]["FIXED_LEVELS"] else host.effective(levels[-1])
        assert await host.read("LEVELS_NOW") == last
    dut._log.info("%d accesses of registers, %d beats, all as expected", host.lite.count, beats)


@played
async def busy(dut):
    """MODE and IMAGES stay as they are while an image is inside."""
    host = Host(dut)
    await host.start()
    await host.bit("STATUS.IDLE")
    host.answers.play(itertools.repeat(False))
    host.images.play(marked(host.words(0)), itertools.repeat(True))
    await host.bit("STATUS.IDLE", 0)
    for name in ("MODE", "IMAGES"):
        assert (await host.access(ADDRESS[name], 1)).response == SLVERR
        assert await host.read(name) == 0
    await host.write("LEVELS", 1)
    host.answers.hurry()
    await host.bit("STATUS.IDLE")
    assert host.answers.words == marked(host.expected(0, 0, labels=False))


@played
async def interrupts(dut):
    """A flag for what happens, 1 clears it, ENABLE lets it out."""
    host, bits = Host(dut), Host(dut).record["bits"]
    image, transfer = bits["INTERRUPTS.IMAGE"], bits["INTERRUPTS.TRANSFER"]
    await host.start()
    await host.bit("STATUS.IDLE")
    host.answers.play(itertools.repeat(True))
    host.images.play(marked([*host.words(0), *host.words(1)]), itertools.repeat(True))
    await host.bit("INTERRUPTS.IMAGE")
    assert dut.irq.value == 0
    await host.bit("INTERRUPTS.TRANSFER")
    await host.write("ENABLE", image)
    await host.steps(4)
    assert dut.irq.value == 1
    await host.write("INTERRUPTS", transfer)
    assert (await host.read("INTERRUPTS"), dut.irq.value) == (image, 1)
    await host.write("INTERRUPTS", image)
    await host.steps(4)
    assert (await host.read("INTERRUPTS"), dut.irq.value) == (0, 0)
    host.images.play(marked(host.words(0)), itertools.repeat(True))
    await host.until(lambda: dut.irq.value == 1)
    assert len(host.answers.words) == 3 * host.classes * host.places


@played
async def short(dut):
    """A transfer that ends within an image, or behind its header alone: zeros follow, and SHORT says so."""
    host = Host(dut)
    await host.start()
    for headers in (0, 1):
        cut = host.beats // 2
        if cut + headers == 0:
            continue
        await host.bit("STATUS.IDLE")
        await host.write("MODE", headers << 1)
        await host.write("INTERRUPTS", 15)
        levels = 1 if headers else None
        first, second = host.words(0, levels), host.words(1, levels)[: cut + headers]
        host.answers.play(itertools.repeat(True))
        host.images.play([*marked([*first, *second]), *marked(host.words(2, levels))], itertools.repeat(True))
        expected = marked([*host.expected(0, levels or 0, False), *host.expected(1, levels or 0, False, cut=True)])
        expected += marked(host.expected(2, levels or 0, False))
        await host.until(lambda e=expected: len(host.answers.words) >= len(e))
        await host.steps(20)
        assert host.answers.words == expected
        assert await host.read("INTERRUPTS") == 1 | 2 | 4


@played
async def resets_in_order(dut):
    """At any time: the input is drained to TLAST, the output ends with TLAST once if it owes one, and all is as new."""
    host, rng = Host(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    for turn in range(4 + host.traffic["rounds"]):
        sent = marked([word for n in rng.choices(range(4), k=3) for word in host.words(n)])
        host.answers.play(itertools.repeat(False) if turn % 3 == 0 else moods(rng))
        host.images.play(sent, moods(rng) if turn % 2 else itertools.repeat(True))
        await host.until(lambda: host.images.times)
        await host.steps(rng.randrange(80))
        await host.write("INTERRUPTS", 15)
        taken = len(host.answers.words)
        await host.write("CONTROL", host.record["bits"]["CONTROL.RESET"])
        if turn % 3 == 0 and not any(last for _, last in host.answers.words):
            await host.steps(200)
            assert await host.read("STATUS") == host.record["bits"]["STATUS.RESETTING"]
        host.answers.hurry()
        await host.bit("STATUS.RESETTING", 0)
        assert len(host.images.times) == len(sent)
        assert [last for _, last in host.answers.words].count(1) == 1
        assert host.answers.words[-1][1] == 1
        assert taken <= len(host.answers.words)
        if len(host.answers.words) < 3 * host.classes * host.places:
            assert host.answers.words[-1] == (0, 1)
        await host.steps(50)
        await fresh(host, rng)


@played
async def aborts(dut):
    """At once, with a DMA that is reset too."""
    host, rng = Host(dut), random.Random(SEED + 1)
    await host.start()
    await host.bit("STATUS.IDLE")
    for turn in range(2 + host.traffic["rounds"] // 2):
        host.answers.play(itertools.repeat(False) if turn % 2 else moods(rng))
        host.images.play(marked([word for n in range(3) for word in host.words(n)]), moods(rng))
        await host.steps(rng.randrange(1, 120))
        host.images.rest()
        host.answers.rest()
        every, host.agents = host.agents, (host.lite,)  # an offer goes that was not taken
        await host.write("CONTROL", host.record["bits"]["CONTROL.ABORT"])
        host.agents = every
        host.answers.rest()
        await host.bit("STATUS.RESETTING", 0)
        assert await host.read("STATUS") == host.record["bits"]["STATUS.IDLE"]
        assert dut.m_axis_tvalid.value == 0
        await fresh(host, rng)


@played
async def a_reset_of_nothing(dut):
    """Owes nothing and sends nothing."""
    host, rng = Host(dut), random.Random(SEED)
    await host.start()
    host.answers.play(itertools.repeat(True))
    await host.bit("STATUS.IDLE")
    await host.write("CONTROL", host.record["bits"]["CONTROL.RESET"])
    await host.bit("INTERRUPTS.RESET")
    assert await host.read("STATUS") == host.record["bits"]["STATUS.IDLE"]
    assert host.answers.words == []
    await fresh(host, rng)


@played
async def a_transfer_that_comes_late(dut):
    """Its first beat comes while a reset goes on that owed nothing: it is thrown away, and its answers end too."""
    host, rng = Host(dut), random.Random(SEED)
    await host.start()
    for delay in (0, 1, 2, 5, 12, 20):
        await host.bit("STATUS.IDLE")
        await host.write("INTERRUPTS", 15)
        host.answers.play(itertools.repeat(True))
        await host.write("CONTROL", host.record["bits"]["CONTROL.RESET"])
        await host.steps(delay)
        sent = marked([*host.words(0), *host.words(1)])
        host.images.play(sent, itertools.repeat(True))
        await host.bit("INTERRUPTS.RESET")
        assert len(host.images.times) == len(sent)
        assert host.answers.words == [(0, 1)]
        await fresh(host, rng)


async def fresh(host: Host, rng: random.Random) -> None:
    """A transfer as if nothing had been."""
    numbers = rng.choices(range(4), k=2)
    expected = marked([answer for n in numbers for answer in host.expected(n, 0, labels=False)])
    host.answers.play(moods(rng))
    host.images.play(marked([word for n in numbers for word in host.words(n)]), moods(rng))
    await host.until(lambda: len(host.answers.words) >= len(expected))
    host.answers.hurry()
    await host.steps(20)
    assert host.answers.words == expected
    assert await host.read("STATUS") == host.record["bits"]["STATUS.IDLE"]
