// First-in first-out buffer with ready/valid on both sides.
//
// In:   one word per cycle while in_ready. Out: the oldest word, while out_valid.
// Time: a word is visible at the output one cycle after it was taken. in_ready and out_valid are
//       registers, so FIFOs cut every chain of handshakes; a full FIFO takes a word again in the
//       cycle after one left.
// WIDTH ≥ 1: bits of a word. DEPTH ≥ 1: words (2 or more for one word per cycle).
// STYLE: memory style, "distributed" or "block" (read asynchronously, so "distributed" is meant).
module fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2,
    /* verilator lint_off UNUSEDPARAM */  // read by synthesis, from the attribute
    parameter STYLE = "distributed"
    /* verilator lint_on UNUSEDPARAM */
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             in_valid,
    output logic             in_ready,
    input  logic [WIDTH-1:0] in_data,
    output logic             out_valid,
    input  logic             out_ready,
    output logic [WIDTH-1:0] out_data
);
  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam int POINTER_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;

  if (WIDTH < 1) begin : illegal_1
    $fatal(1, "fifo: WIDTH must be at least 1");
  end
  if (DEPTH < 1) begin : illegal_2
    $fatal(1, "fifo: DEPTH must be at least 1");
  end

  (* ram_style = STYLE *) logic [WIDTH-1:0] memory[DEPTH];
  logic [POINTER_WIDTH-1:0] write_q, read_q;
  logic [COUNT_WIDTH-1:0] count_q  /* verilator public_flat_rd */;
  logic some_q, full_q;  // count_q is not 0, is DEPTH: known at the start of the cycle
  logic push, pop;

  assign in_ready  = !full_q;
  assign out_valid = some_q;
  assign out_data  = memory[read_q];
  assign push      = in_valid && in_ready;
  assign pop       = out_valid && out_ready;

  always_ff @(posedge clk) begin
    if (push) memory[write_q] <= in_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
      some_q  <= 1'b0;
      full_q  <= 1'b0;
    end else begin
      if (push) write_q <= write_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : write_q + 1'b1;
      if (pop) read_q <= read_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : read_q + 1'b1;
      count_q <= count_q + COUNT_WIDTH'(push) - COUNT_WIDTH'(pop);
      some_q  <= push || (some_q && !(pop && count_q == COUNT_WIDTH'(1)));
      full_q  <= !pop && (full_q || (push && count_q == COUNT_WIDTH'(DEPTH - 1)));
    end
  end
endmodule
