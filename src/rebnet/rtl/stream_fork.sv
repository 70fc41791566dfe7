// Fork of a stream: every word goes to all of OUTS users at once.
//
// In:   words, and the levels of their image.
// Out:  the same word for all users, in the cycle in which all of them are ready.
// Time: none, there are no registers. out_valid and in_ready depend on out_ready, so that users must be ready without
//       looking at out_valid, and from registers only, as skip_buffer is.
// WIDTH, OUTS ≥ 1: bits of a word, users.
module stream_fork #(
    parameter int WIDTH = 16,
    parameter int OUTS = 2,
    parameter int LEVEL_WIDTH = 2
) (
    input  logic                   in_valid,
    output logic                   in_ready,
    input  logic [      WIDTH-1:0] in_data,
    input  logic [LEVEL_WIDTH-1:0] in_levels,
    output logic [       OUTS-1:0] out_valid,
    input  logic [       OUTS-1:0] out_ready,
    output logic [      WIDTH-1:0] out_data,
    output logic [LEVEL_WIDTH-1:0] out_levels
);
  if (WIDTH < 1 || OUTS < 1) begin : illegal_1
    $fatal(1, "stream_fork: WIDTH and OUTS must be at least 1");
  end

  assign in_ready   = &out_ready;
  assign out_valid  = {OUTS{in_valid && in_ready}};
  assign out_data   = in_data;
  assign out_levels = in_levels;
endmodule
