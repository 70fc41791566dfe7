// accelerator: 3x3x1 - C2(2,4,2):2x2 - MP2 - D2(1,1,1)
// Made by rebnet; edit the network or its folding instead.
//
// In:   AXI-Stream of pixels, 9 bytes an image, 4 a beat, 3 beats an image; channels vary fastest.
//       s_axis_tuser on an image's first beat: its levels, 1 to 2; anything else means 2.
//       Images are told apart by counting beats; s_axis_tlast is not needed and may stay low.
// Out:  AXI-Stream of scores, 2 beats an image, signed, 41 bits in 6 bytes;
//       m_axis_tlast on the last, m_axis_tuser the levels of the image.
//       error_tlast: high until the reset once s_axis_tlast and the count of beats have disagreed; images are shifted.
// Time: one image every 8 cycles at 2 levels.
module accelerator (
    input  logic aclk,
    input  logic aresetn,
    input  logic [31:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    input  logic s_axis_tlast,
    input  logic [3:0] s_axis_tuser,
    output logic [47:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready,
    output logic m_axis_tlast,
    output logic [3:0] m_axis_tuser,
    output logic error_tlast
);
  logic rst;
  assign rst = !aresetn;

  logic pixels_valid, pixels_ready;
  logic [7:0] pixels_data;
  logic [1:0] pixels_levels;
  pixel_input #(
      .SAMPLES(9),
      .P(4),
      .BITS(2),
      .LEVELS(2),
      .LEVEL_WIDTH(2),
      .USER_WIDTH(4),
      .RUNTIME_LEVELS(1)
  ) pixels (
      .clk(aclk),
      .rst(rst),
      .s_axis_tdata(s_axis_tdata),
      .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready),
      .s_axis_tlast(s_axis_tlast),
      .s_axis_tuser(s_axis_tuser),
      .error_tlast(error_tlast),
      .out_valid(pixels_valid),
      .out_ready(pixels_ready),
      .out_data(pixels_data),
      .out_levels(pixels_levels)
  );

  logic layer1_gather_out_valid, layer1_gather_out_ready;
  logic [7:0] layer1_gather_out_data;
  logic [1:0] layer1_gather_out_levels;
  width_converter #(
      .IN(4),
      .OUT(4),
      .PLANES(2),
      .VECTOR(9),
      .LEVEL_WIDTH(2)
  ) layer1_gather (
      .clk(aclk),
      .rst(rst),
      .in_valid(pixels_valid),
      .in_ready(pixels_ready),
      .in_data(pixels_data),
      .in_levels(pixels_levels),
      .out_valid(layer1_gather_out_valid),
      .out_ready(layer1_gather_out_ready),
      .out_data(layer1_gather_out_data),
      .out_levels(layer1_gather_out_levels)
  );

  logic layer1_window_out_valid, layer1_window_out_ready;
  logic [7:0] layer1_window_out_data;
  logic [1:0] layer1_window_out_levels;
  sliding_window #(
      .PLANES(2),
      .LEVEL_WIDTH(2),
      .KERNEL(2),
      .STRIDE(1),
      .PAD_Y(0),
      .PAD_X(0),
      .HEIGHT(3),
      .WIDTH(3),
      .OUT_HEIGHT(2),
      .OUT_WIDTH(2),
      .CHANNELS(1),
      .WORD(1),
      .READS(4),
      .WRITES(4),
      .DEPTH(16),
      .STYLE("distributed")
  ) layer1_window (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer1_gather_out_valid),
      .in_ready(layer1_gather_out_ready),
      .in_data(layer1_gather_out_data),
      .in_levels(layer1_gather_out_levels),
      .out_valid(layer1_window_out_valid),
      .out_ready(layer1_window_out_ready),
      .out_data(layer1_window_out_data),
      .out_levels(layer1_window_out_levels)
  );

  logic layer1_convert_out_valid, layer1_convert_out_ready;
  logic [7:0] layer1_convert_out_data;
  logic [1:0] layer1_convert_out_levels;
  width_converter #(
      .IN(4),
      .OUT(4),
      .PLANES(2),
      .VECTOR(4),
      .LEVEL_WIDTH(2)
  ) layer1_convert (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer1_window_out_valid),
      .in_ready(layer1_window_out_ready),
      .in_data(layer1_window_out_data),
      .in_levels(layer1_window_out_levels),
      .out_valid(layer1_convert_out_valid),
      .out_ready(layer1_convert_out_ready),
      .out_data(layer1_convert_out_data),
      .out_levels(layer1_convert_out_levels)
  );

  logic layer1_out_valid, layer1_out_ready;
  logic [3:0] layer1_out_data;
  logic [1:0] layer1_out_levels;
  mvtu #(
      .ROWS(2),
      .COLS(4),
      .PE(2),
      .SIMD(4),
      .LEVELS_IN(2),
      .LEVELS_OUT(2),
      .LEVEL_LANES(2),
      .SETS(2),
      .THRESHOLD_SETS(1),
      .PIXELS(1),
      .DRAIN(2),
      .LEVEL_WIDTH(2),
      .GAIN_WIDTH(2),
      .MULTIPLY(0),
      .ACC_WIDTH(4),
      .THRESHOLD_WIDTH(5),
      .BUFFER_DEPTH(2),
      .OUT_DEPTH(10),
      .POPCOUNT_STAGES(1),
      .WEIGHT_COLUMN(8),
      .WEIGHT_FILE("mem/layer1_weights.hex"),
      .THRESHOLD_FILE("mem/layer1_thresholds.hex"),
      .WEIGHT_STYLE("distributed"),
      .THRESHOLD_STYLE("distributed"),
      .BUFFER_STYLE("distributed"),
      .GAINS(8'h66)
  ) layer1 (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer1_convert_out_valid),
      .in_ready(layer1_convert_out_ready),
      .in_data(layer1_convert_out_data),
      .in_levels(layer1_convert_out_levels),
      .out_valid(layer1_out_valid),
      .out_ready(layer1_out_ready),
      .out_data(layer1_out_data),
      .out_levels(layer1_out_levels)
  );

  logic layer1_pool_out_valid, layer1_pool_out_ready;
  logic [3:0] layer1_pool_out_data;
  logic [1:0] layer1_pool_out_levels;
  max_pool #(
      .PLANES(2),
      .LEVEL_WIDTH(2),
      .KERNEL(2),
      .STRIDE(2),
      .HEIGHT(2),
      .WIDTH(2),
      .OUT_HEIGHT(1),
      .OUT_WIDTH(1),
      .CHANNELS(2),
      .WORD(2),
      .READS(1),
      .WRITES(1),
      .DEPTH(5),
      .STYLE("distributed")
  ) layer1_pool (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer1_out_valid),
      .in_ready(layer1_out_ready),
      .in_data(layer1_out_data),
      .in_levels(layer1_out_levels),
      .out_valid(layer1_pool_out_valid),
      .out_ready(layer1_pool_out_ready),
      .out_data(layer1_pool_out_data),
      .out_levels(layer1_pool_out_levels)
  );

  logic layer2_convert_out_valid, layer2_convert_out_ready;
  logic [1:0] layer2_convert_out_data;
  logic [1:0] layer2_convert_out_levels;
  width_converter #(
      .IN(2),
      .OUT(1),
      .PLANES(2),
      .VECTOR(2),
      .LEVEL_WIDTH(2)
  ) layer2_convert (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer1_pool_out_valid),
      .in_ready(layer1_pool_out_ready),
      .in_data(layer1_pool_out_data),
      .in_levels(layer1_pool_out_levels),
      .out_valid(layer2_convert_out_valid),
      .out_ready(layer2_convert_out_ready),
      .out_data(layer2_convert_out_data),
      .out_levels(layer2_convert_out_levels)
  );

  logic layer2_out_valid, layer2_out_ready;
  logic [3:0] layer2_out_data;
  logic [1:0] layer2_out_levels;
  mvtu #(
      .ROWS(2),
      .COLS(2),
      .PE(1),
      .SIMD(1),
      .LEVELS_IN(2),
      .LEVELS_OUT(0),
      .LEVEL_LANES(1),
      .SETS(2),
      .THRESHOLD_SETS(1),
      .PIXELS(0),
      .DRAIN(1),
      .LEVEL_WIDTH(2),
      .GAIN_WIDTH(2),
      .MULTIPLY(1),
      .ACC_WIDTH(4),
      .THRESHOLD_WIDTH(24),
      .BUFFER_DEPTH(2),
      .OUT_DEPTH(5),
      .POPCOUNT_STAGES(1),
      .WEIGHT_COLUMN(1),
      .WEIGHT_FILE("mem/layer2_weights.hex"),
      .THRESHOLD_FILE(""),
      .WEIGHT_STYLE("distributed"),
      .THRESHOLD_STYLE("distributed"),
      .BUFFER_STYLE("distributed"),
      .GAINS(8'h73)
  ) layer2 (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer2_convert_out_valid),
      .in_ready(layer2_convert_out_ready),
      .in_data(layer2_convert_out_data),
      .in_levels(layer2_convert_out_levels),
      .out_valid(layer2_out_valid),
      .out_ready(layer2_out_ready),
      .out_data(layer2_out_data),
      .out_levels(layer2_out_levels)
  );

  logic signed [40:0] score;
  logic [1:0] score_levels;
  scores #(
      .ROWS(2),
      .LANES(1),
      .SETS(2),
      .LEVEL_WIDTH(2),
      .ACC_WIDTH(4),
      .SCORE_WIDTH(41),
      .CONSTANT_FILE("mem/scores.hex")
  ) classes (
      .clk(aclk),
      .rst(rst),
      .in_valid(layer2_out_valid),
      .in_ready(layer2_out_ready),
      .in_data(layer2_out_data),
      .in_levels(layer2_out_levels),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready),
      .out_data(score),
      .out_last(m_axis_tlast),
      .out_levels(score_levels)
  );
  assign m_axis_tdata = 48'(score);
  assign m_axis_tuser = 4'(score_levels);
endmodule
