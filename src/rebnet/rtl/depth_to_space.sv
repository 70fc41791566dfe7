// Depth to space: every pixel becomes BLOCK x BLOCK pixels, among which its channels are parted.
//
// In:   maps row by row, rows of PIXELS pixels of WORDS words, and the levels of their image. A word has LANES*BLOCK*BLOCK
//       elements of PLANES bits, codes or features: plane p of element e at [p*LANES*BLOCK*BLOCK + e].
// Out:  BLOCK rows for each; in each, BLOCK pixels of WORDS words of LANES elements. Lane l of row i and pixel j of a
//       block is element l*BLOCK*BLOCK + i*BLOCK + j: torch's PixelShuffle, ONNX' DepthToSpace with mode CRD.
// Time: that of an `upsample` by BLOCK and BLOCK, which reads the words here: one word leaves per cycle, 3 cycles after its
//       own was taken at the earliest. in_ready and out_valid depend on registers only; out_data is chosen by registers.
// LANES, PLANES, PIXELS, WORDS ≥ 1; BLOCK ≥ 2. DEPTH: words of the memory, at least a row's, PIXELS*WORDS. SETS: level
// counts that are served, 1 if all words have the same levels. STYLE: memory style, "block" or "distributed".
module depth_to_space #(
    parameter int LANES = 4,
    parameter int PLANES = 2,
    parameter int BLOCK = 2,
    parameter int PIXELS = 8,
    parameter int WORDS = 4,
    parameter int SETS = 1,
    parameter int LEVEL_WIDTH = 2,
    parameter int DEPTH = 32,
    parameter STYLE = "distributed"
) (
    input  logic                               clk,
    input  logic                               rst,
    input  logic                               in_valid,
    output logic                               in_ready,
    input  logic [PLANES*LANES*BLOCK*BLOCK-1:0] in_data,
    input  logic [             LEVEL_WIDTH-1:0] in_levels,
    output logic                               out_valid,
    input  logic                               out_ready,
    output logic [            PLANES*LANES-1:0] out_data,
    output logic [             LEVEL_WIDTH-1:0] out_levels
);
  localparam int AREA = BLOCK * BLOCK;
  localparam int PART_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int PIXEL_WIDTH = PIXELS > 1 ? $clog2(PIXELS) : 1;
  localparam int PLACE_WIDTH = BLOCK > 1 ? $clog2(AREA) : 1;

  if (LANES < 1 || PLANES < 1 || PIXELS < 1 || WORDS < 1) begin : illegal_1
    $fatal(1, "depth_to_space: LANES, PLANES, PIXELS and WORDS must be at least 1");
  end
  if (BLOCK < 2) begin : illegal_2
    $fatal(1, "depth_to_space: BLOCK must be at least 2");
  end
  if (DEPTH < PIXELS * WORDS) begin : illegal_3
    $fatal(1, "depth_to_space: DEPTH must be at least PIXELS*WORDS");
  end

  logic [PLANES*LANES*AREA-1:0] whole;  // the word of which a part leaves
  logic [PART_WIDTH-1:0] part_q;
  logic [PIXEL_WIDTH-1:0] pixel_q;
  logic [PLACE_WIDTH-1:0] row_start_q, place_q;  // place i*BLOCK + j of the block, and that of its row's first
  logic pop, last_part, last_column, last_pixel, last_row;

  upsample #(
      .WIDTH(PLANES * LANES * AREA),
      .ROWS(BLOCK),
      .COLUMNS(BLOCK),
      .PIXELS(PIXELS),
      .WORDS(WORDS),
      .SETS(SETS),
      .LEVEL_WIDTH(LEVEL_WIDTH),
      .DEPTH(DEPTH),
      .STYLE(STYLE)
  ) rows (
      .clk,
      .rst,
      .in_valid,
      .in_ready,
      .in_data,
      .in_levels,
      .out_valid,
      .out_ready,
      .out_data(whole),
      .out_levels
  );

  for (genvar plane = 0; plane < PLANES; plane++) begin : planes
    for (genvar lane = 0; lane < LANES; lane++) begin : lanes
      logic [AREA-1:0] each;
      assign each = whole[(plane*LANES+lane)*AREA+:AREA];
      assign out_data[plane*LANES+lane] = each[place_q];
    end
  end

  assign pop = out_valid && out_ready;
  assign last_part = part_q == PART_WIDTH'(WORDS - 1);
  assign last_column = place_q == row_start_q + PLACE_WIDTH'(BLOCK - 1);
  assign last_pixel = pixel_q == PIXEL_WIDTH'(PIXELS - 1);
  assign last_row = row_start_q == PLACE_WIDTH'(AREA - BLOCK);

  always_ff @(posedge clk) begin
    if (rst) begin
      part_q      <= '0;
      pixel_q     <= '0;
      row_start_q <= '0;
      place_q     <= '0;
    end else if (pop) begin
      part_q <= last_part ? '0 : part_q + 1'b1;
      if (last_part) begin
        place_q <= last_column ? row_start_q : place_q + 1'b1;
        if (last_column) begin
          pixel_q <= last_pixel ? '0 : pixel_q + 1'b1;
          if (last_pixel) begin
            row_start_q <= last_row ? '0 : row_start_q + PLACE_WIDTH'(BLOCK);
            place_q     <= last_row ? '0 : row_start_q + PLACE_WIDTH'(BLOCK);
          end
        end
      end
    end
  end
endmodule
