"""The AXI shell around accelerators whose weights are written at run time: other networks in the same simulation.

Scores are those of the reference engine. `REBNET_AXI_ZOO=1` loads a network of the zoo with other weights too.
"""

import itertools
import json
import os
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.boards.lite import OKAY, SLVERR, Access
from tests.boards.test_axi import Host, compiled_network, marked
from tests.ir.networks import exported, from_text
from tests.rtl.bench import bundle, play
from tests.rtl.streams import SEED, moods, played

from rebnet.boards.shells import axi
from rebnet.boards.shells.axi.registers import LOAD_REGISTERS
from rebnet.engine.reference import run
from rebnet.generate.load import write_list
from rebnet.ir import storage
from rebnet.lower import lower

ADDRESS = {register.name: register.address for register in LOAD_REGISTERS}
NETWORKS = {
    "dense, two levels": (4, lambda seed: lower(exported(seed, 2, 8, (3, 3, 1), (6, 5), 4))),
    "one class, one sample, three levels": (1, lambda seed: lower(exported(seed, 3, 4, (1, 1, 1), (3,), 1))),
    "one level": (2, lambda seed: lower(exported(seed, 1, 8, (3, 3, 1), (9, 7), 3))),
    "convolution, odd sizes, three levels": (
        8,
        lambda seed: lower(from_text("7x5x3 - C4:3x3 - MP2 - D9 - D5", seed, 3)),
    ),
    "on a map, kernel 1": (2, lambda seed: lower(from_text("4x5x1 - C4:3x3+same - C3:1x1", seed, 2))),
    "fixed levels": (16, lambda seed: lower(exported(seed, 2, 8, (5, 3, 1), (7,), 3), fixed_levels=True)),
}
"""Samples a beat, and a network by its seed."""
COUNT = 4


def traffic_of(networks) -> dict:
    """Images, and for each network the scores of each at every level."""
    image = networks[0].input
    shape = (image.height, image.width, image.channels)
    images = np.random.default_rng(1).integers(0, 256, (COUNT, *shape), dtype=np.uint8)
    found = []
    for network in networks:
        scores = {}
        for m in range(1, network.levels + 1):
            at = m if len(network.served) > 1 else network.levels
            rows = run(network, images, levels=at).tolist()
            scores[m] = [[list(map(int, np.ravel(row))) for row in rows]]
        found.append(scores)
    return {"images": [list(map(int, picture.ravel())) for picture in images], "scores": found[0], "of": found}


def simulated(folder: Path, passed: Path | None, case: str, build: Path, lists, traffic: dict) -> dict[str, str]:
    ports = json.loads((build / "ports.json").read_text())
    record = json.loads((build / "axi" / "shell.json").read_text())
    top = record["top"]
    traffic |= {"record": record, "rounds": 1, "memories": ports["runtime_weights"]["memories"]}
    traffic["lists"] = [
        {"words": np.stack([w.addresses, w.data], axis=1).tolist(), "network": w.network, "checksum": w.checksum}
        for w in lists
    ]
    texts = {
        "bundle.sv": bundle(top, {case: {}}, lambda case: {})[0],
        f"{top}.sv": (build / "axi" / f"{top}.v").read_text(),
        "traffic.json": json.dumps(traffic),
        **{name: (build / "rtl" / name).read_text() for name in ("accelerator.sv", "mvtu.sv", "scores.sv")},
    }
    memories = {file: (build / file).read_text() for file in ports["memories"]}
    sources = [axi.source(module) for module in (*axi.MODULES, *axi.LOADING)]
    return play(folder, passed, top, {case: "case_0"}, texts | memories, __name__, sources=sources)


@pytest.mark.rtl
@pytest.mark.parametrize("case", NETWORKS)
def test_axi_load(passed: Path | None, tmp_path: Path, case: str) -> None:
    samples, make = NETWORKS[case]
    networks = [make(seed) for seed in (1, 2, 3)]
    build = tmp_path / "build"
    compiled_network(build, samples, networks[0], runtime_weights=True)
    for number, network in enumerate(networks):
        storage.save(network, tmp_path / str(number))
    lists = [write_list(build, tmp_path / str(number)) for number in range(len(networks))]
    said = simulated(tmp_path, passed, case, build, lists, traffic_of(networks))
    assert said == {case: ""}


