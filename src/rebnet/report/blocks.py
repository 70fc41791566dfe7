"""The accelerator as blocks in the order that data meets them: what each is, its words, its cycles, its buffers."""

from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.ir.ops import Conv, Dense
from rebnet.records import Folding, Simulation
from rebnet.records.folding import Fifo
from rebnet.report.html import number
from rebnet.report.records import Build
from rebnet.stages.accelerator import Accelerator, Unit
from rebnet.stages.converter import Converter
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.window import WindowUnit


@dataclass(frozen=True)
class Filled:
    """A FIFO or line buffer, in words; None where nothing was measured."""

    name: str
    depth: int
    width_bits: int
    predicted: int
    measured: int | None

    def __str__(self) -> str:
        peak = self.predicted if self.measured is None else self.measured
        return f"{self.name} {peak:,}/{self.depth:,}"


@dataclass(frozen=True)
class Block:
    """One module that takes and gives words.

    Attributes:
        name: of the layer or port.
        kind: of the module, in a few words.
        words: bits of the word that arrives, and behind each width converter on the way in.
        facts: lines about it.
        cycles: per image, at each served m.
        limits: whether it sets the pace, at each served m.
        buffers: those inside.
    """

    name: str
    kind: str
    words: tuple[int, ...]
    facts: tuple[str, ...]
    cycles: tuple[int, ...]
    limits: tuple[bool, ...]
    buffers: tuple[Filled, ...] = ()

    def sentence(self, place: int) -> str:
        """All that the block shows, in words, at the served m of that place."""
        said = [f"{self.name}: {self.kind}", *self.facts, f"{self.cycles[place]:,} cycles per image"]
        if self.limits[place]:
            said.append("sets the pace")
        said.append("words in of " + ", converted to ".join(f"{bits:,} bits" for bits in self.words))
        for buffer in self.buffers:
            seen = "" if buffer.measured is None else f", measured {buffer.measured:,}"
            said.append(
                f"{buffer.name} buffer of {buffer.depth:,} words of {buffer.width_bits:,} bits, predicted peak "
                f"{buffer.predicted:,}{seen}"
            )
        return ", ".join(said)


def blocks(build: Build) -> list[Block]:
    """The blocks of a folded build, from the pixels to the scores; converters are on their arrows."""
    chain, folding = build.accelerator, build.get(Folding)
    assert chain is not None
    assert folding is not None
    simulation = build.get(Simulation)
    peaks = (simulation.fifo_peaks or {}) if simulation is not None else {}
    fifos = {fifo.name: fifo for fifo in folding.fifos}
    bounds = tuple(chain.bound_cycles(m) for m in build.served)

    def block(name: str, kind: str, words: list[int], facts: list[str], cycles: list[int], unit: Unit) -> Block:
        limits = tuple(own == bound for own, bound in zip(cycles, bounds, strict=True))
        inside = tuple(_buffer(own.name, fifos[own.name], peaks) for own in unit.buffers if own.name in fifos)
        return Block(name, kind, tuple(dict.fromkeys(words)), tuple(facts), tuple(cycles), limits, inside)

    beat = chain.samples_per_beat
    facts = [f"{chain.samples:,} samples", f"{beat} a beat"]
    found = [block("pixels in", "pixel input", [8 * beat], facts, [chain.beats_in] * len(bounds), chain.pixels)]
    given = {chain.pixels.instance: [chain.pixels.out_bits]}  # words that each unit gives, converted on the way
    for stage in chain.stages:
        words = given[chain.reads[stage.instance][0]]
        match stage:
            case Converter():
                given[stage.instance] = [*words, stage.out_bits]
                continue
            case WindowUnit():
                cycles = [max(stage.read_cycles, stage.map_writes)] * len(bounds)
                made = block(stage.name, _window(stage), words, _map(stage), cycles, stage)
            case Mvtu():
                cycles = [stage.cycles(m) for m in build.served]
                layer, *_ = chain.computes[stage.instance]
                kind = _layer(stage, build.network.layer(layer))
                made = block(stage.name, kind, words, _unit(stage), cycles, stage)
        given[stage.instance] = [stage.out_bits]
        found.append(made)
    found.append(_scores(chain, given[chain.reads[chain.scores.instance][0]], bounds))
    return found


def _scores(chain: Accelerator, words: list[int], bounds: tuple[int, ...]) -> Block:
    score = 8 * chain.scores.score_bytes
    cycles = (chain.beats_out,) * len(bounds)
    limits = tuple(chain.beats_out == bound for bound in bounds)
    facts = (f"{chain.beats_out:,} classes", f"{score} bits a score")
    return Block("scores out", "scores", tuple(words), facts, cycles, limits)


def _buffer(buffer: str, fifo: Fifo, peaks: Mapping[str, int]) -> Filled:
    name = buffer.rsplit(".", 1)[-1].replace("window", "lines").replace("pool", "lines")
    return Filled(name, fifo.depth, fifo.width_bits, fifo.predicted_peak, peaks.get(buffer))


def _window(unit: WindowUnit) -> str:
    kernel, stride = unit.window.kernel, unit.window.stride
    kind = "max-pool" if unit.pool else "window"
    return f"{kind} {kernel}×{kernel}" + (f" / {stride}" if stride != (kernel if unit.pool else 1) else "")


def _map(unit: WindowUnit) -> list[str]:
    return [f"{unit.height}×{unit.width}×{unit.channels_in} map"]


def _layer(layer: Mvtu, op: Dense) -> str:
    size = f"{layer.cols:,} → {layer.rows:,}"
    return f"conv {size}" if isinstance(op, Conv) else f"dense {size}"


def _unit(layer: Mvtu) -> list[str]:
    where = "block RAM" if layer.weights_in == "block" else "LUTs"
    kib = layer.folds * layer.chunks * layer.pe * layer.simd / 8 / 1024
    return [f"{layer.pe} × {layer.simd} × {layer.level_lanes}", f"{number(kib, int(kib < 100))} KiB {where}"]
