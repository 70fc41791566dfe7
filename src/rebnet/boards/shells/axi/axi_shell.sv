// What stands between a processor with a simple DMA and an accelerator: registers by AXI4-Lite, images and answers by
// AXI-Stream, an interrupt.
//
// In:   s_axi, the registers (axi_registers.sv); s_axis, images (axi_images.sv); a_out, the accelerator's answers.
// Out:  m_axis, answers (axi_answers.sv), all bytes of a beat valid; a_in, images for the accelerator; a_resetn, its reset;
//       irq, high while a flag is up that is enabled.
// Reset asked for by register: the accelerator is reset. In order: the transfer that comes in is thrown away to its TLAST, what
// is offered stays, and where answers are owed a beat of 0 with TLAST ends their transfer. Abort: at once, and what is offered
// goes, for where the DMA is reset too. Registers and counters keep what they hold, and answer all the while.
// Time: a reset takes at least HOLD cycles. Streams as in axi_images.sv and axi_answers.sv.
// IN_WIDTH: bits of a beat from the DMA; A_WIDTH ≤ IN_WIDTH, those that the accelerator takes.
module axi_shell #(
    parameter int ADDRESS_WIDTH = 12,
    parameter int IN_WIDTH = 32,
    parameter int A_WIDTH = 32,
    parameter int BEATS = 196,
    parameter int USER_WIDTH = 4,
    parameter int MAX_LEVELS = 2,
    parameter int RUNTIME_LEVELS = 1,
    parameter int SCORE_BYTES = 6,
    parameter int CLASSES = 10,
    parameter int PLACES = 1,
    parameter int MOST_INSIDE = 256,
    parameter int HOLD = 32,
    parameter logic [32*axi_map::WORDS-1:0] FACTS = '0
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic [ADDRESS_WIDTH-1:0] s_axi_awaddr,
    input  logic                     s_axi_awvalid,
    output logic                     s_axi_awready,
    input  logic [             31:0] s_axi_wdata,
    input  logic [              3:0] s_axi_wstrb,
    input  logic                     s_axi_wvalid,
    output logic                     s_axi_wready,
    output logic [              1:0] s_axi_bresp,
    output logic                     s_axi_bvalid,
    input  logic                     s_axi_bready,
    input  logic [ADDRESS_WIDTH-1:0] s_axi_araddr,
    input  logic                     s_axi_arvalid,
    output logic                     s_axi_arready,
    output logic [             31:0] s_axi_rdata,
    output logic [              1:0] s_axi_rresp,
    output logic                     s_axi_rvalid,
    input  logic                     s_axi_rready,
    output logic                     irq,
    input  logic [     IN_WIDTH-1:0] s_axis_tdata,
    input  logic                     s_axis_tvalid,
    output logic                     s_axis_tready,
    input  logic                     s_axis_tlast,
    output logic [             63:0] m_axis_tdata,
    output logic [              7:0] m_axis_tkeep,
    output logic                     m_axis_tvalid,
    input  logic                     m_axis_tready,
    output logic                     m_axis_tlast,
    output logic                     a_resetn,
    output logic [      A_WIDTH-1:0] a_in_tdata,
    output logic                     a_in_tvalid,
    input  logic                     a_in_tready,
    output logic                     a_in_tlast,
    output logic [   USER_WIDTH-1:0] a_in_tuser,
    input  logic [8*SCORE_BYTES-1:0] a_out_tdata,
    input  logic                     a_out_tvalid,
    output logic                     a_out_tready,
    input  logic                     error_tlast
);
  localparam int HOLD_WIDTH = $clog2(HOLD);

  if (HOLD < 16) begin : illegal_1
    $fatal(1, "axi_shell: HOLD must be at least 16");
  end

  logic reset_now, abort_now, labels, headers, is_idle, resetting_q, reset_done, image_in, image_out, transfer_out, short_transfer;
  logic within_image, open, ends_valid, ends_ready, ends, closed, unended, close, owed;
  logic [USER_WIDTH-1:0] levels, levels_now;
  logic [31:0] images;

  // Reset: the accelerator sleeps for the first half of HOLD, and is awake before anything goes to it.
  logic draining_q, asked_q, owed_q;
  logic [HOLD_WIDTH-1:0] held_q;

  assign close      = reset_now && !resetting_q && !abort_now;
  assign owed       = close ? within_image || ends_valid || open || unended || s_axis_tvalid :
                      draining_q && !owed_q && s_axis_tvalid;
  assign reset_done = resetting_q && held_q == HOLD_WIDTH'(HOLD - 1) && (!draining_q || (closed && !owed && !open && !s_axis_tvalid));

  always_ff @(posedge clk) begin
    if (resetting_q && held_q != HOLD_WIDTH'(HOLD - 1)) held_q <= held_q + 1'b1;
    if (reset_done) resetting_q <= 1'b0;
    owed_q <= owed || (owed_q && resetting_q);
    if (close || abort_now) begin
      resetting_q <= 1'b1;
      draining_q  <= close;
      asked_q     <= 1'b1;
      held_q      <= '0;
    end
    a_resetn <= !(resetting_q && int'(held_q) < HOLD / 2);
    if (rst) begin
      resetting_q <= 1'b1;
      draining_q  <= 1'b0;
      asked_q     <= 1'b0;
      held_q      <= '0;
      a_resetn    <= 1'b0;
    end
  end

  assign is_idle = !resetting_q && !within_image && !ends_valid && !unended && !m_axis_tvalid && !(open && images == '0);

  axi_registers #(
      .ADDRESS_WIDTH(ADDRESS_WIDTH),
      .USER_WIDTH(USER_WIDTH),
      .FACTS(FACTS)
  ) registers (
      .clk,
      .rst,
      .s_axi_awaddr,
      .s_axi_awvalid,
      .s_axi_awready,
      .s_axi_wdata,
      .s_axi_wstrb,
      .s_axi_wvalid,
      .s_axi_wready,
      .s_axi_bresp,
      .s_axi_bvalid,
      .s_axi_bready,
      .s_axi_araddr,
      .s_axi_arvalid,
      .s_axi_arready,
      .s_axi_rdata,
      .s_axi_rresp,
      .s_axi_rvalid,
      .s_axi_rready,
      .irq,
      .reset_now,
      .abort_now,
      .levels,
      .labels,
      .headers,
      .images,
      .is_idle,
      .resetting(resetting_q),
      .error_tlast,
      .levels_now,
      .image_in,
      .image_out,
      .transfer_out,
      .short_transfer,
      .reset_done(reset_done && asked_q),
      .busy(within_image || ends_valid),
      .stall_in(s_axis_tvalid && !s_axis_tready),
      .stall_out(m_axis_tvalid && !m_axis_tready)
  );

  axi_images #(
      .IN_WIDTH(IN_WIDTH),
      .OUT_WIDTH(A_WIDTH),
      .BEATS(BEATS),
      .USER_WIDTH(USER_WIDTH),
      .MAX_LEVELS(MAX_LEVELS),
      .RUNTIME_LEVELS(RUNTIME_LEVELS),
      .MOST_INSIDE(MOST_INSIDE)
  ) images_in (
      .clk,
      .rst(rst || abort_now),
      .hold(resetting_q || close),
      .drain(resetting_q && draining_q),
      .headers,
      .levels,
      .levels_now,
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .s_axis_tlast,
      .a_axis_tdata(a_in_tdata),
      .a_axis_tvalid(a_in_tvalid),
      .a_axis_tready(a_in_tready),
      .a_axis_tlast(a_in_tlast),
      .a_axis_tuser(a_in_tuser),
      .ends_valid,
      .ends_ready,
      .ends,
      .within_image,
      .open,
      .image_in,
      .short_transfer
  );

  axi_answers #(
      .SCORE_BYTES(SCORE_BYTES),
      .CLASSES(CLASSES),
      .PLACES(PLACES)
  ) answers_out (
      .clk,
      .rst(rst || abort_now),
      .labels,
      .images,
      .closing(close || (resetting_q && draining_q)),
      .owed,
      .closed,
      .unended,
      .a_axis_tdata(a_out_tdata),
      .a_axis_tvalid(a_out_tvalid && !resetting_q),
      .a_axis_tready(a_out_tready),
      .ends_valid,
      .ends_ready,
      .ends,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready,
      .m_axis_tlast,
      .image_out,
      .transfer_out
  );
  assign m_axis_tkeep = '1;
endmodule
