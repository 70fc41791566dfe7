"""One cocotb bench per module of the hardware library."""
