// A board around a device without any primitive: the oscillator is the clock, and there are a button, a line and lights.
//
// In:   clk, the oscillator; rx, what the host sends; button, at PRESSED while pressed, which resets.
// Out:  tx, what the host receives; led_n, dark while high; as many as the board has of: 0: an image is coming in,
//       1: bytes were lost, 2: answers are going out, 3: shell and accelerator have counted other beats (never, unless
//       one of them is wrong).
// Reset is on when the part wakes up, by the initial value of its registers, and ends four cycles later.
module plain_board #(
    parameter int BIT_CLOCKS = 27,
    parameter int TIMEOUT = 2700000,
    parameter int LEDS = 6,
    parameter int PRESSED = 0
) (
    input  logic            clk,
    input  logic            button,
    input  logic            rx,
    output logic            tx,
    output logic [LEDS-1:0] led_n
);
  logic [5:0] lights;
  logic [3:0] reset_q = 4'b1111;
  logic receiving, overflow, error_tlast;

  always_ff @(posedge clk) reset_q <= {reset_q[2:0], button == (PRESSED != 0)};

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
