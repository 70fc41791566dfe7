// An ECP5 board around a device: oscillator, phase-locked loop, reset, serial line, lights.
//
// In:   clk_board, the oscillator; rx, what the host sends; button_n, low while pressed, which resets.
// Out:  tx, what the host receives; led_n, dark while high; as many as the board has of: 0: an image is coming in,
//       1: bytes were lost, 2: answers are going out, 3: shell and accelerator have counted other beats (never, unless
//       one of them is wrong).
// The clock is the oscillator / CLKI_DIV * CLKFB_DIV * CLKOP_DIV / CLKOS_DIV, see clock.py.
// EHXPLLL is a primitive of the ECP5; nothing outside of board files uses one.
module ecp5_board #(
    parameter int CLKI_DIV = 1,
    parameter int CLKFB_DIV = 2,
    parameter int CLKOP_DIV = 12,
    parameter int CLKOS_DIV = 12,
    parameter int BIT_CLOCKS = 50,
    parameter int TIMEOUT = 5000000,
    parameter int LEDS = 4
) (
    input  logic            clk_board,
    input  logic            button_n,
    input  logic            rx,
    output logic            tx,
    output logic [LEDS-1:0] led_n
);
  logic clk, fed_back, locked, receiving, overflow;
  logic [5:0] lights;
  logic [3:0] reset_q;

  (* ICP_CURRENT = "12", LPF_RESISTOR = "8", MFG_ENABLE_FILTEROPAMP = "1", MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
      .PLLRST_ENA("DISABLED"),
      .INTFB_WAKE("DISABLED"),
      .STDBY_ENABLE("DISABLED"),
      .DPHASE_SOURCE("DISABLED"),
      .OUTDIVIDER_MUXA("DIVA"),
      .OUTDIVIDER_MUXB("DIVB"),
      .OUTDIVIDER_MUXC("DIVC"),
      .OUTDIVIDER_MUXD("DIVD"),
      .CLKI_DIV(CLKI_DIV),
      .CLKFB_DIV(CLKFB_DIV),
      .CLKOP_ENABLE("ENABLED"),
      .CLKOP_DIV(CLKOP_DIV),
      .CLKOP_CPHASE(CLKOP_DIV / 2),
      .CLKOP_FPHASE(0),
      .CLKOS_ENABLE("ENABLED"),
      .CLKOS_DIV(CLKOS_DIV),
      .CLKOS_CPHASE(CLKOS_DIV / 2),
      .CLKOS_FPHASE(0),
      .FEEDBK_PATH("CLKOP")
  ) pll (
      .CLKI(clk_board),
      .CLKFB(fed_back),
      .CLKOP(fed_back),
      .CLKOS(clk),
      .LOCK(locked),
      .RST(1'b0),
      .STDBY(1'b0),
      .PHASESEL0(1'b0),
      .PHASESEL1(1'b0),
      .PHASEDIR(1'b1),
      .PHASESTEP(1'b1),
      .PHASELOADREG(1'b1),
      .PLLWAKESYNC(1'b0),
      .ENCLKOP(1'b0),
      .ENCLKOS(1'b0)
  );

  // Reset starts at once and ends four cycles after its cause.
  always_ff @(posedge clk or negedge locked) begin
    if (!locked) reset_q <= '1;
    else reset_q <= {reset_q[2:0], !button_n};
  end

  device #(
      .BIT_CLOCKS(BIT_CLOCKS),
      .TIMEOUT(TIMEOUT)
  ) device (
      .clk,
      .rst(reset_q[3]),
      .rx,
      .tx,
      .receiving,
      .overflow,
      .error_tlast
  );

  assign lights = {2'b00, error_tlast, !tx, overflow, receiving};
  assign led_n  = ~lights[LEDS-1:0];
endmodule
