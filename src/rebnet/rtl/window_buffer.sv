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
// Time: a word can be read one cycle after it came in, READS words per cycle. A place is given back as soon as no
//       window to come needs it: those of a window's first row with the window, the others with the last
//       window of a row.
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

  // Writer. Numbers of words are signed: a place that no window needs is given back before it was written.
  logic [WIDE_ADDRESS-1:0] write_q;
  logic [WRITE_WIDTH-1:0] map_write_q;
  words_t held_q;  // words from the first that is still needed to the last that came in
  words_t ahead_q;  // words from the first of the current window row to the last that came in
  logic push, first_write, image_ready, image_valid, ends_window, ends_row, ends_map;
  words_t given_back, advance;

  logic [COUNT_WIDTH-2:0] count_q  /* verilator public_flat_rd */;  // words that hold a place
  assign count_q = held_q < 0 ? '0 : held_q[COUNT_WIDTH-2:0];

  assign first_write = map_write_q == '0;
  assign in_ready = held_q <= words_t'(DEPTH - WRITES) && (!first_write || image_ready);
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
      .out_ready(take && ends_map),
      .out_data(word_levels)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      write_q     <= '0;
      map_write_q <= '0;
      held_q      <= '0;
      ahead_q     <= '0;
    end else begin
      if (push) begin
        write_q     <= write_q == WIDE_ADDRESS'(WIDE_DEPTH - 1) ? '0 : write_q + 1'b1;
        map_write_q <= map_write_q == WRITE_WIDTH'(MAP_WRITES - 1) ? '0 : map_write_q + 1'b1;
      end
      held_q  <= held_q + (push ? words_t'(WRITES) : '0) - (take ? given_back : '0);
      ahead_q <= ahead_q + (push ? words_t'(WRITES) : '0) - (take && ends_row ? advance : '0);
    end
  end

  // Reader. offset_q: from the first word of the window row (its first row inside of the map) to the word read next;
  // window_q: to the window's first word. Both may be negative above and left of the map.
  // place_q, window_place_q, row_place_q: places of the word read next and of the first words of its group and of the
  // window row. They step modulo DEPTH, as a row may be longer than the memory.
  logic [ADDRESS_WIDTH-1:0] place_q, window_place_q, row_place_q, place_from, place_step, place_next;
  words_t offset_q, window_q, row_given_q;
  logic [KERNEL_WIDTH-1:0] kernel_y_q, kernel_x_q, next_y, next_x;
  logic [PIXEL_WIDTH-1:0] part_q;
  logic [OX_WIDTH-1:0] out_x_q;
  logic [OY_WIDTH-1:0] out_y_q;
  logic signed [X_WIDTH-1:0] left_q;  // column of the window in the map
  logic signed [Y_WIDTH-1:0] top_q;
  logic last_part, last_position;

  // The position READS further in the window: by whole rows, and a row more where the columns carry.
  logic carry;
  assign carry  = kernel_x_q + KERNEL_WIDTH'(READS % KERNEL_X) >= KERNEL_WIDTH'(KERNEL_X);
  assign next_x = kernel_x_q + KERNEL_WIDTH'(READS % KERNEL_X) - (carry ? KERNEL_WIDTH'(KERNEL_X) : '0);
  assign next_y = kernel_y_q + KERNEL_WIDTH'(READS / KERNEL_X) + KERNEL_WIDTH'(carry);
  localparam int STEP = (READS / KERNEL_X) * ROW + (READS % KERNEL_X) * PIXEL;
  localparam int CARRY_STEP = STEP + ROW - KERNEL_X * PIXEL;

  assign last_part     = part_q == PIXEL_WIDTH'(PIXEL - 1);
  assign last_position = next_y >= KERNEL_WIDTH'(KERNEL);
  assign ends_window   = last_part && last_position;
  assign ends_row      = ends_window && out_x_q == OX_WIDTH'(OUT_WIDTH - 1);
  assign ends_map      = ends_row && out_y_q == OY_WIDTH'(OUT_HEIGHT - 1);
  assign word_first    = kernel_y_q == '0 && kernel_x_q == '0 && (POOL != 0 || part_q == '0);
  assign word_last     = last_position && (POOL != 0 || last_part);

  // How far the window row moves on at its end, and what a window gives back.
  logic row_moves;
  words_t column_advance;
  always_comb begin
    row_moves = 1'b1;
    advance = words_t'(ROW_STEP);
    if (out_y_q == OY_WIDTH'(OUT_HEIGHT - 1)) begin
      advance = words_t'(REST);
    end else if (PAD_Y > 0 && top_q < 0) begin
      row_moves = TOP_PART > 0 && top_q + Y_WIDTH'(STRIDE) > 0;
      advance   = row_moves ? words_t'(TOP_PART * ROW) : '0;
    end
    column_advance = words_t'(COLUMN_STEP);
    if (PAD_X > 0 && left_q < 0)
      column_advance = left_q + X_WIDTH'(STRIDE_X) > 0 ? words_t'(LEFT_PART * PIXEL) : '0;
    given_back = '0;
    if (ends_row) given_back = advance - row_given_q;
    else if (ends_window && row_moves) given_back = column_advance;
  end

  // Words as a step from place to place, and the place so much further.
  function automatic int modulo(input int words);
    modulo = (words % DEPTH + DEPTH) % DEPTH;
  endfunction
  localparam int FIRST_PLACE = modulo(-PAD_Y * ROW - PAD_X * PIXEL);
  localparam int PART_PLACES = modulo(1);
  localparam int STEP_PLACES = modulo(STEP - (POOL == 0 ? PIXEL - 1 : 0));
  localparam int CARRY_PLACES = modulo(CARRY_STEP - (POOL == 0 ? PIXEL - 1 : 0));
  localparam int COLUMN_PLACES = modulo(COLUMN_STEP - (POOL == 0 ? 0 : PIXEL - 1));
  localparam int ROW_PLACES = modulo(ROW_STEP);
  localparam int MAP_PLACES = modulo(MAP - (OUT_HEIGHT - 1) * ROW_STEP);

  function automatic logic [ADDRESS_WIDTH-1:0] further(input logic [ADDRESS_WIDTH-1:0] place,
                                                       input logic [ADDRESS_WIDTH-1:0] step);
    logic [ADDRESS_WIDTH:0] sum;
    sum = {1'b0, place} + {1'b0, step};
    further = ADDRESS_WIDTH'(sum >= (ADDRESS_WIDTH + 1)'(DEPTH) ? sum - (ADDRESS_WIDTH + 1)'(DEPTH) : sum);
  endfunction

  always_comb begin
    place_from = place_q;
    place_step = ADDRESS_WIDTH'(PART_PLACES);
    if (ends_row) begin
      place_from = row_place_q;
      place_step = ends_map ? ADDRESS_WIDTH'(MAP_PLACES) : ADDRESS_WIDTH'(ROW_PLACES);
    end else if (word_last) begin
      place_from = window_place_q;
      if (last_part) place_step = ADDRESS_WIDTH'(COLUMN_PLACES);
    end else if (POOL != 0 || last_part) begin
      place_step = carry ? ADDRESS_WIDTH'(CARRY_PLACES) : ADDRESS_WIDTH'(STEP_PLACES);
    end
  end
  assign place_next = further(place_from, place_step);

  logic signed [Y_WIDTH-1:0] next_top;
  words_t next_row;
  assign next_top = ends_map ? -Y_WIDTH'(PAD_Y) : top_q + Y_WIDTH'(STRIDE);
  if (PAD_Y > 0) begin : above
    assign next_row = (next_top < 0 ? words_t'(next_top) * words_t'(ROW) : '0) - words_t'(PAD_X * PIXEL);
  end else begin : not_above
    assign next_row = -words_t'(PAD_X * PIXEL);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      place_q        <= ADDRESS_WIDTH'(FIRST_PLACE);
      window_place_q <= ADDRESS_WIDTH'(FIRST_PLACE);
      row_place_q    <= ADDRESS_WIDTH'(FIRST_PLACE);
      offset_q       <= words_t'((PAD_Y > 0 ? -PAD_Y * ROW : 0) - PAD_X * PIXEL);
      window_q       <= words_t'((PAD_Y > 0 ? -PAD_Y * ROW : 0) - PAD_X * PIXEL);
      row_given_q    <= '0;
      kernel_y_q     <= '0;
      kernel_x_q     <= '0;
      part_q         <= '0;
      out_x_q        <= '0;
      out_y_q        <= '0;
      left_q         <= -X_WIDTH'(PAD_X);
      top_q          <= -Y_WIDTH'(PAD_Y);
    end else if (take) begin
      place_q <= place_next;
      if (word_last) window_place_q <= place_next;
      if (ends_row) row_place_q <= place_next;
      // Within a window: parts of a pixel inside, or (POOL) outside of the positions.
      if (POOL == 0 && !last_part) begin
        part_q   <= part_q + 1'b1;
        offset_q <= offset_q + 1'b1;
      end else if (!last_position) begin
        if (POOL == 0) part_q <= '0;
        kernel_y_q <= next_y;
        kernel_x_q <= next_x;
        offset_q   <= offset_q + (carry ? words_t'(CARRY_STEP) : words_t'(STEP))
            - (POOL == 0 ? words_t'(PIXEL - 1) : '0);
      end else begin
        kernel_y_q <= '0;
        kernel_x_q <= '0;
        part_q     <= last_part ? '0 : part_q + 1'b1;
        if (!last_part) offset_q <= window_q + words_t'(part_q) + 1'b1;
        else if (!ends_row) begin
          offset_q    <= window_q + words_t'(COLUMN_STEP);
          window_q    <= window_q + words_t'(COLUMN_STEP);
          out_x_q     <= out_x_q + 1'b1;
          left_q      <= left_q + X_WIDTH'(STRIDE_X);
          row_given_q <= row_given_q + given_back;
        end else begin
          offset_q    <= next_row;
          window_q    <= next_row;
          out_x_q     <= '0;
          out_y_q     <= ends_map ? '0 : out_y_q + 1'b1;
          left_q      <= -X_WIDTH'(PAD_X);
          top_q       <= next_top;
          row_given_q <= '0;
        end
      end
    end
  end

  // Ports: port r reads the position r further in the window. Each has its own copy of the words.
  logic [READS-1:0] there;
  assign word_valid = image_valid && &there;

  for (genvar r = 0; r < READS; r++) begin : port
    localparam int FAR = (r / KERNEL_X) * ROW + (r % KERNEL_X) * PIXEL;
    localparam int CARRY_FAR = FAR + ROW - KERNEL_X * PIXEL;
    localparam int FAR_PLACES = modulo(FAR);
    localparam int CARRY_FAR_PLACES = modulo(CARRY_FAR);
    logic [KERNEL_WIDTH-1:0] x, y;
    logic carries, in_map, in_map_q;
    words_t offset;
    logic [ADDRESS_WIDTH-1:0] address;
    logic [WIDE_ADDRESS-1:0] wide_address;
    logic [PLANES*WRITES*WORD-1:0] wide_q;

    assign carries = kernel_x_q + KERNEL_WIDTH'(r % KERNEL_X) >= KERNEL_WIDTH'(KERNEL_X);
    assign x = kernel_x_q + KERNEL_WIDTH'(r % KERNEL_X) - (carries ? KERNEL_WIDTH'(KERNEL_X) : '0);
    assign y = kernel_y_q + KERNEL_WIDTH'(r / KERNEL_X) + KERNEL_WIDTH'(carries);
    assign offset = offset_q + (carries ? words_t'(CARRY_FAR) : words_t'(FAR));
    assign address = further(
        place_q, carries ? ADDRESS_WIDTH'(CARRY_FAR_PLACES) : ADDRESS_WIDTH'(FAR_PLACES)
    );
    assign there[r] = !in_map || offset < ahead_q;

    if (PADDED != 0) begin : padded
      logic signed [X_WIDTH-1:0] column;
      logic signed [Y_WIDTH-1:0] row;
      assign column = left_q + $signed(X_WIDTH'(x));
      assign row = top_q + $signed(Y_WIDTH'(y));
      assign in_map = y < KERNEL_WIDTH'(KERNEL) && column >= 0 && column < $signed(X_WIDTH'(WIDTH)) &&
          row >= 0 && row < $signed(Y_WIDTH'(HEIGHT));
    end else begin : unpadded
      logic unused_x;
      assign unused_x = &x;
      assign in_map = y < KERNEL_WIDTH'(KERNEL);
    end

    (* ram_style = STYLE *) logic [PLANES*WRITES*WORD-1:0] memory[WIDE_DEPTH];
    assign wide_address = WIDE_ADDRESS'(address >> $clog2(WRITES));
    always_ff @(posedge clk) if (push) memory[write_q] <= in_data;
    always_ff @(posedge clk) if (take) wide_q <= memory[wide_address];
    always_ff @(posedge clk) if (take) in_map_q <= in_map;

    if (WRITES > 1) begin : parts
      logic [PART_WIDTH-1:0] word_q;  // the word of the write
      always_ff @(posedge clk) if (take) word_q <= PART_WIDTH'(address);
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
