// Global sum: the sum of every channel over a whole map, an average whose 1/area stands in the unit.
//
// In:   a map of POSITIONS pixels of CHANNELS features in words of LANES, PLANES bit planes each (plane major, the
//       first one most significant: unsigned numbers), and the levels of its image.
// Out:  a pixel of the sums, PLANES_OUT bit planes, CHANNELS/LANES words.
// Time: one word per cycle; a sum is at the output 2 cycles after the last pixel's word was taken. A word of the last
//       pixel is taken when the place of its sum is promised. in_ready depends on registers only.
// POSITIONS, LANES, PLANES ≥ 1. LANES divides CHANNELS. PLANES_OUT, PLANES … PLANES + clog2(POSITIONS): no sum may
// need more bits.
module global_sum #(
    parameter int POSITIONS = 64,
    parameter int CHANNELS = 16,
    parameter int LANES = 2,
    parameter int PLANES = 8,
    parameter int PLANES_OUT = 14,
    parameter int LEVEL_WIDTH = 2
) (
    input  logic                        clk,
    input  logic                        rst,
    input  logic                        in_valid,
    output logic                        in_ready,
    input  logic [    PLANES*LANES-1:0] in_data,
    input  logic [     LEVEL_WIDTH-1:0] in_levels,
    output logic                        out_valid,
    input  logic                        out_ready,
    output logic [PLANES_OUT*LANES-1:0] out_data,
    output logic [     LEVEL_WIDTH-1:0] out_levels
);
  localparam int WORDS = CHANNELS / LANES;  // words of a pixel
  localparam int WORD_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int POSITION_WIDTH = POSITIONS > 1 ? $clog2(POSITIONS) : 1;
  localparam int OUT_DEPTH = 4;
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (POSITIONS < 1 || PLANES < 1) begin : illegal_1
    $fatal(1, "global_sum: POSITIONS and PLANES must be at least 1");
  end
  if (LANES < 1 || CHANNELS < 1 || CHANNELS % LANES != 0) begin : illegal_2
    $fatal(1, "global_sum: LANES must divide CHANNELS");
  end
  if (PLANES_OUT < PLANES || PLANES_OUT > PLANES + $clog2(POSITIONS)) begin : illegal_3
    $fatal(1, "global_sum: PLANES_OUT must be PLANES to PLANES + clog2(POSITIONS)");
  end

  (* ram_style = "distributed" *) logic [LANES*PLANES_OUT-1:0] sums[WORDS];  // element major
  logic [LANES*PLANES_OUT-1:0] earlier, total, total_q;
  logic [PLANES_OUT*LANES-1:0] result;
  logic [WORD_WIDTH-1:0] word_q;
  logic [POSITION_WIDTH-1:0] position_q, next_position;
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic [LEVEL_WIDTH-1:0] levels_q;
  logic first_q, last_q;  // the pixel is the map's first, or last
  logic last_word, take, done_q, out_pop, unused_ready;

  assign in_ready = !last_q || !room_q[ROOM_WIDTH-1];
  assign take = in_valid && in_ready;
  assign last_word = word_q == WORD_WIDTH'(WORDS - 1);
  assign next_position = last_q ? '0 : position_q + 1'b1;
  assign earlier = sums[word_q];

  always_ff @(posedge clk) begin
    if (rst) begin
      word_q     <= '0;
      position_q <= '0;
      first_q    <= 1'b1;
      last_q     <= POSITIONS == 1;
      room_q     <= ROOM_WIDTH'(OUT_DEPTH - 1);
    end else begin
      room_q <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take && last_q);
      if (take) begin
        word_q <= last_word ? '0 : word_q + 1'b1;
        if (last_word) begin
          position_q <= next_position;
          first_q    <= last_q;
          last_q     <= next_position == POSITION_WIDTH'(POSITIONS - 1);
        end
      end
    end
  end
  always_ff @(posedge clk) begin
    if (take) sums[word_q] <= total;
    total_q  <= total;
    levels_q <= in_levels;
    done_q   <= !rst && take && last_q;
  end

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [PLANES-1:0] feature;
    for (genvar p = 0; p < PLANES; p++) begin : plane
      assign feature[PLANES-1-p] = in_data[p*LANES+l];
    end
    assign total[l*PLANES_OUT+:PLANES_OUT] =
        (first_q ? '0 : earlier[l*PLANES_OUT+:PLANES_OUT]) + PLANES_OUT'(feature);
    for (genvar p = 0; p < PLANES_OUT; p++) begin : plane_out
      assign result[p*LANES+l] = total_q[l*PLANES_OUT+PLANES_OUT-1-p];
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(PLANES_OUT * LANES + LEVEL_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(done_q),
      .in_ready(unused_ready),
      .in_data({levels_q, result}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
  assign out_pop = out_valid && out_ready;
endmodule
