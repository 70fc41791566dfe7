// Sum of branches: features that come on several streams are added.
//
// In:   SOURCES streams of words of LANES features, PLANES bit planes each (plane major, the first one most
//       significant: unsigned numbers), source 0 in the lowest bits, and the levels of their image from source 0.
// Out:  words of their sums, PLANES_OUT bit planes.
// Time: one word per cycle; a word of every source is taken in the cycle in which all offer one and the place of the
//       sum is promised, and the sum is at the output 2 cycles later. in_ready depends on in_valid, not on out_ready.
// SOURCES, LANES, PLANES ≥ 1. PLANES_OUT, PLANES … PLANES + clog2(SOURCES): no sum may need more bits.
module join_add #(
    parameter int SOURCES = 2,
    parameter int LANES = 2,
    parameter int PLANES = 8,
    parameter int PLANES_OUT = 9,
    parameter int LEVEL_WIDTH = 2
) (
    input  logic                            clk,
    input  logic                            rst,
    input  logic [             SOURCES-1:0] in_valid,
    output logic [             SOURCES-1:0] in_ready,
    input  logic [SOURCES*PLANES*LANES-1:0] in_data,
    input  logic [         LEVEL_WIDTH-1:0] in_levels,
    output logic                            out_valid,
    input  logic                            out_ready,
    output logic [    PLANES_OUT*LANES-1:0] out_data,
    output logic [         LEVEL_WIDTH-1:0] out_levels
);
  localparam int OUT_DEPTH = 4;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (SOURCES < 1 || LANES < 1 || PLANES < 1) begin : illegal_1
    $fatal(1, "join_add: SOURCES, LANES and PLANES must be at least 1");
  end
  if (PLANES_OUT < PLANES || PLANES_OUT > PLANES + $clog2(SOURCES)) begin : illegal_2
    $fatal(1, "join_add: PLANES_OUT must be PLANES to PLANES + clog2(SOURCES)");
  end

  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic [PLANES_OUT*LANES-1:0] sums_q;
  logic [LEVEL_WIDTH-1:0] levels_q;
  logic take, taken_q, out_pop, unused_ready;

  assign take = &in_valid && !room_q[ROOM_WIDTH-1];
  assign in_ready = {SOURCES{take}};

  always_ff @(posedge clk) begin
    if (rst) room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    else room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
  end
  always_ff @(posedge clk) begin
    taken_q  <= !rst && take;
    levels_q <= in_levels;
  end

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [PLANES_OUT-1:0] sum;
    logic [PLANES-1:0] feature;
    always_comb begin
      sum = '0;
      for (int s = 0; s < SOURCES; s++) begin
        for (int p = 0; p < PLANES; p++) feature[PLANES-1-p] = in_data[(s*PLANES+p)*LANES+l];
        sum = sum + PLANES_OUT'(feature);
      end
    end
    for (genvar p = 0; p < PLANES_OUT; p++) begin : plane
      always_ff @(posedge clk) sums_q[p*LANES+l] <= sum[PLANES_OUT-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES_OUT * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(taken_q),
      .in_ready(unused_ready),
      .in_data({levels_q, sums_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
