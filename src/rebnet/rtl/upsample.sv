// Upsample: every pixel COLUMNS times in a row, and every row ROWS times.
//
// In:   maps row by row, rows of PIXELS pixels of WORDS words, and the levels of their image. Words are codes or features.
// Out:  each row ROWS times; in each, the WORDS words of a pixel COLUMNS times before those of the next.
// Time: one word leaves per cycle. A word can be read from the memory one cycle after it was taken, and is at the output
//       3 cycles after it was taken at the earliest. Its place in the memory is free in the cycle after it was read for
//       the last time; a word is read when it has one of 4 places behind the memory. The next row, of the next map too,
//       comes in meanwhile, as far as there is room. in_ready and out_valid depend on registers only.
// WIDTH, ROWS, COLUMNS, PIXELS, WORDS ≥ 1. DEPTH: words of the memory, at least a row's, PIXELS*WORDS; a pixel's, WORDS,
// where ROWS is 1. SETS: level counts that are served, 1 if all words have the same levels. STYLE: memory style, "block"
// or "distributed".
module upsample #(
    parameter int WIDTH = 16,
    parameter int ROWS = 2,
    parameter int COLUMNS = 2,
    parameter int PIXELS = 8,
    parameter int WORDS = 4,
    parameter int SETS = 1,
    parameter int LEVEL_WIDTH = 2,
    parameter int DEPTH = 32,
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
  localparam int PART_WIDTH = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int COLUMN_WIDTH = COLUMNS > 1 ? $clog2(COLUMNS) : 1;
  localparam int PIXEL_WIDTH = PIXELS > 1 ? $clog2(PIXELS) : 1;
  localparam int PASS_WIDTH = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int OUT_DEPTH = 4;  // as many as keep one word per cycle moving
  localparam int ROOM_WIDTH = $clog2(OUT_DEPTH) + 1;

  if (WIDTH < 1 || ROWS < 1 || COLUMNS < 1 || PIXELS < 1 || WORDS < 1) begin : illegal_1
    $fatal(1, "upsample: WIDTH, ROWS, COLUMNS, PIXELS and WORDS must be at least 1");
  end
  if (DEPTH < (ROWS > 1 ? PIXELS * WORDS : WORDS)) begin : illegal_2
    $fatal(1, "upsample: DEPTH must be at least PIXELS*WORDS, or WORDS where ROWS is 1");
  end
  if (LEVEL_WIDTH < $clog2(SETS + 1)) begin : illegal_3
    $fatal(1, "upsample: LEVEL_WIDTH must hold SETS");
  end

  (* ram_style = STYLE *) logic [WORD_WIDTH-1:0] memory[DEPTH];
  logic [WORD_WIDTH-1:0] in_word, word_q, out_word;
  logic [POINTER_WIDTH-1:0] write_q, read_q, pixel_start_q, row_start_q, read_next;
  logic [PART_WIDTH-1:0] part_q;
  logic [COLUMN_WIDTH-1:0] column_q;
  logic [PIXEL_WIDTH-1:0] pixel_q;
  logic [PASS_WIDTH-1:0] pass_q;
  logic [COUNT_WIDTH-1:0] count_q  /* verilator public_flat_rd */;  // words that hold a place in the memory
  logic full_q;  // count_q is DEPTH, known at the start of the cycle
  logic [COUNT_WIDTH-1:0] fresh_q;  // words of them that were never read
  logic some_q;  // fresh_q is not 0, known at the start of the cycle
  logic [ROOM_WIDTH-1:0] room_q;  // places to promise, less one: negative if there is none
  logic push, take, spend, free, again, taken_q, out_pop, unused_ready;
  logic last_part, last_column, last_pixel, last_pass;

  assign in_ready = !full_q;
  assign push = in_valid && in_ready;
  assign again = column_q != '0 || pass_q != '0;
  assign take = (again || some_q) && !room_q[ROOM_WIDTH-1];
  assign spend = take && !again;
  assign last_part = part_q == PART_WIDTH'(WORDS - 1);
  assign last_column = column_q == COLUMN_WIDTH'(COLUMNS - 1);
  assign last_pixel = pixel_q == PIXEL_WIDTH'(PIXELS - 1);
  assign last_pass = pass_q == PASS_WIDTH'(ROWS - 1);
  assign free = take && last_column && last_pass;
  assign read_next = read_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : read_q + 1'b1;

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
      write_q       <= '0;
      read_q        <= '0;
      pixel_start_q <= '0;
      row_start_q   <= '0;
      part_q        <= '0;
      column_q      <= '0;
      pixel_q       <= '0;
      pass_q        <= '0;
      count_q       <= '0;
      full_q        <= 1'b0;
      fresh_q       <= '0;
      some_q        <= 1'b0;
      room_q        <= ROOM_WIDTH'(OUT_DEPTH - 1);
      taken_q       <= 1'b0;
    end else begin
      if (push) write_q <= write_q == POINTER_WIDTH'(DEPTH - 1) ? '0 : write_q + 1'b1;
      count_q <= count_q + COUNT_WIDTH'(push) - COUNT_WIDTH'(free);
      full_q  <= !free && (full_q || (push && count_q == COUNT_WIDTH'(DEPTH - 1)));
      fresh_q <= fresh_q + COUNT_WIDTH'(push) - COUNT_WIDTH'(spend);
      some_q  <= push || (fresh_q != '0 && !(spend && fresh_q == COUNT_WIDTH'(1)));
      room_q  <= room_q + ROOM_WIDTH'(out_pop) - ROOM_WIDTH'(take);
      taken_q <= take;
      if (take) begin
        part_q <= last_part ? '0 : part_q + 1'b1;
        read_q <= read_next;
        if (last_part) begin
          column_q <= last_column ? '0 : column_q + 1'b1;
          if (!last_column) read_q <= pixel_start_q;
          else begin
            pixel_q       <= last_pixel ? '0 : pixel_q + 1'b1;
            pixel_start_q <= read_next;
            if (last_pixel) begin
              pass_q <= last_pass ? '0 : pass_q + 1'b1;
              if (last_pass) row_start_q <= read_next;
              else begin
                read_q        <= row_start_q;
                pixel_start_q <= row_start_q;
              end
            end
          end
        end
      end
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
