// Gearbox: words of IN elements become words of OUT elements, vector by vector.
//
// In:   a vector of VECTOR elements in words of IN; elements beyond the vector's end are ignored.
// Out:  the same elements in words of OUT, the last word filled up with 0. An element has one bit in each of
//       PLANES planes, plane major: element e of plane p stands at [p*IN + e], or [p*OUT + e] at the output.
// Time: an output word can leave one cycle after its last element came in. At full speed a word moves in every
//       cycle, and a vector takes as many cycles as it has words on the busier side. Words of images with
//       other levels wait until the buffer is empty.
// IN, OUT, PLANES, VECTOR ≥ 1.
module width_converter #(
    parameter int IN = 4,
    parameter int OUT = 64,
    parameter int PLANES = 8,
    parameter int VECTOR = 784,
    parameter int LEVEL_WIDTH = 2
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   in_valid,
    output logic                   in_ready,
    input  logic [  PLANES*IN-1:0] in_data,
    input  logic [LEVEL_WIDTH-1:0] in_levels,
    output logic                   out_valid,
    input  logic                   out_ready,
    output logic [ PLANES*OUT-1:0] out_data,
    output logic [LEVEL_WIDTH-1:0] out_levels
);
  function automatic int gcd(input int a, input int b);
    int x, y, z;
    x = a;
    y = b;
    while (y != 0) begin
      z = x % y;
      x = y;
      y = z;
    end
    gcd = x;
  endfunction

  // Positions are counted in units: the elements that always travel together.
  localparam int UNIT = gcd(IN, OUT);
  localparam int IN_UNITS = IN / UNIT;
  localparam int OUT_UNITS = OUT / UNIT;
  localparam int IN_WORDS = (VECTOR + IN - 1) / IN;
  localparam int IN_WORD_WIDTH = IN_WORDS > 1 ? $clog2(IN_WORDS) : 1;
  localparam int LAST_ELEMENTS = VECTOR - (IN_WORDS - 1) * IN;
  localparam int LAST_UNITS = (LAST_ELEMENTS + UNIT - 1) / UNIT;
  // Takes words while it holds fewer units, as many as keep both sides moving. A vector's last word that crosses the
  // end of an output word makes two of it at once, and the next vector must come in while both are there.
  localparam int LAST_POSITION = (IN_WORDS - 1) * IN_UNITS % OUT_UNITS;
  localparam int READY_UNITS = IN_UNITS >= OUT_UNITS ? 2 * OUT_UNITS
      : LAST_POSITION + LAST_UNITS > OUT_UNITS ? 2 * OUT_UNITS + 1 : OUT_UNITS + IN_UNITS;
  localparam int UNITS = READY_UNITS - 1 + IN_UNITS;  // most units that can stand in the buffer
  localparam int MAX_WORDS = (UNITS + OUT_UNITS - 1) / OUT_UNITS;
  localparam int WORDS_WIDTH = $clog2(MAX_WORDS + 1);
  localparam int READY_WORDS = READY_UNITS / OUT_UNITS;
  localparam int READY_REST = READY_UNITS % OUT_UNITS;
  localparam int IN_WHOLE = IN_UNITS / OUT_UNITS;  // output words that a word makes, and another one with a carry
  localparam int IN_REST = IN_UNITS % OUT_UNITS;
  localparam int LAST_WHOLE = (LAST_POSITION + LAST_UNITS + OUT_UNITS - 1) / OUT_UNITS;  // and a vector's last word

  if (IN < 1 || OUT < 1 || PLANES < 1 || VECTOR < 1) begin : illegal_1
    $fatal(1, "width_converter: IN, OUT, PLANES and VECTOR must be at least 1");
  end

  // All that the next word depends on is known at the start of its cycle, one bit for each case.
  logic [WORDS_WIDTH-1:0] words_q, words_kept, words_more;  // whole output words in the buffer
  logic [OUT_UNITS-1:0] rest_q, rest_d;  // units of the word that is not whole yet, one bit for each number
  logic some_q;  // words_q is not 0
  logic fits_q;  // rest is less than READY_REST
  logic carry_q;  // the next word makes one output word more, if it is not the vector's last
  logic last_q;  // it is
  logic [IN_WORD_WIDTH-1:0] in_word_q;
  logic [LEVEL_WIDTH-1:0] levels_q;
  logic push, pop, room, empty;

  assign room = words_q < WORDS_WIDTH'(READY_WORDS) || (fits_q && words_q == WORDS_WIDTH'(READY_WORDS));
  assign empty = !some_q && rest_q[0];
  assign in_ready = room && (empty || in_levels == levels_q);
  assign out_valid = some_q;
  assign out_levels = levels_q;
  assign push = in_valid && in_ready;
  assign pop = out_valid && out_ready;
  assign words_kept = words_q - WORDS_WIDTH'(pop);

  // Where the buffer ends after this word; the end of a vector is rounded up to a whole output word.
  always_comb begin
    words_more = WORDS_WIDTH'(IN_WHOLE);
    if (last_q) words_more = WORDS_WIDTH'(LAST_WHOLE);
    else if (carry_q) words_more = WORDS_WIDTH'(IN_WHOLE + 1);
    for (int r = 0; r < OUT_UNITS; r++) begin
      rest_d[r] = rest_q[r];
      if (push) rest_d[r] = last_q ? r == 0 : rest_q[(r+OUT_UNITS-IN_REST)%OUT_UNITS];
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      words_q   <= '0;
      rest_q    <= OUT_UNITS'(1);
      some_q    <= 1'b0;
      fits_q    <= READY_REST > 0;
      carry_q   <= 1'b0;
      last_q    <= IN_WORDS == 1;
      in_word_q <= '0;
    end else begin
      words_q <= words_kept + (push ? words_more : '0);
      rest_q  <= rest_d;
      some_q  <= (some_q && !(pop && words_q == WORDS_WIDTH'(1))) || (push && (IN_WHOLE > 0 || carry_q || last_q));
      fits_q  <= |(rest_d & ~({OUT_UNITS{1'b1}} << READY_REST));
      carry_q <= IN_REST > 0 && |(rest_d >> (OUT_UNITS - IN_REST));
      if (push) begin
        in_word_q <= last_q ? '0 : in_word_q + 1'b1;
        last_q    <= IN_WORDS == 1 || (!last_q && in_word_q == IN_WORD_WIDTH'(IN_WORDS - 2));
      end
    end
  end

  always_ff @(posedge clk) begin
    if (push) levels_q <= in_levels;
  end

  for (genvar p = 0; p < PLANES; p++) begin : plane
    logic [IN-1:0] elements;
    logic [UNITS*UNIT-1:0] buffer_d, buffer_q;
    assign elements = in_data[p*IN+:IN] & (last_q ? {IN{1'b1}} >> (IN - LAST_ELEMENTS) : {IN{1'b1}});
    always_comb begin
      buffer_d = pop ? buffer_q >> OUT : buffer_q;
      for (int u = 0; u < READY_UNITS; u++) begin
        if (push && words_kept == WORDS_WIDTH'(u / OUT_UNITS) && rest_q[u%OUT_UNITS])
          buffer_d = buffer_d | ((UNITS * UNIT)'(elements) << (u * UNIT));
      end
    end
    always_ff @(posedge clk) begin
      if (rst) buffer_q <= '0;
      else buffer_q <= buffer_d;
    end
    assign out_data[p*OUT+:OUT] = OUT'(buffer_q);
  end
endmodule
