// The accelerator's door: AXI-Stream beats of pixel bytes become words of bit planes.
//
// In:   SAMPLES bytes an image, P a beat, sample p of a beat at s_axis_tdata[8*p +: 8]; bytes beyond the image's
//       last sample are ignored. s_axis_tuser holds the levels of the image on its first beat; 0, or more than
//       LEVELS, means LEVELS. Images are told apart by counting beats; s_axis_tlast only watches over that: a source that
//       never raises it is as good as one that does on each image's last beat.
// Out:  words of P elements, BITS planes each (the top BITS bits of the byte, most significant first, plane
//       major), with the levels of their image. error_tlast goes high, and stays until the reset, where s_axis_tlast
//       came on a beat that is no image's last by the count, or, once it came at all, not on one that is: a beat was
//       lost or is too many, and all images from there on are shifted.
// Time: one cycle, one beat per cycle; error_tlast in the cycle behind the beat; s_axis_tready depends on registers
// only.
// TABLED: 1 if the code of byte v is not its top bits but stands at TABLE[BITS*v +: BITS].
// SAMPLES, P, LEVELS ≥ 1; 1 ≤ BITS ≤ 8. RUNTIME_LEVELS: 0 if every image runs at LEVELS.
module pixel_input #(
    parameter int SAMPLES = 784,
    parameter int P = 4,
    parameter int BITS = 8,
    parameter int LEVELS = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int USER_WIDTH = 4,
    parameter int RUNTIME_LEVELS = 1,
    parameter int TABLED = 0,
    parameter logic [256*BITS-1:0] TABLE = '0
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [        8*P-1:0] s_axis_tdata,
    input  logic                   s_axis_tvalid,
    output logic                   s_axis_tready,
    input  logic                   s_axis_tlast,
    input  logic [ USER_WIDTH-1:0] s_axis_tuser,
    output logic                   error_tlast,
    output logic                   out_valid,
    input  logic                   out_ready,
    output logic [     BITS*P-1:0] out_data,
    output logic [LEVEL_WIDTH-1:0] out_levels
);
  localparam int BEATS = (SAMPLES + P - 1) / P;
  localparam int BEAT_WIDTH = BEATS > 1 ? $clog2(BEATS) : 1;

  if (SAMPLES < 1 || P < 1 || LEVELS < 1) begin : illegal_1
    $fatal(1, "pixel_input: SAMPLES, P and LEVELS must be at least 1");
  end
  if (BITS < 1 || BITS > 8) begin : illegal_2
    $fatal(1, "pixel_input: BITS must be 1 to 8");
  end
  if (LEVEL_WIDTH < $clog2(LEVELS + 1)) begin : illegal_3
    $fatal(1, "pixel_input: LEVEL_WIDTH must hold LEVELS");
  end

  logic [BEAT_WIDTH-1:0] beat_q;
  logic [LEVEL_WIDTH-1:0] levels, levels_q;
  logic [BITS*P-1:0] planes;
  logic [USER_WIDTH-1:0] wanted;

  assign wanted = RUNTIME_LEVELS != 0 ? s_axis_tuser : '0;

  always_comb begin
    levels = levels_q;
    if (beat_q == '0) begin
      levels = wanted == '0 || int'(wanted) > LEVELS ? LEVEL_WIDTH'(LEVELS) : LEVEL_WIDTH'(wanted);
    end
  end

  for (genvar b = 0; b < BITS; b++) begin : plane
    for (genvar p = 0; p < P; p++) begin : sample
      if (TABLED != 0) begin : from_table
        assign planes[b*P+p] = TABLE[int'(s_axis_tdata[8*p+:8])*BITS+(BITS-1-b)];
      end else begin : top_bits
        assign planes[b*P+p] = s_axis_tdata[8*p+7-b];
      end
    end
  end

  logic unused_bits;  // the low bits of a byte, where BITS < 8
  assign unused_bits = &s_axis_tdata;

  logic take, last_beat, seen_tlast_q;
  assign take      = s_axis_tvalid && s_axis_tready;
  assign last_beat = beat_q == BEAT_WIDTH'(BEATS - 1);

  always_ff @(posedge clk) begin
    if (take) begin
      beat_q       <= last_beat ? '0 : beat_q + 1'b1;
      levels_q     <= levels;
      seen_tlast_q <= seen_tlast_q || s_axis_tlast;
      error_tlast  <= error_tlast || (s_axis_tlast ? !last_beat : last_beat && seen_tlast_q);
    end
    if (rst) begin
      beat_q       <= '0;
      seen_tlast_q <= 1'b0;
      error_tlast  <= 1'b0;
    end
  end

  fifo #(
      .WIDTH(BITS * P + LEVEL_WIDTH),
      .DEPTH(2)
  ) beats (
      .clk,
      .rst,
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .in_data({levels, planes}),
      .out_valid,
      .out_ready,
      .out_data({out_levels, out_data})
  );
endmodule
