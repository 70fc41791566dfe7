// Answers of an accelerator as an AXI-Stream of 64-bit beats that a simple DMA can take.
//
// In:   scores, signed, SCORE_BYTES bytes each, CLASSES of each of PLACES places of an image; for each image a word of ends.
// Out:  where labels is low, a beat a score, its sign extended; where it is high, a beat a place, the first index of its largest
//       score. TLAST is on the last beat of a transfer alone: where images is 0, of the image whose word of ends is 1, else of
//       every image number images since the last one.
// closing, while the accelerator is reset: no score is taken, and what is offered stays until it is taken; behind it one beat of 0
// with TLAST ends the transfer, where one has begun (unended is high) or owed was high for a cycle. closed: all has been taken.
// Time: a beat is offered in the cycle behind its score; one score per cycle. a_axis_tready depends on registers only.
module axi_answers #(
    parameter int SCORE_BYTES = 6,
    parameter int CLASSES = 10,
    parameter int PLACES = 1
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic                     labels,
    input  logic [             31:0] images,
    input  logic                     closing,
    input  logic                     owed,
    output logic                     closed,
    output logic                     unended,
    input  logic [8*SCORE_BYTES-1:0] a_axis_tdata,
    input  logic                     a_axis_tvalid,
    output logic                     a_axis_tready,
    input  logic                     ends_valid,
    output logic                     ends_ready,
    input  logic                     ends,
    output logic [             63:0] m_axis_tdata,
    output logic                     m_axis_tvalid,
    input  logic                     m_axis_tready,
    output logic                     m_axis_tlast,
    output logic                     image_out,
    output logic                     transfer_out
);
  localparam int CLASS_WIDTH = CLASSES > 1 ? $clog2(CLASSES) : 1;
  localparam int PLACE_WIDTH = PLACES > 1 ? $clog2(PLACES) : 1;

  if (SCORE_BYTES < 1 || SCORE_BYTES > 8) begin : illegal_1
    $fatal(1, "axi_answers: SCORE_BYTES must be 1 to 8");
  end
  if (CLASSES < 1 || PLACES < 1) begin : illegal_2
    $fatal(1, "axi_answers: CLASSES and PLACES must be at least 1");
  end

  logic [CLASS_WIDTH-1:0] class_q, best_q, best;
  logic [PLACE_WIDTH-1:0] place_q;
  logic signed [8*SCORE_BYTES-1:0] score, largest_q;
  logic [31:0] count_q;
  logic open_q;  // beats of a transfer have gone into the FIFO, its last one not
  logic room, take, push, last_class, last_place, image_ends, transfer_ends, unused_ends, offered_last;

  assign score         = $signed(a_axis_tdata);
  assign last_class    = class_q == CLASS_WIDTH'(CLASSES - 1);
  assign last_place    = place_q == PLACE_WIDTH'(PLACES - 1);
  assign image_ends    = last_class && last_place;
  assign transfer_ends = image_ends && (images == '0 ? ends : count_q == images - 1);
  assign a_axis_tready = room && !closing;
  assign take          = a_axis_tvalid && a_axis_tready;
  assign push          = (take && (!labels || last_class)) || (closing && open_q && room);
  assign best          = class_q == '0 || score > largest_q ? class_q : best_q;
  assign ends_ready    = take && image_ends;
  assign unused_ends   = ends_valid;  // an image's word is there before its last score

  always_ff @(posedge clk) begin
    if (take) begin
      best_q <= best;
      if (class_q == '0 || score > largest_q) largest_q <= score;
      class_q <= last_class ? '0 : class_q + 1'b1;
      if (last_class) place_q <= last_place ? '0 : place_q + 1'b1;
      if (image_ends) count_q <= transfer_ends ? '0 : count_q + 1'b1;
    end
    if (push) open_q <= !(closing || transfer_ends);
    else if (owed) open_q <= 1'b1;
    if (rst || closing) begin
      class_q <= '0;
      place_q <= '0;
      count_q <= '0;
    end
    if (rst) open_q <= 1'b0;
  end

  fifo #(
      .WIDTH(66),
      .DEPTH(2)
  ) beats (
      .clk,
      .rst,
      .in_valid(push),
      .in_ready(room),
      .in_data(closing ? {1'b0, 1'b1, 64'b0} : {image_ends, transfer_ends, labels ? 64'(best) : 64'(score)}),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready),
      .out_data({offered_last, m_axis_tlast, m_axis_tdata})
  );
  assign image_out    = m_axis_tvalid && m_axis_tready && offered_last;
  assign transfer_out = m_axis_tvalid && m_axis_tready && m_axis_tlast;
  assign closed       = !open_q && !m_axis_tvalid;
  assign unended      = open_q;
endmodule
