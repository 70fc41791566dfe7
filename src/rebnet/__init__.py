"""Residual binarized neural networks, from PyTorch to verified FPGA accelerators."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rebnet.engine.predictor import Predictor

__all__ = ["load"]


def load(build: "str | Path", threads: int | None = None, instruction_set: str | None = None) -> "Predictor":
    """A network that runs on this processor, from a folder that `rebnet compile` made.

    Args:
        build: the folder; `rebnet compile --until lower` is enough.
        threads: threads that share the images of a call; one per core if None.
        instruction_set: one of `rebnet.engine.predictor.instruction_sets()`; the fastest if None.

    Raises:
        FileFormatError: there is no network, or it is damaged.
        OptionError: this installation or processor lacks what is asked for.
    """
    from pathlib import Path

    from rebnet.engine.predictor import Predictor
    from rebnet.ir import storage

    return Predictor(storage.load(Path(build)), threads, instruction_set)
