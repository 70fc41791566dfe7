"""Residual binarized neural networks, from PyTorch to verified FPGA accelerators."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rebnet.engine.connection import Connection
    from rebnet.engine.predictor import Predictor

    __version__: str

__all__ = ["__version__", "connect", "load"]


def load(build: "str | Path", threads: int | None = None, instruction_set: str | None = None) -> "Predictor":
    """A network that runs on this processor.

    Args:
        build: a folder that `rebnet compile` made, `--until lower` is enough; or `zoo:NAME`, a network of the zoo.
        threads: threads that share the images of a call; one per core if None.
        instruction_set: one of `rebnet.engine.predictor.instruction_sets()`; the fastest if None.

    Returns:
        The predictor; its `classes` are those that the data set of the training names, else numbers.

    Raises:
        FileFormatError: there is no network, or it is damaged.
        OptionError: this installation or processor lacks what is asked for, or the zoo has no such network.
    """
    from rebnet.connections.cpu import load

    return load(build, threads, instruction_set)


def connect(where: "str | Path", build: "str | Path | None" = None) -> "Connection":
    """A network that answers, wherever it runs: on this processor, as simulated RTL, or on a board.

    `predict`, `labels`, `names` and `values` are those of `load`, and scores are equal everywhere.

        rebnet.connect("build/x")                   this processor, as `load`; also "zoo:NAME"
        rebnet.connect("simulator:build/x")         the build's RTL under Verilator; ?stalls=SEED for random stalls
        rebnet.connect("serial:/dev/ttyUSB0", "build/x")  a board with the UART shell; ?baud=, ?timeout= in seconds

    Args:
        where: the place, by the forms above.
        build: the build whose accelerator is there, where the place does not say it.

    Returns:
        The connection, a context manager: on leaving, or by `close`, the simulator ends and the line is free.

    Raises:
        OptionError: no such kind of place, or an option that it does not have.
        FileFormatError: there is no network or no RTL, or it is damaged.
        ToolError: the simulator could not be built.
        BoardError: no such port, it is another's or silent, or another network answers.
    """
    from rebnet.connections import connect

    return connect(where, build)


def __getattr__(name: str) -> str:
    """`__version__`, asked for where it is used: the installed package says it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("rebnet")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
