"""The shell of a board without a processor: a serial line in and out, and the board's clock, reset and pins.

`uart_rx`, `uart_tx` and `shell` are plain SystemVerilog for any board; `device` is generated and ties the shell and an
accelerator together. `ulx3s.sv`, `ecp5_board.sv` (any ECP5 board) and `plain_board.sv` (no primitives: any board whose
oscillator is the clock) are tops; a pin file is one board's. `identity`, `line` and `host` are the host's side.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rebnet.boards import Board, Serial
from rebnet.boards.shells.uart.identity import BYTES, Identity
from rebnet.records import Ports

MODULES = ("uart_rx", "uart_tx", "shell")
"""The modules that any board needs, beside the hardware library's `fifo`."""

DEVICE = "device"
"""Name of the generated module."""

BIT_CLOCKS = 100
"""Clocks of a bit of the serial line: 1 Mbaud at 100 MHz, and in proportion below."""

SILENCE_S = 0.1
"""Seconds of silence after which an image that has begun is given up."""


@dataclass(frozen=True)
class UartPlacement:
    """What place and route needs of a board with a serial line; see `rebnet.boards.shells.Placement`.

    Attributes:
        board: what boards.toml says of the board.
    """

    board: Serial

    @property
    def top(self) -> str:
        """Module and SystemVerilog file of this name."""
        return self.board.top

    @property
    def oscillator_mhz(self) -> float:
        """Clock that the board gives, MHz."""
        return self.board.oscillator_mhz

    @property
    def clock_net(self) -> str | None:
        """The accelerator's clock, as place and route names it; None where it is the only one."""
        return self.board.clock_net

    @property
    def bit_clocks(self) -> int:
        """Clocks of a bit of the serial line."""
        return BIT_CLOCKS if self.board.bit_clocks is None else self.board.bit_clocks

    @property
    def pins(self) -> Path:
        """The pin file."""
        return _file(self.board.pins)

    def sources(self, ports: Ports, *, scores: bool = True) -> dict[str, str]:
        """The SystemVerilog files around the accelerator by name, the generated device last."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in map(source, (*MODULES, self.top))}
        return texts | {f"{DEVICE}.sv": device_text(ports, scores=scores)}

    def parameters(self, clock_mhz: float) -> dict[str, int]:
        """Those of the top module, beside the PLL's."""
        settings = dict(self.board.settings)
        return {"BIT_CLOCKS": self.bit_clocks, "TIMEOUT": round(clock_mhz * 1e6 * SILENCE_S), **settings}

    def facts(self, clock_mhz: float) -> dict[str, int]:
        """The line's speed, baud, as synthesis.json holds it."""
        return {"baud": round(clock_mhz * 1e6 / self.bit_clocks)}


class UartShell:
    """The serial line; it takes beats of any width, a byte at a time."""

    name = "uart"

    def widest_beat_bits(self, board: Board) -> None:
        """Any width will do."""

    def placement(self, board: Board) -> UartPlacement | None:
        """What place and route needs, where the board's pins are known."""
        return None if board.serial is None else UartPlacement(board.serial)


def source(module: str) -> Path:
    """Path of a module's SystemVerilog file."""
    return _file(f"{module}.sv")


def _file(name: str) -> Path:
    return Path(str(files("rebnet.boards.shells.uart") / name))


def device_text(ports: Ports, *, scores: bool = True) -> str:
    """SystemVerilog of the module `device`: the shell and the accelerator that `ports` (ports.json) describes.

    Args:
        ports: the record of ports.json.
        scores: whether answers hold the scores, or the label alone.

    Raises:
        OptionError: scores that leave in one beat, or weights that are written at run time.
    """
    s_axis, m_axis = ports.s_axis, ports.m_axis
    identity = Identity.of(ports, scores=scores)
    height, width, channels = s_axis.image
    return _DEVICE.format(
        name=DEVICE,
        top=ports.top,
        samples=height * width * channels,
        p=s_axis.samples_per_beat,
        user=s_axis.tuser_bits,
        classes=identity.answers,
        score_bytes=identity.score_bytes,
        scores=int(scores),
        identity=f"{8 * BYTES}'h{identity.word:x}",
        in_high=s_axis.tdata_bits - 1,
        user_high=s_axis.tuser_bits - 1,
        out_high=m_axis.tdata_bits - 1,
    )


_DEVICE = """\
// A serial line, a shell and the accelerator, in one clock; what the bytes mean is in shell.sv.
// Made by rebnet; edit the network or its folding instead.
module {name} #(
    parameter int BIT_CLOCKS = 50,
    parameter int TIMEOUT = 5000000
) (
    input  logic clk,
    input  logic rst,
    input  logic rx,
    output logic tx,
    output logic receiving,
    output logic overflow,
    output logic error_tlast
);
  logic restart, s_axis_tvalid, s_axis_tready, s_axis_tlast, m_axis_tvalid, m_axis_tready, m_axis_tlast;
  logic aresetn_q;
  logic [{in_high}:0] s_axis_tdata;
  logic [{user_high}:0] s_axis_tuser, unused_levels;
  logic [{out_high}:0] m_axis_tdata;

  // A register, because the reset goes to every corner of the device.
  always_ff @(posedge clk) aresetn_q <= !(rst || restart);

  shell #(
      .SAMPLES({samples}),
      .P({p}),
      .USER_WIDTH({user}),
      .CLASSES({classes}),
      .SCORE_BYTES({score_bytes}),
      .SCORES({scores}),
      .BIT_CLOCKS(BIT_CLOCKS),
      .TIMEOUT(TIMEOUT),
      .IDENTITY({identity})
  ) serial (
      .clk,
      .rst,
      .rx,
      .tx,
      .receiving,
      .overflow,
      .restart,
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .s_axis_tlast,
      .s_axis_tuser,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready,
      .m_axis_tlast
  );

  {top} network (
      .aclk(clk),
      .aresetn(aresetn_q),
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .s_axis_tlast,
      .s_axis_tuser,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready,
      .m_axis_tlast,
      .m_axis_tuser(unused_levels),
      .error_tlast
  );
endmodule
"""
