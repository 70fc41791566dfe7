// Read-only memory, filled from a file.
//
// In:   address, one per cycle. Out: data_q, the word of that address.
// Time: LATENCY cycles, one word per cycle.
// How:  block RAM answers late in its cycle, so that a register of its own stands behind it. A memory deeper than a block
//       stands in banks, each with that register: a bank that is not asked gives 0, and their words are or-ed in a cycle more.
// WIDTH, DEPTH ≥ 1: bits of a word, words. FILE: $readmemh text, DEPTH words. COLUMN, 1 … WIDTH: below WIDTH the
// memory stands in columns of so many bits, in block RAM. BANK: 0, or a power of two from 2 on: below DEPTH the memory
// stands in banks of so many words, at most 16, in block RAM. Of at most 1,000 columns and banks, column c, from the lowest
// bits, of bank b is filled from FILE.nnn, n = b*columns + c.
// STYLE: "block" for block RAM, anything else for lookup tables.
// LATENCY: 1 in tables, 2 in block RAM, 3 in banks (rebnet.stages.memories.rom_latency).
module rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter int COLUMN = WIDTH,
    parameter int BANK = 0,
    parameter FILE = "",
    parameter STYLE = "block",
    /* verilator lint_off WIDTHEXPAND */
    parameter int LATENCY = STYLE == "block" ? 2 : 1,
    /* verilator lint_on WIDTHEXPAND */
    localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic                     clk,
    input  logic [ADDRESS_WIDTH-1:0] address,
    output logic [        WIDTH-1:0] data_q
);
  localparam int COLUMNS = COLUMN > 0 ? (WIDTH + COLUMN - 1) / COLUMN : 1;
  localparam int BANK_WORDS = BANK > 0 && BANK < DEPTH ? BANK : DEPTH;
  localparam int BANKS = BANK_WORDS < DEPTH ? (DEPTH + BANK_WORDS - 1) / BANK_WORDS : 1;
  localparam int PIECES = COLUMNS * BANKS;

  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "rom: WIDTH must be at least 1");
  end
  if (DEPTH < 1) begin : illegal_2
    $fatal(1, "rom: DEPTH must be at least 1");
  end
  if (COLUMN < 1 || COLUMN > WIDTH || PIECES > 1000) begin : illegal_3
    $fatal(1, "rom: COLUMN must be 1 to WIDTH, with at most 1000 columns and banks");
  end
  if (BANK < 0 || BANK == 1 || BANKS > 16 || (BANKS > 1 && BANK != 1 << $clog2(BANK))) begin : illegal_4
    $fatal(1, "rom: BANK must be 0, or a power of two from 2 on that makes at most 16 banks");
  end

  /* verilator lint_off WIDTHEXPAND */
  if (STYLE == "block") begin : block
    /* verilator lint_on WIDTHEXPAND */
    if (LATENCY != (BANKS > 1 ? 3 : 2)) begin : illegal_5
      $fatal(1, "rom: LATENCY of block RAM must be 2, and of banks 3");
    end
    for (genvar b = 0; b < BANKS; b++) begin : bank
      localparam int WORDS = DEPTH - b * BANK_WORDS < BANK_WORDS ? DEPTH - b * BANK_WORDS : BANK_WORDS;
      localparam int PLACE_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
      logic [WIDTH-1:0] read_q, word_q;
      for (genvar c = 0; c < COLUMNS; c++) begin : column
        localparam int BITS = WIDTH - c * COLUMN < COLUMN ? WIDTH - c * COLUMN : COLUMN;
        localparam int PIECE = b * COLUMNS + c;
        (* ram_style = "block", rom_style = "block" *) logic [BITS-1:0] memory[WORDS];
        if (PIECES > 1) begin : of_several
          initial $readmemh({FILE, ".", 8'(48 + PIECE / 100), 8'(48 + PIECE / 10 % 10), 8'(48 + PIECE % 10)}, memory);
        end else begin : of_one
          initial $readmemh(FILE, memory);
        end
        always_ff @(posedge clk) read_q[c*COLUMN+:BITS] <= memory[PLACE_WIDTH'(address)];
      end
      if (BANKS > 1) begin : asked
        logic asked_q;
        always_ff @(posedge clk) begin
          asked_q <= (32'(address) >> $clog2(BANK_WORDS)) == b;
          word_q  <= asked_q ? read_q : '0;
        end
      end else begin : always_asked
        always_ff @(posedge clk) word_q <= read_q;
      end
    end

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
  end else begin : tables
    if (LATENCY != 1) begin : illegal_6
      $fatal(1, "rom: LATENCY of tables must be 1");
    end
    if (PIECES > 1) begin : illegal_7
      $fatal(1, "rom: tables have no columns and no banks");
    end
    // Yosys reads ram_style first and knows no distributed ROM; Vivado reads rom_style.
    (* ram_style = "registers", rom_style = "distributed" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) data_q <= memory[address];
  end
endmodule
