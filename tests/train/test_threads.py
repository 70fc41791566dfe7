"""Small dense networks train on one thread; the caller's number comes back."""

import pytest
import torch

from rebnet.ir.notation import parse
from rebnet.nn.build import build
from rebnet.train.threads import threads_for


@pytest.mark.parametrize(
    ("network", "threads"),
    [("8x8x1 - D16 - D10", 1), ("28x28x1 - D2000 - D10", 3), ("8x8x1 - C4 - D10", 3)],
)
def test_threads_follow_the_size(network: str, threads: int) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with threads_for(build(parse(network), levels=1)):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
