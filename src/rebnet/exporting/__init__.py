"""Networks for the tools of others: a lowered network becomes a file of QONNX or of plain ONNX, equal to the last score.

`draft` holds a graph, `codes` the numbers of an encoder, `forms` says what each form says otherwise, `walk` goes through
the network's operations, `model` makes the file's bytes.
"""

from rebnet.exporting.files import Exported, write_onnx

__all__ = ["Exported", "write_onnx"]
