// Sliding window unit: a map comes in row by row, its windows go out one after another.
//
// In:   a map of HEIGHT x WIDTH pixels in words of WORD elements, WRITES words at a time, PLANES bit planes each
//       (plane major), and the levels of its image.
// Out:  the windows, row by row, READS words at a time, in the order kernel row, kernel column, channel; what lies
//       outside of the map is 0, the lowest code. The last words of a window may end in words of 0.
//       SIDES > 0, in front of a convolution in groups: the first word of every pixel of a window, then the second of
//       every one, and so on. A word holds the channels of SIDES groups, which leave side by side as planes do: READS
//       parts of words of group s of plane p at [(p*SIDES + s)*READS*PART], PART = WORD/SIDES elements each.
// Time: a word is at the output two cycles after it was read, and can be read one cycle after it came in; READS words
//       per cycle, window after window and map after map without a gap. The next map's rows come in meanwhile.
// Parameters as in window_buffer. SIDES: 0, or divides WORD.
module sliding_window #(
    parameter int PLANES = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int KERNEL = 3,
    parameter int KERNEL_X = KERNEL,
    parameter int STRIDE = 1,
    parameter int STRIDE_X = STRIDE,
    parameter int PAD_Y = 0,
    parameter int PAD_X = 0,
    parameter int HEIGHT = 8,
    parameter int WIDTH = 8,
    parameter int OUT_HEIGHT = 6,
    parameter int OUT_WIDTH = 6,
    parameter int CHANNELS = 16,
    parameter int WORD = 8,
    parameter int SIDES = 0,
    parameter int READS = 1,
    parameter int WRITES = 1,
    parameter int DEPTH = 64,
    parameter STYLE = "block"
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          in_valid,
    output logic                          in_ready,
    input  logic [PLANES*WRITES*WORD-1:0] in_data,
    input  logic [       LEVEL_WIDTH-1:0] in_levels,
    output logic                          out_valid,
    input  logic                          out_ready,
    output logic [ PLANES*READS*WORD-1:0] out_data,
    output logic [       LEVEL_WIDTH-1:0] out_levels
);
  localparam int OUT_DEPTH = 4;  // as many as keep one word per cycle moving
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (SIDES < 0 || (SIDES > 0 && WORD % SIDES != 0)) begin : illegal_1
    $fatal(1, "sliding_window: SIDES must be 0 or divide WORD");
  end

  logic word_valid, take, taken_q, out_pop;
  logic unused_first, unused_last, unused_ready;
  logic [LEVEL_WIDTH-1:0] word_levels, levels_q;
  logic [PLANES*READS*WORD-1:0] data, words_data;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none

  window_buffer #(
      .PLANES(PLANES),
      .LEVEL_WIDTH(LEVEL_WIDTH),
      .KERNEL(KERNEL),
      .KERNEL_X(KERNEL_X),
      .STRIDE(STRIDE),
      .STRIDE_X(STRIDE_X),
      .PAD_Y(PAD_Y),
      .PAD_X(PAD_X),
      .HEIGHT(HEIGHT),
      .WIDTH(WIDTH),
      .OUT_HEIGHT(OUT_HEIGHT),
      .OUT_WIDTH(OUT_WIDTH),
      .CHANNELS(CHANNELS),
      .WORD(WORD),
      .READS(READS),
      .WRITES(WRITES),
      .POOL(SIDES > 0 ? 1 : 0),
      .DEPTH(DEPTH),
      .STYLE(STYLE)
  ) lines (
      .clk,
      .rst,
      .in_valid,
      .in_ready,
      .in_data,
      .in_levels,
      .word_valid,
      .word_first(unused_first),
      .word_last(unused_last),
      .word_levels,
      .take,
      .data
  );

  assign take = word_valid && !room_q[ROOM_WIDTH-1];

  always_ff @(posedge clk) begin
    if (rst) room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    else room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
  end
  always_ff @(posedge clk) begin
    taken_q  <= !rst && take;
    levels_q <= word_levels;
  end

  if (SIDES > 1) begin : apart
    localparam int PART = WORD / SIDES;
    for (genvar p = 0; p < PLANES; p++) begin : plane
      for (genvar s = 0; s < SIDES; s++) begin : side
        for (genvar r = 0; r < READS; r++) begin : read
          assign words_data[((p*SIDES+s)*READS+r)*PART+:PART] = data[(p*READS+r)*WORD+s*PART+:PART];
        end
      end
    end
  end else begin : together
    assign words_data = data;
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES * READS * WORD + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(taken_q),
      .in_ready(unused_ready),
      .in_data({levels_q, words_data}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
