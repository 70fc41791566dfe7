// Counts the ones of a word.
//
// In:   data, WIDTH bits a cycle. Out: count, STAGES cycles later.
// How:  a leaf counts six bits in three functions of them. An adder of two counts takes one bit more as its carry, so
//       a tree of L leaves counts 7*L - 1 bits. Registers stand behind the leaves and behind every second level of
//       adders; a last odd level is added behind the last register.
// WIDTH ≥ 1. STAGES: 1 + floor(clog2(floor(WIDTH/7) + 1) / 2), or more for a later count.
// REBNET_COUNTONES: defined, the same numbers come at the same time from $countones, as in popcount.
module bit_count #(
    parameter  int WIDTH  = 32,
    parameter  int STAGES = 2,
    localparam int COUNT_WIDTH = $clog2(WIDTH + 1)
) (
    input  logic                   clk,
    input  logic [      WIDTH-1:0] data,
    output logic [COUNT_WIDTH-1:0] count
);
  localparam int LEAVES = WIDTH / 7 + 1;
  localparam int LEVELS = $clog2(LEAVES);
  localparam int DELAY = STAGES - 1 - LEVELS / 2;

  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "bit_count: WIDTH must be at least 1");
  end
  if (DELAY < 0) begin : illegal_2
    $fatal(1, "bit_count: STAGES must be at least 1 + floor(clog2(floor(WIDTH/7) + 1) / 2)");
  end

`ifdef REBNET_COUNTONES
  logic [STAGES*COUNT_WIDTH-1:0] total_q;
  always_ff @(posedge clk) total_q <= (STAGES * COUNT_WIDTH)'({total_q, COUNT_WIDTH'($countones(data))});
  assign count = total_q[(STAGES-1)*COUNT_WIDTH+:COUNT_WIDTH];
`else
  // Counts that are left after a level of adders; as many bits still wait to be a carry.
  function automatic int counts_after(input int level);
    counts_after = LEAVES;
    for (int i = 0; i < level; i++) counts_after = (counts_after + 1) / 2;
  endfunction

  logic [7*LEAVES-1:0] bits;
  assign bits = (7 * LEAVES)'(data);

  for (genvar k = 0; k <= LEVELS; k++) begin : level
    localparam int COUNTS = counts_after(k);
    localparam int BITS = k + 3;
    logic [COUNTS*BITS-1:0] counts_d, counts;
    logic [COUNTS-1:0] waiting_d, waiting;

    if (k == 0) begin : leaves
      for (genvar c = 0; c < COUNTS; c++) begin : leaf
        logic [5:0] six;
        logic sum_1, sum_2, two_1, two_2, two_3;
        assign six   = bits[6*c+:6];
        assign sum_1 = six[0] ^ six[1] ^ six[2];
        assign sum_2 = six[3] ^ six[4] ^ six[5];
        assign two_1 = (six[0] & six[1]) | (six[0] & six[2]) | (six[1] & six[2]);
        assign two_2 = (six[3] & six[4]) | (six[3] & six[5]) | (six[4] & six[5]);
        assign two_3 = sum_1 & sum_2;
        assign counts_d[3*c+:3] = {
          (two_1 & two_2) | (two_1 & two_3) | (two_2 & two_3), two_1 ^ two_2 ^ two_3, sum_1 ^ sum_2
        };
      end
      assign waiting_d = bits[6*LEAVES+:LEAVES];
    end else begin : adders
      localparam int BEFORE = counts_after(k - 1);
      localparam int PAIRS = BEFORE / 2;
      for (genvar c = 0; c < PAIRS; c++) begin : adder
        logic unused_sum;
        // The waiting bit added to itself is its own carry, and needs no table.
        assign {counts_d[c*BITS+:BITS], unused_sum} =
            {1'b0, level[k-1].counts[2*c*(BITS-1)+:BITS-1], level[k-1].waiting[c]} +
            {1'b0, level[k-1].counts[(2*c+1)*(BITS-1)+:BITS-1], level[k-1].waiting[c]};
      end
      if (BEFORE % 2 == 1) begin : alone
        assign counts_d[PAIRS*BITS+:BITS] = {1'b0, level[k-1].counts[2*PAIRS*(BITS-1)+:BITS-1]};
      end
      assign waiting_d = level[k-1].waiting[PAIRS+:COUNTS];
    end

    if (k % 2 == 0) begin : registered
      always_ff @(posedge clk) begin
        counts  <= counts_d;
        waiting <= waiting_d;
      end
    end else begin : through
      assign counts  = counts_d;
      assign waiting = waiting_d;
    end
  end

  // The one bit that still waits is beyond WIDTH.
  logic [COUNT_WIDTH-1:0] total;
  logic unused_bits;
  assign total = COUNT_WIDTH'(level[LEVELS].counts);
  assign unused_bits = &{level[LEVELS].counts, level[LEVELS].waiting};

  if (DELAY > 0) begin : later
    logic [DELAY*COUNT_WIDTH-1:0] total_q;
    always_ff @(posedge clk) total_q <= (DELAY * COUNT_WIDTH)'({total_q, total});
    assign count = total_q[(DELAY-1)*COUNT_WIDTH+:COUNT_WIDTH];
  end else begin : at_once
    assign count = total;
  end
`endif
endmodule
