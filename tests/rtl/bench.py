"""What the benches share: building and running a module, a clock, and sources and sinks of streams.

A bench is one file, read twice. pytest reads its cases and builds the module with all of them once; the simulator
then reads the same file again for its cocotb tests, which get their case from `case_name`.
"""

import itertools
import os
import random
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly
from cocotb_tools.runner import get_runner
from filelock import FileLock

from rebnet.rtl import MODULES, source

Word = tuple[int, ...]
Parameters = Mapping[str, int | str]

SEED = 20180429
PATIENCE = 2000
"""Cycles without a word after which a stream counts as stuck."""
_CASE = "REBNET_BENCH_CASE"
_INSTANCE = "REBNET_BENCH_INSTANCE"
_RUNTIME = ("verilated.o", "verilated_dpi.o", "verilated_vpi.o", "verilated_threads.o")


# --- pytest's side: build and run -------------------------------------------------------------------------


def simulate(
    folder: Path,
    runtime: Path,
    module: str,
    cases: Mapping[str, Parameters],
    case: str,
    files: Callable[[str], Mapping[str, str]] = lambda case: {},
    *,
    sources: Sequence[Path] = (),
    defines: Sequence[str] = (),
    bench: str | None = None,
) -> None:
    """Play the cocotb tests of a module's bench on one of its cases; a failure fails the pytest test.

    All cases stand in one simulator, side by side, each an instance without wires of its own: the first test of a
    session builds it, and the others wait for that. A case drives its own instance; the clocks of the others rest.

    Args:
        folder: of the session; a simulator lies in a folder of its own there.
        runtime: object files of the simulator that builds share.
        module: the module; its bench is the file `test_{module}.py` beside this one.
        cases: the parameters of each; text is written as a string literal, unless it is a sized number.
        case: the one to play; what `case_name` returns inside the simulation.
        files: the memory images of a case by name. A parameter that begins such a name is put where it lies.
        sources: SystemVerilog files beside the library's.
        defines: macros to define.
        bench: Python module of the bench, where it does not stand beside this one.
    """
    place = folder / "-".join([module, *defines])
    text, images = bundle(module, cases, files)
    with FileLock(f"{place}.lock"):
        if not (place / "ready").exists():
            shutil.rmtree(place, ignore_errors=True)
            for name, image in images.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(image)
            place.mkdir(exist_ok=True)
            (place / "bundle.sv").write_text(text)
            _build(place, runtime, "bundle", {}, [*sources, place / "bundle.sv"], defines, f"{module}, all cases")
            (place / "ready").touch()
    number = list(cases).index(case)
    _play(place, f"case_{number}", "bundle", case, bench or f"{__package__}.test_{module}", f"{module}, case {case!r}")


def bundle(
    module: str, cases: Mapping[str, Parameters], files: Callable[[str], Mapping[str, str]]
) -> tuple[str, dict[str, str]]:
    """A top level with an instance of each case, and their memory images by the names that these know."""
    lines, images = [], {}
    for number, (case, parameters) in enumerate(cases.items()):
        own = files(case)
        images |= {f"case_{number}/{name}": text for name, text in own.items()}
        values = {
            key: f"case_{number}/{value}" if value and any(name.startswith(str(value)) for name in own) else value
            for key, value in parameters.items()
        }
        given = ", ".join(f".{key}({literal(value)})" for key, value in values.items())
        lines.append(f"  {module} #({given}) case_{number} ();")
    return "\n".join(["// verilator lint_off PINMISSING", "module bundle;", *lines, "endmodule", ""]), images


def simulate_alone(
    folder: Path,
    runtime: Path,
    module: str,
    parameters: Parameters,
    case: str,
    files: Mapping[str, str],
    *,
    bench: str,
    sources: Sequence[Path] = (),
) -> None:
    """Build one module with `parameters` and play a bench on it, in a folder that holds `files`."""
    build = folder / "build"
    for name, text in files.items():
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(text)
    _build(build, runtime, module, parameters, sources, (), f"{module}, case {case!r}")
    _play(build, "", module, case, bench, f"{module}, case {case!r}")
    shutil.rmtree(build)


