"""The accelerator as blocks in the order that data meets them: what each is, what it reads, its cycles, its buffers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rebnet.ir.ops import Conv, Dense
from rebnet.records import Folding, Simulation
from rebnet.records.folding import Fifo
from rebnet.report.html import number
from rebnet.report.records import Build
from rebnet.spec.window import short
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.branches import MovingUnit
from rebnet.stages.converter import Converter
from rebnet.stages.depth_to_space import DepthToSpaceUnit
from rebnet.stages.ends import Pixels, Scores
from rebnet.stages.features import EncoderUnit, Fork, GlobalSum, JoinUnit, RescaleUnit, Skip
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Stage
from rebnet.stages.two_slope import TwoSlopeUnit
from rebnet.stages.upsample import UpsampleUnit
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
        name: of the layer, the node or the port.
        kind: of the module, in a few words.
        instance: of the module, by which others say that they read it.
        reads: instances of the blocks whose words arrive.
        words: of each of them, bits of the word that arrives, and behind each width converter on the way in.
        facts: lines about it.
        cycles: per image, at each served m; empty for a buffer, which only waits.
        limits: whether it sets the pace, at each served m.
        buffers: those inside.
    """

    name: str
    kind: str
    instance: str
    reads: tuple[str, ...]
    words: tuple[tuple[int, ...], ...]
    facts: tuple[str, ...]
    cycles: tuple[int, ...]
    limits: tuple[bool, ...]
    buffers: tuple[Filled, ...] = ()

    def sentence(self, place: int) -> str:
        """All that the block shows, in words, at the served m of that place."""
        said = [f"{self.name}: {self.kind}", *self.facts]
        if self.cycles:
            said.append(f"{self.cycles[place]:,} cycles per image")
        if self.limits[place]:
            said.append("sets the pace")
        for place_in, words in enumerate(self.words):
            of = f" from {self.reads[place_in]}" if len(self.reads) > 1 else ""
            said.append("words in" + of + " of " + ", converted to ".join(f"{bits:,} bits" for bits in words))
        for buffer in self.buffers:
            seen = "" if buffer.measured is None else f", measured {buffer.measured:,}"
            said.append(
                f"{buffer.name} buffer of {buffer.depth:,} words of {buffer.width_bits:,} bits, predicted peak "
                f"{buffer.predicted:,}{seen}"
            )
        return ", ".join(said)


