// A binary layer whose weights are wires: a vector a cycle, and no memory.
//
// In:   vectors of COLS elements in one word, LEVELS_IN bit planes (plane major).
// Out:  per vector ROWS elements in one word. LEVELS_OUT > 0: residual codes of LEVELS_OUT planes (plane major).
//       LEVELS_OUT = 0: unsigned accumulators of ACC_WIDTH bits, element major.
// Time: one vector per cycle; a vector is at the output COUNT_STAGES + MULTIPLY + LANE_STAGES + 4 cycles after it was
//       taken. LANE_STAGES is ceil(clog2(LEVELS_IN)/2); MULTIPLY is 1 if a gain is no power of two, else 0.
// How:  with x the value of an input, Σ gain·bit, an accumulator is a constant plus the x of weight 1 less those of
//       weight 0. The sum T of all x is the same for every row, so a row counts only the inputs of the rarer weight,
//       their sum is S, and D = 2S - T is all that its code depends on: bit by bit, D is compared with constants. The
//       pipeline never stalls: a vector is taken when its place in the output FIFO is promised.
//
// ROWS, COLS, LEVELS_IN ≥ 1. COUNT_STAGES: of a bit_count of COLS bits.
// SLOTS: the most inputs that a row counts, or 1. PICKS: their numbers, that of slot k of row r at
// [(r*SLOTS + k)*INDEX_WIDTH +: INDEX_WIDTH]. PICKED: how many there are, INDEX_WIDTH + 1 bits a row.
// ZEROS: a bit a row, 1 if those are the inputs of weight 0.
// GAINS: of each plane of the input, GAIN_WIDTH bits, level 1 lowest.
// NUMBERS: row by row, ACC_WIDTH + 2 bits each, signed. LEVELS_OUT > 0: for each code from 1 to 2^LEVELS_OUT - 1 the
// least D of that code or a higher one, with ZEROS of a lower one. LEVELS_OUT = 0: what is added to D, with ZEROS to -D.
module unrolled #(
    parameter int ROWS = 2,
    parameter int COLS = 4,
    parameter int LEVELS_IN = 1,
    parameter int LEVELS_OUT = 1,
    parameter int LEVEL_WIDTH = 1,
    parameter int GAIN_WIDTH = 1,
    parameter int ACC_WIDTH = 3,
    parameter int COUNT_STAGES = 1,
    parameter int SLOTS = 2,
    localparam int INDEX_WIDTH = COLS > 1 ? $clog2(COLS) : 1,
    localparam int NUMBER_WIDTH = ACC_WIDTH + 2,
    localparam int BOUNDARIES = LEVELS_OUT > 0 ? (1 << LEVELS_OUT) - 1 : 1,
    localparam int OUT_WIDTH = ROWS * (LEVELS_OUT > 0 ? LEVELS_OUT : ACC_WIDTH),
    parameter logic [LEVELS_IN*GAIN_WIDTH-1:0] GAINS = '1,
    parameter logic [ROWS-1:0] ZEROS = '0,
    parameter logic [ROWS*(INDEX_WIDTH+1)-1:0] PICKED = '0,
    parameter logic [ROWS*SLOTS*INDEX_WIDTH-1:0] PICKS = '0,
    parameter logic [ROWS*BOUNDARIES*NUMBER_WIDTH-1:0] NUMBERS = '0
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      in_valid,
    output logic                      in_ready,
    input  logic [LEVELS_IN*COLS-1:0] in_data,
    input  logic [   LEVEL_WIDTH-1:0] in_levels,
    output logic                      out_valid,
    input  logic                      out_ready,
    output logic [     OUT_WIDTH-1:0] out_data,
    output logic [   LEVEL_WIDTH-1:0] out_levels
);
  // A table of six bits is one LUT a bit: gains that are no shifts are looked up, a digit of six bits at a time.
  localparam int DIGIT = 6;
  localparam int COUNT_WIDTH = $clog2(COLS + 1);
  localparam int DIGITS = (COUNT_WIDTH + DIGIT - 1) / DIGIT;
  localparam int LANE_LEVELS = $clog2(LEVELS_IN);
  localparam int LANE_STAGES = (LANE_LEVELS + 1) / 2;

  function automatic int multiplies();
    multiplies = 0;
    for (int l = 0; l < LEVELS_IN; l++) begin
      if ((GAINS[l*GAIN_WIDTH+:GAIN_WIDTH] & (GAINS[l*GAIN_WIDTH+:GAIN_WIDTH] - 1'b1)) != '0) multiplies = 1;
    end
  endfunction

  localparam int MULTIPLY = multiplies();
  localparam int STAGES = COUNT_STAGES + MULTIPLY + LANE_STAGES + 3;
  localparam int OUT_DEPTH = STAGES + 2;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH + 1);

  if (ROWS < 1 || COLS < 1 || LEVELS_IN < 1 || LEVELS_OUT < 0) begin : illegal_1
    $fatal(1, "unrolled: ROWS, COLS and LEVELS_IN must be at least 1, LEVELS_OUT at least 0");
  end
  if (SLOTS < 1 || SLOTS > COLS) begin : illegal_2
    $fatal(1, "unrolled: SLOTS must be 1 to COLS");
  end

  logic [ROOM_WIDTH-1:0] room_q;
  logic [STAGES-1:0] valid_q;
  logic [LEVELS_IN*COLS-1:0] data_q;
  logic take, out_pop, unused_ready;

  assign in_ready = room_q != '0;
  assign take = in_valid && in_ready;

  always_ff @(posedge clk) begin
    if (rst) room_q <= ROOM_WIDTH'(OUT_DEPTH);
    else room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
    valid_q <= rst ? '0 : {valid_q[STAGES-2:0], take};
    data_q  <= in_data;
    if (take) out_levels <= in_levels;  // those of every image
  end

  // The multiples of a gain, each in a place of a power of two.
  localparam int ENTRIES = 1 << DIGIT;
  localparam int PLACE = 1 << $clog2(NUMBER_WIDTH);
  function automatic logic [ENTRIES*PLACE-1:0] multiples(input logic [GAIN_WIDTH-1:0] gain);
    for (int i = 0; i < ENTRIES; i++) multiples[i*PLACE+:PLACE] = PLACE'(i * int'(gain));
  endfunction

  // The sums S of the rows, and behind them T.
  logic [(ROWS+1)*NUMBER_WIDTH-1:0] sums;
  for (genvar r = 0; r <= ROWS; r++) begin : row
    localparam int COUNTED = r == ROWS ? COLS : int'(PICKED[(r == ROWS ? 0 : r)*(INDEX_WIDTH+1)+:INDEX_WIDTH+1]);
    logic [LEVELS_IN*NUMBER_WIDTH-1:0] products;

    for (genvar l = 0; l < LEVELS_IN; l++) begin : lane
      localparam logic [GAIN_WIDTH-1:0] GAIN = GAINS[l*GAIN_WIDTH+:GAIN_WIDTH];
      logic [COUNT_WIDTH-1:0] count;
      logic [NUMBER_WIDTH-1:0] product;

      if (COUNTED == 0) begin : nothing
        assign count = '0;
      end else begin : some
        logic [COUNTED-1:0] picked;
        logic [$clog2(COUNTED + 1)-1:0] counted;
        for (genvar k = 0; k < COUNTED; k++) begin : pick
          if (r == ROWS) begin : every
            assign picked[k] = data_q[l*COLS+k];
          end else begin : own
            assign picked[k] = data_q[l*COLS+int'(PICKS[(r*SLOTS+k)*INDEX_WIDTH+:INDEX_WIDTH])];
          end
        end
        bit_count #(
            .WIDTH (COUNTED),
            .STAGES(COUNT_STAGES)
        ) counter (
            .clk,
            .data (picked),
            .count(counted)
        );
        assign count = COUNT_WIDTH'(counted);
      end

      if ((GAIN & (GAIN - 1'b1)) == '0) begin : shift
        assign product = NUMBER_WIDTH'(count) * NUMBER_WIDTH'(GAIN);
      end else begin : times
        localparam logic [ENTRIES*PLACE-1:0] TABLE = multiples(GAIN);
        logic [DIGITS*DIGIT-1:0] digits;
        assign digits = (DIGITS * DIGIT)'(count);
        always_comb begin
          product = '0;
          for (int d = 0; d < DIGITS; d++) begin
            product = product + (NUMBER_WIDTH'(TABLE[int'(digits[d*DIGIT+:DIGIT])*PLACE+:PLACE]) << (d * DIGIT));
          end
        end
      end

      if (MULTIPLY != 0) begin : registered
        always_ff @(posedge clk) products[l*NUMBER_WIDTH+:NUMBER_WIDTH] <= product;
      end else begin : through
        assign products[l*NUMBER_WIDTH+:NUMBER_WIDTH] = product;
      end
    end

    // Lanes are added in pairs, two levels of adders a stage.
    for (genvar k = 0; k <= LANE_LEVELS; k++) begin : level
      localparam int COUNT = (LEVELS_IN + (1 << k) - 1) >> k;
      logic [COUNT*NUMBER_WIDTH-1:0] sum;
      if (k == 0) begin : of_lanes
        assign sum = products;
      end else begin : pairs
        localparam int BEFORE = (LEVELS_IN + (1 << (k - 1)) - 1) >> (k - 1);
        logic [2*COUNT*NUMBER_WIDTH-1:0] padded;
        logic [COUNT*NUMBER_WIDTH-1:0] sum_d;
        assign padded = (2 * COUNT * NUMBER_WIDTH)'(level[k-1].sum[BEFORE*NUMBER_WIDTH-1:0]);
        for (genvar c = 0; c < COUNT; c++) begin : pair
          assign sum_d[c*NUMBER_WIDTH+:NUMBER_WIDTH] =
              padded[2*c*NUMBER_WIDTH+:NUMBER_WIDTH] + padded[(2*c+1)*NUMBER_WIDTH+:NUMBER_WIDTH];
        end
        if (k % 2 == 0 || k == LANE_LEVELS) begin : registered
          always_ff @(posedge clk) sum <= sum_d;
        end else begin : through
          assign sum = sum_d;
        end
      end
    end
    assign sums[r*NUMBER_WIDTH+:NUMBER_WIDTH] = level[LANE_LEVELS].sum;
  end

  // Signed d ≥ least, as a chain from the lowest bit, of which tables hold five bits each where `least` is constant.
  function automatic logic at_least(input logic [NUMBER_WIDTH-1:0] d, input logic [NUMBER_WIDTH-1:0] least);
    at_least = 1'b1;
    for (int i = 0; i < NUMBER_WIDTH - 1; i++) at_least = d[i] == least[i] ? at_least : d[i];
    at_least = d[NUMBER_WIDTH-1] == least[NUMBER_WIDTH-1] ? at_least : least[NUMBER_WIDTH-1];
  endfunction

  logic [OUT_WIDTH-1:0] results_q;
  for (genvar r = 0; r < ROWS; r++) begin : result
    localparam logic ZERO = ZEROS[r];
    logic [NUMBER_WIDTH-1:0] difference_q;
    always_ff @(posedge clk) begin
      difference_q <= (sums[r*NUMBER_WIDTH+:NUMBER_WIDTH] << 1) - sums[ROWS*NUMBER_WIDTH+:NUMBER_WIDTH];
    end

    if (LEVELS_OUT > 0) begin : code
      logic [BOUNDARIES+1:0] passed;  // bit k: the code is k or more
      assign passed[0] = 1'b1;
      assign passed[BOUNDARIES+1] = 1'b0;
      for (genvar b = 0; b < BOUNDARIES; b++) begin : boundary
        assign passed[b+1] = ZERO ^
            at_least(difference_q, NUMBERS[(r*BOUNDARIES+b)*NUMBER_WIDTH+:NUMBER_WIDTH]);
      end
      for (genvar i = 0; i < LEVELS_OUT; i++) begin : level
        localparam int STEP = 1 << (LEVELS_OUT - 1 - i);
        logic [(1<<i)-1:0] here;  // the code is in one of the halves whose bit i is 1
        for (genvar h = 0; h < (1 << i); h++) begin : half
          assign here[h] = passed[(2*h+1)*STEP] && !passed[(2*h+2)*STEP];
        end
        always_ff @(posedge clk) results_q[i*ROWS+r] <= |here;
      end
    end else begin : accumulator
      localparam logic [NUMBER_WIDTH-1:0] BASE = NUMBERS[r*NUMBER_WIDTH+:NUMBER_WIDTH];
      logic [NUMBER_WIDTH-1:0] sum;
      logic unused_bits;
      assign sum = ZERO ? BASE - difference_q : BASE + difference_q;
      assign unused_bits = &sum;
      always_ff @(posedge clk) results_q[r*ACC_WIDTH+:ACC_WIDTH] <= sum[ACC_WIDTH-1:0];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(OUT_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[STAGES-1]),
      .in_ready(unused_ready),
      .in_data(results_q),
      .out_valid,
      .out_ready,
      .out_data
  );
  assign out_pop = out_valid && out_ready;
endmodule
