"""The shell of a board with a processor: registers by AXI4-Lite, streams for a DMA, an interrupt.

`axi_registers`, `axi_images`, `axi_answers` and `axi_shell` are plain SystemVerilog; the top is generated, in plain
Verilog, because a block design of Vivado takes no other. `registers` is the map that RTL, guide and host share.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rebnet.boards import Board
from rebnet.boards.shells.axi.registers import (
    ADDRESS_BITS,
    LOAD_REGISTERS,
    LOAD_VERSION,
    MAGIC,
    REGISTERS,
    VERSION,
    Register,
    facts_word,
)
from rebnet.boards.shells.beats import check_beats
from rebnet.errors import OptionError
from rebnet.records import Ports
from rebnet.records.ports import RuntimeWeights

MODULES = ("axi_map", "axi_registers", "axi_images", "axi_answers", "axi_shell")
"""The package and the modules, those that others stand in last, beside the hardware library's `fifo`."""

LOADING = ("axi_load_map", "axi_load")
"""Those beside them where weights are written at run time."""

ANSWER_BITS = 64
"""Bits of a beat of answers."""

WIDEST_SCORE_BITS = 64
"""Bits of a score that a beat of answers holds."""


@dataclass(frozen=True)
class AxiParameters:
    """An AXI shell for one accelerator.

    Attributes:
        accelerator: its top module.
        image: height, width, channels.
        samples_per_beat: of its input.
        beats: of an image.
        user_bits: of TUSER.
        levels: M.
        fixed_levels: whether every image runs at M.
        score_bits: of a score.
        score_bytes: that it sends a score in.
        classes: scores of a place.
        places: answers of an image.
        network: SHA-256 of network.json, in hex.
        runtime_weights: its configuration bus, where weights are written at run time.
    """

    accelerator: str
    image: tuple[int, int, int]
    samples_per_beat: int
    beats: int
    user_bits: int
    levels: int
    fixed_levels: bool
    score_bits: int
    score_bytes: int
    classes: int
    places: int
    network: str
    runtime_weights: RuntimeWeights | None = None

    @classmethod
    def of(cls, ports: Ports, places: int = 1) -> "AxiParameters":
        """The shell for the accelerator that `ports` (ports.json) describes, whose images have so many answers.

        Raises:
            OptionError: its scores are wider than a beat of answers, or leave in one beat.
        """
        s_axis, m_axis = ports.s_axis, ports.m_axis
        check_beats(ports)
        if m_axis.score_bits > WIDEST_SCORE_BITS:
            raise OptionError(
                f"scores of {m_axis.score_bits} bits do not fit the {ANSWER_BITS} bits of a beat of answers; "
                "compile with a smaller --threshold-bits"
            )
        return cls(
            accelerator=ports.top,
            image=(s_axis.image[0], s_axis.image[1], s_axis.image[2]),
            samples_per_beat=s_axis.samples_per_beat,
            beats=s_axis.beats_per_image,
            user_bits=s_axis.tuser_bits,
            levels=ports.levels[-1],
            fixed_levels=len(ports.levels) < ports.levels[-1],
            score_bits=m_axis.score_bits,
            score_bytes=m_axis.tdata_bits // 8,
            classes=m_axis.beats_per_image // places,
            places=places,
            network=ports.inputs["network"],
            runtime_weights=ports.runtime_weights or None,
        )

    @property
    def top(self) -> str:
        """Name of the top module."""
        return f"{self.accelerator}_axi"

    @property
    def beat_bits(self) -> int:
        """Bits of a beat of images, a power of two as a DMA has them."""
        return 8 * self.samples_per_beat

    @property
    def image_bytes(self) -> int:
        """Bytes from an image in memory to the next one, headers left out."""
        return self.beats * self.beat_bits // 8

    @property
    def registers(self) -> tuple[Register, ...]:
        """Those that a host can reach."""
        return REGISTERS if self.runtime_weights is None else (*REGISTERS, *LOAD_REGISTERS)

    @property
    def facts(self) -> dict[str, int]:
        """What the registers say that never changes, by name."""
        height, width, channels = self.image
        major, minor = VERSION if self.runtime_weights is None else LOAD_VERSION
        shape = {} if self.runtime_weights is None else {"LOAD_SHAPE": int(self.runtime_weights.shape, 16)}
        return {
            "MAGIC": MAGIC,
            "VERSION": major << 16 | minor,
            "MAX_LEVELS": self.levels,
            "FIXED_LEVELS": int(self.fixed_levels),
            "CLASSES": self.classes,
            "PLACES": self.places,
            "HEIGHT": height,
            "WIDTH": width,
            "CHANNELS": channels,
            "SAMPLES_PER_BEAT": self.samples_per_beat,
            "BEAT_BYTES": self.beat_bits // 8,
            "BEATS": self.beats,
            "ANSWER_BYTES": ANSWER_BITS // 8,
            "SCORE_BITS": self.score_bits,
            "NETWORK": int(self.network, 16),
            **shape,
        }

    def check(self, board: Board, widest: int | None) -> None:
        """Raise `OptionError` where a beat of images is wider than the `widest` that `board` takes, bits."""
        if widest is not None and self.beat_bits > widest:
            raise OptionError(
                f"input beats of {self.beat_bits} bits: a DMA on {board.name} ({board.part.name}) reads {widest} bits "
                f"a cycle; compile with --shell axi and the board, or a folding.json with samples_per_beat of at most "
                f"{widest // 8}"
            )


