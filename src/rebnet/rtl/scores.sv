// Scores of the last layer: score_j = A_j * v_j + B_j, one a beat.
//
// In:   the accumulators of PLACES places of one image, each in words of LANES (element major), row 0 first, and the
//       image's levels.
// Out:  ROWS scores a place, signed, SCORE_WIDTH bits each, with last on the image's last one.
// Time: a score is at the output 4 cycles after its accumulator was taken; one score per cycle.
// CONSTANT_FILE: per set and row {offset, scale}: scale A_j (16 bits, signed) and offset B_j - A_j*R
// (SCORE_WIDTH bits, signed), so that score = 2*A_j*accumulator + offset.
// ROWS, LANES, PLACES ≥ 1. SETS: sets of constants, one per served m, or 1 if m never changes.
module scores #(
    parameter int ROWS = 10,
    parameter int LANES = 1,
    parameter int PLACES = 1,
    parameter int SETS = 1,
    parameter int LEVEL_WIDTH = 2,
    parameter int ACC_WIDTH = 16,
    parameter int SCORE_WIDTH = 41,
    parameter CONSTANT_FILE = ""
) (
    input  logic                         clk,
    input  logic                         rst,
    input  logic                         in_valid,
    output logic                         in_ready,
    input  logic [LANES*ACC_WIDTH-1:0]   in_data,
    input  logic [LEVEL_WIDTH-1:0]       in_levels,
    output logic                         out_valid,
    input  logic                         out_ready,
    output logic signed [SCORE_WIDTH-1:0] out_data,
    output logic                         out_last,
    output logic [LEVEL_WIDTH-1:0]       out_levels
);
  localparam int SCALE_WIDTH = 16;
  localparam int DEPTH = SETS * ROWS;
  localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int LANE_WIDTH = LANES > 1 ? $clog2(LANES) : 1;
  localparam int ROW_WIDTH = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int PLACE_WIDTH = PLACES > 1 ? $clog2(PLACES) : 1;
  localparam int OUT_DEPTH = 8;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (ROWS < 1 || LANES < 1 || PLACES < 1) begin : illegal_1
    $fatal(1, "scores: ROWS, LANES and PLACES must be at least 1");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_2
    $fatal(1, "scores: LEVEL_WIDTH must hold SETS");
  end
  if (ACC_WIDTH >= SCORE_WIDTH) begin : illegal_3
    $fatal(1, "scores: ACC_WIDTH must be less than SCORE_WIDTH");
  end

  logic [LANE_WIDTH-1:0] lane_q;
  logic [ROW_WIDTH-1:0] row_q;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic issue, last_row, last_place, pop;
  logic [ADDRESS_WIDTH-1:0] address;

  assign issue    = in_valid && !room_q[ROOM_WIDTH-1];
  assign last_row = row_q == ROW_WIDTH'(ROWS - 1);
  assign in_ready = issue && (last_row || lane_q == LANE_WIDTH'(LANES - 1));

  if (SETS > 1) begin : set_of_levels
    assign address = ADDRESS_WIDTH'((int'(in_levels) - 1) * ROWS + int'(row_q));
  end else begin : one_set
    assign address = ADDRESS_WIDTH'(row_q);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      lane_q <= '0;
      row_q  <= '0;
      room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(pop) - ROOM_WIDTH'(issue);
      if (issue) begin
        row_q  <= last_row ? '0 : row_q + 1'b1;
        lane_q <= in_ready ? '0 : lane_q + 1'b1;
      end
    end
  end

  if (PLACES > 1) begin : map
    logic [PLACE_WIDTH-1:0] place_q;
    assign last_place = place_q == PLACE_WIDTH'(PLACES - 1);
    always_ff @(posedge clk) begin
      if (rst) place_q <= '0;
      else if (issue && last_row) place_q <= last_place ? '0 : place_q + 1'b1;
    end
  end else begin : one_place
    assign last_place = 1'b1;
  end

  // Stage 1: accumulator and constants. 2: product. 3: score.
  logic [ACC_WIDTH-1:0] accumulator_q;
  logic signed [SCALE_WIDTH-1:0] scale_q;
  logic signed [SCORE_WIDTH-1:0] offset_q, offset_2_q, product_q, score_q;
  logic [2:0] valid_q, last_q;
  logic [3*LEVEL_WIDTH-1:0] levels_q;

  always_ff @(posedge clk) begin
    accumulator_q       <= in_data[int'(lane_q)*ACC_WIDTH+:ACC_WIDTH];
    offset_2_q          <= offset_q;
    product_q           <= SCORE_WIDTH'(scale_q) * $signed(SCORE_WIDTH'(accumulator_q));
    score_q             <= (product_q <<< 1) + offset_2_q;
    valid_q             <= rst ? '0 : {valid_q[1:0], issue};
    last_q              <= {last_q[1:0], last_row && last_place};
    levels_q            <= {levels_q[2*LEVEL_WIDTH-1:0], in_levels};
  end

  rom #(
      .WIDTH(SCORE_WIDTH + SCALE_WIDTH),
      .DEPTH(DEPTH),
      .FILE (CONSTANT_FILE),
      .STYLE("distributed")
  ) constant_memory (
      .clk,
      .address,
      .data_q({offset_q, scale_q})
  );

  logic unused_ready;
  fifo #(
      .WIDTH(SCORE_WIDTH + 1 + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) results (
      .clk,
      .rst,
      .in_valid(valid_q[2]),
      .in_ready(unused_ready),
      .in_data({levels_q[2*LEVEL_WIDTH+:LEVEL_WIDTH], last_q[2], score_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_last, out_data})
  );
  assign pop = out_valid && out_ready;
endmodule
