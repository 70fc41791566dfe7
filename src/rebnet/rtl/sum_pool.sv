// Sum-pool on features: the sum of every window and channel, an average whose 1/area stands in the unit.
//
// In:   a map of HEIGHT x WIDTH pixels in words of WORD features, WRITES words at a time, PLANES bit planes each
//       (plane major, the first one most significant: unsigned numbers), and the levels of its image.
// Out:  the map of the windows' sums, PLANES_OUT bit planes, CHANNELS/WORD words a pixel.
// Time: READS pixels of a word are added per cycle; a sum is at the output 3 cycles after its window's last pixels were
//       read, and these can be read one cycle after they came in. The next map's rows come in meanwhile.
// PLANES_OUT, PLANES … PLANES + clog2(KERNEL·KERNEL_X): no sum may need more bits. Other parameters as in window_buffer; a sum
// is never padded.
module sum_pool #(
    parameter int PLANES = 8,
    parameter int PLANES_OUT = 10,
    parameter int LEVEL_WIDTH = 2,
    parameter int KERNEL = 2,
    parameter int KERNEL_X = KERNEL,
    parameter int STRIDE = 2,
    parameter int STRIDE_X = STRIDE,
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
    output logic [   PLANES_OUT*WORD-1:0] out_data,
    output logic [       LEVEL_WIDTH-1:0] out_levels
);
  localparam int OUT_DEPTH = 4;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (PLANES_OUT < PLANES || PLANES_OUT > PLANES + $clog2(KERNEL * KERNEL_X)) begin : illegal_1
    $fatal(1, "sum_pool: PLANES_OUT must be PLANES to PLANES + clog2(KERNEL*KERNEL_X)");
  end

  logic word_valid, word_first, word_last, take, out_pop, unused_ready;
  logic first_q, last_q, done_q;
  logic [LEVEL_WIDTH-1:0] word_levels;
  logic [2*LEVEL_WIDTH-1:0] levels_q;
  logic [PLANES*READS*WORD-1:0] data;
  logic [PLANES_OUT*WORD-1:0] sums_q;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic taken_q;

  window_buffer #(
      .PLANES(PLANES),
      .LEVEL_WIDTH(LEVEL_WIDTH),
      .KERNEL(KERNEL),
      .KERNEL_X(KERNEL_X),
      .STRIDE(STRIDE),
      .STRIDE_X(STRIDE_X),
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
    logic [PLANES_OUT-1:0] sum;
    logic [PLANES-1:0] feature;
    always_comb begin
      for (int p = 0; p < PLANES_OUT; p++) sum[PLANES_OUT-1-p] = !first_q && sums_q[p*WORD+e];
      for (int r = 0; r < READS; r++) begin
        for (int p = 0; p < PLANES; p++) feature[PLANES-1-p] = data[(p*READS+r)*WORD+e];
        sum = sum + PLANES_OUT'(feature);
      end
    end
    for (genvar p = 0; p < PLANES_OUT; p++) begin : plane
      always_ff @(posedge clk) if (taken_q) sums_q[p*WORD+e] <= sum[PLANES_OUT-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES_OUT * WORD + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(done_q),
      .in_ready(unused_ready),
      .in_data({levels_q[LEVEL_WIDTH+:LEVEL_WIDTH], sums_q}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
