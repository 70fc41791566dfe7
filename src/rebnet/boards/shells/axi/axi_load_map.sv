// Numbers of the registers that load weights; made from registers.py, which says what they mean.
package axi_load_map;
  localparam int LOAD = 48;
  localparam int LOAD_ADDRESS = 49;
  localparam int LOAD_DATA = 50;
  localparam int LOAD_CHECKSUM = 51;
  localparam int LOAD_READ_CHECKSUM = 52;
  localparam int LOAD_SHAPE = 53;
  localparam int STATUS = 4;
  localparam int NETWORK = 32;
  localparam int LAST = 53;
endpackage
