"""How many threads a training computes on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from rebnet.nn.conv import BinaryConv2d

SMALL_PARAMETERS = 1_000_000
"""A dense network of fewer parameters trains on one thread."""


def compute_on(threads: int) -> None:
    """Let this process compute on so many threads from now on, as where others share its machine."""
    torch.set_num_threads(threads)


@contextmanager
def threads_for(model: nn.Module) -> Iterator[None]:
    """Compute small dense networks on one thread while the block runs, others on as many as torch would.

    The operations of a small network take microseconds; handing them to a second thread costs more than it saves, and
    many times more on a machine that is busy with something else.
    """
    before = torch.get_num_threads()
    maps = any(isinstance(module, BinaryConv2d) for module in model.modules())
    if not maps and sum(parameter.numel() for parameter in model.parameters()) < SMALL_PARAMETERS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
