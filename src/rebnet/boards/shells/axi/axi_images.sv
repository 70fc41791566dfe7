// Images of an AXI-Stream without TUSER, as an accelerator takes them.
//
// In:   transfers of whole images, BEATS beats each, s_axis_tlast on a transfer's last beat; where headers is high, one beat
//       more in front of each image, of which the lowest USER_WIDTH bits are its levels. Else levels says them, as it is when
//       the image's first beat is taken.
// Out:  the same images with TUSER on the first beat and TLAST on the last; for each image one word of ends, 1 if it is a
//       transfer's last. levels_now: the levels of the image that began last, MAX_LEVELS for 0 and for more than there are.
// A transfer that ends within an image is made whole: the image's other beats are 0, short_transfer is high for one cycle.
// While hold is high nothing goes out, and a new image begins behind it; what comes in waits, or with drain is thrown away.
// within_image: an image has begun and not all of it gone in. open: a transfer has begun and not ended.
// Time: a beat goes through in the cycle in which it comes. s_axis_tready depends on registers and on a_axis_tready.
// IN_WIDTH ≥ OUT_WIDTH: bits of a beat; those above OUT_WIDTH are ignored. RUNTIME_LEVELS: 0 if all images run at MAX_LEVELS.
module axi_images #(
    parameter int IN_WIDTH = 32,
    parameter int OUT_WIDTH = 32,
    parameter int BEATS = 196,
    parameter int USER_WIDTH = 4,
    parameter int MAX_LEVELS = 2,
    parameter int RUNTIME_LEVELS = 1,
    parameter int MOST_INSIDE = 256
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  hold,
    input  logic                  drain,
    input  logic                  headers,
    input  logic [USER_WIDTH-1:0] levels,
    output logic [USER_WIDTH-1:0] levels_now,
    input  logic [  IN_WIDTH-1:0] s_axis_tdata,
    input  logic                  s_axis_tvalid,
    output logic                  s_axis_tready,
    input  logic                  s_axis_tlast,
    output logic [ OUT_WIDTH-1:0] a_axis_tdata,
    output logic                  a_axis_tvalid,
    input  logic                  a_axis_tready,
    output logic                  a_axis_tlast,
    output logic [USER_WIDTH-1:0] a_axis_tuser,
    output logic                  ends_valid,
    input  logic                  ends_ready,
    output logic                  ends,
    output logic                  within_image,
    output logic                  open,
    output logic                  image_in,
    output logic                  short_transfer
);
  localparam int BEAT_WIDTH = BEATS > 1 ? $clog2(BEATS) : 1;

  if (BEATS < 1 || OUT_WIDTH < 1 || IN_WIDTH < OUT_WIDTH || IN_WIDTH < USER_WIDTH) begin : illegal_1
    $fatal(1, "axi_images: BEATS and OUT_WIDTH must be at least 1, IN_WIDTH at least OUT_WIDTH and USER_WIDTH");
  end

  logic [BEAT_WIDTH-1:0] beat_q;
  logic [USER_WIDTH-1:0] header_q, wanted, least;
  logic headed_q, fill_q;  // the header is in; the transfer has ended, zeros follow
  logic header_now, first_beat, last_beat, room, take, give;

  assign first_beat    = beat_q == '0;
  assign last_beat     = beat_q == BEAT_WIDTH'(BEATS - 1);
  assign header_now    = headers && first_beat && !headed_q;
  assign wanted        = headers ? header_q : levels;
  assign s_axis_tready = hold ? drain : header_now || (!fill_q && a_axis_tready && room);
  assign a_axis_tvalid = !hold && !header_now && (fill_q || s_axis_tvalid) && room;
  assign a_axis_tdata  = fill_q ? '0 : s_axis_tdata[OUT_WIDTH-1:0];
  assign a_axis_tlast  = last_beat;
  assign a_axis_tuser  = wanted;
  assign take          = s_axis_tvalid && s_axis_tready;
  assign give          = a_axis_tvalid && a_axis_tready;
  assign within_image  = !first_beat || headed_q || fill_q;
  assign image_in      = give && last_beat;
  assign least         = wanted == '0 || int'(wanted) > MAX_LEVELS || RUNTIME_LEVELS == 0 ? USER_WIDTH'(MAX_LEVELS) : wanted;
  assign short_transfer = take && !hold && s_axis_tlast && (header_now || !last_beat);

  always_ff @(posedge clk) begin
    if (take) open <= !s_axis_tlast;
    if (take && header_now && !hold) begin
      header_q <= s_axis_tdata[USER_WIDTH-1:0];
      headed_q <= 1'b1;
    end
    if (short_transfer) fill_q <= 1'b1;
    if (give) begin
      beat_q <= last_beat ? '0 : beat_q + 1'b1;
      if (first_beat) levels_now <= least;
      if (last_beat) begin
        headed_q <= 1'b0;
        fill_q   <= 1'b0;
      end
    end
    if (rst || hold) begin
      beat_q   <= '0;
      headed_q <= 1'b0;
      fill_q   <= 1'b0;
    end
    if (rst) begin
      open       <= 1'b0;
      levels_now <= USER_WIDTH'(MAX_LEVELS);
    end
  end

  if (IN_WIDTH > OUT_WIDTH) begin : narrower
    logic unused_bits;
    assign unused_bits = &s_axis_tdata[IN_WIDTH-1:OUT_WIDTH];
  end

  fifo #(
      .WIDTH(1),
      .DEPTH(MOST_INSIDE)
  ) transfers (
      .clk,
      .rst(rst || hold),
      .in_valid(image_in),
      .in_ready(room),
      .in_data(fill_q || s_axis_tlast),
      .out_valid(ends_valid),
      .out_ready(ends_ready),
      .out_data(ends)
  );
endmodule
