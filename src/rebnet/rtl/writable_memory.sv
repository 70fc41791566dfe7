// Memory of constants, filled from a file and written at run time: rom.sv with a place on the configuration bus.
//
// In:   address, one per cycle; config_in, requests from the bus's master or from the memory before.
// Out:  data_q, the word of that address; config_out, the requests behind this memory, to the next one or back to the master.
// Time: LATENCY cycles for data_q; a request leaves LATENCY + 3 cycles after it came, and one may come every cycle.
// A request is {valid, write, served, address, data}, data in the lowest 32 bits. The memory has a window of bus addresses
// from BASE on: row r of column c, which are bits [32*c +: 32] of word r, is at BASE + (c << ADDRESS_WIDTH) + r. A request for
// what is there leaves with served high, and one that reads with what was read as its data; all others leave as they came.
// A request takes the read port for a cycle, so that none may come while data_q is needed. Registers and banks are as in
// rom.sv.
// WIDTH, 1 … 32,000, DEPTH ≥ 1: bits of a word, words. FILE: $readmemh text, DEPTH words; above 32 bits or with banks
// FILE.nnn for column c of bank b, n = b*columns + c, at most 1,000. BANK: as in rom.sv.
// CONFIG_ADDRESS, at most 31: bits of a bus address. BASE: a multiple of the window's size, which is a power of two.
// STYLE: "block" or "distributed". LATENCY: as in rom.sv.
module writable_memory #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter int CONFIG_ADDRESS = 16,
    parameter int BASE = 0,
    parameter int BANK = 0,
    parameter FILE = "",
    parameter STYLE = "block",
    /* verilator lint_off WIDTHEXPAND */
    parameter int LATENCY = STYLE == "block" ? 2 : 1,
    /* verilator lint_on WIDTHEXPAND */
    localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1,
    localparam int CONFIG_WIDTH = CONFIG_ADDRESS + 35
) (
    input  logic                     clk,
    input  logic [ADDRESS_WIDTH-1:0] address,
    output logic [        WIDTH-1:0] data_q,
    input  logic [ CONFIG_WIDTH-1:0] config_in,
    output logic [ CONFIG_WIDTH-1:0] config_out
);
  localparam int COLUMNS = (WIDTH + 31) / 32;
  localparam int LOCAL = ADDRESS_WIDTH + $clog2(COLUMNS);  // bits of a place in the window
  localparam int GROUP = 8;  // columns that are chosen from in a cycle
  localparam int GROUPS = (COLUMNS + GROUP - 1) / GROUP;
  localparam int SERVED = 32 + CONFIG_ADDRESS;
  localparam int BANK_WORDS = BANK > 0 && BANK < DEPTH ? BANK : DEPTH;
  localparam int BANKS = BANK_WORDS < DEPTH ? (DEPTH + BANK_WORDS - 1) / BANK_WORDS : 1;
  localparam int PIECES = BANKS * COLUMNS;
  localparam int LINE = LATENCY * (CONFIG_WIDTH - 1);

  if (WIDTH < 1 || WIDTH > 32000 || DEPTH < 1) begin : illegal_1
    $fatal(1, "writable_memory: WIDTH must be 1 to 32000, DEPTH at least 1");
  end
  if (CONFIG_ADDRESS < LOCAL || CONFIG_ADDRESS > 31) begin : illegal_2
    $fatal(1, "writable_memory: CONFIG_ADDRESS must reach the window, and be at most 31");
  end
  if (BASE < 0 || BASE % (1 << LOCAL) != 0) begin : illegal_3
    $fatal(1, "writable_memory: BASE must be a multiple of the window's size");
  end

  if (BANK < 0 || BANK == 1 || BANKS > 16 || (BANKS > 1 && BANK != 1 << $clog2(BANK))) begin : illegal_4
    $fatal(1, "writable_memory: BANK must be 0, or a power of two from 2 on that makes at most 16 banks");
  end
  if (PIECES > 1000) begin : illegal_5
    $fatal(1, "writable_memory: at most 1000 columns and banks");
  end

  // Stage 1: the request. Then the memory is written, or is read in LATENCY stages. Then a column of each group, and one of
  // these. What is offered at power-up is no request.
  logic [LATENCY+2:0] valid_q;
  initial valid_q = '0;
  logic [CONFIG_WIDTH-2:0] request_q, read, grouped_q, answer_q;
  logic [LINE-1:0] read_q;
  logic [LATENCY-1:0] mine_q;
  logic mine, mine_qq, reads, writes;
  logic [31:0] row, column, read_column, group, place;
  logic unused_bits;
  assign unused_bits = &{read_column, group, place, read, grouped_q};

  assign row = 32'(request_q[32+:ADDRESS_WIDTH]);
  assign column = (32'(request_q[32+:CONFIG_ADDRESS]) & 32'((1 << LOCAL) - 1)) >> ADDRESS_WIDTH;
  assign mine = valid_q[0] && (32'(request_q[32+:CONFIG_ADDRESS]) >> LOCAL) == 32'(BASE >> LOCAL) &&
                row < 32'(DEPTH) && column < 32'(COLUMNS);
  assign writes = mine && request_q[SERVED+1];
  assign reads = mine && !request_q[SERVED+1];
  assign read = read_q[(LATENCY-1)*(CONFIG_WIDTH-1)+:CONFIG_WIDTH-1];
  assign read_column = (32'(read[32+:CONFIG_ADDRESS]) & 32'((1 << LOCAL) - 1)) >> ADDRESS_WIDTH;
  assign group = (32'(grouped_q[32+:CONFIG_ADDRESS]) & 32'((1 << LOCAL) - 1)) >> (ADDRESS_WIDTH + 3);
  assign place = reads ? row : 32'(address);

  /* verilator lint_off WIDTHEXPAND */
  for (genvar b = 0; b < BANKS; b++) begin : bank
    localparam int WORDS = DEPTH - b * BANK_WORDS < BANK_WORDS ? DEPTH - b * BANK_WORDS : BANK_WORDS;
    localparam int PLACE_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
    logic [WIDTH-1:0] read_word_q, word_q;
    logic written;
    assign written = writes && (BANKS == 1 || row >> $clog2(BANK_WORDS) == b);
    for (genvar c = 0; c < COLUMNS; c++) begin : column_of
      localparam int BITS = WIDTH - c * 32 < 32 ? WIDTH - c * 32 : 32;
      localparam int PIECE = b * COLUMNS + c;
      localparam logic [31:0] DIGITS = {".", 8'(48 + PIECE / 100), 8'(48 + PIECE / 10 % 10), 8'(48 + PIECE % 10)};
      (* ram_style = STYLE *) logic [BITS-1:0] memory[WORDS];
      if (PIECES > 1) begin : of_several
        initial $readmemh({FILE, DIGITS}, memory);
      end else begin : of_one
        initial $readmemh(FILE, memory);
      end
      always_ff @(posedge clk) begin
        if (written && column == 32'(c)) memory[PLACE_WIDTH'(row)] <= request_q[BITS-1:0];
        if (!writes) read_word_q[c*32+:BITS] <= memory[PLACE_WIDTH'(place)];
      end
    end
    if (STYLE != "block") begin : at_once
      assign word_q = read_word_q;
    end else if (BANKS > 1) begin : asked
      logic asked_q;
      always_ff @(posedge clk) begin
        asked_q <= place >> $clog2(BANK_WORDS) == b;
        word_q  <= asked_q ? read_word_q : '0;
      end
    end else begin : always_asked
      always_ff @(posedge clk) word_q <= read_word_q;
    end
  end
  if (STYLE == "block" ? LATENCY != (BANKS > 1 ? 3 : 2) : LATENCY != 1 || BANKS > 1) begin : illegal_6
    $fatal(1, "writable_memory: LATENCY must be 1 in tables, which have no banks, and that of rom.sv in block RAM");
  end
  /* verilator lint_on WIDTHEXPAND */

  if (BANKS > 1) begin : choice
    logic [BANKS*WIDTH-1:0] words;
    logic [WIDTH-1:0] word_d;
    for (genvar b = 0; b < BANKS; b++) begin : of_bank
      assign words[b*WIDTH+:WIDTH] = bank[b].word_q;
    end
    always_comb begin
      word_d = '0;
      for (int b = 0; b < BANKS; b++) word_d |= words[b*WIDTH+:WIDTH];
    end
    always_ff @(posedge clk) data_q <= word_d;
  end else begin : one_bank
    assign data_q = bank[0].word_q;
  end

  logic [GROUPS*GROUP*32-1:0] padded;
  logic [GROUPS*32-1:0] chosen_q;
  assign padded = (GROUPS * GROUP * 32)'(data_q);
  for (genvar g = 0; g < GROUPS; g++) begin : group_of
    logic [GROUP*32-1:0] own;
    assign own = padded[g*GROUP*32+:GROUP*32];
    always_ff @(posedge clk) chosen_q[g*32+:32] <= own[32*read_column[2:0]+:32];
  end

  always_ff @(posedge clk) begin
    valid_q   <= {valid_q[LATENCY+1:0], config_in[CONFIG_WIDTH-1]};
    request_q <= config_in[CONFIG_WIDTH-2:0];
    read_q    <= LINE'({read_q, request_q});
    mine_q    <= LATENCY'({mine_q, mine});
    grouped_q <= read;
    mine_qq   <= mine_q[LATENCY-1];
    answer_q  <= grouped_q;
    if (mine_qq) begin
      answer_q[SERVED] <= 1'b1;
      if (!grouped_q[SERVED+1]) answer_q[31:0] <= chosen_q[32*int'(group)+:32];
    end
  end
  assign config_out = {valid_q[LATENCY+2], answer_q};
endmodule
