// Pipelined count of the ones in a word.
//
// In:   bits, one word per cycle. Out: count, STAGES cycles later.
// Time: STAGES = 1 + ceil(log4(ceil(WIDTH / LEAF))): the first stage counts segments of LEAF bits, each
//       later stage adds four counts.
// WIDTH ≥ 1: bits of the word. LEAF ≥ 1: bits counted in the first stage.
module popcount #(
    parameter  int WIDTH  = 64,
    parameter  int LEAF   = 16,
    parameter  int STAGES = 2,
    localparam int COUNT_WIDTH = $clog2(WIDTH + 1)
) (
    input  logic                   clk,
    input  logic [      WIDTH-1:0] bits,
    output logic [COUNT_WIDTH-1:0] count
);
  localparam int SEGMENTS = (WIDTH + LEAF - 1) / LEAF;

  // Counts that are left after a stage.
  function automatic int counts_after(input int stage);
    counts_after = SEGMENTS;
    for (int i = 0; i < stage; i++) counts_after = (counts_after + 3) / 4;
  endfunction

  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "popcount: WIDTH must be at least 1");
  end
  if (LEAF < 1) begin : illegal_2
    $fatal(1, "popcount: LEAF must be at least 1");
  end
  if (counts_after(STAGES - 1) != 1 || (STAGES > 1 && counts_after(STAGES - 2) == 1)) begin : illegal_3
    $fatal(1, "popcount: STAGES must be 1 + ceil(log4(ceil(WIDTH / LEAF)))");
  end

  for (genvar s = 0; s < STAGES; s++) begin : stage
    localparam int COUNTS = counts_after(s);
    logic [COUNTS*COUNT_WIDTH-1:0] sums_d, sums_q;
    if (s == 0) begin : leaf
      logic [SEGMENTS*LEAF-1:0] padded;
      assign padded = (SEGMENTS * LEAF)'(bits);
      for (genvar c = 0; c < COUNTS; c++) begin : segment
        assign sums_d[c*COUNT_WIDTH+:COUNT_WIDTH] = COUNT_WIDTH'($countones(padded[c*LEAF+:LEAF]));
      end
    end else begin : tree
      localparam int BEFORE = counts_after(s - 1);
      logic [4*COUNTS*COUNT_WIDTH-1:0] padded;
      assign padded = (4 * COUNTS * COUNT_WIDTH)'(stage[s-1].sums_q[BEFORE*COUNT_WIDTH-1:0]);
      for (genvar c = 0; c < COUNTS; c++) begin : sum
        assign sums_d[c*COUNT_WIDTH+:COUNT_WIDTH] =
            padded[(4*c)*COUNT_WIDTH+:COUNT_WIDTH] + padded[(4*c+1)*COUNT_WIDTH+:COUNT_WIDTH] +
            padded[(4*c+2)*COUNT_WIDTH+:COUNT_WIDTH] + padded[(4*c+3)*COUNT_WIDTH+:COUNT_WIDTH];
      end
    end
    always_ff @(posedge clk) sums_q <= sums_d;
  end

  assign count = stage[STAGES-1].sums_q;
endmodule
