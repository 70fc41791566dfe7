// Max-pool on residual codes: the largest code of every window and channel.
//
// In:   a map of HEIGHT x WIDTH pixels in words of WORD elements, WRITES words at a time, PLANES bit planes each
//       (plane major), and the levels of its image. The planes of an element, the first one most significant, are its
//       code, and codes order what they encode.
// Out:  the map of the windows' largest codes, CHANNELS/WORD words a pixel.
// Time: READS pixels of a word are compared per cycle; a result is at the output 3 cycles after its window's last
//       pixels were read, and these can be read one cycle after they came in. The next map's rows come in meanwhile.
// Parameters as in window_buffer. What pads the map is 0, and never larger than what lies on it.
module max_pool #(
    parameter int PLANES = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int KERNEL = 2,
    parameter int KERNEL_X = KERNEL,
    parameter int STRIDE = 2,
    parameter int STRIDE_X = STRIDE,
    parameter int PAD_Y = 0,
    parameter int PAD_X = 0,
    parameter int HEIGHT = 8,
    parameter int WIDTH = 8,
    parameter int OUT_HEIGHT = 4,
    parameter int OUT_WIDTH = 4,
    parameter int CHANNELS = 16,
    parameter int WORD = 8,
    parameter int READS = 1,
    parameter int WRITES = 1,
    parameter int DEPTH = 64,
    parameter STYLE = "distributed"
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          in_valid,
    output logic                          in_ready,
    input  logic [PLANES*WRITES*WORD-1:0] in_data,
    input  logic [       LEVEL_WIDTH-1:0] in_levels,
    output logic                          out_valid,
    input  logic                          out_ready,
    output logic [       PLANES*WORD-1:0] out_data,
    output logic [       LEVEL_WIDTH-1:0] out_levels
);
  localparam int OUT_DEPTH = 4;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  logic word_valid, word_first, word_last, take, out_pop, unused_ready;
  logic first_q, last_q, done_q;
  logic [LEVEL_WIDTH-1:0] word_levels;
  logic [2*LEVEL_WIDTH-1:0] levels_q;
  logic [PLANES*READS*WORD-1:0] data;
  logic [PLANES*WORD-1:0] largest_q;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic taken_q;

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
      .POOL(1),
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
      .word_first,
      .word_last,
      .word_levels,
      .take,
      .data
  );

  assign take = word_valid && (!word_last || !room_q[ROOM_WIDTH-1]);

  always_ff @(posedge clk) begin
    if (rst) room_q <= ROOM_WIDTH'(OUT_DEPTH - 1);
    else room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take && word_last);
  end
  always_ff @(posedge clk) begin
    taken_q  <= !rst && take;
    done_q   <= !rst && taken_q && last_q;
    levels_q <= {levels_q[LEVEL_WIDTH-1:0], word_levels};
    if (take) begin
      first_q <= word_first;
      last_q  <= word_last;
    end
  end

  for (genvar e = 0; e < WORD; e++) begin : element
    logic [PLANES-1:0] best, code;
    always_comb begin
      for (int p = 0; p < PLANES; p++) best[PLANES-1-p] = !first_q && largest_q[p*WORD+e];
      code = '0;
      for (int r = 0; r < READS; r++) begin
        for (int p = 0; p < PLANES; p++) code[PLANES-1-p] = data[(p*READS+r)*WORD+e];
        if (code > best) best = code;
      end
    end
    for (genvar p = 0; p < PLANES; p++) begin : plane
      always_ff @(posedge clk) if (taken_q) largest_q[p*WORD+e] <= best[PLANES-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES * WORD + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(done_q),
      .in_ready(unused_ready),
      .in_data({levels_q[LEVEL_WIDTH+:LEVEL_WIDTH], largest_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
