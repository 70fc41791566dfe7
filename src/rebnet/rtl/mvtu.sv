// Matrix-vector-threshold unit: one binary layer.
//
// In:   vectors of COLS elements in words of SIMD, LEVELS_IN bit planes each (plane major), the last word of a
//       vector filled up with 0, and the levels m of their image.
// Out:  per vector ROWS elements in words of DRAIN. LEVELS_OUT > 0: residual codes of LEVELS_OUT planes (plane
//       major), planes above m hold 0. LEVELS_OUT = 0: unsigned accumulators of ACC_WIDTH bits, element major.
//       A last word that ROWS does not fill ends in elements of no meaning.
// Time: a vector takes ceil(ROWS/PE) * groups * CHUNKS cycles with groups = ceil(m / LEVEL_LANES) and
//       CHUNKS = ceil(COLS/SIMD), vectors follow each other without a gap. The first word of a row fold is at
//       the output POPCOUNT_STAGES + LEVELS_OUT + 8 cycles after the fold's last word was issued.
// How:  for each fold of PE rows, for each group of LEVEL_LANES planes, all chunks of the vector: the PEs count,
//       and their sums are drained DRAIN at a time through one tail (gains, thresholds, encoder) while the PEs
//       work on the next pass. The pipeline never stalls: what it will put out has its place in the output
//       FIFO reserved when the last chunk is issued, else that chunk waits.
//
// ROWS, COLS, PE ≥ 1; 1 ≤ SIMD ≤ COLS. DRAIN divides PE, PE/DRAIN ≤ CHUNKS.
// SETS: sets of constants, one per served m (m = 1 … SETS), or 1 if m never changes.
// PIXELS: 1 if the input is pixels, all planes of which count at every m.
// GAINS: gain of level i (from 0) of set s at [(s*GROUPS*LEVEL_LANES + i)*GAIN_WIDTH +: GAIN_WIDTH].
// BUFFER_DEPTH: words of the input buffer; OUT_DEPTH ≥ PE/DRAIN: words of the output FIFO.
// WEIGHT_FILE: a word of PE*SIMD bits per fold and chunk. THRESHOLD_FILE: a word of DRAIN * LEVELS_OUT *
// THRESHOLD_WIDTH bits per set, fold and drained word.
module mvtu #(
    parameter int ROWS = 256,
    parameter int COLS = 784,
    parameter int PE = 16,
    parameter int SIMD = 64,
    parameter int LEVELS_IN = 8,
    parameter int LEVELS_OUT = 2,
    parameter int LEVEL_LANES = 8,
    parameter int SETS = 2,
    parameter int PIXELS = 1,
    parameter int DRAIN = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int GAIN_WIDTH = 8,
    parameter int ACC_WIDTH = 18,
    parameter int THRESHOLD_WIDTH = 24,
    parameter int BUFFER_DEPTH = 26,
    parameter int OUT_DEPTH = 32,
    parameter int LEAF = 16,
    parameter int POPCOUNT_STAGES = 2,
    parameter WEIGHT_FILE = "",
    parameter THRESHOLD_FILE = "",
    /* verilator lint_off UNUSEDPARAM */  // read by synthesis, from the attribute
    parameter WEIGHT_STYLE = "block",
    parameter THRESHOLD_STYLE = "distributed",
    parameter BUFFER_STYLE = "distributed",
    /* verilator lint_on UNUSEDPARAM */
    localparam int GROUPS = (LEVELS_IN + LEVEL_LANES - 1) / LEVEL_LANES,
    parameter logic [SETS*GROUPS*LEVEL_LANES*GAIN_WIDTH-1:0] GAINS = '0,
    localparam int OUT_WIDTH = DRAIN * (LEVELS_OUT > 0 ? LEVELS_OUT : ACC_WIDTH)
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      in_valid,
    output logic                      in_ready,
    input  logic [LEVELS_IN*SIMD-1:0] in_data,
    input  logic [   LEVEL_WIDTH-1:0] in_levels,
    output logic                      out_valid,
    input  logic                      out_ready,
    output logic [     OUT_WIDTH-1:0] out_data,
    output logic [   LEVEL_WIDTH-1:0] out_levels
);
  localparam int CHUNKS = (COLS + SIMD - 1) / SIMD;
  localparam int FOLDS = (ROWS + PE - 1) / PE;
  localparam int DRAIN_WORDS = PE / DRAIN;
  localparam int LAST_WORDS = (ROWS - (FOLDS - 1) * PE + DRAIN - 1) / DRAIN;  // kept words of the last fold
  localparam int SUM_WIDTH = $clog2(CHUNKS * SIMD + 1);
  localparam int SET_WIDTH = SETS > 1 ? $clog2(SETS) : 1;
  localparam int GROUP_WIDTH = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int FOLD_WIDTH = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int DRAIN_WIDTH = DRAIN_WORDS > 1 ? $clog2(DRAIN_WORDS) : 1;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH + 1);
  localparam int WEIGHT_DEPTH = FOLDS * CHUNKS;
  localparam int WEIGHT_ADDRESS = WEIGHT_DEPTH > 1 ? $clog2(WEIGHT_DEPTH) : 1;
  localparam int LANES = DRAIN * LEVEL_LANES;
  // A ROM of LUTs has no RAM in it: Yosys reads ram_style first and wants "registers", Vivado reads rom_style.
  localparam WEIGHT_RAM_STYLE = WEIGHT_STYLE == "distributed" ? "registers" : WEIGHT_STYLE;
  localparam THRESHOLD_RAM_STYLE = THRESHOLD_STYLE == "distributed" ? "registers" : THRESHOLD_STYLE;

  if (ROWS < 1 || COLS < 1 || PE < 1) begin : illegal_1
    $fatal(1, "mvtu: ROWS, COLS and PE must be at least 1");
  end
  if (SIMD < 1 || SIMD > COLS) begin : illegal_2
    $fatal(1, "mvtu: SIMD must be 1 to COLS");
  end
  if (DRAIN < 1 || PE % DRAIN != 0) begin : illegal_3
    $fatal(1, "mvtu: DRAIN must divide PE");
  end
  if (DRAIN_WORDS > CHUNKS) begin : illegal_4
    $fatal(1, "mvtu: PE/DRAIN must be at most ceil(COLS/SIMD)");
  end
  if (OUT_DEPTH < DRAIN_WORDS) begin : illegal_5
    $fatal(1, "mvtu: OUT_DEPTH must be at least PE/DRAIN");
  end
  if (BUFFER_DEPTH < CHUNKS && (FOLDS > 1 || GROUPS > 1)) begin : illegal_6
    $fatal(1, "mvtu: BUFFER_DEPTH must hold a vector, ceil(COLS/SIMD) words");
  end
  if (LEVELS_IN < 1 || LEVELS_OUT < 0) begin : illegal_7
    $fatal(1, "mvtu: LEVELS_IN must be at least 1 and LEVELS_OUT at least 0");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_8
    $fatal(1, "mvtu: LEVEL_WIDTH must hold SETS");
  end

  // What travels with a word through the pipeline: {first_group, last_group, group, fold, levels} of its pass.
  localparam int PASS_WIDTH = 2 + GROUP_WIDTH + FOLD_WIDTH + LEVEL_WIDTH;

  // Sequencer: folds, groups, chunks.
  logic word_valid, word_first, word_last, issue, last_group, last_fold, ends_fold, out_pop;
  logic [LEVEL_WIDTH-1:0] word_levels;
  logic [LEVELS_IN*SIMD-1:0] word_q;
  logic [GROUP_WIDTH-1:0] group_q, final_group;
  logic [FOLD_WIDTH-1:0] fold_q;
  logic [WEIGHT_ADDRESS-1:0] weight_next_q, weight_fold_q;
  logic [ROOM_WIDTH-1:0] room_q;

  vector_buffer #(
      .WIDTH(LEVELS_IN * SIMD),
      .LEVEL_WIDTH(LEVEL_WIDTH),
      .CHUNKS(CHUNKS),
      .DEPTH(BUFFER_DEPTH),
      .STYLE(BUFFER_STYLE)
  ) vectors (
      .clk,
      .rst,
      .in_valid,
      .in_ready,
      .in_data,
      .in_levels,
      .word_valid,
      .word_first,
      .word_last,
      .word_levels,
      .take(issue),
      .free(last_group && last_fold),
      .data_q(word_q)
  );

  if (GROUPS == 1 || PIXELS != 0) begin : fixed_groups
    assign final_group = GROUP_WIDTH'(GROUPS - 1);
  end else begin : level_groups
    assign final_group = GROUP_WIDTH'((int'(word_levels) - 1) / LEVEL_LANES);
  end

  assign last_group = group_q == final_group;
  assign last_fold  = fold_q == FOLD_WIDTH'(FOLDS - 1);
  assign ends_fold  = word_last && last_group;
  assign issue      = word_valid && (!ends_fold || room_q >= ROOM_WIDTH'(DRAIN_WORDS));

  always_ff @(posedge clk) begin
    if (rst) begin
      group_q       <= '0;
      fold_q        <= '0;
      weight_next_q <= '0;
      weight_fold_q <= '0;
      room_q        <= ROOM_WIDTH'(OUT_DEPTH);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(out_pop);
      if (issue && ends_fold)
        room_q <= room_q + ROOM_WIDTH'(out_pop) - (last_fold ? ROOM_WIDTH'(LAST_WORDS) : ROOM_WIDTH'(DRAIN_WORDS));
      if (issue) begin
        weight_next_q <= weight_next_q + 1'b1;
        if (word_last) begin
          group_q <= last_group ? '0 : group_q + 1'b1;
          if (!last_group) weight_next_q <= weight_fold_q;
          else if (last_fold) begin
            fold_q        <= '0;
            weight_next_q <= '0;
            weight_fold_q <= '0;
          end else begin
            fold_q        <= fold_q + 1'b1;
            weight_fold_q <= weight_next_q + 1'b1;
          end
        end
      end
    end
  end

  // Stage 1: the word is there. Stage 2: its planes are chosen and the weights are there.
  (* ram_style = WEIGHT_RAM_STYLE, rom_style = WEIGHT_STYLE *) logic [PE*SIMD-1:0] weight_memory[WEIGHT_DEPTH];
  logic [PE*SIMD-1:0] weights_q;
  logic [WEIGHT_ADDRESS-1:0] weight_address_q;
  logic [LEVEL_LANES*SIMD-1:0] planes_d, planes_q;
  // Delay lines, newest stage first: stage k of the line stands at [k] or [k*PASS_WIDTH +: PASS_WIDTH].
  localparam int STAGES = 2 + POPCOUNT_STAGES;
  logic [STAGES-1:0] valid_q, first_q, last_q;
  logic [STAGES*PASS_WIDTH-1:0] pass_q;
  logic [GROUP_WIDTH-1:0] word_group;

  initial $readmemh(WEIGHT_FILE, weight_memory);

  assign word_group = pass_q[LEVEL_WIDTH+FOLD_WIDTH+:GROUP_WIDTH];

  // Surplus lanes of the last group see zeros.
  logic [GROUPS*LEVEL_LANES*SIMD-1:0] word_padded;
  assign word_padded = (GROUPS * LEVEL_LANES * SIMD)'(word_q);

  always_comb begin
    planes_d = '0;
    for (int g = 0; g < GROUPS; g++) begin
      if (word_group == GROUP_WIDTH'(g)) planes_d = word_padded[g*LEVEL_LANES*SIMD+:LEVEL_LANES*SIMD];
    end
  end

  always_ff @(posedge clk) begin
    weight_address_q <= weight_next_q;
    weights_q        <= weight_memory[weight_address_q];
    planes_q         <= planes_d;
    valid_q          <= rst ? '0 : {valid_q[STAGES-2:0], issue};
    first_q          <= {first_q[STAGES-2:0], word_first};
    last_q           <= {last_q[STAGES-2:0], word_last};
    pass_q           <= {
      pass_q[(STAGES-1)*PASS_WIDTH-1:0], group_q == '0, last_group, group_q, fold_q, word_levels
    };
  end

  // The processing elements; at the end of a pass their sums stand still until the next pass ends.
  logic [PE*LEVEL_LANES*SUM_WIDTH-1:0] sums;
  logic add, first, last;
  assign add   = valid_q[STAGES-1];
  assign first = first_q[STAGES-1];
  assign last  = last_q[STAGES-1];

  for (genvar p = 0; p < PE; p++) begin : pe
    processing_element #(
        .SIMD(SIMD),
        .LEVEL_LANES(LEVEL_LANES),
        .SUM_WIDTH(SUM_WIDTH),
        .LEAF(LEAF),
        .POPCOUNT_STAGES(POPCOUNT_STAGES)
    ) element (
        .clk,
        .data(planes_q),
        .weights(weights_q[p*SIMD+:SIMD]),
        .add,
        .first,
        .last,
        .sums(sums[p*LEVEL_LANES*SUM_WIDTH+:LEVEL_LANES*SUM_WIDTH])
    );
  end

  // Drain: DRAIN rows per cycle.
  logic draining_q, keep, drain_first, drain_last;
  logic [GROUP_WIDTH-1:0] drain_group;
  logic [FOLD_WIDTH-1:0] drain_fold;
  logic [LEVEL_WIDTH-1:0] drain_levels;
  logic [DRAIN_WIDTH-1:0] drained_q;
  logic [PASS_WIDTH-1:0] drain_q;
  assign {drain_first, drain_last, drain_group, drain_fold, drain_levels} = drain_q;

  always_ff @(posedge clk) begin
    if (rst) draining_q <= 1'b0;
    else if (add && last) draining_q <= 1'b1;
    else if (drained_q == DRAIN_WIDTH'(DRAIN_WORDS - 1)) draining_q <= 1'b0;
  end
  always_ff @(posedge clk) begin
    if (add && last) begin
      drained_q <= '0;
      drain_q   <= pass_q[(STAGES-1)*PASS_WIDTH+:PASS_WIDTH];
    end else drained_q <= drained_q + 1'b1;
  end
  assign keep = draining_q && drain_last && (drain_fold != FOLD_WIDTH'(FOLDS - 1) ||
      (DRAIN_WIDTH + 1)'(drained_q) < (DRAIN_WIDTH + 1)'(LAST_WORDS));

  // Tail, stage 1: pick DRAIN sums. 2: times gains. 3: add the lanes. 4: add the groups.
  // Delay lines over these stages: moving (a drained word), kept (it goes out), its place, its levels.
  logic [3:0] kept_q;
  logic [2:0] moving_q, first_group_q;
  logic [3*DRAIN_WIDTH-1:0] place_q;
  logic [4*LEVEL_WIDTH-1:0] levels_q;
  logic [GROUP_WIDTH-1:0] picked_group_q;
  logic [FOLD_WIDTH-1:0] picked_fold_q;
  logic [LANES*SUM_WIDTH-1:0] picked_q;
  logic [LANES*ACC_WIDTH-1:0] product_q;
  logic [DRAIN*ACC_WIDTH-1:0] lanes_d, lanes_q, total_d, total_q;
  logic [SET_WIDTH-1:0] picked_set;
  logic [LANES*GAIN_WIDTH-1:0] gains;

  if (SETS > 1) begin : set_of_levels
    assign picked_set = SET_WIDTH'(levels_q[LEVEL_WIDTH-1:0] - 1'b1);
  end else begin : one_set
    assign picked_set = '0;
  end

  always_ff @(posedge clk) begin
    kept_q         <= rst ? '0 : {kept_q[2:0], keep};
    moving_q       <= {moving_q[1:0], draining_q};
    first_group_q  <= {first_group_q[1:0], drain_first};
    place_q        <= {place_q[2*DRAIN_WIDTH-1:0], drained_q};
    levels_q       <= {levels_q[3*LEVEL_WIDTH-1:0], drain_levels};
    picked_group_q <= drain_group;
    picked_fold_q  <= drain_fold;
    picked_q       <= sums[int'(drained_q)*LANES*SUM_WIDTH+:LANES*SUM_WIDTH];
    lanes_q        <= lanes_d;
    total_q        <= total_d;
  end

  for (genvar l = 0; l < LANES; l++) begin : gain
    assign gains[l*GAIN_WIDTH+:GAIN_WIDTH] =
        GAINS[((int'(picked_set)*GROUPS+int'(picked_group_q))*LEVEL_LANES+l%LEVEL_LANES)*GAIN_WIDTH+:GAIN_WIDTH];
    always_ff @(posedge clk)
      product_q[l*ACC_WIDTH+:ACC_WIDTH] <=
          ACC_WIDTH'(picked_q[l*SUM_WIDTH+:SUM_WIDTH]) * ACC_WIDTH'(gains[l*GAIN_WIDTH+:GAIN_WIDTH]);
  end

  for (genvar d = 0; d < DRAIN; d++) begin : add_lanes
    always_comb begin
      lanes_d[d*ACC_WIDTH+:ACC_WIDTH] = '0;
      for (int l = 0; l < LEVEL_LANES; l++)
        lanes_d[d*ACC_WIDTH+:ACC_WIDTH] =
            lanes_d[d*ACC_WIDTH+:ACC_WIDTH] + product_q[(d*LEVEL_LANES+l)*ACC_WIDTH+:ACC_WIDTH];
    end
  end

  if (GROUPS > 1) begin : add_groups
    (* ram_style = "distributed" *) logic [DRAIN*ACC_WIDTH-1:0] partial[DRAIN_WORDS];
    logic [DRAIN*ACC_WIDTH-1:0] earlier;
    logic [DRAIN_WIDTH-1:0] place;
    assign place   = place_q[2*DRAIN_WIDTH+:DRAIN_WIDTH];
    assign earlier = partial[place];
    for (genvar d = 0; d < DRAIN; d++) begin : row
      assign total_d[d*ACC_WIDTH+:ACC_WIDTH] =
          (first_group_q[2] ? '0 : earlier[d*ACC_WIDTH+:ACC_WIDTH]) + lanes_q[d*ACC_WIDTH+:ACC_WIDTH];
    end
    always_ff @(posedge clk) if (moving_q[2]) partial[place] <= total_d;
  end else begin : one_group
    logic unused_place;
    assign unused_place = &{place_q, first_group_q, moving_q};
    assign total_d = lanes_q;
  end

  // Thresholds and encoder, or the accumulators as they are.
  logic [OUT_WIDTH-1:0] coded;
  logic [LEVEL_WIDTH-1:0] coded_levels;
  logic coded_valid, unused_ready;

  if (LEVELS_OUT > 0) begin : encode
    localparam int CONSTANT_WIDTH = LEVELS_OUT * THRESHOLD_WIDTH;
    localparam int THRESHOLD_DEPTH = SETS * FOLDS * DRAIN_WORDS;
    localparam int THRESHOLD_ADDRESS = THRESHOLD_DEPTH > 1 ? $clog2(THRESHOLD_DEPTH) : 1;
    (* ram_style = THRESHOLD_RAM_STYLE, rom_style = THRESHOLD_STYLE *)
    logic [DRAIN*CONSTANT_WIDTH-1:0] threshold_memory[THRESHOLD_DEPTH];
    logic [DRAIN*CONSTANT_WIDTH-1:0] constants_q;
    logic [THRESHOLD_ADDRESS-1:0] address_q, address_2_q;
    logic [LEVELS_OUT:0] out_valid_q;  // delay lines over the encoder's stages
    logic [(LEVELS_OUT+1)*LEVEL_WIDTH-1:0] out_levels_q;
    assign out_valid_q[0] = kept_q[3];
    assign out_levels_q[LEVEL_WIDTH-1:0] = levels_q[3*LEVEL_WIDTH+:LEVEL_WIDTH];

    initial $readmemh(THRESHOLD_FILE, threshold_memory);

    always_ff @(posedge clk) begin
      address_q <= THRESHOLD_ADDRESS'(
          (int'(picked_set) * FOLDS + int'(picked_fold_q)) * DRAIN_WORDS + int'(place_q[DRAIN_WIDTH-1:0]));
      address_2_q <= address_q;
      constants_q <= threshold_memory[address_2_q];
      out_valid_q[LEVELS_OUT:1] <= rst ? '0 : out_valid_q[LEVELS_OUT-1:0];
      out_levels_q[LEVEL_WIDTH+:LEVELS_OUT*LEVEL_WIDTH] <= out_levels_q[LEVELS_OUT*LEVEL_WIDTH-1:0];
    end

    for (genvar d = 0; d < DRAIN; d++) begin : row
      logic [LEVELS_OUT-1:0] code;
      residual_encoder #(
          .LEVELS(LEVELS_OUT),
          .THRESHOLD_WIDTH(THRESHOLD_WIDTH),
          .ACC_WIDTH(ACC_WIDTH)
      ) encoder (
          .clk,
          .accumulator(total_q[d*ACC_WIDTH+:ACC_WIDTH]),
          .constants(constants_q[d*CONSTANT_WIDTH+:CONSTANT_WIDTH]),
          .code
      );
      for (genvar i = 0; i < LEVELS_OUT; i++) begin : level
        assign coded[i*DRAIN+d] = code[i] && (SETS == 1 || coded_levels > LEVEL_WIDTH'(i));
      end
    end
    assign coded_valid  = out_valid_q[LEVELS_OUT];
    assign coded_levels = out_levels_q[LEVELS_OUT*LEVEL_WIDTH+:LEVEL_WIDTH];
  end else begin : accumulators
    logic unused_fold;
    assign unused_fold  = &picked_fold_q;
    assign coded        = total_q;
    assign coded_valid  = kept_q[3];
    assign coded_levels = levels_q[3*LEVEL_WIDTH+:LEVEL_WIDTH];
  end

  // The output FIFO never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(OUT_WIDTH + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(coded_valid),
      .in_ready(unused_ready),
      .in_data({coded_levels, coded}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
