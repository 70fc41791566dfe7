// Line buffer: maps come in row by row, their windows are read out; rows of the next map come in meanwhile.
//
// In:   a map of HEIGHT x WIDTH pixels of CHANNELS elements, in words of WORD elements, WRITES words at a time
//       (the last write of a map may hold fewer), and the levels of its image. An element has one bit in each of
//       PLANES planes, plane major: element e of plane p at [p*WRITES*WORD + e], an earlier word in lower bits.
// Out:  the next READS words of the current window, when all of them are there: word_valid, whether they begin
//       (word_first) or end (word_last) a group, and the levels of their image. take reads them; data follows one
//       cycle later and stays until the next take, plane major like the input. Words outside of the map, or
//       beyond the group's end, are 0.
//       POOL = 0: a group is a window, its words in the order kernel row, kernel column, channel.
//       POOL = 1: a group is one word of every pixel of a window, in the order kernel row, kernel column; a window
//       is CHANNELS/WORD groups.
//       Windows come in the order of their rows and columns; a map has OUT_HEIGHT x OUT_WIDTH of them.
// Time: a word can be read one cycle after it came in, READS words per cycle, but none in the first 8 cycles after a
//       reset. A place is given back as soon as no window to come needs it: those of a window's first row with the
//       window, the others with the last window of a row.
// How:  where a beat reads, what it waits for and what it gives back do not depend on data: a pipeline works it out
//       for the beats to come, and moves on when a beat is taken. What is left for the cycle of the beat are two
//       counters, whose signs say whether its words are there and whether there is room for a write.
//
// KERNEL, STRIDE: rows of a window, and those that it moves by; KERNEL_X, STRIDE_X: columns, as many where not said.
// They and OUT_HEIGHT, OUT_WIDTH ≥ 1. PAD_Y, PAD_X: rows above and columns left of the map; what lies below and right
// of it follows from OUT_HEIGHT and OUT_WIDTH. WORD divides CHANNELS. READS ≤ KERNEL·KERNEL_X; READS > 1 and
// POOL = 0 need WORD = CHANNELS. WRITES: a power of two; WRITES > 1 needs WORD = CHANNELS.
// DEPTH: words, a multiple of WRITES, enough for the words from the first that is not given back before a window to
// the last that it needs, whole writes.
// IMAGES: maps that may stand in the buffer at a time. STYLE: memory style, "block" or "distributed".
module window_buffer #(
    parameter int PLANES = 2,
    parameter int LEVEL_WIDTH = 2,
    parameter int KERNEL = 3,
    parameter int KERNEL_X = KERNEL,
    parameter int STRIDE = 1,
    parameter int STRIDE_X = STRIDE,
    parameter int PAD_Y = 0,
    parameter int PAD_X = 0,
    parameter int HEIGHT = 8,
    parameter int WIDTH = 8,
    parameter int OUT_HEIGHT = 6,
    parameter int OUT_WIDTH = 6,
    parameter int CHANNELS = 16,
    parameter int WORD = 8,
    parameter int READS = 1,
    parameter int WRITES = 1,
    parameter int POOL = 0,
    parameter int DEPTH = 64,
    parameter int IMAGES = 4,
    /* verilator lint_off UNUSEDPARAM */  // read by synthesis, from the attribute
    parameter STYLE = "block"
    /* verilator lint_on UNUSEDPARAM */
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          in_valid,
    output logic                          in_ready,
    input  logic [PLANES*WRITES*WORD-1:0] in_data,
    input  logic [       LEVEL_WIDTH-1:0] in_levels,
    output logic                          word_valid,
    output logic                          word_first,
    output logic                          word_last,
    output logic [       LEVEL_WIDTH-1:0] word_levels,
    input  logic                          take,
    output logic [ PLANES*READS*WORD-1:0] data
);
  localparam int PIXEL = CHANNELS / WORD;  // words of a pixel
  localparam int ROW = WIDTH * PIXEL;  // words of a row
  localparam int MAP_WRITES = (HEIGHT * ROW + WRITES - 1) / WRITES;
  localparam int MAP = MAP_WRITES * WRITES;  // places that a map takes
  localparam int COLUMN_STEP = STRIDE_X * PIXEL;  // words from a window to the next
  localparam int ROW_STEP = STRIDE * ROW;  // words from a row of windows to the next
  // The first map row of the last window row, and of the last window row that begins above the map.
  localparam int LAST_TOP = (OUT_HEIGHT - 1) * STRIDE - PAD_Y;
  localparam int TOP_PART = PAD_Y > 0 ? STRIDE - ((PAD_Y - 1) % STRIDE + 1) : 0;
  localparam int LEFT_PART = PAD_X > 0 ? STRIDE_X - ((PAD_X - 1) % STRIDE_X + 1) : 0;
  localparam int REST = MAP - (LAST_TOP > 0 ? LAST_TOP : 0) * ROW;  // words from there to the map's end
  localparam int FIRST_OFFSET = -PAD_Y * ROW - PAD_X * PIXEL;  // of the first window from the map's first word
  localparam int PADDED = PAD_Y > 0 || PAD_X > 0 || LAST_TOP + KERNEL > HEIGHT ||
      (OUT_WIDTH - 1) * STRIDE_X - PAD_X + KERNEL_X > WIDTH ? 1 : 0;
  localparam int SPAN = DEPTH + MAP + (KERNEL + PAD_Y + 2) * ROW + (PAD_X + KERNEL_X) * PIXEL;
  localparam int COUNT_WIDTH = $clog2(SPAN + 1) + 1;  // signed numbers of words
  localparam int ADDRESS_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int WIDE_DEPTH = DEPTH / WRITES;
  localparam int WIDE_ADDRESS = WIDE_DEPTH > 1 ? $clog2(WIDE_DEPTH) : 1;
  localparam int PART_WIDTH = WRITES > 1 ? $clog2(WRITES) : 1;
  localparam int X_WIDTH = $clog2(WIDTH + PAD_X + KERNEL_X + STRIDE_X + READS + 1) + 1;  // signed positions in the map
  localparam int Y_WIDTH = $clog2(HEIGHT + PAD_Y + KERNEL + STRIDE + READS + 1) + 1;
  localparam int KERNEL_WIDTH = $clog2(2 * (KERNEL > KERNEL_X ? KERNEL : KERNEL_X) + READS + 1);
  localparam int PIXEL_WIDTH = PIXEL > 1 ? $clog2(PIXEL) : 1;
  localparam int OX_WIDTH = OUT_WIDTH > 1 ? $clog2(OUT_WIDTH) : 1;
  localparam int OY_WIDTH = OUT_HEIGHT > 1 ? $clog2(OUT_HEIGHT) : 1;
  localparam int WRITE_WIDTH = MAP_WRITES > 1 ? $clog2(MAP_WRITES) : 1;

  if (KERNEL < 1 || KERNEL_X < 1 || STRIDE < 1 || STRIDE_X < 1 || OUT_HEIGHT < 1 || OUT_WIDTH < 1 || PAD_Y < 0 ||
      PAD_X < 0) begin : illegal_1
    $fatal(1, "window_buffer: KERNEL, STRIDE, OUT_HEIGHT and OUT_WIDTH must be at least 1, PAD_Y and PAD_X at least 0");
  end
  if (WORD < 1 || CHANNELS % WORD != 0) begin : illegal_2
    $fatal(1, "window_buffer: WORD must divide CHANNELS");
  end
  if (READS < 1 || READS > KERNEL * KERNEL_X || (READS > 1 && POOL == 0 && WORD != CHANNELS)) begin : illegal_3
    $fatal(1, "window_buffer: READS must be 1 to KERNEL*KERNEL_X, and 1 for windows of parts of pixels");
  end
  if (WRITES < 1 || (WRITES & (WRITES - 1)) != 0 || (WRITES > 1 && WORD != CHANNELS)) begin : illegal_4
    $fatal(1, "window_buffer: WRITES must be a power of two, and 1 for parts of pixels");
  end
  if (DEPTH < 1 || DEPTH % WRITES != 0) begin : illegal_5
    $fatal(1, "window_buffer: DEPTH must be a multiple of WRITES");
  end
  if (PAD_Y >= KERNEL || PAD_X >= KERNEL_X) begin : illegal_6
    $fatal(1, "window_buffer: PAD_Y must be less than KERNEL, PAD_X less than KERNEL_X");
  end

  typedef logic signed [COUNT_WIDTH-1:0] words_t;

  // What moves along with a beat behind stage A, and is read in stage G.
  typedef struct packed {
    logic first;  // of a group
    logic last;
    logic ends_map;
    words_t given;  // less what the beat gives back
    logic [ADDRESS_WIDTH-1:0] place;
    logic [READS-1:0] carries;
  } beat_t;

  // Stage G: the beat that is read next. Until one came there after a reset the stages move in every cycle.
  beat_t beat_g;
  words_t wait_g;  // less the writes of the map that the next beat needs beyond this one
  logic there_g, moves, push, image_ready, image_valid, first_write;
  logic [READS-1:0] in_map_g;
  logic unused_beat;  // its place has become the ports'
  assign unused_beat = &{beat_g.place, beat_g.carries};

  // Signed: a place that no window needs is given back before it was written.
  words_t full_q;  // words that hold a place, and those of a write, beyond DEPTH; less 1
  words_t margin_q;  // writes of the map beyond those that the beat needs

  assign word_valid = there_g && image_valid && margin_q >= 0;
  assign word_first = beat_g.first;
  assign word_last  = beat_g.last;
  assign moves      = take || !there_g;

  // Writer.
  logic [WIDE_ADDRESS-1:0] write_q;
  logic [WRITE_WIDTH-1:0] map_write_q;

  logic [COUNT_WIDTH-2:0] count_q  /* verilator public_flat_rd */;  // words that hold a place
  words_t held;
  assign held = full_q + words_t'(DEPTH - WRITES + 1);
  assign count_q = held < 0 ? '0 : held[COUNT_WIDTH-2:0];

  assign first_write = map_write_q == '0;
  assign in_ready = full_q < 0 && (!first_write || image_ready);
  assign push = in_valid && in_ready;

  fifo #(
      .WIDTH(LEVEL_WIDTH),
      .DEPTH(IMAGES)
  ) images (
      .clk,
      .rst,
      .in_valid(push && first_write),
      .in_ready(image_ready),
      .in_data(in_levels),
      .out_valid(image_valid),
      .out_ready(take && beat_g.ends_map),
      .out_data(word_levels)
  );

  // A bit more below makes push the carry of an adder.
  words_t margin_d, full_d;
  logic unused_margin;
  assign {margin_d, unused_margin} = {margin_q, 1'b1} + {moves ? wait_g : '0, push};
  if (WRITES > 1) begin : many_words
    assign full_d = full_q + (take ? beat_g.given : '0) + (push ? words_t'(WRITES) : '0);
  end else begin : one_word
    logic unused_full;
    assign {full_d, unused_full} = {full_q, 1'b1} + {take ? beat_g.given : '0, push};
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      write_q     <= '0;
      map_write_q <= '0;
      margin_q    <= '0;
      full_q      <= words_t'(WRITES - 1 - DEPTH);
    end else begin
      if (push) begin
        write_q     <= write_q == WIDE_ADDRESS'(WIDE_DEPTH - 1) ? '0 : write_q + 1'b1;
        map_write_q <= map_write_q == WRITE_WIDTH'(MAP_WRITES - 1) ? '0 : map_write_q + 1'b1;
      end
      margin_q <= margin_d;
      full_q   <= full_d;
    end
  end

  // Stage A: from beat to beat. offset_q: from the map's first word to the word read next; window_q and row_q: to the
  // first words of its window and of its row of windows; negative above and left of the map.
  // place_q, window_place_q, row_place_q: places of the word read next and of the first words of its group and of the
  // window row. They step modulo DEPTH, as a row may be longer than the memory.
  logic [ADDRESS_WIDTH-1:0] place_q, window_place_q, row_place_q, place_from, place_next;
  words_t offset_q, window_q, row_q, row_given_q;
  logic [KERNEL_WIDTH-1:0] kernel_y_q, kernel_x_q, next_y, next_x, kernel_y_d, kernel_x_d;
  logic [PIXEL_WIDTH-1:0] part_q;
  logic [OX_WIDTH-1:0] out_x_q;
  logic [OY_WIDTH-1:0] out_y_q;
  logic signed [X_WIDTH-1:0] left_q;  // column of the window in the map
  logic signed [Y_WIDTH-1:0] top_q;
  // Of the beat: its last part of a pixel, the columns carry behind it, the window's last position, row, column.
  logic last_part_q, carry_q, last_position_q, last_x_q, last_y_q;
  logic ends_window, ends_row, ends_map, group_first, group_last;

  // The position READS further in the window: by whole rows, and a row more where the columns carry.
  function automatic logic carries_at(input logic [KERNEL_WIDTH-1:0] x);
    carries_at = x + KERNEL_WIDTH'(READS % KERNEL_X) >= KERNEL_WIDTH'(KERNEL_X);
  endfunction
  function automatic logic last_at(input logic [KERNEL_WIDTH-1:0] y, input logic carry);
    last_at = y + KERNEL_WIDTH'(READS / KERNEL_X) + KERNEL_WIDTH'(carry) >= KERNEL_WIDTH'(KERNEL);
  endfunction
  assign next_x = kernel_x_q + (carry_q ? KERNEL_WIDTH'(READS % KERNEL_X - KERNEL_X) : KERNEL_WIDTH'(READS % KERNEL_X));
  assign next_y = kernel_y_q + KERNEL_WIDTH'(READS / KERNEL_X) + KERNEL_WIDTH'(carry_q);
  localparam int STEP = (READS / KERNEL_X) * ROW + (READS % KERNEL_X) * PIXEL;
  localparam int CARRY_STEP = STEP + ROW - KERNEL_X * PIXEL;
  localparam logic FIRST_CARRY = READS % KERNEL_X >= KERNEL_X;
  localparam logic FIRST_LAST = READS / KERNEL_X >= KERNEL;

  assign ends_window = last_part_q && last_position_q;
  assign ends_row    = ends_window && last_x_q;
  assign ends_map    = ends_row && last_y_q;
  assign group_first = kernel_y_q == '0 && kernel_x_q == '0 && (POOL != 0 || part_q == '0);
  assign group_last  = last_position_q && (POOL != 0 || last_part_q);

  // Within a window: parts of a pixel inside, or (POOL) outside of the positions.
  always_comb begin
    kernel_x_d = kernel_x_q;
    kernel_y_d = kernel_y_q;
    if (POOL != 0 || last_part_q) begin
      kernel_x_d = last_position_q ? '0 : next_x;
      kernel_y_d = last_position_q ? '0 : next_y;
    end
  end

  // How far the window row moves on at its end, and what a window gives back.
  logic row_moves;
  words_t advance, column_advance, given_back;
  always_comb begin
    row_moves = 1'b1;
    advance = words_t'(ROW_STEP);
    if (last_y_q) begin
      advance = words_t'(REST);
    end else if (PAD_Y > 0 && top_q < 0) begin
      row_moves = TOP_PART > 0 && top_q + Y_WIDTH'(STRIDE) > 0;
      advance   = row_moves ? words_t'(TOP_PART * ROW) : '0;
    end
    column_advance = words_t'(COLUMN_STEP);
    if (PAD_X > 0 && left_q < 0)
      column_advance = left_q + X_WIDTH'(STRIDE_X) > 0 ? words_t'(LEFT_PART * PIXEL) : '0;
    if (!row_moves) column_advance = '0;
    given_back = '0;
    if (ends_row) given_back = row_given_q - advance;
    else if (ends_window) given_back = -column_advance;
  end

  // Words as a step from place to place, and the place so much further: steps are less than DEPTH.
  function automatic int modulo(input int words);
    modulo = (words % DEPTH + DEPTH) % DEPTH;
  endfunction
  localparam int FIRST_PLACE = modulo(FIRST_OFFSET);
  localparam int PART_PLACES = modulo(1);
  localparam int STEP_PLACES = modulo(STEP - (POOL == 0 ? PIXEL - 1 : 0));
  localparam int CARRY_PLACES = modulo(CARRY_STEP - (POOL == 0 ? PIXEL - 1 : 0));
  localparam int COLUMN_PLACES = modulo(COLUMN_STEP - (POOL == 0 ? 0 : PIXEL - 1));
  localparam int ROW_PLACES = modulo(ROW_STEP);
  localparam int MAP_PLACES = modulo(MAP - (OUT_HEIGHT - 1) * ROW_STEP);

  // Both sums at once; less is step - DEPTH, and the second sum is negative where the first one is right.
  function automatic logic [ADDRESS_WIDTH-1:0] further(input logic [ADDRESS_WIDTH-1:0] place,
                                                       input logic [ADDRESS_WIDTH:0] step,
                                                       input logic [ADDRESS_WIDTH:0] less);
    logic [ADDRESS_WIDTH:0] sum, wrapped;
    sum = {1'b0, place} + step;
    wrapped = {1'b0, place} + less;
    further = ADDRESS_WIDTH'(wrapped[ADDRESS_WIDTH] ? sum : wrapped);
  endfunction

  logic [ADDRESS_WIDTH:0] place_step, place_less;
  always_comb begin
    place_from = place_q;
    place_step = (ADDRESS_WIDTH + 1)'(PART_PLACES);
    place_less = (ADDRESS_WIDTH + 1)'(PART_PLACES - DEPTH);
    if (ends_row) begin
      place_from = row_place_q;
      place_step = last_y_q ? (ADDRESS_WIDTH + 1)'(MAP_PLACES) : (ADDRESS_WIDTH + 1)'(ROW_PLACES);
      place_less = last_y_q ? (ADDRESS_WIDTH + 1)'(MAP_PLACES - DEPTH) : (ADDRESS_WIDTH + 1)'(ROW_PLACES - DEPTH);
    end else if (group_last) begin
      place_from = window_place_q;
      if (last_part_q) begin
        place_step = (ADDRESS_WIDTH + 1)'(COLUMN_PLACES);
        place_less = (ADDRESS_WIDTH + 1)'(COLUMN_PLACES - DEPTH);
      end
    end else if (POOL != 0 || last_part_q) begin
      place_step = carry_q ? (ADDRESS_WIDTH + 1)'(CARRY_PLACES) : (ADDRESS_WIDTH + 1)'(STEP_PLACES);
      place_less = carry_q ? (ADDRESS_WIDTH + 1)'(CARRY_PLACES - DEPTH) : (ADDRESS_WIDTH + 1)'(STEP_PLACES - DEPTH);
    end
  end
  assign place_next = further(place_from, place_step, place_less);

  words_t offset_from, offset_step, offset_next;
  always_comb begin
    offset_from = offset_q;
    offset_step = words_t'(1);
    if (ends_map) begin
      offset_from = '0;
      offset_step = words_t'(FIRST_OFFSET);
    end else if (ends_row) begin
      offset_from = row_q;
      offset_step = words_t'(ROW_STEP);
    end else if (group_last) begin
      offset_from = window_q;
      offset_step = last_part_q ? words_t'(COLUMN_STEP - (POOL == 0 ? 0 : PIXEL - 1)) : words_t'(1);
    end else if (POOL != 0 || last_part_q) begin
      offset_step = (carry_q ? words_t'(CARRY_STEP) : words_t'(STEP)) - (POOL == 0 ? words_t'(PIXEL - 1) : '0);
    end
  end
  assign offset_next = offset_from + offset_step;

  always_ff @(posedge clk) begin
    if (rst) begin
      place_q         <= ADDRESS_WIDTH'(FIRST_PLACE);
      window_place_q  <= ADDRESS_WIDTH'(FIRST_PLACE);
      row_place_q     <= ADDRESS_WIDTH'(FIRST_PLACE);
      offset_q        <= words_t'(FIRST_OFFSET);
      window_q        <= words_t'(FIRST_OFFSET);
      row_q           <= words_t'(FIRST_OFFSET);
      row_given_q     <= '0;
      kernel_y_q      <= '0;
      kernel_x_q      <= '0;
      part_q          <= '0;
      out_x_q         <= '0;
      out_y_q         <= '0;
      left_q          <= X_WIDTH'(-PAD_X);
      top_q           <= Y_WIDTH'(-PAD_Y);
      last_part_q     <= PIXEL == 1;
      carry_q         <= FIRST_CARRY;
      last_position_q <= FIRST_LAST;
      last_x_q        <= OUT_WIDTH == 1;
      last_y_q        <= OUT_HEIGHT == 1;
    end else if (moves) begin
      place_q  <= place_next;
      offset_q <= offset_next;
      if (group_last) begin
        window_place_q <= place_next;
        window_q       <= offset_next;
      end
      if (ends_row) begin
        row_place_q <= place_next;
        row_q       <= offset_next;
      end
      kernel_x_q      <= kernel_x_d;
      kernel_y_q      <= kernel_y_d;
      carry_q         <= carries_at(kernel_x_d);
      last_position_q <= last_at(kernel_y_d, carries_at(kernel_x_d));
      if (POOL == 0 || last_position_q) begin
        part_q      <= last_part_q ? '0 : part_q + 1'b1;
        last_part_q <= PIXEL == 1 || (!last_part_q && part_q == PIXEL_WIDTH'(PIXEL - 2));
      end
      if (ends_row) begin
        out_x_q     <= '0;
        last_x_q    <= OUT_WIDTH == 1;
        out_y_q     <= last_y_q ? '0 : out_y_q + 1'b1;
        last_y_q    <= OUT_HEIGHT == 1 || (!last_y_q && out_y_q == OY_WIDTH'(OUT_HEIGHT - 2));
        left_q      <= X_WIDTH'(-PAD_X);
        top_q       <= last_y_q ? Y_WIDTH'(-PAD_Y) : top_q + Y_WIDTH'(STRIDE);
        row_given_q <= '0;
      end else if (ends_window) begin
        out_x_q     <= out_x_q + 1'b1;
        last_x_q    <= out_x_q == OX_WIDTH'(OUT_WIDTH - 2);
        left_q      <= left_q + X_WIDTH'(STRIDE_X);
        row_given_q <= row_given_q + column_advance;
      end
    end
  end

  // Stage B: where in the map the ports read. C: whether that is in the map. D: how far the last port in the map reads
  // from the first. E: writes that the beat needs. F: the same, less those of a map that it ends. G: less those that
  // the next one needs, and every port's place.
  beat_t beat_a, beat_b, beat_c, beat_d, beat_e, beat_f;
  logic there_b, there_c, there_d, there_e, there_f;
  words_t offset_b, offset_c, offset_d, far_d, far, need_e, need_f;
  logic needs_d;
  logic [READS-1:0] carries_a, inside_b, in_map_b, in_map_c, in_map_d, in_map_e, in_map_f;

  assign beat_a = {group_first, group_last, ends_map, given_back, place_q, carries_a};

  words_t last_word;
  assign last_word = offset_d + far_d + words_t'(WRITES);

  always_ff @(posedge clk) begin
    if (rst) begin
      {there_b, there_c, there_d, there_e, there_f, there_g} <= '0;
      need_e <= '0;
      need_f <= '0;
      wait_g <= '0;
    end else if (moves) begin
      {there_b, there_c, there_d, there_e, there_f, there_g} <=
          {1'b1, there_b, there_c, there_d, there_e, there_f};
      need_e <= there_d && needs_d ? last_word >>> $clog2(WRITES) : '0;
      need_f <= need_e - (there_e && beat_e.ends_map ? words_t'(MAP_WRITES) : '0);
      wait_g <= need_f - need_e;
    end
    if (moves) begin
      beat_b   <= beat_a;
      beat_c   <= beat_b;
      beat_d   <= beat_c;
      beat_e   <= beat_d;
      beat_f   <= beat_e;
      beat_g   <= beat_f;
      offset_b <= offset_q;
      offset_c <= offset_b;
      offset_d <= offset_c;
      far_d    <= far;
      needs_d  <= |in_map_c;
      in_map_c <= in_map_b;
      in_map_d <= in_map_c;
      in_map_e <= in_map_d;
      in_map_f <= in_map_e;
      in_map_g <= in_map_f;
    end
  end

  // Port r reads the position r further in the window. Each has its own copy of the words.
  function automatic int far_of(input int r, input int carries);
    far_of = (r / KERNEL_X + carries) * ROW + (r % KERNEL_X - carries * KERNEL_X) * PIXEL;
  endfunction

  always_comb begin
    far = '0;
    for (int r = 0; r < READS; r++) begin
      if (in_map_c[r]) far = beat_c.carries[r] ? words_t'(far_of(r, 1)) : words_t'(far_of(r, 0));
    end
  end

  for (genvar r = 0; r < READS; r++) begin : port
    localparam int PLACES = modulo(far_of(r, 0));
    localparam int CARRY_PLACES_R = modulo(far_of(r, 1));
    logic [KERNEL_WIDTH-1:0] x, y;
    logic carries, in_map_q;
    logic [ADDRESS_WIDTH-1:0] address_g;
    logic [WIDE_ADDRESS-1:0] wide_address;
    logic [PLANES*WRITES*WORD-1:0] wide_q;
    assign carries = kernel_x_q + KERNEL_WIDTH'(r % KERNEL_X) >= KERNEL_WIDTH'(KERNEL_X);
    assign carries_a[r] = carries;
    assign x = kernel_x_q + KERNEL_WIDTH'(r % KERNEL_X) - (carries ? KERNEL_WIDTH'(KERNEL_X) : '0);
    assign y = kernel_y_q + KERNEL_WIDTH'(r / KERNEL_X) + KERNEL_WIDTH'(carries);
    always_ff @(posedge clk) begin
      if (moves) inside_b[r] <= y < KERNEL_WIDTH'(KERNEL);
    end

    if (PADDED != 0) begin : padded
      logic signed [X_WIDTH-1:0] column_b;
      logic signed [Y_WIDTH-1:0] row_b;
      always_ff @(posedge clk) begin
        if (moves) begin
          column_b <= left_q + $signed(X_WIDTH'(x));
          row_b    <= top_q + $signed(Y_WIDTH'(y));
        end
      end
      assign in_map_b[r] = inside_b[r] && column_b >= 0 && column_b < $signed(X_WIDTH'(WIDTH)) && row_b >= 0 &&
          row_b < $signed(Y_WIDTH'(HEIGHT));
    end else begin : unpadded
      logic unused_x;
      assign unused_x = &x;
      assign in_map_b[r] = inside_b[r];
    end

    if (r == 0) begin : nearest
      always_ff @(posedge clk) if (moves) address_g <= beat_f.place;
    end else begin : away
      logic [ADDRESS_WIDTH:0] step, less;
      assign step = beat_f.carries[r] ? (ADDRESS_WIDTH + 1)'(CARRY_PLACES_R) : (ADDRESS_WIDTH + 1)'(PLACES);
      assign less = beat_f.carries[r] ? (ADDRESS_WIDTH + 1)'(CARRY_PLACES_R - DEPTH)
          : (ADDRESS_WIDTH + 1)'(PLACES - DEPTH);
      always_ff @(posedge clk) if (moves) address_g <= further(beat_f.place, step, less);
    end

    (* ram_style = STYLE *) logic [PLANES*WRITES*WORD-1:0] memory[WIDE_DEPTH];
    assign wide_address = WIDE_ADDRESS'(address_g >> $clog2(WRITES));
    always_ff @(posedge clk) if (push) memory[write_q] <= in_data;
    always_ff @(posedge clk) if (take) wide_q <= memory[wide_address];
    always_ff @(posedge clk) if (take) in_map_q <= in_map_g[r];

    if (WRITES > 1) begin : parts
      logic [PART_WIDTH-1:0] word_q;  // the word of the write
      always_ff @(posedge clk) if (take) word_q <= PART_WIDTH'(address_g);
      for (genvar p = 0; p < PLANES; p++) begin : plane
        assign data[(p*READS+r)*WORD+:WORD] = in_map_q ? wide_q[(p*WRITES+int'(word_q))*WORD+:WORD] : '0;
      end
    end else begin : whole
      for (genvar p = 0; p < PLANES; p++) begin : plane
        assign data[(p*READS+r)*WORD+:WORD] = in_map_q ? wide_q[p*WORD+:WORD] : '0;
      end
    end
  end
endmodule
