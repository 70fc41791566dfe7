// Two slopes: features that are bent where they are negative, between two shifts (RPReLU, PReLU).
//
//   y = z + ahead_c;  result = (y < 0 ? (slope_c·y + 2^(SHIFT-1)) >>> SHIFT : y) + behind_c
//
// In:   vectors of ROWS features in words of LANES, PLANES bit planes each (plane major, the first one most significant:
//       unsigned numbers), and the levels of their image. What stands in the last word beyond the vector's end has no
//       meaning.
// Out:  the results in words of LANES, less a constant offset with which none is negative, as PLANES_OUT bit planes.
//       What stands beyond the vector's end has no meaning.
// Time: one word per cycle; a word is at the output LATENCY + 4 cycles after it was taken.
// How:  y fits SUM_WIDTH bits, signed, and the result PLANES_OUT, so that each is computed modulo its power of two. The
//       pipeline never stalls: a word is taken when its place in the output FIFO is promised.
// CONSTANT_FILE: per word of the vector LANES times {behind, ahead, slope}, lane 0 lowest: slope (SLOPE_WIDTH bits,
// signed), ahead with the offset of the features that come (SUM_WIDTH bits, signed), and behind less that of the results
// (PLANES_OUT bits, modulo 2^PLANES_OUT).
// ROWS, LANES, PLANES, PLANES_OUT, SUM_WIDTH, SLOPE_WIDTH ≥ 1, SHIFT ≥ 0. STYLE, BANK, LATENCY: of their memory, as in
// rom.
module two_slope #(
    parameter int ROWS = 16,
    parameter int LANES = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int PLANES = 8,
    parameter int PLANES_OUT = 9,
    parameter int SUM_WIDTH = 9,
    parameter int SLOPE_WIDTH = 16,
    parameter int SHIFT = 15,
    parameter CONSTANT_FILE = "",
    parameter STYLE = "distributed",
    parameter int BANK = 0,
    /* verilator lint_off WIDTHEXPAND */
    parameter int LATENCY = STYLE == "block" ? 2 : 1
    /* verilator lint_on WIDTHEXPAND */
) (
    input  logic                        clk,
    input  logic                        rst,
    input  logic                        in_valid,
    output logic                        in_ready,
    input  logic [    PLANES*LANES-1:0] in_data,
    input  logic [     LEVEL_WIDTH-1:0] in_levels,
    output logic                        out_valid,
    input  logic                        out_ready,
    output logic [PLANES_OUT*LANES-1:0] out_data,
    output logic [     LEVEL_WIDTH-1:0] out_levels
);
  localparam int LANE_WIDTH = PLANES_OUT + SUM_WIDTH + SLOPE_WIDTH;
  localparam int BENT_WIDTH = SHIFT + PLANES_OUT;
  localparam int FULL_WIDTH = SUM_WIDTH + SLOPE_WIDTH;
  localparam int PRODUCT_WIDTH = FULL_WIDTH < BENT_WIDTH ? FULL_WIDTH : BENT_WIDTH;
  localparam bit [BENT_WIDTH-1:0] HALF = (BENT_WIDTH'(1) << SHIFT) >> 1;
  localparam int WORDS = LANES > 0 ? (ROWS + LANES - 1) / LANES : 1;
  localparam int WORD_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int OUT_DEPTH = LATENCY + 7;
  localparam int STAGES = LATENCY + 2;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (ROWS < 1 || LANES < 1) begin : illegal_1
    $fatal(1, "two_slope: ROWS and LANES must be at least 1");
  end
  if (PLANES < 1 || PLANES_OUT < 1 || SUM_WIDTH < 1 || SLOPE_WIDTH < 1 || SHIFT < 0) begin : illegal_2
    $fatal(1, "two_slope: PLANES, PLANES_OUT, SUM_WIDTH and SLOPE_WIDTH must be at least 1, SHIFT at least 0");
  end

  logic [WORD_WIDTH-1:0] word_q;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic take, out_pop, unused_ready;

  assign in_ready = !room_q[ROOM_WIDTH-1];
  assign take = in_valid && in_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      word_q <= '0;
      room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
      if (take) word_q <= word_q == WORD_WIDTH'(WORDS - 1) ? '0 : word_q + 1'b1;
    end
  end

  // LATENCY stages: features and constants. Then sums, products, results.
  logic [LATENCY*PLANES*LANES-1:0] features_q;
  logic [PLANES*LANES-1:0] features;
  logic [LANES*LANE_WIDTH-1:0] constants_q;
  logic [PLANES_OUT*LANES-1:0] results_q;
  logic [STAGES:0] valid_q;
  logic [(STAGES+1)*LEVEL_WIDTH-1:0] levels_q;

  rom #(
      .WIDTH(LANES * LANE_WIDTH),
      .DEPTH(WORDS),
      .BANK(BANK),
      .FILE(CONSTANT_FILE),
      .STYLE(STYLE),
      .LATENCY(LATENCY)
  ) constant_memory (
      .clk,
      .address(word_q),
      .data_q(constants_q)
  );

  always_ff @(posedge clk) begin
    features_q <= (LATENCY * PLANES * LANES)'({features_q, in_data});
    valid_q    <= rst ? '0 : {valid_q[STAGES-1:0], take};
    levels_q   <= {levels_q[STAGES*LEVEL_WIDTH-1:0], in_levels};
  end
  assign features = features_q[(LATENCY-1)*PLANES*LANES+:PLANES*LANES];

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic signed [SLOPE_WIDTH-1:0] slope, slope_q;
    logic signed [SUM_WIDTH-1:0] ahead, sum_q, straight_q;
    logic [PLANES_OUT-1:0] behind, behind_q, behind_qq, bent, result;
    logic signed [PRODUCT_WIDTH-1:0] product_q;
    logic signed [BENT_WIDTH-1:0] rounded;
    logic [PLANES-1:0] feature;
    logic unused_bits;  // beyond the product's and the result's
    assign unused_bits = &{slope_q, sum_q, straight_q, feature};
    assign {behind, ahead, slope} = constants_q[l*LANE_WIDTH+:LANE_WIDTH];
    for (genvar p = 0; p < PLANES; p++) begin : plane
      assign feature[PLANES-1-p] = features[p*LANES+l];
    end
    assign rounded = BENT_WIDTH'(product_q) + HALF;
    assign bent = PLANES_OUT'(rounded >>> SHIFT);
    assign result = (straight_q < 0 ? bent : PLANES_OUT'(straight_q)) + behind_qq;
    always_ff @(posedge clk) begin
      sum_q      <= SUM_WIDTH'(feature) + ahead;
      slope_q    <= slope;
      behind_q    <= behind;
      product_q  <= PRODUCT_WIDTH'(slope_q) * PRODUCT_WIDTH'(sum_q);
      straight_q <= sum_q;
      behind_qq   <= behind_q;
    end
    for (genvar p = 0; p < PLANES_OUT; p++) begin : plane_out
      always_ff @(posedge clk) results_q[p*LANES+l] <= result[PLANES_OUT-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES_OUT * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[STAGES]),
      .in_ready(unused_ready),
      .in_data({levels_q[STAGES*LEVEL_WIDTH+:LEVEL_WIDTH], results_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
