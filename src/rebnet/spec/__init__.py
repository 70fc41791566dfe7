"""The arithmetic law in plain numpy: the living definition that the CPU engines and the RTL answer to.

Bits travel as boolean arrays whose first axis is the bit plane: plane 0 is level 1, the most
significant bit of a code; True means +1. Slow and clear on purpose; everything is exact.
"""
