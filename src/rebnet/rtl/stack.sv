// Stack of codes: the bit planes of several streams side by side, the code of a sum of codes.
//
// In:   SOURCES streams of words, each as many elements with planes of its own (plane major), source 0 in the lowest
//       bits, and the levels of their image from source 0.
// Out:  words of the same bits: the planes of source 0, then those of source 1, and so on.
// Time: one word per cycle; a word of every source is taken in the cycle in which all offer one and there is a place,
//       and is at the output one cycle later. in_ready depends on in_valid, not on out_ready.
// SOURCES ≥ 1. WIDTH ≥ SOURCES: bits of the words of all sources together.
module stack #(
    parameter int SOURCES = 2,
    parameter int WIDTH = 16,
    parameter int LEVEL_WIDTH = 2
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [    SOURCES-1:0] in_valid,
    output logic [    SOURCES-1:0] in_ready,
    input  logic [      WIDTH-1:0] in_data,
    input  logic [LEVEL_WIDTH-1:0] in_levels,
    output logic                   out_valid,
    input  logic                   out_ready,
    output logic [      WIDTH-1:0] out_data,
    output logic [LEVEL_WIDTH-1:0] out_levels
);
  if (SOURCES < 1 || WIDTH < SOURCES) begin : illegal_1
    $fatal(1, "stack: SOURCES must be at least 1 and WIDTH at least SOURCES");
  end

  logic room;

  assign in_ready = {SOURCES{&in_valid && room}};

  fifo #(
      .WIDTH(WIDTH + LEVEL_WIDTH),
      .DEPTH(2)
  ) words (
      .clk,
      .rst,
      .in_valid(&in_valid),
      .in_ready(room),
      .in_data({in_levels, in_data}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
endmodule
