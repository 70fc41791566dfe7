"""What options may be, and their defaults, where the command line has to know them before any room is imported."""

from typing import Literal

Stage = Literal["lower", "generate"]
"""Where `compile` may end."""

Engine = Literal["packed", "reference", "both"]
"""What `evaluate` computes the integer network with."""

GenerateTarget = Literal["rtl", "c", "axi", "weights", "deploy", "litex", "zynq"]
"""What `generate` writes."""

Shell = Literal["axi"]
"""What `compile` can write around an accelerator."""

ExportTarget = Literal["qonnx", "onnx"]
"""What `export` writes."""

ExportForm = Literal["chain", "multithreshold", "single"]
"""How a file of QONNX says a code."""

Target = Literal["table3", "figure9", "figure10", "figure11", "figure12", "table4", "repair-study", "survey-table3"]
"""Tables, figures and studies that `reproduce` makes."""

Synthesizer = Literal["yosys", "vivado"]
"""What `synthesize` counts with."""

Timing = Literal["levels", "routed"]
"""How far `synthesize` times each unit alone."""

Device = Literal["auto", "cpu", "cuda"]
"""What `train` and `retrain` compute on."""

Kind = Literal["zoo", "boards", "parts", "recipes", "datasets", "methods"]
"""What `list` lists."""

MODULE_TIMEOUT_S = 3600.0
"""Most seconds that the synthesis of one module takes."""

PLACE_TIMEOUT_S = 7200.0
"""Most seconds that one tool of place and route takes."""
