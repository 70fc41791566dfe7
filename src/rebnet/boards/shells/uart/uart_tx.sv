// Transmitter of an asynchronous serial line: 8 data bits, least significant first, no parity, one stop bit.
//
// In:   a byte per 10*BIT_CLOCKS cycles, ready/valid. Out: tx, high while idle.
// Time: the start bit begins in the cycle after the byte was taken; bytes may follow each other without a gap.
// BIT_CLOCKS ≥ 1: clocks a bit.
module uart_tx #(
    parameter int BIT_CLOCKS = 50
) (
    input  logic       clk,
    input  logic       rst,
    input  logic       in_valid,
    output logic       in_ready,
    input  logic [7:0] in_data,
    output logic       tx
);
  localparam int COUNT_WIDTH = BIT_CLOCKS > 1 ? $clog2(BIT_CLOCKS) : 1;

  if (BIT_CLOCKS < 1) begin : illegal_1
    $fatal(1, "uart_tx: BIT_CLOCKS must be at least 1");
  end

  logic [COUNT_WIDTH-1:0] count_q;
  logic [3:0] left_q;  // bits that have not ended, 0: idle
  logic [9:0] shift_q;
  logic ends;

  assign ends     = count_q == COUNT_WIDTH'(BIT_CLOCKS - 1);
  assign in_ready = left_q == '0 || (left_q == 4'd1 && ends);
  assign tx       = shift_q[0];

  always_ff @(posedge clk) begin
    if (rst) begin
      left_q  <= '0;
      count_q <= '0;
      shift_q <= '1;
    end else begin
      count_q <= ends || left_q == '0 ? '0 : count_q + 1'b1;
      if (in_valid && in_ready) begin
        left_q  <= 4'd10;
        shift_q <= {1'b1, in_data, 1'b0};
      end else if (ends && left_q != '0) begin
        left_q  <= left_q - 1'b1;
        shift_q <= {1'b1, shift_q[9:1]};
      end
    end
  end
endmodule
