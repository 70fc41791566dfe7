// Feature encoder: features become residual codes, by thresholds and steps as in residual_encoder.
//
// In:   vectors of ROWS features in words of LANES, PLANES bit planes each (plane major, the first one most
//       significant: unsigned numbers), and the levels m of their image. What stands in the last word beyond the
//       vector's end has no meaning.
// Out:  their codes in words of LANES, LEVELS bit planes each (plane major), planes above m hold 0. What stands beyond
//       the vector's end has no meaning.
// Time: one word per cycle; a word is at the output LEVELS + LATENCY + 1 cycles after it was taken.
// How:  the pipeline never stalls: a word is taken when its place in the output FIFO is promised.
// THRESHOLD_FILE: per set and word of the vector LANES times the constants of a residual_encoder, t in the lowest bits;
// with UNIFORM per set one word of them for all channels. They count units of 2^-SHIFT features.
// ROWS, LANES, LEVELS ≥ 1. PLANES + SHIFT < THRESHOLD_WIDTH. SETS: level counts that are served, each with its
// constants, or 1 if m never changes. UNIFORM: 1 if all channels have the same numbers. STEP_TREE: as in
// residual_encoder. STYLE, BANK, LATENCY: of their memory, as in rom.
module feature_encoder #(
    parameter int ROWS = 16,
    parameter int LANES = 2,
    parameter int PLANES = 8,
    parameter int LEVELS = 2,
    parameter int SETS = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int THRESHOLD_WIDTH = 12,
    parameter int SHIFT = 0,
    parameter int UNIFORM = 0,
    parameter int STEP_TREE = 0,
    parameter THRESHOLD_FILE = "",
    parameter STYLE = "distributed",
    parameter int BANK = 0,
    /* verilator lint_off WIDTHEXPAND */
    parameter int LATENCY = STYLE == "block" ? 2 : 1
    /* verilator lint_on WIDTHEXPAND */
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic                    in_valid,
    output logic                    in_ready,
    input  logic [PLANES*LANES-1:0] in_data,
    input  logic [ LEVEL_WIDTH-1:0] in_levels,
    output logic                    out_valid,
    input  logic                    out_ready,
    output logic [LEVELS*LANES-1:0] out_data,
    output logic [ LEVEL_WIDTH-1:0] out_levels
);
  localparam int NUMBERS = STEP_TREE != 0 ? (1 << LEVELS) - 1 : LEVELS;  // of a channel
  localparam int NUMBERS_WIDTH = NUMBERS * THRESHOLD_WIDTH;
  localparam int ROM_LANES = UNIFORM != 0 ? 1 : LANES;
  localparam int WORDS = UNIFORM != 0 ? 1 : (ROWS + LANES - 1) / LANES;
  localparam int WORD_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int DEPTH = SETS * WORDS;
  localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int OUT_DEPTH = LEVELS + LATENCY + 3;
  localparam int STAGES = LEVELS + LATENCY - 1;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (ROWS < 1 || LANES < 1 || PLANES < 1 || LEVELS < 1) begin : illegal_1
    $fatal(1, "feature_encoder: ROWS, LANES, PLANES and LEVELS must be at least 1");
  end
  if (PLANES + SHIFT >= THRESHOLD_WIDTH) begin : illegal_2
    $fatal(1, "feature_encoder: PLANES + SHIFT must be less than THRESHOLD_WIDTH");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_3
    $fatal(1, "feature_encoder: LEVEL_WIDTH must hold SETS");
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

  // LATENCY stages: features and their numbers. Then a stage a level.
  logic [LATENCY*PLANES*LANES-1:0] features_q;
  logic [PLANES*LANES-1:0] features;
  logic [ROM_LANES*NUMBERS_WIDTH-1:0] numbers_q;
  logic [STAGES:0] valid_q;
  logic [(STAGES+1)*LEVEL_WIDTH-1:0] levels_q;
  logic [LEVELS*LANES-1:0] coded;
  logic [LEVEL_WIDTH-1:0] coded_levels;

  rom #(
      .WIDTH(ROM_LANES * NUMBERS_WIDTH),
      .DEPTH(DEPTH),
      .BANK(BANK),
      .FILE(THRESHOLD_FILE),
      .STYLE(STYLE),
      .LATENCY(LATENCY)
  ) threshold_memory (
      .clk,
      .address,
      .data_q(numbers_q)
  );

  always_ff @(posedge clk) begin
    features_q <= (LATENCY * PLANES * LANES)'({features_q, in_data});
    valid_q    <= rst ? '0 : {valid_q[STAGES-1:0], take};
    levels_q   <= {levels_q[STAGES*LEVEL_WIDTH-1:0], in_levels};
  end
  assign features = features_q[(LATENCY-1)*PLANES*LANES+:PLANES*LANES];
  assign coded_levels = levels_q[STAGES*LEVEL_WIDTH+:LEVEL_WIDTH];

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [PLANES-1:0] feature;
    logic [LEVELS-1:0] code;
    for (genvar p = 0; p < PLANES; p++) begin : plane
      assign feature[PLANES-1-p] = features[p*LANES+l];
    end
    residual_encoder #(
        .LEVELS(LEVELS),
        .THRESHOLD_WIDTH(THRESHOLD_WIDTH),
        .ACC_WIDTH(PLANES),
        .SHIFT(SHIFT),
        .STEP_TREE(STEP_TREE)
    ) encoder (
        .clk,
        .accumulator(feature),
        .constants(numbers_q[l%ROM_LANES*NUMBERS_WIDTH+:NUMBERS_WIDTH]),
        .code
    );
    for (genvar i = 0; i < LEVELS; i++) begin : level
      assign coded[i*LANES+l] = code[i] && (SETS == 1 || coded_levels > LEVEL_WIDTH'(i));
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(LEVELS * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[STAGES]),
      .in_ready(unused_ready),
      .in_data({coded_levels, coded}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