class Loader(Host):
    """A host that loads networks."""

    def words_of(self, number: int) -> list[tuple[int, int]]:
        return [tuple(word) for word in self.traffic["lists"][number]["words"]]

    async def begin(self) -> int:
        return (await self.access(ADDRESS["LOAD"], 1)).response

    async def say(self, name: str) -> int:
        access = await self.access(ADDRESS[name])
        assert access.response == OKAY
        return access.read

    async def put(self, words: list[tuple[int, int]]) -> None:
        """Write words; the address where it is not the next one alone."""
        following = None
        for address, data in words:
            if address != following:
                assert (await self.access(ADDRESS["LOAD_ADDRESS"], address)).response == OKAY
            assert (await self.access(ADDRESS["LOAD_DATA"], data)).response == OKAY
            following = address + 1

    async def end(self, checksum: int) -> int:
        """What LOAD says behind it."""
        assert (await self.access(ADDRESS["LOAD_CHECKSUM"], checksum)).response == OKAY
        return await self.say("LOAD")

    async def load(self, number: int) -> None:
        assert await self.begin() == OKAY
        await self.put(self.words_of(number))
        assert await self.end(self.traffic["lists"][number]["checksum"]) == 0

    async def network(self) -> str:
        words = [(await self.access(self.record["registers"]["NETWORK"] + 4 * i)).read for i in range(8)]
        return "".join(f"{word:08x}" for word in words)

    async def classify(self, number: int, rng: random.Random, count: int = 3) -> None:
        """A transfer at a random level: its scores are those of a network."""
        level = rng.randrange(1, self.most + 1)
        await self.write("LEVELS", level)
        self.traffic["scores"] = self.traffic["of"][number]
        images = rng.choices(range(len(self.traffic["images"])), k=count)
        expected = marked([answer for n in images for answer in self.expected(n, level, labels=False)])
        self.answers.play(moods(rng))
        self.images.play(marked([word for n in images for word in self.words(n)]), moods(rng))
        await self.until(lambda: len(self.answers.words) >= len(expected))
        self.answers.hurry()
        await self.steps(20)
        assert self.answers.words == expected

    def last(self) -> int:
        """An address behind all memories."""
        window = self.traffic["memories"][-1]
        columns = -(-window["width_bits"] // 32)
        rows = max(1, (window["depth"] - 1).bit_length())
        return window["base"] + (columns << rows)


@played
async def networks_come_and_go(dut):
    """Each loaded network gives its own scores at every level; so does the first one, loaded again."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    assert await host.say("LOAD") == 0
    assert await host.say("LOAD_SHAPE") == host.record["facts"]["LOAD_SHAPE"]
    assert await host.network() == host.record["network"] == host.traffic["lists"][0]["network"]
    await host.classify(0, rng)
    for number in (*range(1, len(host.traffic["lists"])), 0):
        await host.load(number)
        assert await host.network() == host.traffic["lists"][number]["network"]
        await host.classify(number, rng)
    await host.write("CONTROL", host.record["bits"]["CONTROL.RESET"])
    await host.bit("STATUS.IDLE")
    await host.classify(0, rng)


@played
async def read_back(dut):
    """What is there is what the memory images said, then what was written; both checksums are CRC-32."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    for number in (0, 1):
        words = host.words_of(number)
        assert await host.begin() == OKAY
        if number:
            await host.put(words)
        following = None
        for address, data in words:
            if address != following:
                await host.access(ADDRESS["LOAD_ADDRESS"], address)
            assert await host.say("LOAD_DATA") == data, hex(address)
            following = address + 1
        assert await host.say("LOAD_ADDRESS") == following & (1 << 31) - 1 or following == host.last()
        checksum = host.traffic["lists"][number]["checksum"]
        raw = b"".join(part.to_bytes(4, "little") for word in words for part in word)
        assert await host.say("LOAD_READ_CHECKSUM") == checksum == zlib.crc32(raw)
        assert await host.say("LOAD_CHECKSUM") == (checksum if number else 0)
        assert await host.end(checksum if number else 0) == 0
        await host.classify(number, rng)
    await host.load(0)  # for the tests behind


@played
async def an_interrupted_load(dut):
    """Is told by its checksum: no image goes in, NETWORK says nothing, over resets too, until all has been written."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    words, checksum = host.words_of(1), host.traffic["lists"][1]["checksum"]
    assert await host.begin() == OKAY
    await host.put(words[: len(words) // 2])
    assert await host.end(checksum) == 3
    host.images.play(marked(host.words(0)), itertools.repeat(True))
    host.answers.play(itertools.repeat(True))
    await host.steps(60)
    assert host.images.times == []
    assert await host.network() == "0" * 64
    await host.reset()
    await host.bit("STATUS.IDLE")
    assert await host.say("LOAD") == 3
    host.images.play(marked(host.words(0)), itertools.repeat(True))
    await host.write("CONTROL", host.record["bits"]["CONTROL.ABORT"])
    await host.bit("STATUS.IDLE")
    assert host.images.times == []
    host.images.rest()
    # nothing; a part with its own checksum
    assert await host.begin() == OKAY
    assert await host.end(0) == 3
    assert await host.begin() == OKAY
    await host.put(words[:-1])
    assert await host.end(await host.say("LOAD_CHECKSUM")) == 3
    # one bit of data, one of an address, an order
    for wrong in (
        [*words[:9], (words[9][0], words[9][1] ^ 1), *words[10:]],
        [*words[:-1], (words[0][0], words[-1][1])],
        [words[1], words[0], *words[2:]],
    ):
        assert await host.begin() == OKAY
        await host.put(wrong)
        assert await host.end(checksum) == (0 if wrong == words else 3)
    await host.load(1)
    await host.classify(1, rng)
    await host.load(0)


@played
async def images_wait_for_the_load(dut):
    """A transfer that a DMA has begun to offer goes in behind the load, whole, and meets the new network."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    await host.write("LEVELS", 0)
    assert await host.begin() == OKAY
    host.answers.play(itertools.repeat(True))
    host.images.play(marked(host.words(2)), itertools.repeat(True))
    await host.put(host.words_of(2))
    assert host.images.times == []
    assert await host.end(host.traffic["lists"][2]["checksum"]) == 0
    host.traffic["scores"] = host.traffic["of"][2]
    expected = marked(host.expected(2, 0, labels=False))
    await host.until(lambda: len(host.answers.words) >= len(expected))
    assert host.answers.words == expected
    await host.load(0)
    await host.classify(0, rng)


@played
async def refused_while_an_image_is_inside(dut):
    """BEGIN is refused, LOAD_DATA and LOAD_CHECKSUM too, and the answers are those of the network that was there."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    await host.write("LEVELS", 0)
    host.traffic["scores"] = host.traffic["of"][0]
    expected = marked(host.expected(1, 0, labels=False))
    host.answers.play(itertools.repeat(False))
    sent = marked(host.words(1))
    host.images.play(sent[:-1] if len(sent) > 1 else sent, itertools.repeat(True))
    await host.bit("STATUS.IDLE", 0)
    for _ in range(3):
        assert await host.begin() == SLVERR
        assert (await host.access(ADDRESS["LOAD_ADDRESS"], 8)).response == OKAY
        assert (await host.access(ADDRESS["LOAD_DATA"], rng.getrandbits(32))).response == SLVERR
        assert (await host.access(ADDRESS["LOAD_DATA"])).response == SLVERR
        assert (await host.access(ADDRESS["LOAD_CHECKSUM"], 0)).response == SLVERR
        assert await host.say("LOAD") == 0
    if len(sent) > 1:
        await host.until(lambda: len(host.images.times) == len(sent) - 1)
        host.images.play(sent[-1:], itertools.repeat(True))
    await host.steps(300)
    assert await host.begin() == SLVERR
    host.answers.hurry()
    await host.until(lambda: len(host.answers.words) >= len(expected))
    assert host.answers.words == expected
    await host.steps(20)
    await host.load(1)
    await host.classify(1, rng)
    await host.load(0)


@played
async def what_is_refused(dut):
    """Changes nothing: where there is no word, parts of words, addresses that are no register's; registers answer."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    await host.bit("STATUS.IDLE")
    assert (await host.access(ADDRESS["LOAD_DATA"])).response == SLVERR
    assert await host.begin() == OKAY
    holes = [host.last(), *(w["base"] + w["depth"] for w in host.traffic["memories"] if w["depth"] & (w["depth"] - 1))]
    highest = max(address for address, _ in host.words_of(0))
    for address in holes:
        await host.access(ADDRESS["LOAD_ADDRESS"], address)
        if address > highest and await host.say("LOAD_ADDRESS") != address:
            continue  # more than the bus has bits
        for data in (None, 5):
            access = await host.access(ADDRESS["LOAD_DATA"], data)
            assert (access.response, access.read) == (SLVERR, 0), hex(address)
            assert await host.say("LOAD_ADDRESS") == address
    for name, place in ADDRESS.items():
        for access in (
            await host.access(place + rng.randrange(1, 4), rng.choice((None, 0))),
            await host.access(place, 0, rng.randrange(15)),
        ):
            assert (access.response, access.read) == (SLVERR, 0), name
    for name in ("LOAD_READ_CHECKSUM", "LOAD_SHAPE"):
        assert (await host.access(ADDRESS[name], 1)).response == SLVERR
    assert (await host.access(max(ADDRESS.values()) + 4)).response == SLVERR
    assert (await host.access(host.record["registers"]["NETWORK"], 1)).response == SLVERR
    for name, value in host.record["facts"].items():
        if name not in ADDRESS:
            assert await host.read(name) == value, name
    assert await host.say("LOAD_CHECKSUM") == 0
    assert await host.end(0) == 0
    await host.classify(0, rng)


@played
async def reset_within_an_access(dut):
    """A reset while words are on their way: the shell answers behind it, and the load goes on."""
    host, rng = Loader(dut), random.Random(SEED)
    await host.start()
    for delay in range(1, 30, 3):
        await host.bit("STATUS.IDLE")
        assert await host.begin() == OKAY
        await host.access(ADDRESS["LOAD_ADDRESS"], host.words_of(1)[-1][0])
        host.lite.writes.append(Access(ADDRESS["LOAD_DATA"], 0))
        await host.steps(delay)
        await host.reset(cycles=1 + delay % 2)
        assert await host.say("LOAD") == 1
    await host.bit("STATUS.IDLE")
    await host.load(0)
    await host.classify(0, rng)


def zoo_networks(folder: Path):
    """mnist-arch-1-m1 as it ships, and with one in ten of its weights turned."""
    from dataclasses import replace

    from rebnet import zoo
    from rebnet.ir.network import Node
    from rebnet.ir.ops import BitMatrix, Dense

    shipped = storage.load(zoo.folder("zoo:mnist-arch-1-m1"))
    rng = np.random.default_rng(7)

    def turned(node: Node) -> Node:
        if not isinstance(node.op, Dense):
            return node
        bits = node.op.weights.bits ^ (rng.random(node.op.weights.bits.shape) < 0.1)
        return replace(node, op=replace(node.op, weights=BitMatrix.pack(bits)))

    return lower(shipped), lower(replace(shipped, nodes=tuple(map(turned, shipped.nodes))))


@pytest.mark.rtl
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("REBNET_AXI_ZOO"), reason="minutes; REBNET_AXI_ZOO=1 plays it")
def test_axi_load_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCOTB_TEST_FILTER", "networks_come_and_go")
    networks = zoo_networks(tmp_path)
    build = tmp_path / "build"
    compiled_network(build, 8, networks[0], runtime_weights=True)
    for number, network in enumerate(networks):
        storage.save(network, tmp_path / str(number))
    lists = [write_list(build, tmp_path / str(number)) for number in (0, 1)]
    said = simulated(tmp_path, None, "zoo", build, lists, traffic_of(networks))
    assert said == {"zoo": ""}
