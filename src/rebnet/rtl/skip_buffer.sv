// Skip buffer: a FIFO of one branch, as deep as the other branches are long.
//
// In:   words, while the memory has room, and the levels of their image. Out: the same, in the same order.
// Time: a word can be read from the memory one cycle after it was taken, and is at the output 3 cycles after it was
//       taken. Its place in the memory is free in the cycle after it was read, when it has one of 4 places behind the
//       memory. in_ready and out_valid depend on registers only. One word per cycle; every other with DEPTH = 1.
// WIDTH, DEPTH ≥ 1: bits of a word, words of the memory. SETS: level counts that are served, 1 if all words have the
// same levels. STYLE: memory style, "block" or "distributed".
module skip_buffer #(
    parameter int WIDTH = 16,
    parameter int DEPTH = 64,
    parameter int SETS = 1,
    parameter int LEVEL_WIDTH = 2,
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
    output logic                   out_valid,
    input  logic                   out_ready,
    output logic [      WIDTH-1:0] out_data,
    output logic [LEVEL_WIDTH-1:0] out_levels
);
  localparam int WORD_WIDTH = WIDTH + (SETS > 1 ? LEVEL_WIDTH : 0);
  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam int POINTER_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int OUT_DEPTH = 4;  // as many as keep one word per cycle moving
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (WIDTH < 1 || DEPTH < 1) begin : illegal_1
    $fatal(1, "skip_buffer: WIDTH and DEPTH must be at least 1");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_2
    $fatal(1, "skip_buffer: LEVEL_WIDTH must hold SETS");
  end

  (* ram_style = STYLE *) logic [WORD_WIDTH-1:0] memory[DEPTH];
  logic [WORD_WIDTH-1:0] in_word, word_q, out_word;
  logic [POINTER_WIDTH-1:0] write_q, read_q;
  logic [COUNT_WIDTH-1:0] count_q  /* verilator public_flat_rd */;  // words that hold a place in the memory
  logic some_q, full_q;  // count_q is not 0, is DEPTH: known at the start of the cycle
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic push, take, taken_q, out_pop, unused_ready;

  assign in_ready = !full_q;
  assign push = in_valid && in_ready;
  assign take = some_q && !room_q[ROOM_WIDTH-1];

  if (SETS > 1) begin : each_word
    assign in_word = {in_levels, in_data};
    assign out_levels = out_word[WIDTH+:LEVEL_WIDTH];
  end else begin : all_words
    assign in_word = in_data;
    always_ff @(posedge clk) if (push) out_levels <= in_levels;
  end
  assign out_data = out_word[WIDTH-1:0];

  always_ff @(posedge clk) begin
    if (push) memory[write_q] <= in_word;
  end
  always_ff @(posedge clk) begin
    if (take) word_q <= memory[read_q];
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
      some_q  <= 1'b0;
      full_q  <= 1'b0;
      room_q  <= ROOM_WIDTH'(OUT_DEPTH - 1);
      taken_q <= 1'b0;
    end else begin
      if (push) write_q <= write_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : write_q + 1'b1;
      if (take) read_q <= read_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : read_q + 1'b1;
      count_q <= count_q + COUNT_WIDTH'(push) - COUNT_WIDTH'(take);
      some_q  <= push || (some_q && !(take && count_q == COUNT_WIDTH'(1)));
      full_q  <= !take && (full_q || (push && count_q == COUNT_WIDTH'(DEPTH - 1)));
      room_q  <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
      taken_q <= take;
    end
  end

  // Never overflows: every word that is written was promised its place.
  fifo #(
      .WIDTH(WORD_WIDTH),
      .DEPTH(OUT_DEPTH)
  ) words (
      .clk,
      .rst,
      .in_valid(taken_q),
      .in_ready(unused_ready),
      .in_data(word_q),
      .out_valid,
      .out_ready,
      .out_data(out_word)
  );
  assign out_pop = out_valid && out_ready;
endmodule
