"""The top level of an accelerator: pixel_input, the stages in the order that data meets them, scores."""

from dataclasses import dataclass

from rebnet.ir.network import Network
from rebnet.ir.notation import ConvText, DenseText, Folding, PoolText
from rebnet.ir.ops import Conv, Dense, MaxPool
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import USER_BITS, Pixels
from rebnet.stages.module import Module
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.places import Stage

_HEADER = """\
// {name}: {text}
// Made by rebnet; edit the network or its folding instead.
//
// In:   AXI-Stream of pixels, {samples} bytes an image, {p} a beat, {beats} beats an image; channels vary fastest.
//       s_axis_tuser on an image's first beat: its levels, {served}; anything else means {levels}.
//       Images are told apart by counting beats; s_axis_tlast is not needed and may stay low.
// Out:  AXI-Stream of scores, {classes} beats an image, signed, {score} bits in {score_bytes} bytes;
//       m_axis_tlast on the last, m_axis_tuser the levels of the image.
//       error_tlast: high until the reset once s_axis_tlast and the count of beats have disagreed; images are shifted.
// Time: one image every {cycles} cycles at {levels} levels.
module {name} (
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
    output logic error_tlast
);
  logic rst;
  assign rst = !aresetn;
"""


@dataclass(frozen=True)
class Top:
    """All that a top level is made from.

    Attributes:
        network: the lowered network.
        accelerator: its chain.
        depths: its FIFO depths.
        name: name of the top module.
        memory: folder of the memory images, as the simulator or the synthesizer will open them.
    """

    network: Network
    accelerator: Accelerator
    depths: Depths
    name: str
    memory: str


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
            classes=accelerator.beats_out,
            score=accelerator.scores.score_width,
            score_bytes=accelerator.scores.score_bytes,
            cycles=accelerator.bound_cycles(network.levels),
            in_msb=8 * accelerator.samples_per_beat - 1,
            out_msb=8 * accelerator.scores.score_bytes - 1,
            user_msb=USER_BITS - 1,
        ),
        _pixels(accelerator.pixels),
    ]
    streams = {accelerator.pixels.instance: accelerator.pixels.instance}  # behind each unit
    for stage in accelerator.stages:
        text, streams[stage.instance] = _stage(plan, stage, streams[accelerator.reads[stage.instance]])
        parts.append(text)
    parts.append(_scores(plan, streams[accelerator.reads[accelerator.scores.instance]]))
    return "\n".join(parts)


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
                folding = Folding(unit.pe, unit.simd, unit.level_lanes)
                dense = DenseText(unit.rows, folding)
                parts.append(str(ConvText(unit.rows, folding, op.window) if isinstance(op, Conv) else dense))
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


def _stage(plan: Top, stage: Stage, source: str) -> tuple[str, str]:
    """A unit between two streams, and the name of the one behind it."""
    module, sink = stage.module(plan.depths), f"{stage.instance}_out"
    if isinstance(stage, Mvtu):
        last = ("WEIGHT_STYLE", "THRESHOLD_STYLE", "BUFFER_STYLE", "GAINS")
        behind = {key: module.parameters.pop(key) for key in last}
        files = {
            "WEIGHT_FILE": f'"{plan.memory}/{stage.name}_weights.hex"',
            "THRESHOLD_FILE": f'"{plan.memory}/{stage.name}_thresholds.hex"' if stage.levels_out else '""',
        }
        module.parameters.update(files | behind)
    declared = _stream(sink, stage.out_bits, plan.accelerator.pixels.level_width)
    return declared + _instance(module, _connect(source, sink)), sink


def _scores(plan: Top, source: str) -> str:
    unit = plan.accelerator.scores
    module = unit.module(plan.depths)
    module.parameters["CONSTANT_FILE"] = f'"{plan.memory}/scores.hex"'
    ports = {
        "clk": "aclk",
        "rst": "rst",
        **{f"in_{port}": f"{source}_{port}" for port in ("valid", "ready", "data", "levels")},
        "out_valid": "m_axis_tvalid",
        "out_ready": "m_axis_tready",
        "out_data": "score",
        "out_last": "m_axis_tlast",
        "out_levels": "score_levels",
    }
    return (
        f"  logic signed [{unit.score_width - 1}:0] score;\n"
        f"  logic [{unit.level_width - 1}:0] score_levels;\n"
        + _instance(module, ports)
        + f"  assign m_axis_tdata = {8 * unit.score_bytes}'(score);\n"
        + f"  assign m_axis_tuser = {USER_BITS}'(score_levels);\n"
        + "endmodule\n"
    )
