"""Networks for the tools of others: a lowered network becomes a file of QONNX or of plain ONNX, with equal scores.

`draft` holds a graph, `codes` the numbers of an encoder, `forms` says what each form says otherwise, `rules` what each
operation is, `walk` goes through the network, `model` makes the bytes and `files` the files.
"""

from rebnet.exporting.files import write_onnx

__all__ = ["write_onnx"]
