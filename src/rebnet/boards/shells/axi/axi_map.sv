// Numbers of the AXI shell's registers; made from registers.py, which says what they mean.
package axi_map;
  /* verilator lint_off UNUSEDPARAM */
  localparam int WORDS = 64;
  localparam int INTERRUPT_BITS = 4;
  localparam int CONTROL = 2;
  localparam int MODE = 3;
  localparam int STATUS = 4;
  localparam int INTERRUPTS = 5;
  localparam int ENABLE = 6;
  localparam int LEVELS = 7;
  localparam int LEVELS_NOW = 8;
  localparam int IMAGES = 9;
  localparam int IMAGES_IN = 10;
  localparam int IMAGES_OUT = 11;
  localparam int CYCLES = 12;
  localparam int CYCLES_HIGH = 13;
  localparam int STALLS_IN = 14;
  localparam int STALLS_OUT = 15;
  localparam logic [WORDS-1:0] READABLE = 64'hff0fffffff;
  localparam logic [WORDS-1:0] WRITABLE = 64'h2ec;
  /* verilator lint_on UNUSEDPARAM */
endpackage
