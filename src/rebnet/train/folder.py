"""The folder of a run: what may be trained into, by whom, and whether what the end of a training needs is there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rebnet.build_folder import TRAINING_FILE
from rebnet.errors import OutputError
from rebnet.files import hold, make_folder, output_errors
from rebnet.ir.storage import NETWORK_FILE
from rebnet.nn.options import MODEL_FILE
from rebnet.paths import followed

RECORD_FILE = TRAINING_FILE
CHECKPOINT_FILE = "checkpoint.safetensors"
BEFORE = "before"
"""Folder in a run that holds the runs which came before it."""
SAVED_BYTES = 28
"""Bytes of a weight on the disk at most: two checkpoints, the new one beside the old, of 12 each, and the model's 4."""
_MIB = 2**20


def check_output(output: Path, resume: bool, kept: tuple[str, ...] = (BEFORE,)) -> None:
    """Refuse to train into what holds something else: a new training needs a new folder, `resume` its checkpoint.

    So a folder never holds two trainings, and nothing of the user's is written over.

    Args:
        output: Folder of the run.
        resume: Go on from the checkpoint there.
        kept: What may be there all the same.

    Raises:
        OutputError: The folder holds something, or is a file.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: a file stands where a folder is needed; name another --output")
    try:
        held = {path.name for path in output.iterdir()} if output.is_dir() else set()
    except OSError as error:
        raise OutputError(f"{output}: cannot be read ({error.strerror}); name another --output") from None
    held = {name for name in held if name not in kept and not name.startswith(".rebnet-")}
    if not held or (resume and CHECKPOINT_FILE in held and NETWORK_FILE not in held):
        return
    if {MODEL_FILE, RECORD_FILE} <= held and NETWORK_FILE not in held:
        raise OutputError(
            f"{output}: holds a finished training, which a new one would replace; name another --output or delete it"
        )
    if CHECKPOINT_FILE in held:
        raise OutputError(
            f"{output}: holds an interrupted training, which a new one would replace; go on with the same command and "
            "--resume, name another --output or delete it"
        )
    raise OutputError(f"{output}: holds files of something else; name another --output")


@contextmanager
def held_folder(output: Path, weights: int) -> Iterator[None]:
    """Make the folder of a run and hold it against others while the block runs; one that stays empty goes again.

    The lock is the operating system's and ends with this process, however that ends.

    Args:
        output: Folder of the run.
        weights: How many weights it will hold.

    Raises:
        OutputError: The folder cannot be written, too little space is left, or another training writes there.
    """
    output = followed(output)
    made = not output.exists()
    make_folder(output)
    with output_errors(output):
        folder = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    try:
        hold(folder, f"{output}: another training writes there now; wait for its end, or name another --output")
        free = shutil.disk_usage(output).free
        if free < weights * SAVED_BYTES:
            raise OutputError(
                f"{output}: {free / _MIB:.0f} MiB are free, this training writes up to "
                f"{weights * SAVED_BYTES / _MIB:.0f} MiB; free some space or name another --output"
            )
        yield
    finally:
        if made:
            with suppress(OSError):  # not empty: it holds a checkpoint
                output.rmdir()
        os.close(folder)