class AxiShell:
    """AXI: it takes beats that a DMA behind one memory port of the board's processor can send every cycle."""

    name = "axi"

    def widest_beat_bits(self, board: Board) -> int | None:
        """Bits of a memory port of the board's processor; None where the board is not known to have one."""
        return board.memory_port_bits

    def placement(self, board: Board) -> None:
        """None: the open tools do not place the parts that have such processors."""


def source(module: str) -> Path:
    """Path of a module's SystemVerilog file."""
    return Path(str(files("rebnet.boards.shells.axi") / f"{module}.sv"))


def sources(parameters: AxiParameters) -> dict[str, str]:
    """The files around the accelerator by name, in the order that tools read them, the generated top last."""
    modules = MODULES if parameters.runtime_weights is None else (*MODULES, *LOADING)
    texts = {f"{module}.sv": source(module).read_text(encoding="utf-8") for module in modules}
    return texts | {f"{parameters.top}.v": top_text(parameters)}


def top_text(parameters: AxiParameters) -> str:
    """Plain Verilog of the top: the shell and the accelerator, with the attributes that Vivado reads buses from."""
    p = parameters
    settings = {
        "ADDRESS_WIDTH": ADDRESS_BITS,
        "IN_WIDTH": p.beat_bits,
        "A_WIDTH": 8 * p.samples_per_beat,
        "BEATS": p.beats,
        "USER_WIDTH": p.user_bits,
        "MAX_LEVELS": p.levels,
        "RUNTIME_LEVELS": int(not p.fixed_levels),
        "SCORE_BYTES": p.score_bytes,
        "CLASSES": p.classes,
        "PLACES": p.places,
        "FACTS": facts_word(p.facts),
    }
    inner = {} if p.runtime_weights is None else _BEHIND_LOAD
    return _TOP.format(
        load="" if p.runtime_weights is None else _load_text(p, p.runtime_weights),
        bus="" if p.runtime_weights is None else _BUS,
        top=p.top,
        accelerator=p.accelerator,
        settings=",\n".join(f"      .{name}({value})" for name, value in settings.items()),
        outside=",\n".join(f"      .{port}({inner.get(port, port)})" for port in _OUTSIDE),
        image=f"{p.image[0]}x{p.image[1]}x{p.image[2]}",
        samples=p.samples_per_beat,
        beats=p.beats,
        answers=p.classes * p.places,
        places=p.places,
        address=ADDRESS_BITS - 1,
        beat=p.beat_bits - 1,
        answer=ANSWER_BITS - 1,
        keep=ANSWER_BITS // 8 - 1,
        a_in=8 * p.samples_per_beat - 1,
        user=p.user_bits - 1,
        a_out=8 * p.score_bytes - 1,
    )


def _load_text(parameters: AxiParameters, bus: RuntimeWeights) -> str:
    """The module that loads weights, between the host and the shell, and its wires."""
    settings = {
        "ADDRESS_WIDTH": ADDRESS_BITS,
        "CONFIG_ADDRESS": bus.address_bits,
        "LATENCY": bus.latency_cycles,
        "WORDS": bus.words,
        "NETWORK": f"256'h{parameters.network}",
        "SHAPE": f"32'h{bus.shape}",
    }
    sides = (*_REGISTERS, *(port.replace("s_axi", "i_axi") for port in _REGISTERS))
    return _LOAD.format(
        settings=",\n".join(f"      .{name}({value})" for name, value in settings.items()),
        ports=",\n".join(f"      .{port}({port})" for port in sides),
        address=ADDRESS_BITS - 1,
        config=bus.bus_bits - 1,
    )


_REGISTERS = (
    *(f"s_axi_{channel}{port}" for channel in ("aw", "ar") for port in ("addr", "valid", "ready")),
    *(f"s_axi_w{port}" for port in ("data", "strb", "valid", "ready")),
    *(f"s_axi_b{port}" for port in ("resp", "valid", "ready")),
    *(f"s_axi_r{port}" for port in ("data", "resp", "valid", "ready")),
)
_BEHIND_LOAD = {port: port.replace("s_axi", "i_axi") for port in _REGISTERS} | {
    "s_axis_tvalid": "s_axis_tvalid && !hold",
    "s_axis_tready": "shell_tready",
}
"""What the shell is connected to where a load may hold the images that come."""
_OUTSIDE = (
    *_REGISTERS,
    *(f"s_axis_t{port}" for port in ("data", "valid", "ready", "last")),
    *(f"m_axis_t{port}" for port in ("data", "keep", "valid", "ready", "last")),
    "irq",
)

