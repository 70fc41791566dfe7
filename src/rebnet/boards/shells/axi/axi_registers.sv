// Registers of the AXI shell: an AXI4-Lite slave of 32-bit words.
//
// In:   accesses; what the shell has to tell: is_idle, resetting, error_tlast, the levels in force, and in one cycle each what
//       has happened.
// Out:  what the host has set, and in one cycle each what it has asked for. irq is high while a flag of INTERRUPTS
//       is up that ENABLE lets through.
// Time: an answer is offered in the cycle behind the one in which the access was whole; one read and one write at a time,
//       and both at once. Every ready depends on registers only.
// An access is refused with SLVERR and changes nothing where its address is no register or not a multiple of 4, where a write
// is to a register that is only read or has not all four strobes, or where it changes MODE or IMAGES while the shell is not
// idle. What comes behind it is served as ever.
// FACTS: word r is what register r says that never changes; axi_map.sv has the numbers of the others.
module axi_registers #(
    parameter int ADDRESS_WIDTH = 12,
    parameter int USER_WIDTH = 4,
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
    output logic                     reset_now,
    output logic                     abort_now,
    output logic [   USER_WIDTH-1:0] levels,
    output logic                     labels,
    output logic                     headers,
    output logic [             31:0] images,
    input  logic                     is_idle,
    input  logic                     resetting,
    input  logic                     error_tlast,
    input  logic [   USER_WIDTH-1:0] levels_now,
    input  logic                     image_in,
    input  logic                     image_out,
    input  logic                     transfer_out,
    input  logic                     short_transfer,
    input  logic                     reset_done,
    input  logic                     busy,
    input  logic                     stall_in,
    input  logic                     stall_out
);
  localparam int WORDS = axi_map::WORDS;
  localparam int INDEX_WIDTH = ADDRESS_WIDTH - 2;
  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10;

  if (ADDRESS_WIDTH < 2 + $clog2(WORDS)) begin : illegal_1
    $fatal(1, "axi_registers: ADDRESS_WIDTH must reach all registers");
  end
  if (USER_WIDTH < 1 || USER_WIDTH > 32) begin : illegal_2
    $fatal(1, "axi_registers: USER_WIDTH must be 1 to 32");
  end

  // Writes: address and data come in any order, and wait for each other.
  logic aw_q, w_q, write, write_legal, fits_now;
  logic [ADDRESS_WIDTH-1:0] awaddr_q;
  logic [31:0] wdata_q;
  logic [USER_WIDTH-1:0] levels_d;
  logic [3:0] wstrb_q;
  logic [INDEX_WIDTH-1:0] write_index;
  logic [WORDS-1:0] write_one, written;  // a bit a register

  assign s_axi_awready = !aw_q;
  assign s_axi_wready  = !w_q;
  assign write         = aw_q && w_q && !s_axi_bvalid;
  assign write_index   = awaddr_q[ADDRESS_WIDTH-1:2];
  assign write_one     = int'(write_index) < WORDS ? WORDS'(1) << write_index : '0;
  assign fits_now      = is_idle || !(write_one[axi_map::MODE] || write_one[axi_map::IMAGES]);
  assign write_legal   = awaddr_q[1:0] == '0 && wstrb_q == '1 && |(write_one & axi_map::WRITABLE) && fits_now;
  assign written       = write && write_legal ? write_one : '0;

  always_ff @(posedge clk) begin
    if (s_axi_awvalid && s_axi_awready) begin
      aw_q     <= 1'b1;
      awaddr_q <= s_axi_awaddr;
    end
    if (s_axi_wvalid && s_axi_wready) begin
      w_q     <= 1'b1;
      wdata_q <= s_axi_wdata;
      wstrb_q <= s_axi_wstrb;
    end
    if (s_axi_bready) s_axi_bvalid <= 1'b0;
    if (write) begin
      aw_q         <= 1'b0;
      w_q          <= 1'b0;
      s_axi_bvalid <= 1'b1;
      s_axi_bresp  <= write_legal ? OKAY : SLVERR;
    end
    if (rst) begin
      aw_q         <= 1'b0;
      w_q          <= 1'b0;
      s_axi_bvalid <= 1'b0;
    end
  end

  // What the host sets and asks for. Levels that TUSER cannot say are more than there are: all of them.
  logic clear;
  logic [axi_map::INTERRUPT_BITS-1:0] flags_q, enable_q, happened, cleared;

  assign levels_d = |(wdata_q >> USER_WIDTH) ? '0 : wdata_q[USER_WIDTH-1:0];
  assign happened = {reset_done, short_transfer, transfer_out, image_out};
  assign cleared  = written[axi_map::INTERRUPTS] ? wdata_q[axi_map::INTERRUPT_BITS-1:0] : '0;

  always_ff @(posedge clk) begin
    reset_now     <= written[axi_map::CONTROL] && wdata_q[0];
    abort_now     <= written[axi_map::CONTROL] && wdata_q[1];
    clear     <= written[axi_map::CONTROL] && wdata_q[2];
    flags_q   <= (flags_q & ~cleared) | happened;
    irq <= |(flags_q & enable_q);
    if (written[axi_map::MODE]) {headers, labels} <= wdata_q[1:0];
    if (written[axi_map::ENABLE]) enable_q <= wdata_q[axi_map::INTERRUPT_BITS-1:0];
    if (written[axi_map::LEVELS]) levels <= levels_d;
    if (written[axi_map::IMAGES]) images <= wdata_q;
    if (rst) begin
      reset_now     <= 1'b0;
      abort_now     <= 1'b0;
      clear     <= 1'b1;
      flags_q   <= '0;
      enable_q  <= '0;
      irq <= 1'b0;
      headers   <= 1'b0;
      labels    <= 1'b0;
      levels    <= '0;
      images    <= '0;
    end
  end

  // Counters.
  logic [31:0] images_in_q, images_out_q, stalls_in_q, stalls_out_q, high_q;
  logic [63:0] cycles_q;

  always_ff @(posedge clk) begin
    images_in_q  <= clear ? '0 : images_in_q + 32'(image_in);
    images_out_q <= clear ? '0 : images_out_q + 32'(image_out);
    stalls_in_q  <= clear ? '0 : stalls_in_q + 32'(stall_in);
    stalls_out_q <= clear ? '0 : stalls_out_q + 32'(stall_out);
    cycles_q     <= clear ? '0 : cycles_q + 64'(busy);
  end

  // Reads.
  logic ar_q, read, read_legal;
  logic [ADDRESS_WIDTH-1:0] araddr_q;
  logic [INDEX_WIDTH-1:0] read_index;
  logic [WORDS-1:0] read_one;
  logic [31:0] said;

  assign s_axi_arready = !ar_q;
  assign read          = ar_q && !s_axi_rvalid;
  assign read_index    = araddr_q[ADDRESS_WIDTH-1:2];
  assign read_one      = int'(read_index) < WORDS ? WORDS'(1) << read_index : '0;
  assign read_legal    = araddr_q[1:0] == '0 && |(read_one & axi_map::READABLE);

  always_comb begin
    said = FACTS[32*int'(read_index[$clog2(WORDS)-1:0])+:32];
    if (read_one[axi_map::CONTROL]) said = 32'(resetting);
    if (read_one[axi_map::MODE]) said = 32'({headers, labels});
    if (read_one[axi_map::STATUS]) said = 32'({error_tlast, resetting, is_idle});
    if (read_one[axi_map::INTERRUPTS]) said = 32'(flags_q);
    if (read_one[axi_map::ENABLE]) said = 32'(enable_q);
    if (read_one[axi_map::LEVELS]) said = 32'(levels);
    if (read_one[axi_map::LEVELS_NOW]) said = 32'(levels_now);
    if (read_one[axi_map::IMAGES]) said = images;
    if (read_one[axi_map::IMAGES_IN]) said = images_in_q;
    if (read_one[axi_map::IMAGES_OUT]) said = images_out_q;
    if (read_one[axi_map::CYCLES]) said = cycles_q[31:0];
    if (read_one[axi_map::CYCLES_HIGH]) said = high_q;
    if (read_one[axi_map::STALLS_IN]) said = stalls_in_q;
    if (read_one[axi_map::STALLS_OUT]) said = stalls_out_q;
  end

  always_ff @(posedge clk) begin
    if (s_axi_arvalid && s_axi_arready) begin
      ar_q     <= 1'b1;
      araddr_q <= s_axi_araddr;
    end
    if (s_axi_rready) s_axi_rvalid <= 1'b0;
    if (read) begin
      ar_q         <= 1'b0;
      s_axi_rvalid <= 1'b1;
      s_axi_rdata  <= read_legal ? said : '0;
      s_axi_rresp  <= read_legal ? OKAY : SLVERR;
      if (read_legal && read_one[axi_map::CYCLES]) high_q <= cycles_q[63:32];
    end
    if (rst) begin
      ar_q         <= 1'b0;
      s_axi_rvalid <= 1'b0;
      high_q       <= '0;
    end
  end
endmodule
