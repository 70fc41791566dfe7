// What stands between a serial line and an accelerator: bytes in, beats of pixels; scores, bytes out.
//
// In:   on rx, for each image one byte with its levels (0: all), then its SAMPLES pixels in the accelerator's order.
// Out:  on tx, for each image SCORE_BYTES bytes a score, the lowest first, CLASSES scores (none if SCORES is 0), then
//       the label, the first index of the largest score, in as many bytes as CLASSES - 1 needs, the lowest first.
// Who are you: the byte 0xFF in the place of levels is a question, and no image. It waits until no answer is under way;
//       then IDENTITY goes out, lowest byte first, 56 bytes as in identity.py, with bit 1 of byte 5 as overflow is.
// A serial line has no handshake: the host may send on while answers are being sent, as long as they are not longer
// than images; RX_DEPTH bytes are kept for an accelerator that is busy. A byte for which there is no place is lost,
// and overflow stays high until IDENTITY has told it, or until the next reset.
// A host that stops in the middle of an image for TIMEOUT cycles has given it up: restart is high for one cycle, which
// resets the accelerator and the shell; answers that have not been sent are lost with it.
// Time: a beat is offered in the second cycle after its last byte came in.
// P: bytes a beat. USER_WIDTH: bits of tuser, at most 8. BIT_CLOCKS: clocks a bit of the serial line.
module shell #(
    parameter int SAMPLES = 784,
    parameter int P = 4,
    parameter int USER_WIDTH = 4,
    parameter int CLASSES = 10,
    parameter int SCORE_BYTES = 6,
    parameter int SCORES = 1,
    parameter int BIT_CLOCKS = 50,
    parameter int RX_DEPTH = 16,
    parameter int TIMEOUT = 5000000,
    parameter logic [447:0] IDENTITY = '0
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic                     rx,
    output logic                     tx,
    output logic                     receiving,
    output logic                     overflow,
    output logic                     restart,
    output logic [          8*P-1:0] s_axis_tdata,
    output logic                     s_axis_tvalid,
    input  logic                     s_axis_tready,
    output logic                     s_axis_tlast,
    output logic [   USER_WIDTH-1:0] s_axis_tuser,
    input  logic [8*SCORE_BYTES-1:0] m_axis_tdata,
    input  logic                     m_axis_tvalid,
    output logic                     m_axis_tready,
    input  logic                     m_axis_tlast
);
  localparam int LABEL_WIDTH = CLASSES > 1 ? $clog2(CLASSES) : 1;
  localparam int LABEL_BYTES = (LABEL_WIDTH + 7) / 8;
  localparam int SHIFT_BYTES = SCORE_BYTES > LABEL_BYTES ? SCORE_BYTES : LABEL_BYTES;
  localparam int LEFT_WIDTH = $clog2(SHIFT_BYTES + 1);
  localparam int SAMPLE_WIDTH = $clog2(SAMPLES + 1);
  localparam int LANE_WIDTH = P > 1 ? $clog2(P) : 1;
  localparam int TIMEOUT_WIDTH = $clog2(TIMEOUT + 1);
  localparam logic [5:0] IDENTITY_BYTES = 6'd56;
  localparam logic [5:0] LOST_BYTE = 6'd5;
  localparam logic [7:0] QUESTION = 8'hFF;

  if (SAMPLES < 1 || P < 1 || CLASSES < 1 || SCORE_BYTES < 1 || RX_DEPTH < 1 || TIMEOUT < 1) begin : illegal_1
    $fatal(1, "shell: SAMPLES, P, CLASSES, SCORE_BYTES, RX_DEPTH and TIMEOUT must be at least 1");
  end
  if (USER_WIDTH < 1 || USER_WIDTH > 8) begin : illegal_2
    $fatal(1, "shell: USER_WIDTH must be 1 to 8");
  end

  logic reset;
  assign reset = rst || restart;

  // Bytes in.
  logic line_valid, line_ready, byte_valid, byte_ready, told;
  logic [7:0] line_data, byte_data;

  uart_rx #(
      .BIT_CLOCKS(BIT_CLOCKS)
  ) receiver (
      .clk,
      .rst(reset),
      .rx,
      .out_valid(line_valid),
      .out_data(line_data)
  );
  fifo #(
      .WIDTH(8),
      .DEPTH(RX_DEPTH)
  ) received (
      .clk,
      .rst(reset),
      .in_valid(line_valid),
      .in_ready(line_ready),
      .in_data(line_data),
      .out_valid(byte_valid),
      .out_ready(byte_ready),
      .out_data(byte_data)
  );

  always_ff @(posedge clk) begin
    if (line_valid && !line_ready) overflow <= 1'b1;
    else if (told) overflow <= 1'b0;
    if (rst) overflow <= 1'b0;
  end

  // A question waits for its turn between answers.
  logic inside_q, question, question_taken, idle, asked_q;
  assign question       = !inside_q && byte_data == QUESTION;
  assign question_taken = byte_valid && question && idle;

  // Beats: the levels, then P bytes at a time; a last beat that is not full ends in zeros.
  logic [8*P-1:0] beat_q;
  logic [USER_WIDTH-1:0] levels_q;
  logic [SAMPLE_WIDTH-1:0] samples_q;  // pixels of this image that are still to come
  logic [LANE_WIDTH-1:0] lane_q;
  logic beat_valid_q, beat_first_q, last_sample, take;

  assign last_sample   = samples_q == SAMPLE_WIDTH'(1);
  assign byte_ready    = question ? idle : !beat_valid_q || s_axis_tready;
  assign take          = byte_valid && byte_ready && !question;
  assign s_axis_tdata  = beat_q;
  assign s_axis_tvalid = beat_valid_q;
  assign s_axis_tuser  = beat_first_q ? levels_q : '0;
  assign s_axis_tlast  = !inside_q;
  assign receiving     = inside_q;

  always_ff @(posedge clk) begin
    if (s_axis_tvalid && s_axis_tready) begin
      beat_valid_q <= 1'b0;
      beat_first_q <= 1'b0;
      beat_q       <= '0;
    end
    if (take && !inside_q) begin
      inside_q     <= 1'b1;
      beat_first_q <= 1'b1;
      beat_q       <= '0;
      levels_q     <= byte_data[USER_WIDTH-1:0];
      samples_q    <= SAMPLE_WIDTH'(SAMPLES);
      lane_q       <= '0;
    end
    if (take && inside_q) begin
      beat_q[8*int'(lane_q)+:8] <= byte_data;
      inside_q            <= !last_sample;
      samples_q           <= samples_q - 1'b1;
      lane_q              <= lane_q == LANE_WIDTH'(P - 1) ? '0 : lane_q + 1'b1;
      beat_valid_q        <= last_sample || lane_q == LANE_WIDTH'(P - 1);
    end
    if (reset) begin
      beat_valid_q <= 1'b0;
      beat_first_q <= 1'b0;
      inside_q     <= 1'b0;
    end
  end

  // A host that has gone.
  logic [TIMEOUT_WIDTH-1:0] silence_q;
  always_ff @(posedge clk) begin
    silence_q <= rst || line_valid || !inside_q ? '0 : silence_q + 1'b1;
    restart   <= !rst && !restart && inside_q && silence_q == TIMEOUT_WIDTH'(TIMEOUT - 1);
  end

  // Bytes out: the scores as they come, then the label; or who this is.
  logic [8*SHIFT_BYTES-1:0] shift_q;
  logic [LEFT_WIDTH-1:0] left_q;
  logic signed [8*SCORE_BYTES-1:0] score_q, best_q;
  logic [LABEL_WIDTH-1:0] row_q, label_q;
  logic compare_q, first_q, last_q, label_next_q, send_ready, waiting;
  logic [5:0] place_q;  // in IDENTITY
  logic [7:0] identity_byte, send_byte;

  assign waiting       = left_q == '0 && !compare_q && !label_next_q && !asked_q;
  assign idle          = waiting && first_q && !m_axis_tvalid;
  assign m_axis_tready = waiting;
  assign identity_byte = IDENTITY[8*int'(place_q)+:8] | {6'b0, overflow && place_q == LOST_BYTE, 1'b0};
  assign send_byte     = asked_q ? identity_byte : shift_q[7:0];
  assign told          = asked_q && send_ready && place_q == LOST_BYTE;

  uart_tx #(
      .BIT_CLOCKS(BIT_CLOCKS)
  ) transmitter (
      .clk,
      .rst(reset),
      .in_valid(left_q != '0 || asked_q),
      .in_ready(send_ready),
      .in_data(send_byte),
      .tx
  );

  always_ff @(posedge clk) begin
    compare_q <= 1'b0;
    if (left_q != '0 && send_ready) begin
      left_q  <= left_q - 1'b1;
      shift_q <= shift_q >> 8;
    end
    if (asked_q && send_ready) begin
      place_q <= place_q + 1'b1;
      asked_q <= place_q != IDENTITY_BYTES - 6'd1;
    end
    if (question_taken) begin
      place_q <= '0;
      asked_q <= 1'b1;
    end
    if (m_axis_tvalid && m_axis_tready) begin
      score_q   <= m_axis_tdata;
      last_q    <= m_axis_tlast;
      compare_q <= 1'b1;
      shift_q   <= (8 * SHIFT_BYTES)'(m_axis_tdata);
      left_q    <= SCORES != 0 ? LEFT_WIDTH'(SCORE_BYTES) : '0;
    end
    if (compare_q) begin
      if (first_q || score_q > best_q) begin
        best_q  <= score_q;
        label_q <= row_q;
      end
      first_q      <= last_q;
      row_q        <= last_q ? '0 : row_q + 1'b1;
      label_next_q <= last_q;
    end
    if (label_next_q && left_q == '0) begin
      label_next_q <= 1'b0;
      shift_q      <= (8 * SHIFT_BYTES)'(label_q);
      left_q       <= LEFT_WIDTH'(LABEL_BYTES);
    end
    if (reset) begin
      compare_q    <= 1'b0;
      first_q      <= 1'b1;
      label_next_q <= 1'b0;
      left_q       <= '0;
      asked_q      <= 1'b0;
      row_q        <= '0;
    end
  end
endmodule
