// Read-only memory, filled from a file.
//
// In:   address, one per cycle. Out: data_q, the word of that address.
// Time: one cycle.
// WIDTH, DEPTH ≥ 1: bits of a word, words. FILE: $readmemh text, DEPTH words. COLUMN, 1 … WIDTH: below WIDTH the
// memory stands in columns of so many bits (at most 1,000), each as deep as the whole, in block RAM, and column c, from
// the lowest bits, is filled from FILE.ccc.
// STYLE: "block" for block RAM, anything else for lookup tables.
module rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter int COLUMN = WIDTH,
    parameter FILE = "",
    parameter STYLE = "block",
    localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic                     clk,
    input  logic [ADDRESS_WIDTH-1:0] address,
    output logic [        WIDTH-1:0] data_q
);
  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "rom: WIDTH must be at least 1");
  end
  if (DEPTH < 1) begin : illegal_2
    $fatal(1, "rom: DEPTH must be at least 1");
  end

  if (COLUMN < 1 || COLUMN > WIDTH || 1000 * COLUMN < WIDTH) begin : illegal_3
    $fatal(1, "rom: COLUMN must be between WIDTH / 1000 and WIDTH");
  end

  /* verilator lint_off WIDTHEXPAND */
  if (COLUMN < WIDTH) begin : columns
    for (genvar c = 0; c * COLUMN < WIDTH; c++) begin : column
      localparam int BITS = WIDTH - c * COLUMN < COLUMN ? WIDTH - c * COLUMN : COLUMN;
      (* ram_style = "block", rom_style = "block" *) logic [BITS-1:0] memory[DEPTH];
      initial $readmemh({FILE, ".", 8'(48 + c / 100), 8'(48 + c / 10 % 10), 8'(48 + c % 10)}, memory);
      always_ff @(posedge clk) data_q[c*COLUMN+:BITS] <= memory[address];
    end
  end else if (STYLE == "block") begin : block
    /* verilator lint_on WIDTHEXPAND */
    (* ram_style = "block", rom_style = "block" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) data_q <= memory[address];
  end else begin : tables
    // Yosys reads ram_style first and knows no distributed ROM; Vivado reads rom_style.
    (* ram_style = "registers", rom_style = "distributed" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) data_q <= memory[address];
  end
endmodule
