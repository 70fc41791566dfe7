"""The top level of an accelerator: pixel_input, the stages in the order that data meets them, scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rebnet.generate.bus import address_bits, bus_bits
from rebnet.generate.wires import score_parameters, unrolled_parameters
from rebnet.ir.network import Network
from rebnet.ir.notation import Folding, PoolText
from rebnet.ir.ops import Dense, MaxPool
from rebnet.records.ports import BusWindow
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import USER_BITS, Pixels, Scores
from rebnet.stages.features import EncoderUnit, Fork, JoinUnit, RescaleUnit, Skip
from rebnet.stages.module import Module
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Stage
from rebnet.stages.two_slope import TwoSlopeUnit

_HEADER = """\
// {name}: {text}
// Made by rebnet; edit the network or its folding instead.
//
// In:   AXI-Stream of pixels, {samples} bytes an image, {p} a beat, {beats} beats an image; channels vary fastest.
//       s_axis_tuser on an image's first beat: its levels, {served}; anything else means {levels}.
//       Images are told apart by counting beats; s_axis_tlast is not needed and may stay low.
// Out:  AXI-Stream of scores, {out_beats}, signed, {score} bits in {score_bytes} bytes;
//       m_axis_tlast on the last, m_axis_tuser the levels of the image.
//       error_tlast: high until the reset once s_axis_tlast and the count of beats have disagreed; images are shifted.
// Time: one image every {cycles} cycles at {levels} levels.
{written}module {name} (
    input  logic aclk,
    input  logic aresetn,
    input  logic [{in_msb}:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    input  logic s_axis_tlast,
    input  logic [{user_msb}:0] s_axis_tuser,
    output logic [{out_msb}:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready,
    output logic m_axis_tlast,
    output logic [{user_msb}:0] m_axis_tuser,
    output logic error_tlast{bus}
);
  logic rst;
  assign rst = !aresetn;
"""
_WRITTEN = """\
// Its constants can be written while no image is inside: config_in and config_out are the bus of writable_memory.sv; an
// address there is that of ports.json.
"""
_BUS = """,
    input  logic [{msb}:0] config_in,
    output logic [{msb}:0] config_out"""


@dataclass(frozen=True)
class Top:
    """All that a top level is made from.

    Attributes:
        network: the lowered network.
        accelerator: its chain.
        depths: its FIFO depths.
        name: name of the top module.
        memory: folder of the memory images, as the simulator or the synthesizer will open them.
        windows: of its memories on the configuration bus, where constants are written at run time.
        gain_bits: of an activation of any network that may be written.
    """

    network: Network
    accelerator: Accelerator
    depths: Depths
    name: str
    memory: str
    windows: tuple[BusWindow, ...] | None = None
    gain_bits: int = 0


def top_text(plan: Top) -> str:
    """SystemVerilog of the top level."""
    network, accelerator = plan.network, plan.accelerator
    served = f"1 to {network.levels}" if len(network.served) > 1 else f"always {network.levels}"
    parts = [
        _HEADER.format(
            name=plan.name,
            text=plan_text(plan),
            samples=accelerator.samples,
            p=accelerator.samples_per_beat,
            beats=accelerator.beats_in,
            served=served,
            levels=network.levels,
            out_beats=_out_beats(accelerator.scores),
            score=accelerator.scores.score_width,
            score_bytes=accelerator.scores.score_bytes,
            cycles=accelerator.bound_cycles(network.levels),
            in_msb=8 * accelerator.samples_per_beat - 1,
            out_msb=8 * accelerator.scores.beat_bytes - 1,
            user_msb=USER_BITS - 1,
            written="" if plan.windows is None else _WRITTEN,
            bus="" if plan.windows is None else _BUS.format(msb=bus_bits(plan.windows) - 1),
        ),
        _pixels(accelerator.pixels),
    ]
    streams = {accelerator.pixels.instance: accelerator.pixels.instance}  # behind each unit
    bus = _Bus(plan)
    for stage in accelerator.stages:
        taken = [_taken(stage, streams[source]) for source in accelerator.reads[stage.instance]]
        parts.append(_stage(plan, stage, taken, bus))
        streams[stage.instance] = f"{stage.instance}_out"
    (last,) = accelerator.reads[accelerator.scores.instance]
    parts.append(_scores(plan, streams[last], bus))
    return "\n".join(parts)


class _Bus:
    """The configuration bus on its way through the units that have memories on it."""

    def __init__(self, plan: Top) -> None:
        self._windows, self._behind, self._last = plan.windows or (), "config_in", plan.accelerator.scores.instance

    def through(self, module: Module, memories: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The wire behind a module and its ports on the bus; its parameters are set, `memories` by their names."""
        bases = {window.name: window.base for window in self._windows}
        if not any(name in bases for name in memories.values()):
            return "", {}
        given = {f"{key}_BASE": bases[name] for key, name in memories.items() if name in bases}
        module.parameters.update({"CONFIG_ADDRESS": address_bits(self._windows), **given})
        before = self._behind
        self._behind = "config_out" if module.of == self._last else f"{module.of}_config"
        ports = {"config_in": before, "config_out": self._behind}
        if self._behind == "config_out":
            return "", ports
        return f"  logic [{bus_bits(self._windows) - 1}:0] {self._behind};\n", ports


def _out_beats(unit: Scores) -> str:
    """How scores leave."""
    return f"{unit.rows} in the one beat of an image" if unit.at_once else f"{unit.beats} beats an image"


def plan_text(plan: Top) -> str:
    """The network text, with the folding of every layer."""
    image = plan.network.input
    parts = [f"{image.height}x{image.width}x{image.channels}"]
    units = {
        node: unit for unit in plan.accelerator.stages for node in plan.accelerator.computes.get(unit.instance, ())
    }
    for node in plan.network.nodes:
        match node.op, units.get(node.name):
            case Dense() as op, Mvtu() as unit:
                planes = unit.plane_lanes if unit.weight_planes > 1 else None
                parts.append(str(op.text(Folding(unit.pe, unit.simd, unit.level_lanes, planes))))
            case MaxPool(window=window), _:
                parts.append(str(PoolText(window)))
    return " - ".join(parts)


def _instance(module: Module, ports: dict[str, str]) -> str:
    inside = ",\n".join(f"      .{key}({value})" for key, value in module.parameters.items())
    outside = ",\n".join(f"      .{key}({value})" for key, value in ports.items())
    return f"  {module.name} #(\n{inside}\n  ) {module.of} (\n{outside}\n  );\n"


def _stream(name: str, width: int, levels: int) -> str:
    return (
        f"  logic {name}_valid, {name}_ready;\n"
        f"  logic [{width - 1}:0] {name}_data;\n"
        f"  logic [{levels - 1}:0] {name}_levels;\n"
    )


def _connect(source: str, sink: str) -> dict[str, str]:
    ports = {f"in_{port}": f"{source}_{port}" for port in ("valid", "ready", "data", "levels")}
    ports |= {f"out_{port}": f"{sink}_{port}" for port in ("valid", "ready", "data", "levels")}
    return {"clk": "aclk", "rst": "rst", **ports}


def _pixels(unit: Pixels) -> str:
    module = unit.module({})
    streams = {f"s_axis_{port}": f"s_axis_{port}" for port in ("tdata", "tvalid", "tready", "tlast", "tuser")}
    outputs = {f"out_{port}": f"{unit.instance}_{port}" for port in ("valid", "ready", "data", "levels")}
    declared = _stream(unit.instance, unit.out_bits, unit.level_width)
    return declared + _instance(
        module, {"clk": "aclk", "rst": "rst", **streams, "error_tlast": "error_tlast", **outputs}
    )


def _taken(stage: Stage, stream: str) -> str:
    """The stream that a stage takes: of a fork, the branch of its number."""
    return f"{stream}_{stage.number}" if isinstance(stage, Skip) else stream


def _stage(plan: Top, stage: Stage, sources: Sequence[str], bus: "_Bus") -> str:
    """A unit between the streams that it takes and the one behind it."""
    module, sink = stage.module(plan.depths), f"{stage.instance}_out"
    if isinstance(stage, Mvtu) and stage.unrolled:
        module.parameters.update(unrolled_parameters(plan.network, stage))
        return _stream(sink, stage.out_bits, stage.numbers.level_width) + _instance(module, _connect(sources[0], sink))
    memories = _memories(plan, stage)
    files = {f"{key}_FILE": f'"{plan.memory}/{name}.hex"' if name else '""' for key, name in memories.items()}
    wire, bus_ports = bus.through(module, memories)
    if isinstance(stage, Mvtu) and plan.windows is not None:
        for key in ("WEIGHT_COLUMN", *(["GAINS"] if stage.multiplies else [])):
            del module.parameters[key]
    last = [key for key in ("WEIGHT_STYLE", "THRESHOLD_STYLE", "BUFFER_STYLE", "GAINS") if isinstance(stage, Mvtu)]
    behind = {key: module.parameters.pop(key) for key in last if key in module.parameters}
    module.parameters.update(files | behind)
    if isinstance(stage, Fork):
        return _fork(module, stage, sources[0], sink)
    declared = _stream(sink, stage.out_bits, plan.accelerator.pixels.level_width)
    if isinstance(stage, JoinUnit):
        unused = ", ".join(f"{source}_levels" for source in sources[1:])
        declared += f"  logic {sink}_unused;\n  assign {sink}_unused = &{{{unused}}};\n"
        return declared + _instance(module, _connect(sources[0], sink) | _joined(stage, sources))
    return declared + wire + _instance(module, _connect(sources[0], sink) | bus_ports)


def _memories(plan: Top, stage: Stage) -> dict[str, str]:
    """The constant memories of a unit by what their parameters begin with; an empty name where there is none."""
    name = stage.instance
    match stage:
        case Mvtu():
            return {
                "WEIGHT": f"{name}_weights",
                "THRESHOLD": f"{name}_thresholds" if stage.levels_out else "",
                **({"GAIN": f"{name}_gains"} if plan.windows is not None and stage.multiplies else {}),
            }
        case RescaleUnit() | TwoSlopeUnit():
            return {"CONSTANT": f"{name}_constants"}
        case EncoderUnit():
            return {"THRESHOLD": f"{name}_thresholds"}
    return {}


def _fork(module: Module, stage: Fork, source: str, sink: str) -> str:
    """A fork, and the stream of each branch."""
    branches = [f"{sink}_{number}" for number in range(stage.outs)]
    outs = range(stage.outs)
    declared = "".join(_stream(branch, stage.bits, stage.level_width) for branch in branches)
    declared += (
        f"  logic [{stage.outs - 1}:0] {sink}_valid, {sink}_ready;\n"
        f"  logic [{stage.bits - 1}:0] {sink}_data;\n"
        f"  logic [{stage.level_width - 1}:0] {sink}_levels;\n"
    )
    wired = "".join(
        f"  assign {branch}_valid = {sink}_valid[{number}];\n"
        f"  assign {sink}_ready[{number}] = {branch}_ready;\n"
        f"  assign {branch}_data = {sink}_data;\n"
        f"  assign {branch}_levels = {sink}_levels;\n"
        for number, branch in zip(outs, branches, strict=True)
    )
    ports = {port: name for port, name in _connect(source, sink).items() if port not in ("clk", "rst")}
    return declared + _instance(module, ports) + wired


def _joined(stage: JoinUnit, sources: Sequence[str]) -> dict[str, str]:
    """The ports of a unit that takes several streams, the first lowest; planes of 0 widen and shift what comes."""

    def all_of(port: str) -> str:
        return f"{{{', '.join(f'{source}_{port}' for source in reversed(sources))}}}"

    padded = []
    for source, (above, below) in zip(sources, stage.pads, strict=True):
        zeros = [f"{stage.lanes * planes}'b0" if planes else "" for planes in (below, above)]
        padded.append(", ".join(filter(None, (zeros[0], f"{source}_data", zeros[1]))))
    return {
        "in_valid": all_of("valid"),
        "in_ready": all_of("ready"),
        "in_data": f"{{{', '.join(reversed(padded))}}}",
    }


def _scores(plan: Top, source: str, bus: "_Bus") -> str:
    unit = plan.accelerator.scores
    module = unit.module(plan.depths)
    if unit.at_once:
        module.parameters.update(score_parameters(plan.network, unit))
    else:
        module.parameters["CONSTANT_FILE"] = f'"{plan.memory}/scores.hex"'
    _, bus_ports = bus.through(module, {"CONSTANT": "scores"})
    ports = {
        "clk": "aclk",
        "rst": "rst",
        **{f"in_{port}": f"{source}_{port}" for port in ("valid", "ready", "data", "levels")},
        "out_valid": "m_axis_tvalid",
        "out_ready": "m_axis_tready",
        "out_data": "score",
        "out_last": "m_axis_tlast",
        "out_levels": "score_levels",
        **bus_ports,
    }
    return (
        f"  logic signed [{unit.per_beat * unit.score_width - 1}:0] score;\n"
        f"  logic [{unit.level_width - 1}:0] score_levels;\n"
        + _instance(module, ports)
        + _score_bytes(unit)
        + f"  assign m_axis_tuser = {USER_BITS}'(score_levels);\n"
        + "endmodule\n"
    )


def _score_bytes(unit: Scores) -> str:
    """Each score in whole bytes, the first one lowest."""
    bits = 8 * unit.score_bytes
    if not unit.at_once:
        return f"  assign m_axis_tdata = {bits}'(score);\n"
    return "".join(
        f"  assign m_axis_tdata[{bits * row} +: {bits}] = "
        f"{bits}'($signed(score[{unit.score_width * row} +: {unit.score_width}]));\n"
        for row in range(unit.rows)
    )
