// Constants of an accelerator by AXI4-Lite: what stands between a host and axi_registers where weights are written at run time.
//
// In:   s_axi, accesses of the host; config_in, the accelerator's configuration bus (writable_memory.sv).
// Out:  i_axi, those accesses that are not for the registers here, to axi_registers; config_out, requests; hold, high while
//       no image may begin.
// How:  writing LOAD.BEGIN is refused while an image is inside, which is asked of STATUS.IDLE; else it holds the stream of images
//       and begins two checksums, CRC-32 of the address and the data of each word that was written, and of each that was read,
//       four bytes each, the lowest first. Writing LOAD_DATA writes a word at LOAD_ADDRESS, reading it reads one, and
//       either moves the address on. A checksum that is written and is that of what was written lets images in again, where that
//       is WORDS words, or none and the memories are whole; else it sets LOAD.WRONG and leaves them out. The first eight words are the network's hash, which NETWORK says, and 0 until a
//       network is there.
// An access is refused with SLVERR and changes nothing where axi_registers would, where it writes or reads LOAD_DATA or
// writes LOAD_CHECKSUM outside of a load, and where no memory has a word at LOAD_ADDRESS.
// Time: one access at a time; one for axi_registers takes 3 cycles more than there, a word at most LATENCY + 12.
// A reset of the shell ends an access and no load: what was being written is still half written.
// CONFIG_ADDRESS: bits of a word's address. LATENCY: cycles of a request through the accelerator. WORDS: of a network with its
// hash. NETWORK, SHAPE: the hash of
// the network that the bitstream holds, and what LOAD_SHAPE says.
module axi_load #(
    parameter int ADDRESS_WIDTH = 12,
    parameter int CONFIG_ADDRESS = 16,
    parameter int LATENCY = 8,
    parameter int WORDS = 8,
    parameter logic [255:0] NETWORK = '0,
    parameter logic [31:0] SHAPE = '0,
    localparam int CONFIG_WIDTH = CONFIG_ADDRESS + 35
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
    output logic [ADDRESS_WIDTH-1:0] i_axi_awaddr,
    output logic                     i_axi_awvalid,
    input  logic                     i_axi_awready,
    output logic [             31:0] i_axi_wdata,
    output logic [              3:0] i_axi_wstrb,
    output logic                     i_axi_wvalid,
    input  logic                     i_axi_wready,
    input  logic [              1:0] i_axi_bresp,
    input  logic                     i_axi_bvalid,
    output logic                     i_axi_bready,
    output logic [ADDRESS_WIDTH-1:0] i_axi_araddr,
    output logic                     i_axi_arvalid,
    input  logic                     i_axi_arready,
    input  logic [             31:0] i_axi_rdata,
    input  logic [              1:0] i_axi_rresp,
    input  logic                     i_axi_rvalid,
    output logic                     i_axi_rready,
    output logic                     hold,
    output logic [ CONFIG_WIDTH-1:0] config_out,
    input  logic [ CONFIG_WIDTH-1:0] config_in
);
  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10;
  localparam int WAIT_WIDTH = $clog2(LATENCY + 16);
  localparam int SERVED = 32 + CONFIG_ADDRESS;
  localparam int HASH_WORDS = 8;

  if (CONFIG_ADDRESS < 4 || CONFIG_ADDRESS > 31) begin : illegal_1
    $fatal(1, "axi_load: CONFIG_ADDRESS must be 4 to 31");
  end
  if (LATENCY < 1 || WORDS < 8) begin : illegal_2
    $fatal(1, "axi_load: LATENCY must be at least 1, WORDS at least 8");
  end

  // One access at a time. SETTLE: what was on the bus at a reset has left it. POLL: the shell is asked whether it is idle.
  // BUS: a word is on its way. SUM: eight bytes go into a checksum. PASS: an access is for axi_registers.
  typedef enum logic [2:0] {
    SETTLE,
    READY,
    POLL,
    BUS,
    SUM,
    PASS_WRITE,
    PASS_READ
  } state_t;
  state_t state_q;

  // What lives as long as the memories do, through every reset.
  logic loading_q, wrong_q, broken_q, request;  // broken: a part of a network has been written
  (* ram_style = "distributed" *) logic [31:0] hash[HASH_WORDS];
  logic [31:0] written_q, read_q;  // checksums, not yet inverted
  logic [31:0] count_q;  // words written in this load
  initial begin
    state_q   = SETTLE;
    loading_q = 1'b0;
    wrong_q   = 1'b0;
    broken_q  = 1'b0;
    count_q   = '0;
    for (int word = 0; word < HASH_WORDS; word++) hash[word] = NETWORK[32*(HASH_WORDS-1-word)+:32];
    written_q = '1;
    read_q    = '1;
    request    = 1'b0;  // what is offered at power-up is no request
    config_out = '0;
  end

  // The accesses that wait, as in axi_registers.
  logic aw_q, w_q, ar_q, reading_q;
  logic [ADDRESS_WIDTH-1:0] awaddr_q, araddr_q;
  logic [31:0] wdata_q;
  logic [3:0] wstrb_q;
  logic may_write, may_read;

  assign s_axi_awready = !aw_q;
  assign s_axi_wready  = !w_q;
  assign s_axi_arready = !ar_q;
  assign may_write     = state_q == READY && aw_q && w_q && !s_axi_bvalid && !(reading_q && may_read);
  assign may_read      = state_q == READY && ar_q && !s_axi_rvalid;

  // What an access is for.
  localparam int INDEX_WIDTH = ADDRESS_WIDTH - 2;
  logic [INDEX_WIDTH-1:0] write_index, read_index;
  logic write_own, read_own, read_network;
  assign write_index  = awaddr_q[ADDRESS_WIDTH-1:2];
  assign read_index   = araddr_q[ADDRESS_WIDTH-1:2];
  assign write_own    = awaddr_q[1:0] == '0 && write_index >= INDEX_WIDTH'(axi_load_map::LOAD) &&
                        write_index <= INDEX_WIDTH'(axi_load_map::LAST);
  assign read_own     = araddr_q[1:0] == '0 && read_index >= INDEX_WIDTH'(axi_load_map::LOAD) &&
                        read_index <= INDEX_WIDTH'(axi_load_map::LAST);
  assign read_network = araddr_q[1:0] == '0 && read_index >= INDEX_WIDTH'(axi_load_map::NETWORK) &&
                        read_index < INDEX_WIDTH'(axi_load_map::NETWORK + HASH_WORDS);

  logic [CONFIG_ADDRESS-1:0] address_q;
  logic [31:0] data_q, said;
  logic [63:0] bytes_q;
  logic [WAIT_WIDTH-1:0] wait_q;
  logic is_write_q;  // the access that is served
  logic hash_here, back, back_served;
  logic [31:0] hash_word;  // of the access that is served
  logic [31:0] back_data;

  always_comb begin
    said = '0;
    if (read_network && !loading_q) said = hash_word;
    if (read_own) begin
      case (read_index)
        INDEX_WIDTH'(axi_load_map::LOAD): said = 32'({wrong_q, loading_q});
        INDEX_WIDTH'(axi_load_map::LOAD_ADDRESS): said = 32'(address_q);
        INDEX_WIDTH'(axi_load_map::LOAD_CHECKSUM): said = ~written_q;
        INDEX_WIDTH'(axi_load_map::LOAD_READ_CHECKSUM): said = ~read_q;
        INDEX_WIDTH'(axi_load_map::LOAD_SHAPE): said = SHAPE;
        default: ;
      endcase
    end
  end

  function automatic logic [31:0] crc(input logic [31:0] so_far, input logic [7:0] next_byte);
    crc = so_far ^ 32'(next_byte);
    for (int bit_of = 0; bit_of < 8; bit_of++) crc = (crc >> 1) ^ (crc[0] ? 32'hEDB88320 : '0);
  endfunction

  logic good;
  assign good = wdata_q == ~written_q && (broken_q ? count_q == 32'(WORDS) : count_q == '0);

  // The first words are here, all others are on the bus.
  assign hash_word   = hash[state_q == BUS ? address_q[2:0] : read_index[2:0]];
  assign hash_here   = 32'(address_q) < HASH_WORDS;
  assign back        = state_q == BUS && (hash_here || config_in[CONFIG_WIDTH-1]);
  assign back_served = hash_here || config_in[SERVED];
  assign back_data   = is_write_q ? data_q :
                       hash_here ? hash_word : config_in[31:0];
  logic unused_bits;
  assign unused_bits = &{config_in, i_axi_rdata};

  always_ff @(posedge clk) begin
    request <= 1'b0;
    config_out <= {request, is_write_q, 1'b0, address_q, data_q};
    if (s_axi_awvalid && s_axi_awready) begin
      aw_q     <= 1'b1;
      awaddr_q <= s_axi_awaddr;
    end
    if (s_axi_wvalid && s_axi_wready) begin
      w_q     <= 1'b1;
      wdata_q <= s_axi_wdata;
      wstrb_q <= s_axi_wstrb;
    end
    if (s_axi_arvalid && s_axi_arready) begin
      ar_q     <= 1'b1;
      araddr_q <= s_axi_araddr;
    end
    if (s_axi_bready) s_axi_bvalid <= 1'b0;
    if (s_axi_rready) s_axi_rvalid <= 1'b0;
    if (i_axi_awready) i_axi_awvalid <= 1'b0;
    if (i_axi_wready) i_axi_wvalid <= 1'b0;
    if (i_axi_arready) i_axi_arvalid <= 1'b0;

    case (state_q)
      SETTLE: begin
        wait_q <= wait_q + 1'b1;
        if (wait_q == WAIT_WIDTH'(LATENCY + 2)) state_q <= READY;
      end

      READY:
      if (may_write) begin
        is_write_q <= 1'b1;
        reading_q  <= 1'b1;  // a read that waits is next
        aw_q       <= 1'b0;
        w_q        <= 1'b0;
        if (!write_own) begin
          state_q       <= PASS_WRITE;
          i_axi_awvalid <= 1'b1;
          i_axi_wvalid  <= 1'b1;
          i_axi_awaddr  <= awaddr_q;
          i_axi_wdata   <= wdata_q;
          i_axi_wstrb   <= wstrb_q;
        end else begin
          s_axi_bvalid <= 1'b1;
          s_axi_bresp  <= SLVERR;
          if (wstrb_q == '1) begin
            case (write_index)
              INDEX_WIDTH'(axi_load_map::LOAD): begin
                s_axi_bresp <= OKAY;
                if (wdata_q[0]) begin
                  s_axi_bvalid  <= 1'b0;
                  state_q       <= POLL;
                  hold          <= 1'b1;
                  i_axi_arvalid <= 1'b1;
                  i_axi_araddr  <= ADDRESS_WIDTH'(4 * axi_load_map::STATUS);
                end
              end
              INDEX_WIDTH'(axi_load_map::LOAD_ADDRESS): begin
                s_axi_bresp <= OKAY;
                address_q   <= CONFIG_ADDRESS'(wdata_q);
              end
              INDEX_WIDTH'(axi_load_map::LOAD_DATA):
              if (loading_q) begin
                s_axi_bvalid <= 1'b0;
                state_q      <= BUS;
                data_q       <= wdata_q;
                request      <= !hash_here;
              end
              INDEX_WIDTH'(axi_load_map::LOAD_CHECKSUM):
              if (loading_q) begin
                s_axi_bresp <= OKAY;
                wrong_q     <= !good;
                if (good) begin
                  loading_q <= 1'b0;
                  broken_q  <= 1'b0;
                  hold      <= 1'b0;
                end
              end
              default: ;
            endcase
          end
        end
      end else if (may_read) begin
        is_write_q <= 1'b0;
        reading_q  <= 1'b0;
        ar_q       <= 1'b0;
        if (read_own && read_index == INDEX_WIDTH'(axi_load_map::LOAD_DATA) && loading_q) begin
          state_q <= BUS;
          request <= !hash_here;
        end else if (read_own || read_network) begin
          s_axi_rvalid <= 1'b1;
          s_axi_rdata  <= said;
          s_axi_rresp  <= read_own && read_index == INDEX_WIDTH'(axi_load_map::LOAD_DATA) ? SLVERR : OKAY;
        end else begin
          state_q       <= PASS_READ;
          i_axi_arvalid <= 1'b1;
          i_axi_araddr  <= araddr_q;
        end
      end

      POLL:
      if (i_axi_rvalid) begin
        state_q      <= READY;
        s_axi_bvalid <= 1'b1;
        if (i_axi_rdata[0]) begin
          s_axi_bresp <= OKAY;
          loading_q   <= 1'b1;
          wrong_q     <= 1'b0;
          written_q   <= '1;
          read_q      <= '1;
          count_q     <= '0;
        end else begin
          s_axi_bresp <= SLVERR;
          hold        <= loading_q;
        end
      end

      BUS:
      if (back) begin
        wait_q      <= '0;
        bytes_q     <= {back_data, 32'(address_q)};
        s_axi_rdata <= back_served ? back_data : '0;
        s_axi_bresp <= back_served ? OKAY : SLVERR;
        s_axi_rresp <= back_served ? OKAY : SLVERR;
        if (is_write_q && hash_here) hash[address_q[2:0]] <= data_q;
        if (back_served) begin
          state_q   <= SUM;
          if (is_write_q) broken_q <= 1'b1;
          address_q <= address_q + 1'b1;
        end else begin
          state_q      <= READY;
          s_axi_bvalid <= is_write_q;
          s_axi_rvalid <= !is_write_q;
        end
      end

      SUM: begin
        wait_q  <= wait_q + 1'b1;
        bytes_q <= bytes_q >> 8;
        if (is_write_q) written_q <= crc(written_q, bytes_q[7:0]);
        else read_q <= crc(read_q, bytes_q[7:0]);
        if (wait_q == WAIT_WIDTH'(7)) begin
          if (is_write_q) count_q <= count_q + 1'b1;
          state_q      <= READY;
          s_axi_bvalid <= is_write_q;
          s_axi_rvalid <= !is_write_q;
        end
      end

      PASS_WRITE:
      if (i_axi_bvalid) begin
        state_q      <= READY;
        s_axi_bvalid <= 1'b1;
        s_axi_bresp  <= i_axi_bresp;
      end

      PASS_READ:
      if (i_axi_rvalid) begin
        state_q      <= READY;
        s_axi_rvalid <= 1'b1;
        s_axi_rdata  <= i_axi_rdata;
        s_axi_rresp  <= i_axi_rresp;
      end

      default: state_q <= READY;
    endcase

    if (rst) begin
      if (state_q == BUS && is_write_q) broken_q <= 1'b1;  // nobody hears whether it arrived
      state_q       <= SETTLE;
      wait_q        <= '0;
      aw_q          <= 1'b0;
      w_q           <= 1'b0;
      ar_q          <= 1'b0;
      reading_q     <= 1'b0;
      s_axi_bvalid  <= 1'b0;
      s_axi_rvalid  <= 1'b0;
      i_axi_awvalid <= 1'b0;
      i_axi_wvalid  <= 1'b0;
      i_axi_arvalid <= 1'b0;
      request       <= 1'b0;
      address_q     <= '0;
      hold          <= loading_q;
    end
  end
  assign i_axi_bready = state_q == PASS_WRITE;
  assign i_axi_rready = state_q == POLL || state_q == PASS_READ;
endmodule