def _build(
    build: Path,
    runtime: Path,
    top: str,
    parameters: Parameters,
    sources: Sequence[Path],
    defines: Sequence[str],
    what: str,
) -> None:
    """The simulator of the library with `top` at the head; its log where that fails."""
    with FileLock(runtime / "lock"):  # another build may be putting them there
        for name in _RUNTIME:
            if (runtime / name).is_file():
                shutil.copy(runtime / name, build / name)
                os.utime(build / name, (time.time() + 600,) * 2)  # make leaves alone what is newer than its makefile
    try:
        get_runner("verilator").build(
            sources=[*(source(name) for name in MODULES), *sources],
            hdl_toplevel=top,
            parameters={name: literal(value) for name, value in parameters.items()},
            build_args=[
                "-Wall",
                "--x-initial",
                "unique",
                "--x-assign",
                "unique",
                "-CFLAGS",
                "-O0",
                *(f"-D{name}" for name in defines),
            ],
            build_dir=build,
            log_file=build / "build.log",
        )
    except (RuntimeError, SystemExit):  # the log says more
        _fail(what, build / "build.log")
    with FileLock(runtime / "lock"):
        for name in _RUNTIME:
            if not (runtime / name).is_file():
                shutil.copy(build / name, runtime / name)


def _play(build: Path, instance: str, top: str, case: str, bench: str, what: str) -> None:
    """The cocotb tests of `bench` in a simulator, on one of its instances or on the top itself."""
    log, results = (build / f"{instance or 'top'}.{end}" for end in ("log", "xml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(Path(__file__).parents[(__package__ or "").count(".") + 1]), *sys.path])
        try:
            get_runner("verilator").test(
                test_module=bench,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                plusargs=["+verilator+rand+reset+2", f"+verilator+seed+{1 + len(case)}"],
                extra_env={_CASE: case, _INSTANCE: instance, "COCOTB_ANSI_OUTPUT": "0"},
                seed=SEED,
                build_dir=build,
                test_dir=build,
                results_xml=str(results),
                log_file=log,
            )
            passed = _all_passed(results)
        except (RuntimeError, SystemExit):
            passed = False
    if not passed:
        _fail(what, log)


def _fail(what: str, log: Path) -> None:
    tail = "\n".join(log.read_text().splitlines()[-60:])
    pytest.fail(f"{what}:\n{tail}", pytrace=False)


def literal(value: int | str) -> int | str:
    """A parameter's value as the simulator's command line wants it."""
    return value if isinstance(value, int) or "'" in value else f'"{value}"'


def _all_passed(results: Path) -> bool:
    suites = ElementTree.parse(results).getroot().findall("testsuite")
    tests, failures, errors = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors")
    )
    return tests > 0 and failures + errors == 0


# --- the simulator's side: case, clock, streams -----------------------------------------------------------


def case_name() -> str:
    """The case that this simulation plays."""
    return os.environ[_CASE]


def played(test: Callable[[Any], Awaitable[None]]) -> Any:
    """A cocotb test that gets the instance of its case, where all cases stand side by side."""

    @wraps(test)
    async def on_instance(dut: Any) -> None:
        instance = os.environ[_INSTANCE]
        await test(getattr(dut, instance) if instance else dut)

    return cocotb.test()(on_instance)


def to_word(bits: np.ndarray) -> int:
    """The number whose bit i is element i of a boolean vector."""
    return int.from_bytes(np.packbits(bits.ravel(), bitorder="little").tobytes(), "little")


def cut(vector: np.ndarray, width: int, fill: np.ndarray) -> list[int]:
    """Words of `width` elements, plane major, of a vector of shape (planes, elements); `fill` follows its end."""
    count = -(-vector.shape[1] // width)
    full = np.concatenate([vector, fill[:, : count * width - vector.shape[1]]], axis=1)
    return [to_word(full[:, i * width : (i + 1) * width]) for i in range(count)]


def hexadecimal(word: Word) -> str:
    """The fields of a word, for a message."""
    return "/".join(map(hex, word))


def join(values: Iterable[int], width: int) -> int:
    """Fields of `width` bits as one number, the first in the lowest bits; negative ones as two's complement."""
    return sum((int(value) & ((1 << width) - 1)) << (i * width) for i, value in enumerate(values))


# How willing one side of a stream is, cycle by cycle. True: a word may move.
PATTERNS: dict[str, Callable[[], Iterator[bool]]] = {
    "always": lambda: itertools.repeat(True),
    "every other": lambda: itertools.cycle((True, False)),
    "bursts": lambda: itertools.cycle((True,) * 5 + (False,) * 4),
    "rarely": lambda: itertools.cycle((False,) * 6 + (True,)),
}


def moods(rng: random.Random) -> Iterator[bool]:
    """Random stalls whose mood changes, from never to mostly idle."""
    while True:
        chance = rng.choice((1.0, 0.75, 0.5, 0.25, 0.05))
        for _ in range(rng.randrange(1, 60)):
            yield rng.random() < chance


class Agent(Protocol):
    """Plays one side of a stream: `drive` while the clock is low, `sample` once all has settled."""

    def drive(self) -> None: ...

    def sample(self, cycle: int) -> None: ...

    def rest(self) -> None: ...


class Source:
    """Offers words, keeps each offer until it is taken, and shows nonsense in between.

    `times` holds the cycle in which each word was taken.
    """

    def __init__(self, valid: Any, ready: Any, fields: Sequence[Any]) -> None:
        self._valid, self._ready, self._fields = valid, ready, fields
        self._random = random.Random(SEED)
        self.rest()

    def rest(self) -> None:
        self.play((), itertools.repeat(False))
        self._valid.value = 0

    def play(self, words: Sequence[Word], go: Iterator[bool]) -> None:
        self._words, self._go, self._offered = words, go, False
        self.times: list[int] = []
        self._nonsense = False

    def drive(self) -> None:
        if self._offered:
            return
        if len(self.times) < len(self._words) and next(self._go):
            self._offered, self._nonsense = True, False
            self._valid.value = 1
            for handle, value in zip(self._fields, self._words[len(self.times)], strict=True):
                handle.value = value
        elif not self._nonsense:
            self._nonsense = True
            self._valid.value = 0
            for handle in self._fields:
                handle.value = self._random.getrandbits(len(handle))

    def sample(self, cycle: int) -> None:
        if self._offered and self._ready.value == 1:
            self._offered = False
            self.times.append(cycle)


class Sink:
    """Takes words, and sees to it that an offer stays as it is until it is taken.

    `times` holds the cycle in which each word was taken.
    """

    def __init__(self, valid: Any, ready: Any, fields: Sequence[Any]) -> None:
        self._valid, self._ready, self._fields = valid, ready, fields
        self.rest()

    def rest(self) -> None:
        self.play(itertools.repeat(False))
        self._willing = False
        self._ready.value = 0

    def play(self, go: Iterator[bool]) -> None:
        self._go, self._offer = go, None
        self.words: list[Word] = []
        self.times: list[int] = []

    def hurry(self) -> None:
        self._go = itertools.repeat(True)

    def drive(self) -> None:
        willing = next(self._go)
        if willing != self._willing:
            self._willing = willing
            self._ready.value = int(willing)

    def sample(self, cycle: int) -> None:
        offer: Word | None = None
        if self._valid.value == 1:
            offer = tuple(int(handle.value) for handle in self._fields)
        assert self._offer in (None, offer), (
            f"cycle {cycle}: the offer {self._offer} became {offer} before it was taken"
        )
        self._offer = offer
        if offer is not None and self._willing:
            self._offer = None
            self.words.append(offer)
            self.times.append(cycle)


@dataclass
class Bench:
    """A module under test: its clock, its reset if it has one, and the agents on its streams."""

    dut: Any
    agents: Sequence[Agent] = ()
    cycle: int = field(default=0, init=False)

    async def start(self) -> None:
        """Start the clock, and reset."""
        self.dut.clk.value = 0
        Clock(self.dut.clk, 2, "ns").start()
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        """Forget all that is under way; streams rest until they are told to play."""
        await FallingEdge(self.dut.clk)
        for agent in self.agents:
            agent.rest()
        reset = getattr(self.dut, "rst", None)
        if reset is None:
            return
        reset.value = 1
        for _ in range(cycles):
            await FallingEdge(self.dut.clk)
        reset.value = 0
        self.cycle = 0

    async def step(self) -> None:
        """One cycle, from a falling edge of the clock to the next."""
        for agent in self.agents:
            agent.drive()
        await ReadOnly()
        for agent in self.agents:
            agent.sample(self.cycle)
        self.cycle += 1
        await FallingEdge(self.dut.clk)

    async def steps(self, cycles: int) -> None:
        """So many cycles."""
        for _ in range(cycles):
            await self.step()


# --- streams: traffic and the ways to play it -------------------------------------------------------------


@dataclass(frozen=True)
class Traffic:
    """Words in, and the words that they must become; `mask` has a word of the bits that count, None for all."""

    words: Sequence[Word]
    expected: Sequence[Word]
    mask: Sequence[Word] | None = None

    def check(self, received: Sequence[Word]) -> None:
        """Raise at the first difference."""
        assert len(received) == len(self.expected), f"{len(received)} words came out instead of {len(self.expected)}"
        mask = self.mask or itertools.repeat(None)
        for place, (got, want, counts) in enumerate(zip(received, self.expected, mask, strict=False)):
            if counts is None:
                assert got == want, f"word {place} is {hexadecimal(got)}, the specification says {hexadecimal(want)}"
                continue
            wrong = tuple((a ^ b) & c for a, b, c in zip(got, want, counts, strict=True))
            assert not any(wrong), f"word {place} is {hexadecimal(got)}, the specification says {hexadecimal(want)}"


class StreamBench(Bench):
    """A module with one stream in and one stream out."""

    def __init__(self, dut: Any, source: Source, sink: Sink) -> None:
        super().__init__(dut, (source, sink))
        self.source, self.sink = source, sink

    async def play(self, traffic: Traffic, idle: Iterator[bool], backpressure: Iterator[bool]) -> None:
        """Send all of it, compare all that comes out, and see that nothing more follows."""
        self.source.play(traffic.words, idle)
        self.sink.play(backpressure)
        moved, last = 0, self.cycle
        while len(self.sink.words) < len(traffic.expected) or len(self.source.times) < len(traffic.words):
            await self.step()
            now = len(self.source.times) + len(self.sink.times)
            if now != moved:
                moved, last = now, self.cycle
            taken = f"{len(self.source.times)} of {len(traffic.words)} words went in"
            given = f"{len(self.sink.words)} of {len(traffic.expected)} came out"
            assert self.cycle - last < PATIENCE, f"stuck: {taken}, {given}"
        self.sink.hurry()
        await self.steps(40)
        traffic.check(self.sink.words)

    async def patterns(self, traffic: Callable[[], Traffic]) -> None:
        """{idle} × {backpressure}, fresh traffic for each."""
        for (idle, go), (stalls, willing) in itertools.product(PATTERNS.items(), repeat=2):
            self.dut._log.info("idle: %s, backpressure: %s", idle, stalls)
            await self.play(traffic(), go(), willing())

    async def stress(self, traffic: Callable[[], Traffic], runs: int = 4) -> None:
        """Random stalls on both sides; now and then a reset in the middle of everything."""
        rng = random.Random(SEED)
        for _ in range(runs):
            await self.play(traffic(), moods(rng), moods(rng))
            self.source.play(traffic().words, moods(rng))
            self.sink.play(moods(rng))
            await self.steps(rng.randrange(1, 60))
            await self.reset(cycles=1)

    async def full_speed(self, traffic: Traffic) -> None:
        """Both sides always willing; the times stay in `source.times` and `sink.times`."""
        await self.reset()
        await self.play(traffic, itertools.repeat(True), itertools.repeat(True))


def bench_of(dut: Any) -> StreamBench:
    """The bench of a module whose streams carry data and the levels of its image."""
    return StreamBench(
        dut,
        Source(dut.in_valid, dut.in_ready, [dut.in_data, dut.in_levels]),
        Sink(dut.out_valid, dut.out_ready, [dut.out_data, dut.out_levels]),
    )
