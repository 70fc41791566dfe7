"""Networks that others trained, as exported networks: a QONNX or FINN-ONNX file becomes the IR, on exact numbers.

`graph` reads the file, whose nodes `schema` checks; `constants` computes what depends on no image, `values` says what
each tensor is, `nodes` has a rule for every kind of node, `layers` and `branches` those of weights and of what meets,
`quantizers` and `steps` those of activations. They write into a `draft`; `walk` goes through the nodes in order.
"""

from rebnet.importing.walk import Imported, read_onnx

__all__ = ["Imported", "read_onnx"]
