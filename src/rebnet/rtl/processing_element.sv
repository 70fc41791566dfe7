// One output of a matrix-vector unit: XNOR, popcount and accumulation, for LEVEL_LANES bit planes at once.
//
// In:   data, LEVEL_LANES words of SIMD bits (lane l at [l*SIMD +: SIMD]) and weights, one word, per cycle.
//       add and last belong to the word that entered POPCOUNT_STAGES cycles ago: it counts, and it ends the sum; the
//       next one starts from 0. last without add throws away what was counted so far, and the sums.
// Out:  sums, one count of agreeing bits per lane, held from the cycle after last until the next last.
// Time: POPCOUNT_STAGES + 1 cycles from the last word to its sums; one word per cycle.
// SIMD ≥ 1. LEVEL_LANES ≥ 1. SUM_WIDTH: bits that hold the largest sum.
// POPCOUNT_STAGES: see popcount.
module processing_element #(
    parameter int SIMD = 64,
    parameter int LEVEL_LANES = 1,
    parameter int SUM_WIDTH = 11,
    parameter int POPCOUNT_STAGES = 3
) (
    input  logic                             clk,
    input  logic [     LEVEL_LANES*SIMD-1:0] data,
    input  logic [                 SIMD-1:0] weights,
    input  logic                             add,
    input  logic                             last,
    output logic [LEVEL_LANES*SUM_WIDTH-1:0] sums
);
  localparam int COUNT_WIDTH = $clog2((SIMD + 3) / 4) + 2;

  if (SIMD < 1) begin : illegal_1
    $fatal(1, "processing_element: SIMD must be at least 1");
  end
  if (LEVEL_LANES < 1) begin : illegal_2
    $fatal(1, "processing_element: LEVEL_LANES must be at least 1");
  end
  if (SUM_WIDTH < $clog2(SIMD + 1)) begin : illegal_3
    $fatal(1, "processing_element: SUM_WIDTH must hold a count of SIMD bits");
  end

  for (genvar l = 0; l < LEVEL_LANES; l++) begin : lane
    /* verilator lint_off UNUSEDSIGNAL */  // a few lanes have a count of more bits than their sum needs
    logic [COUNT_WIDTH-1:0] count;
    /* verilator lint_on UNUSEDSIGNAL */
    logic extra;
    logic [SUM_WIDTH-1:0] sum_d, sum_q, result_q;

    popcount #(
        .WIDTH (SIMD),
        .STAGES(POPCOUNT_STAGES)
    ) ones (
        .clk,
        .data(data[l*SIMD+:SIMD]),
        .weights,
        .count,
        .extra
    );

    if (SIMD % 4 == 0) begin : with_extra
      logic unused_sum;
      assign {sum_d, unused_sum} = {sum_q, extra} + {SUM_WIDTH'(count), extra};
    end else begin : without_extra
      logic unused_extra;
      assign unused_extra = extra;
      assign sum_d = sum_q + SUM_WIDTH'(count);
    end

    always_ff @(posedge clk) begin
      if (last) sum_q <= '0;
      else if (add) sum_q <= sum_d;
    end
    always_ff @(posedge clk) if (last) result_q <= sum_d;
    assign sums[l*SUM_WIDTH+:SUM_WIDTH] = result_q;
  end
endmodule
