// Scores of the last layer, all of an image at once: score_j = 2*A_j*accumulator_j + offset_j.
//
// In:   the ROWS accumulators of an image in one word (element major), and its levels.
// Out:  ROWS scores in one word, signed, SCORE_WIDTH bits each, row 0 lowest; last is always high.
// Time: an image per cycle; its scores are at the output 4 cycles after it was taken.
// How:  of at most six bits an accumulator is looked up, else it is multiplied by a constant.
// CONSTANTS: per row {offset, scale}, row 0 lowest: scale A_j (16 bits, signed) and offset B_j - A_j*R (SCORE_WIDTH
// bits, signed).
// SUM_WIDTH, up to SCORE_WIDTH: bits that hold every score. ROWS ≥ 1.
module score_row #(
    parameter int ROWS = 10,
    parameter int LEVEL_WIDTH = 1,
    parameter int ACC_WIDTH = 6,
    parameter int SCORE_WIDTH = 41,
    parameter int SUM_WIDTH = 24,
    localparam int SCALE_WIDTH = 16,
    parameter logic [ROWS*(SCORE_WIDTH+SCALE_WIDTH)-1:0] CONSTANTS = '0
) (
    input  logic                        clk,
    input  logic                        rst,
    input  logic                        in_valid,
    output logic                        in_ready,
    input  logic [  ROWS*ACC_WIDTH-1:0] in_data,
    input  logic [     LEVEL_WIDTH-1:0] in_levels,
    output logic                        out_valid,
    input  logic                        out_ready,
    output logic [ROWS*SCORE_WIDTH-1:0] out_data,
    output logic                        out_last,
    output logic [     LEVEL_WIDTH-1:0] out_levels
);
  localparam int TABLE_BITS = 6;
  localparam int OUT_DEPTH = 8;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH + 1);

  if (ROWS < 1) begin : illegal_1
    $fatal(1, "score_row: ROWS must be at least 1");
  end
  if (SUM_WIDTH < 1 || SUM_WIDTH > SCORE_WIDTH) begin : illegal_2
    $fatal(1, "score_row: SUM_WIDTH must be 1 to SCORE_WIDTH");
  end

  logic [ROOM_WIDTH-1:0] room_q;
  logic [2:0] valid_q;
  logic [ROWS*ACC_WIDTH-1:0] accumulators_q;
  logic take, out_pop, unused_ready;

  assign in_ready = room_q != '0;
  assign take = in_valid && in_ready;
  assign out_last = 1'b1;

  always_ff @(posedge clk) begin
    if (rst) room_q <= ROOM_WIDTH'(OUT_DEPTH);
    else room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
    valid_q        <= rst ? '0 : {valid_q[1:0], take};
    accumulators_q <= in_data;
    if (take) out_levels <= in_levels;  // those of every image
  end

  // The score of every accumulator, each in a place of a power of two.
  localparam int ENTRIES = ACC_WIDTH <= TABLE_BITS ? 1 << ACC_WIDTH : 1;
  localparam int PLACE = 1 << $clog2(SUM_WIDTH);
  function automatic logic [ENTRIES*PLACE-1:0] scores_of(
      input logic signed [SCALE_WIDTH-1:0] scale, input logic signed [SCORE_WIDTH-1:0] offset);
    for (int a = 0; a < ENTRIES; a++) begin
      scores_of[a*PLACE+:PLACE] = PLACE'(2 * SCORE_WIDTH'(scale) * $signed(SCORE_WIDTH'(a)) + offset);
    end
  endfunction

  // Stage 1: accumulators. 2: products, or what is looked up. 3: scores.
  logic [ROWS*SUM_WIDTH-1:0] scores_q, kept;
  for (genvar r = 0; r < ROWS; r++) begin : row
    localparam logic signed [SCALE_WIDTH-1:0] SCALE = CONSTANTS[r*(SCORE_WIDTH+SCALE_WIDTH)+:SCALE_WIDTH];
    localparam logic signed [SCORE_WIDTH-1:0] OFFSET =
        CONSTANTS[r*(SCORE_WIDTH+SCALE_WIDTH)+SCALE_WIDTH+:SCORE_WIDTH];
    logic [ACC_WIDTH-1:0] accumulator;
    assign accumulator = accumulators_q[r*ACC_WIDTH+:ACC_WIDTH];

    if (ACC_WIDTH <= TABLE_BITS) begin : looked_up
      localparam logic [ENTRIES*PLACE-1:0] TABLE = scores_of(SCALE, OFFSET);
      logic [SUM_WIDTH-1:0] found_q;
      always_ff @(posedge clk) begin
        found_q <= TABLE[int'(accumulator)*PLACE+:SUM_WIDTH];
        scores_q[r*SUM_WIDTH+:SUM_WIDTH] <= found_q;
      end
    end else begin : multiplied
      logic signed [SUM_WIDTH-1:0] product_q;
      always_ff @(posedge clk) begin
        product_q <= SUM_WIDTH'(SCALE) * $signed(SUM_WIDTH'(accumulator));
        scores_q[r*SUM_WIDTH+:SUM_WIDTH] <= (product_q <<< 1) + SUM_WIDTH'(OFFSET);
      end
    end
    assign out_data[r*SCORE_WIDTH+:SCORE_WIDTH] = SCORE_WIDTH'($signed(kept[r*SUM_WIDTH+:SUM_WIDTH]));
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(ROWS * SUM_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[2]),
      .in_ready(unused_ready),
      .in_data(scores_q),
      .out_valid,
      .out_ready,
      .out_data(kept)
  );
  assign out_pop = out_valid && out_ready;
endmodule
