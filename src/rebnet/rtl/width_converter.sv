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
  localparam int REST_WIDTH = OUT_UNITS > 1 ? $clog2(OUT_UNITS) : 1;
  localparam int POSITION_WIDTH = $clog2(MAX_WORDS * OUT_UNITS + 1);

  if (IN < 1 || OUT < 1 || PLANES < 1 || VECTOR < 1) begin : illegal_1
    $fatal(1, "width_converter: IN, OUT, PLANES and VECTOR must be at least 1");
  end

  logic [WORDS_WIDTH-1:0] words_q, words_kept, words_d;  // whole output words in the buffer
  logic [REST_WIDTH-1:0] rest_q, rest_d;  // units of the word that is not whole yet
  logic [IN_WORD_WIDTH-1:0] in_word_q;
  logic [POSITION_WIDTH-1:0] filled, position;
  logic [LEVEL_WIDTH-1:0] levels_q;
  logic push, pop, last;

  assign filled = POSITION_WIDTH'(words_q * OUT_UNITS) + POSITION_WIDTH'(rest_q);
  assign in_ready = filled < POSITION_WIDTH'(READY_UNITS) && (filled == '0 || in_levels == levels_q);
  assign out_valid = words_q != '0;
  assign out_levels = levels_q;
  assign push = in_valid && in_ready;
  assign pop = out_valid && out_ready;
  assign last = in_word_q == IN_WORD_WIDTH'(IN_WORDS - 1);
  assign words_kept = words_q - WORDS_WIDTH'(pop);
  assign position = POSITION_WIDTH'(words_kept * OUT_UNITS) + POSITION_WIDTH'(rest_q);

  int units;
  // Where the buffer ends after this word; the end of a vector is rounded up to a whole output word.
  always_comb begin
    words_d = words_kept;
    rest_d  = rest_q;
    units   = 0;
    if (push) begin
      units = int'(rest_q) + (last ? LAST_UNITS : IN_UNITS);
      for (int w = 1; w <= MAX_WORDS; w++) begin
        if (units >= w * OUT_UNITS) begin
          words_d = words_kept + WORDS_WIDTH'(w);
          rest_d  = REST_WIDTH'(units - w * OUT_UNITS);
        end
      end
      if (units < OUT_UNITS) rest_d = REST_WIDTH'(units);
      if (last && rest_d != '0) begin
        words_d = words_d + 1'b1;
        rest_d  = '0;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      words_q   <= '0;
      rest_q    <= '0;
      in_word_q <= '0;
    end else begin
      words_q <= words_d;
      rest_q  <= rest_d;
      if (push) in_word_q <= last ? '0 : in_word_q + 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (push) levels_q <= in_levels;
  end

  for (genvar p = 0; p < PLANES; p++) begin : plane
    logic [IN-1:0] elements;
    logic [UNITS*UNIT-1:0] buffer_d, buffer_q;
    assign elements = in_data[p*IN+:IN] & (last ? {IN{1'b1}} >> (IN - LAST_ELEMENTS) : {IN{1'b1}});
    always_comb begin
      buffer_d = pop ? buffer_q >> OUT : buffer_q;
      for (int u = 0; u < READY_UNITS; u++) begin
        if (push && position == POSITION_WIDTH'(u)) buffer_d = buffer_d | ((UNITS * UNIT)'(elements) << (u * UNIT));
      end
    end
    always_ff @(posedge clk) begin
      if (rst) buffer_q <= '0;
      else buffer_q <= buffer_d;
    end
    assign out_data[p*OUT+:OUT] = OUT'(buffer_q);
  end
endmodule
