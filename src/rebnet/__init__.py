"""Residual binarized neural networks, from PyTorch to verified FPGA accelerators."""
