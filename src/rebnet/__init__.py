"""Residual binarized neural networks, from PyTorch to verified FPGA accelerators."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rebnet.engine.predictor import Predictor

    __version__: str

__all__ = ["__version__", "load"]


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
    from rebnet import zoo
    from rebnet.build_folder import check_build
    from rebnet.datasets.class_names import trained_on
    from rebnet.engine.predictor import Predictor
    from rebnet.ir import storage
    from rebnet.lower import lower
    from rebnet.paths import path_of

    if isinstance(build, str) and build.startswith(zoo.PREFIX):
        folder = zoo.folder(build)
        network = lower(storage.load(folder))
    else:
        folder = path_of(build)
        check_build(folder)
        network = storage.load(folder)
    return Predictor(network, threads, instruction_set, trained_on(folder, network.classes))


def __getattr__(name: str) -> str:
    """`__version__`, asked for where it is used: the installed package says it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("rebnet")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
