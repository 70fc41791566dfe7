"""The top level of an accelerator: pixel_input, the stages in the order that data meets them, scores."""

from dataclasses import dataclass

from rebnet.ir.network import Network
from rebnet.ir.notation import ConvText, DenseText, Folding, PoolText
from rebnet.ir.ops import Conv, Dense, MaxPool
from rebnet.stages.accelerator import Accelerator, Depths
from rebnet.stages.geometry import Converter, Mvtu, WindowUnit
from rebnet.stages.parameters import (
    converter_parameters,
    mvtu_parameters,
    pixel_parameters,
    scores_parameters,
    window_parameters,
)
from rebnet.stages.widths import USER_BITS, Widths

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
class Plan:
    """All that a top level is made from.

    Attributes:
        network: the lowered network.
        accelerator: its chain.
        depths: its FIFO depths.
        widths: its widths.
        name: name of the top module.
        memory: folder of the memory images, as the simulator or the synthesizer will open them.
    """

    network: Network
    accelerator: Accelerator
    depths: Depths
    widths: Widths
    name: str
    memory: str


def top_text(plan: Plan) -> str:
    """SystemVerilog of the top level."""
    network, accelerator, widths = plan.network, plan.accelerator, plan.widths
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
            score=widths.score,
            score_bytes=widths.score_bytes,
            cycles=accelerator.bound_cycles(network.levels),
            in_msb=8 * accelerator.samples_per_beat - 1,
            out_msb=8 * widths.score_bytes - 1,
            user_msb=USER_BITS - 1,
        ),
        _pixels(plan),
    ]
    source = "pixels"
    for stage in accelerator.stages:
        match stage:
            case Converter():
                text, source = _converter(plan, stage, source)
            case WindowUnit():
                text, source = _window(plan, stage, source)
            case Mvtu():
                text, source = _layer(plan, stage, source)
        parts.append(text)
    parts.append(_scores(plan, source))
    return "\n".join(parts)


def plan_text(plan: Plan) -> str:
    """The network text, with the folding of every layer."""
    image = plan.network.input
    parts = [f"{image.height}x{image.width}x{image.channels}"]
    layers = {layer.name: layer for layer in plan.accelerator.layers}
    for node in plan.network.nodes:
        match node.op:
            case Dense():
                layer = layers[node.name]
                folding = Folding(layer.pe, layer.simd, layer.level_lanes)
                dense = DenseText(layer.rows, folding)
                parts.append(str(ConvText(layer.rows, folding, node.op.window) if isinstance(node.op, Conv) else dense))
            case MaxPool(window=window):
                parts.append(str(PoolText(window)))
    return " - ".join(parts)


def _instance(module: str, name: str, parameters: dict[str, object], ports: dict[str, str]) -> str:
    inside = ",\n".join(f"      .{key}({value})" for key, value in parameters.items())
    outside = ",\n".join(f"      .{key}({value})" for key, value in ports.items())
    return f"  {module} #(\n{inside}\n  ) {name} (\n{outside}\n  );\n"


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


def _pixels(plan: Plan) -> str:
    network, accelerator, widths = plan.network, plan.accelerator, plan.widths
    parameters = pixel_parameters(network, accelerator, widths)
    streams = {f"s_axis_{port}": f"s_axis_{port}" for port in ("tdata", "tvalid", "tready", "tlast", "tuser")}
    outputs = {f"out_{port}": f"pixels_{port}" for port in ("valid", "ready", "data", "levels")}
    declared = _stream("pixels", network.input.bits * accelerator.samples_per_beat, widths.level)
    ports = {"clk": "aclk", "rst": "rst", **streams, "error_tlast": "error_tlast", **outputs}
    return declared + _instance("pixel_input", "pixels", parameters, ports)


def _converter(plan: Plan, stage: Converter, source: str) -> tuple[str, str]:
    parameters = converter_parameters(stage, plan.widths.level)
    sink = f"{stage.name}_out"
    declared = _stream(sink, stage.planes * stage.elements_out, plan.widths.level)
    return declared + _instance("width_converter", stage.name, parameters, _connect(source, sink)), sink


def _window(plan: Plan, stage: WindowUnit, source: str) -> tuple[str, str]:
    (channel,) = stage.channels
    parameters = window_parameters(stage, plan.widths.level, plan.depths[channel.name])
    sink = f"{stage.instance}_out"
    words = stage.word if stage.pool else stage.word * stage.reads
    declared = _stream(sink, stage.planes * words, plan.widths.level)
    module = "max_pool" if stage.pool else "sliding_window"
    return declared + _instance(module, stage.instance, parameters, _connect(source, sink)), sink


def _layer(plan: Plan, layer: Mvtu, source: str) -> tuple[str, str]:
    widths, name = plan.widths, layer.name
    unit = mvtu_parameters(plan.network, layer, widths, plan.depths)
    behind = {key: unit.pop(key) for key in ("WEIGHT_STYLE", "THRESHOLD_STYLE", "BUFFER_STYLE", "GAINS")}
    unit |= {
        "WEIGHT_FILE": f'"{plan.memory}/{name}_weights.hex"',
        "THRESHOLD_FILE": f'"{plan.memory}/{name}_thresholds.hex"' if layer.levels_out else '""',
        **behind,
    }
    sink = f"{name}_out"
    declared = _stream(sink, layer.drain * (layer.levels_out or widths.accumulators[name]), widths.level)
    return declared + _instance("mvtu", name, unit, _connect(source, sink)), sink


def _scores(plan: Plan, source: str) -> str:
    network, accelerator, widths = plan.network, plan.accelerator, plan.widths
    parameters = {
        **scores_parameters(network, accelerator, widths),
        "CONSTANT_FILE": f'"{plan.memory}/scores.hex"',
    }
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
        f"  logic signed [{widths.score - 1}:0] score;\n"
        f"  logic [{widths.level - 1}:0] score_levels;\n"
        + _instance("scores", "classes", parameters, ports)
        + f"  assign m_axis_tdata = {8 * widths.score_bytes}'(score);\n"
        + f"  assign m_axis_tuser = {USER_BITS}'(score_levels);\n"
        + "endmodule\n"
    )
