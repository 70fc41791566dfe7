// Read-only memory, filled from a file.
//
// In:   address, one per cycle. Out: data_q, the word of that address.
// Time: one cycle.
// WIDTH, DEPTH ≥ 1: bits of a word, words. FILE: $readmemh text, DEPTH words.
// STYLE: "block" for block RAM, anything else for lookup tables.
module rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
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

  /* verilator lint_off WIDTHEXPAND */
  if (STYLE == "block") begin : block
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
