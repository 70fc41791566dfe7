// Pipelined count of the lanes in which two words agree: XNOR and popcount, in the shapes that lookup tables have.
//
// In:   data and weights, one word each per cycle. Out: count and extra, STAGES cycles later; data and weights agree
//       in count + extra lanes. extra is for the carry of the adder that uses the count; it is 0 where WIDTH is no
//       multiple of 4.
// Time: STAGES = 1 + floor(clog2(ceil(WIDTH / 4)) / 2): the first stage counts three lanes a leaf, each later one
//       is two levels of adders, and a last odd level is added behind the last register.
// How:  a leaf is two functions of six bits, three of data and three of weights. An adder of two counts takes one
//       lane more as its carry, so a tree of L leaves counts 4*L - 1 lanes, and extra is the next one.
// WIDTH ≥ 1: lanes.
// REBNET_COUNTONES: defined, the same numbers come at the same time from $countones of the word. A simulator
//       counts a word at once, and takes many times as long over the tree's single bits.
module popcount #(
    parameter  int WIDTH  = 64,
    parameter  int STAGES = 3,
    localparam int LEAVES = (WIDTH + 3) / 4,
    localparam int LEVELS = $clog2(LEAVES),
    localparam int COUNT_WIDTH = LEVELS + 2
) (
    input  logic                   clk,
    input  logic [      WIDTH-1:0] data,
    input  logic [      WIDTH-1:0] weights,
    output logic [COUNT_WIDTH-1:0] count,
    output logic                   extra
);
  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "popcount: WIDTH must be at least 1");
  end
  if (STAGES != 1 + LEVELS / 2) begin : illegal_2
    $fatal(1, "popcount: STAGES must be 1 + floor(clog2(ceil(WIDTH / 4)) / 2)");
  end

  logic [WIDTH-1:0] same;
  assign same = data ~^ weights;

`ifdef REBNET_COUNTONES
  logic [COUNT_WIDTH:0] total_d;
  logic [STAGES*(COUNT_WIDTH+1)-1:0] total_q;
  if (WIDTH % 4 == 0) begin : with_extra
    assign total_d = {same[WIDTH-1], COUNT_WIDTH'($countones(same[WIDTH-2:0]))};
  end else begin : without_extra
    assign total_d = {1'b0, COUNT_WIDTH'($countones(same))};
  end
  always_ff @(posedge clk) total_q <= (STAGES * (COUNT_WIDTH + 1))'({total_q, total_d});
  assign {extra, count} = total_q[(STAGES-1)*(COUNT_WIDTH+1)+:COUNT_WIDTH+1];
`else
  // Counts that are left after a level of adders; as many lanes still wait to be a carry.
  function automatic int counts_after(input int level);
    counts_after = LEAVES;
    for (int i = 0; i < level; i++) counts_after = (counts_after + 1) / 2;
  endfunction

  logic [4*LEAVES-1:0] agree;
  assign agree = (4 * LEAVES)'(same);  // lanes that are not there agree in nothing

  for (genvar k = 0; k <= LEVELS; k++) begin : level
    localparam int COUNTS = counts_after(k);
    localparam int BITS = k + 2;
    logic [COUNTS*BITS-1:0] counts_d, counts;
    logic [COUNTS-1:0] waiting_d, waiting;

    if (k == 0) begin : leaves
      for (genvar c = 0; c < COUNTS; c++) begin : leaf
        logic a, b, d;
        assign {a, b, d} = agree[3*c+:3];
        assign counts_d[2*c+:2] = {(a & b) | (a & d) | (b & d), a ^ b ^ d};
      end
      assign waiting_d = agree[3*LEAVES+:LEAVES];
    end else begin : adders
      localparam int BEFORE = counts_after(k - 1);
      localparam int PAIRS = BEFORE / 2;
      for (genvar c = 0; c < PAIRS; c++) begin : adder
        logic unused_sum;
        // The waiting lane added to itself is its own carry, and needs no table.
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

  assign count = level[LEVELS].counts;
  assign extra = level[LEVELS].waiting;
`endif
endmodule
