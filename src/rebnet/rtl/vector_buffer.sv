// Input buffer of a matrix-vector unit: a FIFO of vectors that can be read many times before they go.
//
// In:   words of a vector in order, CHUNKS words each, with the levels of their image.
// Out:  the next word of the current vector, when ready to be taken: word_valid, its levels and whether it is
//       the vector's last. take reads it; its data follows one cycle later on data_q and stays until the
//       next take. Taking the last word goes back to the vector's first, unless the words were taken with
//       free: then each gave its place back and the next vector begins. free holds for whole passes.
// Time: a word can be taken one cycle after it came in, and read again at any pace, one word per cycle. The
//       next vectors come in meanwhile, as far as there is room.
// LEVELS_CHANGE: 0 if all words have the same levels; else all words of a vector have.
// DEPTH ≥ CHUNKS (or ≥ 1 if every pass frees): words. CHUNKS ≥ 1: words of a vector.
// STYLE: memory style, "block" or "distributed".
module vector_buffer #(
    parameter int WIDTH = 64,
    parameter int LEVEL_WIDTH = 2,
    parameter int LEVELS_CHANGE = 1,
    parameter int CHUNKS = 13,
    parameter int DEPTH = 26,
    /* verilator lint_off UNUSEDPARAM */  // read by synthesis, from the attribute
    parameter STYLE = "distributed"
    /* verilator lint_on UNUSEDPARAM */
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   in_valid,
    output logic                   in_ready,
    input  logic [      WIDTH-1:0] in_data,
    input  logic [LEVEL_WIDTH-1:0] in_levels,
    output logic                   word_valid,
    output logic                   word_last,
    output logic [LEVEL_WIDTH-1:0] word_levels,
    input  logic                   take,
    input  logic                   free,
    output logic [      WIDTH-1:0] data_q
);
  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam int POINTER_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int CHUNK_WIDTH = CHUNKS > 1 ? $clog2(CHUNKS) : 1;

  if (CHUNKS < 1) begin : illegal_1
    $fatal(1, "vector_buffer: CHUNKS must be at least 1");
  end
  if (DEPTH < 1) begin : illegal_2
    $fatal(1, "vector_buffer: DEPTH must be at least 1");
  end

  // A word is never read in the cycle in which it comes, so that block RAM needs no logic for that.
  (* ram_style = STYLE, no_rw_check *) logic [WIDTH-1:0] memory[DEPTH];

  logic [POINTER_WIDTH-1:0] write_q, read_q, base_q, read_next;
  logic [CHUNK_WIDTH-1:0] chunk_q;
  logic [COUNT_WIDTH-1:0] count_q  /* verilator public_flat_rd */;  // words that hold a place
  logic [COUNT_WIDTH-1:0] fresh_q;  // words of them that were never read
  logic some_q;  // fresh_q is not 0, known at the start of the cycle
  logic again_q;  // the current vector was read before
  logic full_q;  // count_q is DEPTH, known at the start of the cycle
  logic push, spend;

  assign in_ready = !full_q;
  assign push = in_valid && in_ready;
  assign spend = take && !again_q;
  assign word_valid = again_q || some_q;
  assign word_last = chunk_q == CHUNK_WIDTH'(CHUNKS - 1);
  assign read_next = read_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : read_q + 1'b1;

  always_ff @(posedge clk) begin
    if (push) memory[write_q] <= in_data;
  end

  // The levels are known at the start of the cycle: all words of a vector have the same, so there is one entry for each
  // vector, and they change where it goes, or where nothing is there.
  if (LEVELS_CHANGE != 0) begin : each_vector
    localparam int VECTORS = DEPTH > 1 ? (DEPTH - 2) / CHUNKS + 2 : 1;  // whole or in part, at a time
    localparam int VECTOR_WIDTH = VECTORS > 1 ? $clog2(VECTORS) : 1;
    (* ram_style = "distributed" *) logic [LEVEL_WIDTH-1:0] levels[VECTORS];
    logic [VECTOR_WIDTH-1:0] current_q, newest_q, next;  // newest_q: the entry of the next vector that comes in
    logic [CHUNK_WIDTH-1:0] in_chunk_q;
    logic [LEVEL_WIDTH-1:0] next_levels;
    logic begins, ends;
    assign begins = push && in_chunk_q == '0;
    assign ends = take && word_last && free;
    assign next = current_q == VECTOR_WIDTH'(VECTORS - 1) ? '0 : current_q + 1'b1;
    assign next_levels = begins && newest_q == next ? in_levels : levels[next];
    always_ff @(posedge clk) if (begins) levels[newest_q] <= in_levels;
    always_ff @(posedge clk) begin
      if (!word_valid) word_levels <= in_levels;
      else if (ends) word_levels <= next_levels;
    end
    always_ff @(posedge clk) begin
      if (rst) begin
        current_q  <= '0;
        newest_q   <= '0;
        in_chunk_q <= '0;
      end else begin
        if (ends) current_q <= next;
        if (begins) newest_q <= newest_q == VECTOR_WIDTH'(VECTORS - 1) ? '0 : newest_q + 1'b1;
        if (push) in_chunk_q <= in_chunk_q == CHUNK_WIDTH'(CHUNKS - 1) ? '0 : in_chunk_q + 1'b1;
      end
    end
  end else begin : all_words
    always_ff @(posedge clk) if (push) word_levels <= in_levels;
  end

  always_ff @(posedge clk) begin
    if (take) data_q <= memory[read_q];
  end

  // One adder each: a word that came in is its carry, one that went is -1.
  logic [COUNT_WIDTH-1:0] count_d, fresh_d;
  logic [1:0] unused_carry;
  assign {count_d, unused_carry[0]} = {count_q, 1'b1} + {{COUNT_WIDTH{take && free}}, push};
  assign {fresh_d, unused_carry[1]} = {fresh_q, 1'b1} + {{COUNT_WIDTH{spend}}, push};

  always_ff @(posedge clk) begin
    if (rst) begin
      write_q <= '0;
      read_q  <= '0;
      base_q  <= '0;
      chunk_q <= '0;
      count_q <= '0;
      fresh_q <= '0;
      some_q  <= 1'b0;
      full_q  <= 1'b0;
      again_q <= 1'b0;
    end else begin
      if (push) write_q <= write_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : write_q + 1'b1;
      count_q <= count_d;
      full_q  <= !(take && free) && (full_q || (push && count_q == COUNT_WIDTH'(DEPTH - 1)));
      fresh_q <= fresh_d;
      some_q  <= push || (fresh_q != '0 && !(spend && fresh_q == COUNT_WIDTH'(1)));
      if (take) begin
        chunk_q <= word_last ? '0 : chunk_q + 1'b1;
        read_q  <= word_last && !free ? base_q : read_next;
        if (word_last) again_q <= !free;
        if (word_last && free) base_q <= read_next;
      end
    end
  end
endmodule
