// The ULX3S board around a device: oscillator, phase-locked loop, reset, USB serial line, lights.
//
// In:   clk_25mhz; ftdi_txd, what the host sends; button_reset, high while pressed.
// Out:  ftdi_rxd, what the host receives; led 0: an image is coming in, 1: bytes were lost, 2: answers are going out,
//       3: shell and accelerator have counted other beats (never, unless one of them is wrong),
//       7: the clock runs. wifi_gpio0 high keeps the board's other processor from taking the board over.
// The clock is 25 MHz / CLKI_DIV * CLKFB_DIV * CLKOP_DIV / CLKOS_DIV, see clock.py.
// EHXPLLL is a primitive of the ECP5; nothing outside of board files uses one.
module ulx3s #(
    parameter int CLKI_DIV = 1,
    parameter int CLKFB_DIV = 2,
    parameter int CLKOP_DIV = 12,
    parameter int CLKOS_DIV = 12,
    parameter int BIT_CLOCKS = 50,
    parameter int TIMEOUT = 5000000
) (
    input  logic       clk_25mhz,
    input  logic       button_reset,
    input  logic       ftdi_txd,
    output logic       ftdi_rxd,
    output logic [7:0] led,
    output logic       wifi_gpio0
);
  logic clk, fed_back, locked, receiving, overflow;
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
      .CLKI(clk_25mhz),
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
    else reset_q <= {reset_q[2:0], button_reset};
  end

  device #(
      .BIT_CLOCKS(BIT_CLOCKS),
      .TIMEOUT(TIMEOUT)
  ) device (
      .clk,
      .rst(reset_q[3]),
      .rx(ftdi_txd),
      .tx(ftdi_rxd),
      .receiving,
      .overflow,
      .error_tlast
  );

  assign led        = {locked, 3'b0, error_tlast, !ftdi_rxd, overflow, receiving};
  assign wifi_gpio0 = 1'b1;
endmodule