def blocks(build: Build) -> list[Block]:
    """The blocks of a folded build, from the pixels to the scores; converters and forks are on their wires."""
    accelerator, folding = build.accelerator, build.get(Folding)
    assert accelerator is not None
    assert folding is not None
    simulation = build.get(Simulation)
    peaks = (simulation.fifo_peaks or {}) if simulation is not None else {}
    fifos = {fifo.name: fifo for fifo in folding.fifos}
    bounds = tuple(accelerator.bound_cycles(m) for m in build.served)
    wires: dict[str, _Wire] = {}
    found = []
    for unit in accelerator.units:
        arriving = [wires[source] for source in accelerator.reads.get(unit.instance, ())]
        if isinstance(unit, Converter | Fork):
            (wire,) = arriving
            converted = (unit.out_bits,) if isinstance(unit, Converter) else ()
            wires[unit.instance] = _Wire(wire.source, tuple(dict.fromkeys((*wire.words, *converted))))
            continue
        told = _told(unit, build, accelerator)
        cycles = () if isinstance(unit, Skip) else tuple(told.cycles) * (len(bounds) // len(told.cycles))
        found.append(
            Block(
                told.name,
                told.kind,
                unit.instance,
                tuple(wire.source for wire in arriving),
                tuple(wire.words for wire in arriving) or ((8 * accelerator.samples_per_beat,),),
                tuple(told.facts),
                cycles,
                tuple(own == bound for own, bound in zip(cycles or (0,) * len(bounds), bounds, strict=True)),
                tuple(_buffer(own.name, fifos[own.name], peaks) for own in unit.buffers if own.name in fifos),
            )
        )
        if not isinstance(unit, Scores):
            wires[unit.instance] = _Wire(unit.instance, (unit.out_bits,))
    return found


@dataclass(frozen=True)
class _Wire:
    """Which block's words a stream holds, and their bits: as they leave it, and behind each converter."""

    source: str
    words: tuple[int, ...]


@dataclass(frozen=True)
class _Told:
    """What a unit is; cycles at each served m, or one number for all of them."""

    name: str
    kind: str
    facts: Sequence[str]
    cycles: Sequence[int]


_JOINS = {"join_add": "add", "join_channels": "join", "stack": "stack"}


def _told(unit: Pixels | Scores | Stage, build: Build, accelerator: Accelerator) -> _Told:
    match unit:
        case Pixels():
            facts = [f"{unit.samples:,} samples", f"{unit.samples_per_beat} a beat"]
            told = _Told("pixels in", "pixel input", facts, [unit.beats])
        case WindowUnit():
            told = _Told(unit.name, _window(unit), _map(unit), [unit.cycles])
        case Mvtu():
            layer, *_ = accelerator.computes[unit.instance]
            kind = _layer(unit, build.network.layer(layer))
            told = _Told(unit.name, kind, _unit(unit), [unit.cycles(m) for m in build.served])
        case Scores():
            places = [f"{unit.places:,} places"] if unit.places > 1 else []
            facts = [*places, f"{unit.rows:,} classes", f"{8 * unit.score_bytes} bits a score"]
            told = _Told("scores out", "scores", facts, [unit.beats])
        case Skip():
            told = _Told(unit.instance, "skip buffer", [], [])
        case RescaleUnit() | TwoSlopeUnit() | EncoderUnit() | JoinUnit() | GlobalSum():
            told = _of_features(unit)
        case UpsampleUnit() | DepthToSpaceUnit():
            told = _of_features(unit)
        case _:
            raise TypeError(unit)
    return told


def _of_features(unit: RescaleUnit | TwoSlopeUnit | EncoderUnit | JoinUnit | GlobalSum | MovingUnit) -> _Told:
    match unit:
        case RescaleUnit():
            kind, facts = "rescale", [f"{unit.rows:,} channels", f"{unit.planes} bits each"]
        case TwoSlopeUnit():
            kind, facts = "two slopes", [f"{unit.rows:,} channels", f"{unit.planes} → {unit.planes_out} bits"]
        case EncoderUnit():
            kind, facts = "feature encoder", [f"{unit.rows:,} channels", f"{unit.planes} → {unit.levels} bits"]
        case JoinUnit():
            kind, facts = _JOINS[unit.kind], [f"gives {unit.out_bits:,} b"]
        case UpsampleUnit():
            kind = f"upsample {unit.factors.rows}×{unit.factors.columns}"
            facts = [f"{unit.height}×{unit.width}×{unit.lanes * unit.pixel_words} map"]
        case DepthToSpaceUnit():
            kind = f"depth to space {unit.block}×{unit.block}"
            facts = [f"{unit.height}×{unit.width}×{unit.in_elements * unit.pixel_words} map"]
        case GlobalSum():
            kind, facts = "global sum", [f"{unit.channels:,} channels", f"of {unit.positions:,} places"]
    return _Told(unit.name, kind, facts, [unit.cycles])


def _buffer(buffer: str, fifo: Fifo, peaks: Mapping[str, int]) -> Filled:
    _, dot, of = buffer.rpartition(".")
    name = {"window": "lines", "pool": "lines"}.get(of, of) if dot else "skip"
    return Filled(name, fifo.depth, fifo.width_bits, fifo.predicted_peak, peaks.get(buffer))


def _window(unit: WindowUnit) -> str:
    window = unit.window
    plain = window.kernel if unit.pool else (1, 1)
    kind = "sum pool" if unit.sum_planes else "max-pool" if unit.pool else "window"
    stride = f" / {short(window.stride)}" if window.stride != plain else ""
    return f"{kind} {window.kernel[0]}×{window.kernel[1]}{stride}"


def _map(unit: WindowUnit) -> list[str]:
    return [f"{unit.height}×{unit.width}×{unit.channels_in} map"]


def _layer(layer: Mvtu, op: Dense) -> str:
    size = f"{layer.cols:,} → {layer.rows:,}"
    if not isinstance(op, Conv):
        return f"dense {size}"
    return f"conv {size}" if op.groups == 1 else f"conv {size} in {op.groups:,} groups"


def _unit(layer: Mvtu) -> list[str]:
    if layer.unrolled:
        return [lanes_text(layer), "weights are wires"]
    where = "block RAM" if layer.weights_in == "block" else "LUTs"
    kib = layer.weight_depth * layer.weight_bits / 8 / 1024
    return [lanes_text(layer), f"{number(kib, int(kib < 100))} KiB {where}"]


def lanes_text(layer: Mvtu) -> str:
    """What a layer has in parallel: rows, inputs, levels, and planes of the weights where there are several."""
    planes = f" × {layer.plane_lanes}" if layer.weight_planes > 1 else ""
    return f"{layer.pe} × {layer.simd} × {layer.level_lanes}{planes}"
