// Receiver of an asynchronous serial line: 8 data bits, least significant first, no parity, one stop bit.
//
// In:   rx, high while idle; it needs no clock of ours. BIT_CLOCKS clocks a bit.
// Out:  a byte, while out_valid: one cycle, in the middle of its stop bit. Nobody can hold it up. A byte whose stop
//       bit is low is no byte (a break, or another speed) and is dropped.
// BIT_CLOCKS ≥ 4.
module uart_rx #(
    parameter int BIT_CLOCKS = 50
) (
    input  logic       clk,
    input  logic       rst,
    input  logic       rx,
    output logic       out_valid,
    output logic [7:0] out_data
);
  localparam int COUNT_WIDTH = $clog2(BIT_CLOCKS);

  if (BIT_CLOCKS < 4) begin : illegal_1
    $fatal(1, "uart_rx: BIT_CLOCKS must be at least 4");
  end

  logic [2:0] line_q;  // two stages against metastability, and the bit before
  logic [COUNT_WIDTH-1:0] count_q;
  logic [3:0] bit_q;  // 0: start bit, 1 to 8: data, 9: stop bit
  logic [7:0] byte_q;
  logic busy_q, sample;

  assign sample    = busy_q && count_q == '0;
  assign out_valid = sample && bit_q == 4'd9 && line_q[1];
  assign out_data  = byte_q;

  always_ff @(posedge clk) begin
    line_q  <= rst ? '1 : {line_q[1:0], rx};
    count_q <= count_q == '0 ? COUNT_WIDTH'(BIT_CLOCKS - 1) : count_q - 1'b1;
    if (!busy_q && line_q[2] && !line_q[1]) begin  // a falling edge: look again in the middle of the bit
      busy_q  <= 1'b1;
      bit_q   <= '0;
      count_q <= COUNT_WIDTH'(BIT_CLOCKS / 2 - 1);
    end
    if (sample) begin
      bit_q  <= bit_q + 1'b1;
      if (bit_q != 4'd9) byte_q <= {line_q[1], byte_q[7:1]};
      if (bit_q == 4'd9 || (bit_q == '0 && line_q[1])) busy_q <= 1'b0;
    end
    if (rst) busy_q <= 1'b0;
  end
endmodule
