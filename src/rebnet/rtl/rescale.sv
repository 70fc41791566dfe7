// Rescale: accumulators become features, whole numbers on a grid.
//
//   z - offset = (2·A_c·accumulator + C_c) >>> SHIFT    with C_c = B_c - A_c·R - (offset << SHIFT)
//
// In:   vectors of ROWS unsigned accumulators in words of LANES (element major), and the levels of their image. What
//       stands in the last word beyond the vector's end has no meaning.
// Out:  the features in words of LANES, less a constant offset with which none is negative, as PLANES bit planes
//       (plane major, the first one most significant). What stands beyond the vector's end has no meaning.
// Time: one word per cycle; a word is at the output LATENCY + 3 cycles after it was taken.
// How:  features fit PLANES bits, so all is computed modulo 2^(SHIFT + PLANES). The pipeline never stalls: a word is
//       taken when its place in the output FIFO is promised.
// CONSTANT_FILE: per set and word of the vector LANES times {C_c, A_c}, lane 0 lowest: A_c (16 bits, signed) and C_c
// (CONSTANT_WIDTH bits, signed; more than SHIFT + PLANES are of no use).
// ROWS, LANES, ACC_WIDTH, PLANES, CONSTANT_WIDTH ≥ 1, SHIFT ≥ 0. SETS: sets of constants, one per served m, or 1 if
// they never change. STYLE, BANK, LATENCY: of their memory, as in rom.
module rescale #(
    parameter int ROWS = 16,
    parameter int LANES = 2,
    parameter int SETS = 1,
    parameter int LEVEL_WIDTH = 2,
    parameter int ACC_WIDTH = 16,
    parameter int PLANES = 8,
    parameter int SHIFT = 12,
    parameter int CONSTANT_WIDTH = 20,
    parameter CONSTANT_FILE = "",
    parameter STYLE = "distributed",
    parameter int BANK = 0,
    /* verilator lint_off WIDTHEXPAND */
    parameter int LATENCY = STYLE == "block" ? 2 : 1
    /* verilator lint_on WIDTHEXPAND */
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic                       in_valid,
    output logic                       in_ready,
    input  logic [LANES*ACC_WIDTH-1:0] in_data,
    input  logic [    LEVEL_WIDTH-1:0] in_levels,
    output logic                       out_valid,
    input  logic                       out_ready,
    output logic [   PLANES*LANES-1:0] out_data,
    output logic [    LEVEL_WIDTH-1:0] out_levels
);
  localparam int SCALE_WIDTH = 16;
  localparam int LANE_WIDTH = CONSTANT_WIDTH + SCALE_WIDTH;
  localparam int SUM_WIDTH = SHIFT + PLANES;
  localparam int PRODUCT_WIDTH = ACC_WIDTH + 1 + SCALE_WIDTH < SUM_WIDTH ? ACC_WIDTH + 1 + SCALE_WIDTH : SUM_WIDTH;
  localparam int WORDS = LANES > 0 ? (ROWS + LANES - 1) / LANES : 1;
  localparam int WORD_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int DEPTH = SETS * WORDS;
  localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int OUT_DEPTH = LATENCY + 7;
  localparam int STAGES = LATENCY + 1;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (ROWS < 1 || LANES < 1) begin : illegal_1
    $fatal(1, "rescale: ROWS and LANES must be at least 1");
  end
  if (ACC_WIDTH < 1 || PLANES < 1 || CONSTANT_WIDTH < 1 || SHIFT < 0) begin : illegal_2
    $fatal(1, "rescale: ACC_WIDTH, PLANES and CONSTANT_WIDTH must be at least 1, SHIFT at least 0");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_3
    $fatal(1, "rescale: LEVEL_WIDTH must hold SETS");
  end

  logic [WORD_WIDTH-1:0] word_q;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic take, out_pop, unused_ready;
  logic [ADDRESS_WIDTH-1:0] address;

  assign in_ready = !room_q[ROOM_WIDTH-1];
  assign take = in_valid && in_ready;

  if (SETS > 1) begin : set_of_levels
    assign address = ADDRESS_WIDTH'((int'(in_levels) - 1) * WORDS + int'(word_q));
  end else begin : one_set
    assign address = ADDRESS_WIDTH'(word_q);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      word_q <= '0;
      room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
      if (take) word_q <= word_q == WORD_WIDTH'(WORDS - 1) ? '0 : word_q + 1'b1;
    end
  end

  // LATENCY stages: accumulators and constants. Then products, then features.
  logic [LATENCY*LANES*ACC_WIDTH-1:0] accumulators_q;
  logic [LANES*ACC_WIDTH-1:0] accumulators;
  logic [LANES*LANE_WIDTH-1:0] constants_q;
  logic [PLANES*LANES-1:0] features_q;
  logic [STAGES:0] valid_q;
  logic [(STAGES+1)*LEVEL_WIDTH-1:0] levels_q;

  rom #(
      .WIDTH(LANES * LANE_WIDTH),
      .DEPTH(DEPTH),
      .BANK(BANK),
      .FILE(CONSTANT_FILE),
      .STYLE(STYLE),
      .LATENCY(LATENCY)
  ) constant_memory (
      .clk,
      .address,
      .data_q(constants_q)
  );

  always_ff @(posedge clk) begin
    accumulators_q <= (LATENCY * LANES * ACC_WIDTH)'({accumulators_q, in_data});
    valid_q        <= rst ? '0 : {valid_q[STAGES-1:0], take};
    levels_q       <= {levels_q[STAGES*LEVEL_WIDTH-1:0], in_levels};
  end
  assign accumulators = accumulators_q[(LATENCY-1)*LANES*ACC_WIDTH+:LANES*ACC_WIDTH];

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic signed [SCALE_WIDTH-1:0] scale;
    logic signed [CONSTANT_WIDTH-1:0] constant;
    logic signed [PRODUCT_WIDTH-1:0] product_q;
    logic signed [SUM_WIDTH-1:0] constant_q, sum;
    logic [PLANES-1:0] feature;
    logic unused_bits;  // beyond the sum's
    assign unused_bits = &{constant, scale, accumulators[l*ACC_WIDTH+:ACC_WIDTH]};
    assign {constant, scale} = constants_q[l*LANE_WIDTH+:LANE_WIDTH];
    assign sum = (SUM_WIDTH'(product_q) <<< 1) + constant_q;
    assign feature = PLANES'(sum >>> SHIFT);
    always_ff @(posedge clk) begin
      product_q  <= PRODUCT_WIDTH'(scale) * $signed(PRODUCT_WIDTH'(accumulators[l*ACC_WIDTH+:ACC_WIDTH]));
      constant_q <= SUM_WIDTH'(constant);
    end
    for (genvar p = 0; p < PLANES; p++) begin : plane
      always_ff @(posedge clk) features_q[p*LANES+l] <= feature[PLANES-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[STAGES]),
      .in_ready(unused_ready),
      .in_data({levels_q[STAGES*LEVEL_WIDTH+:LEVEL_WIDTH], features_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
