// Matrix-vector-threshold unit: one binary layer.
//
// In:   vectors of COLS elements in words of SIMD, LEVELS_IN bit planes each (plane major), the last word of a
//       vector filled up with 0, and the levels m of their image. Of a convolution in groups: vectors of SIDES groups
//       side by side, word s of plane p at [(p*SIDES + s)*SIMD +: SIMD], and TURNS vectors one after the other for one
//       that goes out.
// Out:  per vector ROWS elements in words of DRAIN. LEVELS_OUT > 0: residual codes of LEVELS_OUT planes (plane
//       major), planes above m hold 0. LEVELS_OUT = 0: unsigned accumulators of ACC_WIDTH bits, element major.
//       A last word that ROWS does not fill ends in elements of no meaning.
// Time: a vector takes ceil(ROWS/PE) * groups * CHUNKS cycles with groups = ceil(WEIGHT_PLANES / PLANE_LANES) *
//       ceil(m / LEVEL_LANES) and CHUNKS = ceil(COLS/SIMD), vectors follow each other without a gap. The first word of
//       a row fold is at the output WEIGHT_LATENCY + POPCOUNT_STAGES + TAIL + WAIT + LEVELS_OUT + 3 cycles after the
//       fold's last word was issued. TAIL is 1, and 1 more for a multiplier, ceil(clog2(PLANE_LANES * LEVEL_LANES)/2)
//       for adding lanes and 1 for adding groups; WAIT what THRESHOLD_LATENCY is more, if there are thresholds.
// How:  for each fold of PE rows, for each group of PLANE_LANES planes of the weights, for each group of LEVEL_LANES
//       planes of the input, all chunks of the vector: the PEs count, and their sums are drained DRAIN at a time
//       through one tail (gains, thresholds, encoder) while the PEs work on the next pass. The pipeline never stalls: what it will put out has its place in the output
//       FIFO reserved when the last chunk is issued, else that chunk waits.
//
// SIDES, TURNS: 1, or of a convolution in SIDES*TURNS groups, where PE/SIDES rows see a group's word, and ROWS/TURNS rows
// a vector: PE divides these, and SIDES > 1 needs PE = ROWS/TURNS.
// ROWS, COLS, PE ≥ 1; 1 ≤ SIMD ≤ COLS. DRAIN divides PE, PE/DRAIN ≤ CHUNKS.
// SETS: sets of constants, one per served m (m = 1 … SETS), or 1 if m never changes. THRESHOLD_SETS: SETS, or 1 if all
// sets have the same thresholds and steps.
// PIXELS: 1 if the input is pixels, all planes of which count at every m.
// WEIGHT_PLANES: planes of the weights, each with a gain of its own; PLANE_LANES of them are read at a time.
// GAINS: that of lane l of group g of set s at [((s*GROUPS + g)*LANES_ROW + l)*GAIN_WIDTH +: GAIN_WIDTH], LANES_ROW =
// PLANE_LANES*LEVEL_LANES; group g is that of planes g / LEVEL_GROUPS and of levels g % LEVEL_GROUPS, lane l that of
// plane l / LEVEL_LANES and of level l % LEVEL_LANES: the gain of the level times that of the plane, 0 where one is none.
// MULTIPLY: 0 if every lane has one gain in all sets and groups: then no multiplier, as for gains of powers of two.
// BUFFER_DEPTH: words of the input buffer; OUT_DEPTH ≥ PE/DRAIN: words of the output FIFO.
// WEIGHT_FILE: a word of PE*PLANE_LANES*SIMD bits per fold, group of planes and chunk, lane j of row p at
// [(p*PLANE_LANES + j)*SIMD +: SIMD], in columns of WEIGHT_COLUMN bits (rom.sv).
// WEIGHT_BANK, THRESHOLD_BANK, WEIGHT_LATENCY, THRESHOLD_LATENCY: of the memories, as in rom.sv.
// THRESHOLD_SHIFT: thresholds and steps count units of 2^-THRESHOLD_SHIFT accumulators.
// STEP_TREE: as in residual_encoder.
// THRESHOLD_FILE: a word of DRAIN times the constants of a residual_encoder per set, fold and drained word.
module mvtu #(
    parameter int ROWS = 256,
    parameter int COLS = 784,
    parameter int SIDES = 1,
    parameter int TURNS = 1,
    parameter int PE = 16,
    parameter int SIMD = 64,
    parameter int LEVELS_IN = 8,
    parameter int LEVELS_OUT = 2,
    parameter int LEVEL_LANES = 8,
    parameter int WEIGHT_PLANES = 1,
    parameter int PLANE_LANES = 1,
    parameter int SETS = 2,
    parameter int THRESHOLD_SETS = 2,
    parameter int PIXELS = 1,
    parameter int DRAIN = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int GAIN_WIDTH = 8,
    parameter int MULTIPLY = 0,
    parameter int ACC_WIDTH = 18,
    parameter int THRESHOLD_WIDTH = 24,
    parameter int THRESHOLD_SHIFT = 0,
    parameter int STEP_TREE = 0,
    parameter int BUFFER_DEPTH = 26,
    parameter int OUT_DEPTH = 32,
    parameter int POPCOUNT_STAGES = 3,
    parameter WEIGHT_FILE = "",
    parameter THRESHOLD_FILE = "",
    parameter WEIGHT_STYLE = "block",
    parameter int WEIGHT_COLUMN = PE * PLANE_LANES * SIMD,
    parameter THRESHOLD_STYLE = "distributed",
    parameter BUFFER_STYLE = "distributed",
    parameter int WEIGHT_BANK = 0,
    parameter int THRESHOLD_BANK = 0,
    /* verilator lint_off WIDTHEXPAND */
    parameter int WEIGHT_LATENCY = WEIGHT_STYLE == "block" ? 2 : 1,
    parameter int THRESHOLD_LATENCY = THRESHOLD_STYLE == "block" ? 2 : 1,
    /* verilator lint_on WIDTHEXPAND */
    localparam int LEVEL_GROUPS = (LEVELS_IN + LEVEL_LANES - 1) / LEVEL_LANES,
    localparam int PLANE_GROUPS = (WEIGHT_PLANES + PLANE_LANES - 1) / PLANE_LANES,
    localparam int GROUPS = PLANE_GROUPS * LEVEL_GROUPS,
    localparam int LANES_ROW = PLANE_LANES * LEVEL_LANES,
    parameter logic [SETS*GROUPS*LANES_ROW*GAIN_WIDTH-1:0] GAINS = '0,
    localparam int OUT_WIDTH = DRAIN * (LEVELS_OUT > 0 ? LEVELS_OUT : ACC_WIDTH)
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      in_valid,
    output logic                      in_ready,
    input  logic [LEVELS_IN*SIDES*SIMD-1:0] in_data,
    input  logic [   LEVEL_WIDTH-1:0] in_levels,
    output logic                      out_valid,
    input  logic                      out_ready,
    output logic [     OUT_WIDTH-1:0] out_data,
    output logic [   LEVEL_WIDTH-1:0] out_levels
);
  localparam int CHUNKS = (COLS + SIMD - 1) / SIMD;
  localparam int FOLDS = (ROWS + PE - 1) / PE;
  localparam int TURN_FOLDS = FOLDS / TURNS;  // of those that see one vector
  localparam int INPUTS = SIDES * SIMD;  // of a plane of a word
  localparam int DRAIN_WORDS = PE / DRAIN;
  localparam int LAST_WORDS = (ROWS - (FOLDS - 1) * PE + DRAIN - 1) / DRAIN;  // kept words of the last fold
  localparam int VECTOR_WORDS = FOLDS * DRAIN_WORDS;  // drained words of a vector, the surplus ones too
  localparam int OUT_WORDS = (FOLDS - 1) * DRAIN_WORDS + LAST_WORDS;
  localparam int SUM_WIDTH = $clog2(CHUNKS * SIMD + 1);
  localparam int SET_WIDTH = SETS > 1 ? $clog2(SETS) : 1;
  localparam int GROUP_WIDTH = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int LEVEL_GROUP_WIDTH = LEVEL_GROUPS > 1 ? $clog2(LEVEL_GROUPS) : 1;
  localparam int PLANE_GROUP_WIDTH = PLANE_GROUPS > 1 ? $clog2(PLANE_GROUPS) : 1;
  localparam int WORD_BITS = PE * PLANE_LANES * SIMD;
  localparam int FOLD_WIDTH = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int DRAIN_WIDTH = DRAIN_WORDS > 1 ? $clog2(DRAIN_WORDS) : 1;
  localparam int PLACE_WIDTH = VECTOR_WORDS > 1 ? $clog2(VECTOR_WORDS) : 1;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH + 1) + 1;
  localparam int WEIGHT_DEPTH = FOLDS * PLANE_GROUPS * CHUNKS;
  localparam int WEIGHT_ADDRESS = WEIGHT_DEPTH > 1 ? $clog2(WEIGHT_DEPTH) : 1;
  localparam int LANES = DRAIN * LANES_ROW;
  localparam int LANE_STAGES = ($clog2(LANES_ROW) + 1) / 2;
  localparam int TAIL = 1 + (MULTIPLY != 0 ? 1 : 0) + LANE_STAGES + (GROUPS > 1 ? 1 : 0);
  // The place of a drained word is known FETCH stages behind the drain: that of its thresholds, which are there with its
  // accumulators, or these wait for them.
  localparam int FETCHING = LEVELS_OUT > 0 ? THRESHOLD_LATENCY : 1;
  localparam int FETCH = TAIL > FETCHING ? TAIL - FETCHING : 0;
  localparam int WAIT = FETCH + FETCHING - TAIL;
  localparam int LINE = TAIL + WAIT;

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
  if (BUFFER_DEPTH < CHUNKS && (TURN_FOLDS > 1 || GROUPS > 1)) begin : illegal_6
    $fatal(1, "mvtu: BUFFER_DEPTH must hold a vector, ceil(COLS/SIMD) words");
  end
  if (LEVELS_IN < 1 || LEVELS_OUT < 0) begin : illegal_7
    $fatal(1, "mvtu: LEVELS_IN must be at least 1 and LEVELS_OUT at least 0");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_8
    $fatal(1, "mvtu: LEVEL_WIDTH must hold SETS");
  end
  if (THRESHOLD_SETS != 1 && THRESHOLD_SETS != SETS) begin : illegal_9
    $fatal(1, "mvtu: THRESHOLD_SETS must be 1 or SETS");
  end
  if (PLANE_LANES < 1 || PLANE_LANES > WEIGHT_PLANES) begin : illegal_11
    $fatal(1, "mvtu: PLANE_LANES must be 1 to WEIGHT_PLANES");
  end

  if (SIDES < 1 || TURNS < 1 || (SIDES * TURNS > 1 && (ROWS % TURNS != 0 || (ROWS / TURNS) % PE != 0)) ||
      (SIDES > 1 && (ROWS / TURNS != PE || PE % SIDES != 0))) begin : illegal_12
    $fatal(1, "mvtu: PE must divide the ROWS/TURNS of a turn, and be as many with SIDES, which divide it");
  end

  // Without a multiplier each lane has the gain that it has in the first set and group.
  function automatic int gains_change();
    gains_change = 0;
    for (int s = 0; s < SETS * GROUPS; s++) begin
      if (GAINS[s*LANES_ROW*GAIN_WIDTH+:LANES_ROW*GAIN_WIDTH] != GAINS[0+:LANES_ROW*GAIN_WIDTH]) gains_change = 1;
    end
  endfunction
  if (MULTIPLY == 0 && gains_change() != 0) begin : illegal_10
    $fatal(1, "mvtu: without MULTIPLY a lane must have one gain in all sets and groups");
  end

  // Sequencer: folds, groups, chunks.
  logic word_valid, word_last, issue, last_group, last_fold, ends_turn, ends_fold, out_pop;
  logic [LEVEL_WIDTH-1:0] word_levels;
  logic [LEVELS_IN*INPUTS-1:0] word_q;
  logic [LEVEL_GROUP_WIDTH-1:0] group_q;
  logic last_level;
  logic [FOLD_WIDTH-1:0] fold_q;
  logic [WEIGHT_ADDRESS-1:0] weight_next_q;
  logic [ROOM_WIDTH-1:0] room_q, room_d;  // places to promise beyond those of a fold: negative if there are fewer

  vector_buffer #(
      .WIDTH(LEVELS_IN * INPUTS),
      .LEVEL_WIDTH(LEVEL_WIDTH),
      .LEVELS_CHANGE(SETS > 1 ? 1 : 0),
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
      .word_last,
      .word_levels,
      .take(issue),
      .free(last_group && ends_turn),
      .data_q(word_q)
  );

  assign last_fold = fold_q == FOLD_WIDTH'(FOLDS - 1);
  assign ends_fold = word_last && last_group;
  assign issue     = word_valid && (!ends_fold || !room_q[ROOM_WIDTH-1]);

  if (TURNS > 1) begin : many_turns
    localparam int TURN_WIDTH = TURN_FOLDS > 1 ? $clog2(TURN_FOLDS) : 1;
    logic [TURN_WIDTH-1:0] turn_fold_q;
    assign ends_turn = turn_fold_q == TURN_WIDTH'(TURN_FOLDS - 1);
    always_ff @(posedge clk) begin
      if (rst) turn_fold_q <= '0;
      else if (issue && ends_fold) turn_fold_q <= ends_turn ? '0 : turn_fold_q + 1'b1;
    end
  end else begin : one_turn
    assign ends_turn = last_fold;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      fold_q <= '0;
      room_q <= ROOM_WIDTH'(OUT_DEPTH - DRAIN_WORDS);
    end else begin
      room_q <= room_d;
      if (issue && ends_fold) begin
        fold_q <= last_fold ? '0 : fold_q + 1'b1;
      end
    end
  end

  // The place that comes back is the carry of the adder.
  logic [ROOM_WIDTH-1:0] promised;
  logic unused_room;
  always_comb begin
    promised = '0;
    if (issue && ends_fold) promised = last_fold ? ROOM_WIDTH'(-LAST_WORDS) : ROOM_WIDTH'(-DRAIN_WORDS);
  end
  assign {room_d, unused_room} = {room_q, 1'b1} + {promised, out_pop};

  // The planes of the weights stand one behind the other in their memory, as folds do; the groups of levels read again
  // what they read before.
  logic last_plane;
  if (PLANE_GROUPS > 1) begin : many_planes
    logic [PLANE_GROUP_WIDTH-1:0] plane_q;
    assign last_plane = plane_q == PLANE_GROUP_WIDTH'(PLANE_GROUPS - 1);
    always_ff @(posedge clk) begin
      if (rst) plane_q <= '0;
      else if (issue && word_last && last_level) plane_q <= last_plane ? '0 : plane_q + 1'b1;
    end
  end else begin : single_plane
    assign last_plane = 1'b1;
  end
  assign last_group = last_level && last_plane;

  if (LEVEL_GROUPS > 1) begin : many_groups
    logic [LEVEL_GROUP_WIDTH-1:0] final_group;
    logic [WEIGHT_ADDRESS-1:0] weight_fold_q;  // where the fold or the plane begins, for its next group
    if (PIXELS != 0 || SETS == 1) begin : fixed_groups
      assign final_group = LEVEL_GROUP_WIDTH'(LEVEL_GROUPS - 1);
    end else begin : level_groups
      assign final_group = LEVEL_GROUP_WIDTH'((int'(word_levels) - 1) / LEVEL_LANES);
    end
    assign last_level = group_q == final_group;
    always_ff @(posedge clk) begin
      if (rst) begin
        group_q       <= '0;
        weight_next_q <= '0;
        weight_fold_q <= '0;
      end else if (issue) begin
        weight_next_q <= weight_next_q + 1'b1;
        if (word_last) begin
          group_q <= last_level ? '0 : group_q + 1'b1;
          if (!last_level) weight_next_q <= weight_fold_q;
          else if (last_plane && last_fold) begin
            weight_next_q <= '0;
            weight_fold_q <= '0;
          end else weight_fold_q <= weight_next_q + 1'b1;
        end
      end
    end
  end else begin : single_group
    assign group_q    = '0;
    assign last_level = 1'b1;
    always_ff @(posedge clk) begin
      if (rst) weight_next_q <= '0;
      else if (issue) weight_next_q <= word_last && last_plane && last_fold ? '0 : weight_next_q + 1'b1;
    end
  end

  // Stage 1: the word is there. Stage 2: its planes are chosen and the weights are there.
  logic [WORD_BITS-1:0] weights;
  logic [WEIGHT_ADDRESS-1:0] weight_address_q;
  localparam int PLANES_WIDTH = LEVEL_LANES * INPUTS;
  logic [PLANES_WIDTH-1:0] planes_d, planes;
  logic [WEIGHT_LATENCY*PLANES_WIDTH-1:0] planes_q;  // as long as the weights take
  logic [LEVEL_GROUP_WIDTH-1:0] word_group_q;
  // Delay lines, newest stage first. A reset leaves no word, and an end that makes the next sums begin at 0.
  localparam int STAGES = 1 + WEIGHT_LATENCY + POPCOUNT_STAGES;
  logic [STAGES-1:0] add_q, last_q, last_group_q, last_level_q;
  logic [STAGES*LEVEL_WIDTH-1:0] pass_levels_q;

  rom #(
      .WIDTH(WORD_BITS),
      .DEPTH(WEIGHT_DEPTH),
      .COLUMN(WEIGHT_COLUMN),
      .BANK(WEIGHT_BANK),
      .FILE(WEIGHT_FILE),
      .STYLE(WEIGHT_STYLE),
      .LATENCY(WEIGHT_LATENCY)
  ) weight_memory (
      .clk,
      .address(weight_address_q),
      .data_q (weights)
  );

  // Surplus lanes of the last group see zeros.
  logic [LEVEL_GROUPS*LEVEL_LANES*INPUTS-1:0] word_padded;
  assign word_padded = (LEVEL_GROUPS * LEVEL_LANES * INPUTS)'(word_q);

  // With one group a word that may come late from block RAM goes into its register at once.
  if (LEVEL_GROUPS > 1) begin : planes_of_group
    always_comb begin
      planes_d = '0;
      for (int g = 0; g < LEVEL_GROUPS; g++) begin
        if (word_group_q == LEVEL_GROUP_WIDTH'(g)) planes_d = word_padded[g*PLANES_WIDTH+:PLANES_WIDTH];
      end
    end
  end else begin : all_planes
    logic unused_group;
    assign unused_group = &word_group_q;
    assign planes_d = word_padded;
  end

  always_ff @(posedge clk) begin
    weight_address_q <= weight_next_q;
    word_group_q     <= group_q;
    planes_q         <= (WEIGHT_LATENCY * PLANES_WIDTH)'({planes_q, planes_d});
    add_q            <= rst ? '0 : {add_q[STAGES-2:0], issue};
    last_q           <= rst ? '1 : {last_q[STAGES-2:0], issue && word_last};
    last_group_q     <= {last_group_q[STAGES-2:0], last_group};
    last_level_q     <= {last_level_q[STAGES-2:0], last_level};
    pass_levels_q    <= {pass_levels_q[(STAGES-1)*LEVEL_WIDTH-1:0], word_levels};
  end

  assign planes = planes_q[(WEIGHT_LATENCY-1)*PLANES_WIDTH+:PLANES_WIDTH];

  // The processing elements; at the end of a pass their sums stand still until the next pass ends.
  logic [PE*LANES_ROW*SUM_WIDTH-1:0] sums;
  logic add, last, ends;
  assign add  = add_q[STAGES-1];
  assign last = last_q[STAGES-1];
  assign ends = add && last;

  for (genvar p = 0; p < PE * PLANE_LANES; p++) begin : pe
    localparam int SIDE = p / (PE * PLANE_LANES / SIDES);  // the group that its rows are of
    logic [LEVEL_LANES*SIMD-1:0] seen;
    for (genvar l = 0; l < LEVEL_LANES; l++) begin : lane
      assign seen[l*SIMD+:SIMD] = planes[(l*SIDES+SIDE)*SIMD+:SIMD];
    end
    processing_element #(
        .SIMD(SIMD),
        .LEVEL_LANES(LEVEL_LANES),
        .SUM_WIDTH(SUM_WIDTH),
        .POPCOUNT_STAGES(POPCOUNT_STAGES)
    ) element (
        .clk,
        .data(seen),
        .weights(weights[p*SIMD+:SIMD]),
        .add,
        .last,
        .sums(sums[p*LEVEL_LANES*SUM_WIDTH+:LEVEL_LANES*SUM_WIDTH])
    );
  end

  // Drain: DRAIN rows per cycle.
  logic draining_q, drain_last_q;
  logic [GROUP_WIDTH-1:0] drain_group_q, next_group_q;
  logic [LEVEL_WIDTH-1:0] drain_levels_q;
  logic [DRAIN_WIDTH-1:0] drained_q;

  always_ff @(posedge clk) begin
    if (rst) draining_q <= 1'b0;
    else if (ends) draining_q <= 1'b1;
    else if (drained_q == DRAIN_WIDTH'(DRAIN_WORDS - 1)) draining_q <= 1'b0;
  end
  always_ff @(posedge clk) begin
    if (ends) drained_q <= '0;
    else drained_q <= drained_q + 1'b1;
  end
  always_ff @(posedge clk) begin
    if (ends) begin
      drain_last_q   <= last_group_q[STAGES-1];
      drain_group_q  <= next_group_q;
      drain_levels_q <= pass_levels_q[(STAGES-1)*LEVEL_WIDTH+:LEVEL_WIDTH];
    end
  end
  if (PLANE_GROUPS > 1 && LEVEL_GROUPS > 1) begin : next_of_both
    logic [GROUP_WIDTH-1:0] next_plane_q;  // where the groups of the next planes begin
    always_ff @(posedge clk) begin
      if (rst) begin
        next_group_q <= '0;
        next_plane_q <= GROUP_WIDTH'(LEVEL_GROUPS);
      end else if (ends) begin
        if (last_group_q[STAGES-1]) begin
          next_group_q <= '0;
          next_plane_q <= GROUP_WIDTH'(LEVEL_GROUPS);
        end else if (last_level_q[STAGES-1]) begin
          next_group_q <= next_plane_q;
          next_plane_q <= next_plane_q + GROUP_WIDTH'(LEVEL_GROUPS);
        end else next_group_q <= next_group_q + 1'b1;
      end
    end
  end else begin : next_in_turn
    logic unused_level;
    assign unused_level = last_level_q[STAGES-1];
    always_ff @(posedge clk) begin
      if (rst) next_group_q <= '0;
      else if (ends) next_group_q <= last_group_q[STAGES-1] ? '0 : next_group_q + 1'b1;
    end
  end

  // Tail: pick DRAIN sums; times gains; add the lanes; add the groups. The lines follow a drained word through it: it
  // moves, it is of the first group, of the last group, the levels. Bit 0 is the drain itself, bit LINE behind it all.
  logic [LINE:0] moving_q, whole_q;
  logic [LINE:0] first_q;
  logic [(LINE+1)*LEVEL_WIDTH-1:0] levels_q;
  logic [LINE-1:0] moving_line_q, whole_line_q, first_line_q;
  logic [LINE*LEVEL_WIDTH-1:0] levels_line_q;
  assign moving_q = {moving_line_q, draining_q};
  assign whole_q  = {whole_line_q, draining_q && drain_last_q};
  assign first_q  = {first_line_q, drain_group_q == '0};
  assign levels_q = {levels_line_q, drain_levels_q};

  // The word whose thresholds are fetched: its place in the vector, and whether it goes out.
  logic [PLACE_WIDTH-1:0] place_q;
  logic [FETCHING-1:0] kept_q;
  logic keep, unused_line;
  assign keep = whole_q[FETCH] && (LAST_WORDS == DRAIN_WORDS || place_q < PLACE_WIDTH'(OUT_WORDS));
  assign unused_line = &{moving_q, whole_q, first_q};

  always_ff @(posedge clk) begin
    moving_line_q <= rst ? '0 : moving_q[LINE-1:0];
    whole_line_q  <= rst ? '0 : whole_q[LINE-1:0];
    first_line_q  <= first_q[LINE-1:0];
    levels_line_q <= levels_q[LINE*LEVEL_WIDTH-1:0];
    kept_q        <= rst ? '0 : FETCHING'({kept_q, keep});
    if (rst) place_q <= '0;
    else if (whole_q[FETCH]) place_q <= place_q == PLACE_WIDTH'(VECTOR_WORDS - 1) ? '0 : place_q + 1'b1;
  end

  // Places of a power of two: an index times anything else would be a multiplier and a shifter.
  localparam int PLACE = 1 << $clog2(LANES * SUM_WIDTH);
  logic [DRAIN_WORDS*PLACE-1:0] places;
  for (genvar w = 0; w < DRAIN_WORDS; w++) begin : placed
    assign places[w*PLACE+:PLACE] = PLACE'(sums[w*LANES*SUM_WIDTH+:LANES*SUM_WIDTH]);
  end
  logic [LANES*SUM_WIDTH-1:0] picked_q;
  always_ff @(posedge clk) picked_q <= places[int'(drained_q)*PLACE+:LANES*SUM_WIDTH];

  logic [LANES*ACC_WIDTH-1:0] product;
  for (genvar l = 0; l < LANES; l++) begin : gain
    if (MULTIPLY != 0) begin : multiplier
      logic [SET_WIDTH-1:0] set;
      logic [GAIN_WIDTH-1:0] gain_q;
      if (SETS > 1) begin : set_of_levels
        assign set = SET_WIDTH'(drain_levels_q - 1'b1);
      end else begin : one_set
        assign set = '0;
      end
      always_ff @(posedge clk) begin
        gain_q <= GAINS[((int'(set)*GROUPS+int'(drain_group_q))*LANES_ROW+l%LANES_ROW)*GAIN_WIDTH+:GAIN_WIDTH];
        product[l*ACC_WIDTH+:ACC_WIDTH] <= ACC_WIDTH'(picked_q[l*SUM_WIDTH+:SUM_WIDTH]) * ACC_WIDTH'(gain_q);
      end
    end else begin : shift
      assign product[l*ACC_WIDTH+:ACC_WIDTH] = ACC_WIDTH'(picked_q[l*SUM_WIDTH+:SUM_WIDTH]) *
          ACC_WIDTH'(GAINS[(l%LANES_ROW)*GAIN_WIDTH+:GAIN_WIDTH]);
    end
  end

  // Lanes are added in pairs, two levels of adders a stage.
  localparam int LANE_LEVELS = $clog2(LANES_ROW);
  logic [DRAIN*ACC_WIDTH-1:0] added, total_q, waited;
  for (genvar d = 0; d < DRAIN; d++) begin : row
    for (genvar k = 0; k <= LANE_LEVELS; k++) begin : level
      localparam int COUNT = (LANES_ROW + (1 << k) - 1) >> k;
      logic [COUNT*ACC_WIDTH-1:0] sum;
      if (k == 0) begin : products
        assign sum = product[d*LANES_ROW*ACC_WIDTH+:LANES_ROW*ACC_WIDTH];
      end else begin : pairs
        localparam int BEFORE = (LANES_ROW + (1 << (k - 1)) - 1) >> (k - 1);
        logic [2*COUNT*ACC_WIDTH-1:0] padded;
        logic [COUNT*ACC_WIDTH-1:0] sum_d;
        assign padded = (2 * COUNT * ACC_WIDTH)'(level[k-1].sum[BEFORE*ACC_WIDTH-1:0]);
        for (genvar c = 0; c < COUNT; c++) begin : pair
          assign sum_d[c*ACC_WIDTH+:ACC_WIDTH] =
              padded[2*c*ACC_WIDTH+:ACC_WIDTH] + padded[(2*c+1)*ACC_WIDTH+:ACC_WIDTH];
        end
        if (k % 2 == 0 || k == LANE_LEVELS) begin : registered
          always_ff @(posedge clk) sum <= sum_d;
        end else begin : through
          assign sum = sum_d;
        end
      end
    end
    assign added[d*ACC_WIDTH+:ACC_WIDTH] = level[LANE_LEVELS].sum;
  end

  if (GROUPS > 1) begin : add_groups
    (* ram_style = "distributed" *) logic [DRAIN*ACC_WIDTH-1:0] partial[DRAIN_WORDS];
    logic [DRAIN*ACC_WIDTH-1:0] earlier, total_d;
    logic [DRAIN_WIDTH-1:0] group_place_q;
    assign earlier = partial[group_place_q];
    for (genvar d = 0; d < DRAIN; d++) begin : sum
      assign total_d[d*ACC_WIDTH+:ACC_WIDTH] =
          (first_q[TAIL-1] ? '0 : earlier[d*ACC_WIDTH+:ACC_WIDTH]) + added[d*ACC_WIDTH+:ACC_WIDTH];
    end
    always_ff @(posedge clk) begin
      total_q <= total_d;
      if (moving_q[TAIL-1]) partial[group_place_q] <= total_d;
      if (rst) group_place_q <= '0;
      else if (moving_q[TAIL-1])
        group_place_q <= group_place_q == DRAIN_WIDTH'(DRAIN_WORDS - 1) ? '0 : group_place_q + 1'b1;
    end
  end else begin : one_group
    assign total_q = added;
  end

  if (WAIT > 0) begin : wait_for_thresholds
    logic [WAIT*DRAIN*ACC_WIDTH-1:0] waiting_q;
    always_ff @(posedge clk) waiting_q <= (WAIT * DRAIN * ACC_WIDTH)'({waiting_q, total_q});
    assign waited = waiting_q[(WAIT-1)*DRAIN*ACC_WIDTH+:DRAIN*ACC_WIDTH];
  end else begin : no_wait
    assign waited = total_q;
  end

  // Thresholds and encoder, or the accumulators as they are.
  logic [OUT_WIDTH-1:0] coded;
  logic [LEVEL_WIDTH-1:0] coded_levels;
  logic coded_valid, unused_ready;

  if (LEVELS_OUT > 0) begin : encode
    localparam int NUMBERS = STEP_TREE != 0 ? (1 << LEVELS_OUT) - 1 : LEVELS_OUT;  // of a row
    localparam int CONSTANT_WIDTH = NUMBERS * THRESHOLD_WIDTH;
    localparam int THRESHOLD_DEPTH = THRESHOLD_SETS * VECTOR_WORDS;
    localparam int THRESHOLD_ADDRESS = THRESHOLD_DEPTH > 1 ? $clog2(THRESHOLD_DEPTH) : 1;
    logic [DRAIN*CONSTANT_WIDTH-1:0] constants_q;
    logic [THRESHOLD_ADDRESS-1:0] address;
    logic [LEVELS_OUT:0] out_valid_q;  // delay lines over the encoder's stages
    logic [(LEVELS_OUT+1)*LEVEL_WIDTH-1:0] out_levels_q;
    assign out_valid_q[0] = kept_q[FETCHING-1];
    assign out_levels_q[LEVEL_WIDTH-1:0] = levels_q[LINE*LEVEL_WIDTH+:LEVEL_WIDTH];

    if (THRESHOLD_SETS > 1) begin : set_of_levels
      assign address = THRESHOLD_ADDRESS'(
          (int'(levels_q[FETCH*LEVEL_WIDTH+:LEVEL_WIDTH]) - 1) * VECTOR_WORDS + int'(place_q));
    end else begin : one_set
      assign address = place_q;
    end

    rom #(
        .WIDTH(DRAIN * CONSTANT_WIDTH),
        .DEPTH(THRESHOLD_DEPTH),
        .BANK(THRESHOLD_BANK),
        .FILE(THRESHOLD_FILE),
        .STYLE(THRESHOLD_STYLE),
        .LATENCY(THRESHOLD_LATENCY)
    ) threshold_memory (
        .clk,
        .address,
        .data_q(constants_q)
    );

    always_ff @(posedge clk) begin
      out_valid_q[LEVELS_OUT:1] <= rst ? '0 : out_valid_q[LEVELS_OUT-1:0];
      out_levels_q[LEVEL_WIDTH+:LEVELS_OUT*LEVEL_WIDTH] <= out_levels_q[LEVELS_OUT*LEVEL_WIDTH-1:0];
    end

    for (genvar d = 0; d < DRAIN; d++) begin : row
      logic [LEVELS_OUT-1:0] code;
      residual_encoder #(
          .LEVELS(LEVELS_OUT),
          .THRESHOLD_WIDTH(THRESHOLD_WIDTH),
          .ACC_WIDTH(ACC_WIDTH),
          .SHIFT(THRESHOLD_SHIFT),
          .STEP_TREE(STEP_TREE)
      ) encoder (
          .clk,
          .accumulator(waited[d*ACC_WIDTH+:ACC_WIDTH]),
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
    assign coded        = waited;
    assign coded_valid  = kept_q[FETCHING-1];
    assign coded_levels = levels_q[LINE*LEVEL_WIDTH+:LEVEL_WIDTH];
  end

  // The output FIFO never overflows: every word that is written was promised its place.
  // Levels that never change need no place in it.
  localparam int RESULT_WIDTH = OUT_WIDTH + (SETS > 1 ? LEVEL_WIDTH : 0);
  logic [RESULT_WIDTH-1:0] result_d, result;
  if (SETS > 1) begin : with_levels
    assign result_d   = {coded_levels, coded};
    assign out_levels = result[OUT_WIDTH+:LEVEL_WIDTH];
  end else begin : without_levels
    logic unused_levels;
    assign unused_levels = &coded_levels;
    assign result_d = coded;
    assign out_levels = word_levels;
  end
  assign out_data = result[OUT_WIDTH-1:0];

  fifo #(
      .WIDTH(RESULT_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(coded_valid),
      .in_ready(unused_ready),
      .in_data(result_d),
      .out_valid,
      .out_ready,
      .out_data(result)
  );
  assign out_pop = out_valid && out_ready;
endmodule