_TOP = """\
// {top}: the accelerator in its AXI shell, one clock.
// Made by rebnet; edit the network or its folding instead.
//
// In:   s_axis, transfers of images of {image} bytes, {samples} a beat, {beats} beats an image; TLAST ends a transfer.
// Out:  m_axis, {answers} scores of 8 bytes an image, or {places} labels of 8 bytes; TLAST ends a transfer.
// s_axi: registers; what they mean, and what the streams may be, is in axi_registers.sv and the guide of the AXI shell.
module {top} (
    (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axi:s_axis:m_axis, ASSOCIATED_RESET aresetn" *)
    input  wire aclk,
    (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
    (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
    input  wire aresetn,
    input  wire [{address}:0] s_axi_awaddr,
    input  wire s_axi_awvalid,
    output wire s_axi_awready,
    input  wire [31:0] s_axi_wdata,
    input  wire [3:0] s_axi_wstrb,
    input  wire s_axi_wvalid,
    output wire s_axi_wready,
    output wire [1:0] s_axi_bresp,
    output wire s_axi_bvalid,
    input  wire s_axi_bready,
    input  wire [{address}:0] s_axi_araddr,
    input  wire s_axi_arvalid,
    output wire s_axi_arready,
    output wire [31:0] s_axi_rdata,
    output wire [1:0] s_axi_rresp,
    output wire s_axi_rvalid,
    input  wire s_axi_rready,
    input  wire [{beat}:0] s_axis_tdata,
    input  wire s_axis_tvalid,
    output wire s_axis_tready,
    input  wire s_axis_tlast,
    output wire [{answer}:0] m_axis_tdata,
    output wire [{keep}:0] m_axis_tkeep,
    output wire m_axis_tvalid,
    input  wire m_axis_tready,
    output wire m_axis_tlast,
    (* X_INTERFACE_INFO = "xilinx.com:signal:interrupt:1.0 irq INTERRUPT" *)
    (* X_INTERFACE_PARAMETER = "SENSITIVITY LEVEL_HIGH" *)
    output wire irq
);
  wire a_resetn, a_in_tvalid, a_in_tready, a_in_tlast, a_out_tvalid, a_out_tready, error_tlast;
  wire [{a_in}:0] a_in_tdata;
  wire [{user}:0] a_in_tuser;
  wire [{a_out}:0] a_out_tdata;
  wire unused_tlast;
  wire [{user}:0] unused_tuser;
{load}
  axi_shell #(
{settings}
  ) shell (
      .clk(aclk),
      .rst(!aresetn),
{outside},
      .a_resetn(a_resetn),
      .a_in_tdata(a_in_tdata),
      .a_in_tvalid(a_in_tvalid),
      .a_in_tready(a_in_tready),
      .a_in_tlast(a_in_tlast),
      .a_in_tuser(a_in_tuser),
      .a_out_tdata(a_out_tdata),
      .a_out_tvalid(a_out_tvalid),
      .a_out_tready(a_out_tready),
      .error_tlast(error_tlast)
  );

  {accelerator} network (
      .aclk(aclk),
      .aresetn(a_resetn),
      .s_axis_tdata(a_in_tdata),
      .s_axis_tvalid(a_in_tvalid),
      .s_axis_tready(a_in_tready),
      .s_axis_tlast(a_in_tlast),
      .s_axis_tuser(a_in_tuser),
      .m_axis_tdata(a_out_tdata),
      .m_axis_tvalid(a_out_tvalid),
      .m_axis_tready(a_out_tready),
      .m_axis_tlast(unused_tlast),
      .m_axis_tuser(unused_tuser),
      .error_tlast(error_tlast){bus}
  );
endmodule
"""
_BUS = """,
      .config_in(to_memories),
      .config_out(from_memories)"""
_LOAD = """\
  wire [{address}:0] i_axi_awaddr, i_axi_araddr;
  wire [31:0] i_axi_wdata, i_axi_rdata;
  wire [3:0] i_axi_wstrb;
  wire [1:0] i_axi_bresp, i_axi_rresp;
  wire i_axi_awvalid, i_axi_awready, i_axi_wvalid, i_axi_wready, i_axi_bvalid, i_axi_bready;
  wire i_axi_arvalid, i_axi_arready, i_axi_rvalid, i_axi_rready, hold, shell_tready;
  wire [{config}:0] to_memories, from_memories;
  assign s_axis_tready = shell_tready && !hold;

  axi_load #(
{settings}
  ) load (
      .clk(aclk),
      .rst(!aresetn),
{ports},
      .hold(hold),
      .config_out(to_memories),
      .config_in(from_memories)
  );
"""
