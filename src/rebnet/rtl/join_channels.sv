// Join of branches: the channels of several maps, those of one behind those of the other, pixel by pixel.
//
// In:   SOURCES streams of words of LANES elements, PLANES bit planes each (plane major, the first one most
//       significant), source 0 in the lowest bits, and the levels of their image with the words of source 0.
// Out:  for every pixel the words of source 0, then those of source 1, and so on, with the constant of their source
//       added to every element.
// Time: one word per cycle; a word is at the output 2 cycles after it was taken, which it is when it is its source's
//       turn and its place is promised. in_ready depends on registers only.
// SOURCES, LANES, PLANES ≥ 1. WORDS: words of a pixel of source s at [s*16 +: 16], 1 or more. OFFSETS: constant of
// source s at [s*PLANES +: PLANES], 0 for codes; no sum may need more than PLANES bits.
module join_channels #(
    parameter int SOURCES = 2,
    parameter int LANES = 2,
    parameter int PLANES = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter logic [SOURCES*16-1:0] WORDS = {SOURCES{16'd1}},
    parameter logic [SOURCES*PLANES-1:0] OFFSETS = '0
) (
    input  logic                            clk,
    input  logic                            rst,
    input  logic [             SOURCES-1:0] in_valid,
    output logic [             SOURCES-1:0] in_ready,
    input  logic [SOURCES*PLANES*LANES-1:0] in_data,
    input  logic [         LEVEL_WIDTH-1:0] in_levels,
    output logic                            out_valid,
    input  logic                            out_ready,
    output logic [        PLANES*LANES-1:0] out_data,
    output logic [         LEVEL_WIDTH-1:0] out_levels
);
  function automatic int most_words();
    most_words = 0;
    for (int s = 0; s < SOURCES; s++) begin
      if (int'(WORDS[s*16+:16]) > most_words) most_words = int'(WORDS[s*16+:16]);
    end
  endfunction
  function automatic int has_empty();
    has_empty = 0;
    for (int s = 0; s < SOURCES; s++) if (WORDS[s*16+:16] == '0) has_empty = 1;
  endfunction

  localparam int WORD_WIDTH = most_words() > 1 ? $clog2(most_words()) : 1;
  localparam int OUT_DEPTH = 4;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (SOURCES < 1 || LANES < 1 || PLANES < 1) begin : illegal_1
    $fatal(1, "join_channels: SOURCES, LANES and PLANES must be at least 1");
  end
  if (has_empty() != 0) begin : illegal_2
    $fatal(1, "join_channels: WORDS must be at least 1 of every source");
  end

  logic [SOURCES-1:0] turn_q;  // whose turn it is, one-hot
  logic [WORD_WIDTH-1:0] word_q, last_word;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic [PLANES*LANES-1:0] word, sums, sums_q;
  logic [PLANES-1:0] offset;
  logic [LEVEL_WIDTH-1:0] levels_q;
  logic take, taken_q, out_pop, unused_ready;

  assign in_ready = !room_q[ROOM_WIDTH-1] ? turn_q : '0;
  assign take = |(in_valid & in_ready);

  always_comb begin
    word      = '0;
    offset    = '0;
    last_word = '0;
    for (int s = 0; s < SOURCES; s++) begin
      if (turn_q[s]) begin
        word      = word | in_data[s*PLANES*LANES+:PLANES*LANES];
        offset    = offset | OFFSETS[s*PLANES+:PLANES];
        last_word = last_word | WORD_WIDTH'(WORDS[s*16+:16] - 1'b1);
      end
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      turn_q <= SOURCES'(1);
      word_q <= '0;
      room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
      if (take) begin
        word_q <= word_q == last_word ? '0 : word_q + 1'b1;
        if (word_q == last_word) turn_q <= turn_q << 1 | turn_q >> (SOURCES - 1);
      end
    end
  end
  always_ff @(posedge clk) begin
    taken_q <= !rst && take;
    sums_q  <= sums;
    if (take && turn_q[0]) levels_q <= in_levels;
  end

  if (OFFSETS != '0) begin : add
    for (genvar l = 0; l < LANES; l++) begin : lane
      logic [PLANES-1:0] element, sum;
      assign sum = element + offset;
      for (genvar p = 0; p < PLANES; p++) begin : plane
        assign element[PLANES-1-p] = word[p*LANES+l];
        assign sums[p*LANES+l] = sum[PLANES-1-p];
      end
    end
  end else begin : through
    logic unused_offset;
    assign unused_offset = &offset;
    assign sums = word;
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(taken_q),
      .in_ready(unused_ready),
      .in_data({levels_q, sums_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
