// Threshold and residual binarization on integers: Algorithm 1 of the ReBNet paper without a multiplier.
//
//   r = 2^SHIFT·A - t;  bit_1 = r ≥ 0;  r = bit_1 ? r - δ_1 : r + δ_1;  bit_2 = r ≥ 0;  …
//
// In:   accumulator A (unsigned), threshold t and above it the steps δ_1 … δ_{LEVELS-1} (signed, THRESHOLD_WIDTH bits
//       each), one set per cycle. No residual may leave THRESHOLD_WIDTH bits.
// Out:  code, LEVELS cycles later; code[0] is bit_1, so the bit index is the bit plane.
// SHIFT: t and δ count units of 2^-SHIFT accumulators.
// STEP_TREE: 1 if a step depends on the bits before. Above t stand then the 2^LEVELS - 2 steps of two trees, that behind
//       bit 0 and above it that behind bit 1; a tree is the step behind its bit, and above it the two trees behind that.
// LEVELS ≥ 1. ACC_WIDTH + SHIFT < THRESHOLD_WIDTH.
module residual_encoder #(
    parameter int LEVELS = 2,
    parameter int THRESHOLD_WIDTH = 24,
    parameter int ACC_WIDTH = 16,
    parameter int SHIFT = 0,
    parameter int STEP_TREE = 0,
    localparam int NUMBERS = STEP_TREE != 0 ? (1 << LEVELS) - 1 : LEVELS
) (
    input  logic                               clk,
    input  logic [              ACC_WIDTH-1:0] accumulator,
    input  logic [NUMBERS*THRESHOLD_WIDTH-1:0] constants,
    output logic [                 LEVELS-1:0] code
);
  if (LEVELS < 1) begin : illegal_1
    $fatal(1, "residual_encoder: LEVELS must be at least 1");
  end
  if (ACC_WIDTH + SHIFT >= THRESHOLD_WIDTH) begin : illegal_2
    $fatal(1, "residual_encoder: ACC_WIDTH + SHIFT must be less than THRESHOLD_WIDTH");
  end

  for (genvar i = 0; i < LEVELS; i++) begin : level
    // What is still needed after this level: its residual, its bits and the steps of the levels to come.
    localparam int STEPS_LEFT = STEP_TREE != 0 ? (1 << (LEVELS - i)) - 2 : LEVELS - 1 - i;
    logic signed [THRESHOLD_WIDTH-1:0] residual_d;
    logic [i:0] bits_q;

    if (i == 0) begin : first
      assign residual_d = $signed(THRESHOLD_WIDTH'(accumulator) << SHIFT) - $signed(constants[THRESHOLD_WIDTH-1:0]);
      always_ff @(posedge clk) bits_q <= !residual_d[THRESHOLD_WIDTH-1];
    end else begin : later
      localparam int STEPS = (STEPS_LEFT + 1) * THRESHOLD_WIDTH;  // bits of those that are not behind another code
      logic [STEPS-1:0] steps;
      logic signed [THRESHOLD_WIDTH-1:0] step;
      if (STEP_TREE != 0) begin : of_a_tree
        assign steps = level[i-1].pass.steps_q[level[i-1].bits_q[i-1]*STEPS+:STEPS];
      end else begin : of_levels
        assign steps = level[i-1].pass.steps_q;
      end
      assign step = $signed(steps[THRESHOLD_WIDTH-1:0]);
      assign residual_d = level[i-1].bits_q[i-1] ? level[i-1].pass.residual_q - step
                                                 : level[i-1].pass.residual_q + step;
      always_ff @(posedge clk) bits_q <= {!residual_d[THRESHOLD_WIDTH-1], level[i-1].bits_q};
    end

    if (STEPS_LEFT > 0) begin : pass
      logic signed [THRESHOLD_WIDTH-1:0] residual_q;
      logic [STEPS_LEFT*THRESHOLD_WIDTH-1:0] steps_q;
      always_ff @(posedge clk) residual_q <= residual_d;
      if (i == 0) begin : from_input
        always_ff @(posedge clk) steps_q <= constants[NUMBERS*THRESHOLD_WIDTH-1:THRESHOLD_WIDTH];
      end else begin : from_level
        always_ff @(posedge clk) steps_q <= later.steps[(STEPS_LEFT+1)*THRESHOLD_WIDTH-1:THRESHOLD_WIDTH];
      end
    end
  end

  assign code = level[LEVELS-1].bits_q;
endmodule
