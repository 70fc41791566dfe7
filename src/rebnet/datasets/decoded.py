"""Pictures decoded once into a file of the cache, and read from there as one array that no memory holds.

    PART-CONTENT.npy             finished: N×H×W×3, an ordinary .npy file
    PART-NAMES.partial.npy       the same while it grows
    PART-NAMES.progress          per picture the size in bytes of the file that was decoded, or −1
    PART-NAMES.lock              held by the process that decodes

CONTENT is a hash of the pictures' names, their sizes in bytes and the shape they are brought to; NAMES leaves
out the sizes. So a finished file is never changed, and another one is made when a picture has
been added, removed or replaced; and decoding that was stopped, by Ctrl-C or by a damaged picture, goes on
where it was, decoding a replaced picture again. The folder that holds the pictures is not hashed: it may move.

Pictures are decoded by one thread a core (Pillow leaves Python's lock), a block at a time; a block counts as
done after it has reached the disk. Finished files are renamed into place and never removed: delete
those that are no longer needed.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.datasets.dataset import Images
from rebnet.errors import DatasetError, OutputError
from rebnet.progress import shown

BLOCK_PICTURES = 1024
"""Pictures between two writes of the progress; so many are decoded again at most."""

_UNDONE = -1


@dataclass(frozen=True, eq=False)
class Listing:
    """The picture files of one part, in their final order.

    Attributes:
        part: name of the part, such as `train`.
        folder: where the names begin.
        names: paths below the folder.
        sizes: int64, bytes of each file.
    """

    part: str
    folder: Path
    names: tuple[str, ...]
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class _Files:
    """Where one part is kept; see the top of this module."""

    finished: Path
    partial: Path
    progress: Path
    lock: Path


def decode_once(
    name: str, cache: Path, listing: Listing, settings: str, side: int, decode: Callable[[Path], Images]
) -> Images:
    """Return all pictures of `listing` as one read-only array, decoding those that are not yet in the cache.

    Progress is drawn on stderr.

    Args:
        name: data set, for messages.
        cache: folder for the files.
        listing: the pictures.
        settings: everything besides the pictures that the pixels depend on; part of the hashes.
        side: height and width of a decoded picture.
        decode: path -> uint8 side×side×3; called by many threads.

    Returns:
        uint8 N×side×side×3, mapped from the file: pages are read when they are looked at.

    Raises:
        DatasetError: a picture is damaged; all others of its block are kept.
        OutputError: the cache cannot be written, is too small, or another process is decoding these pictures.
    """
    shape = (len(listing.names), side, side, 3)
    files = _files(cache, listing, settings)
    images = _map(files.finished, shape)
    if images is not None:
        return images
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(files.lock, f"{name}/{listing.part}"):
            images = _map(files.finished, shape)  # another process may have finished it meanwhile
            if images is None:
                _decode(name, files, listing, shape, decode)
                images = _map(files.finished, shape)
    except OSError as error:
        raise OutputError(
            f"{cache}: the decoded pictures of {name}/{listing.part} cannot be written "
            f"({(error.strerror or str(error)).lower()}); make room or change its permissions, "
            "or let XDG_CACHE_HOME name another folder"
        ) from error
    if images is None:
        raise OutputError(f"{files.finished}: written and already damaged; check this disk and run it again")
    return images


def _files(cache: Path, listing: Listing, settings: str) -> _Files:
    digest = hashlib.sha256(settings.encode())
    for name in listing.names:
        digest.update(b"\0" + os.fsencode(name))
    names = digest.hexdigest()[:16]
    digest.update(b"\0" + listing.sizes.astype("<i8").tobytes())
    content = digest.hexdigest()[:16]
    growing = cache / f"{listing.part}-{names}"
    return _Files(
        finished=cache / f"{listing.part}-{content}.npy",
        partial=growing.with_suffix(".partial.npy"),
        progress=growing.with_suffix(".progress"),
        lock=growing.with_suffix(".lock"),
    )


def _map(path: Path, shape: tuple[int, ...]) -> Images | None:
    """The array in the file, mapped and read-only; None if there is none of this shape."""
    try:
        array = np.lib.format.open_memmap(path, "r")
    except Exception:  # absent, cut off or something else; also tokenize's own of a header that does not close
        return None
    if array.shape != shape or array.dtype != np.uint8 or not array.flags.c_contiguous:
        return None
    images: Images = array.view(np.ndarray)
    return images


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file; it is removed after success, so a later holder must look for the finished file."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"{path}: another process is decoding the pictures of {what}; run it again when that one has finished"
            ) from None
        yield
        path.unlink(missing_ok=True)


def _decode(
    name: str, files: _Files, listing: Listing, shape: tuple[int, ...], decode: Callable[[Path], Images]
) -> None:
    """Bring the partial file to its end and rename it."""
    done = _resume(files, shape)
    todo = np.flatnonzero(done != listing.sizes)
    picture_bytes = int(np.prod(shape[1:]))
    _check_room(files.finished.parent, f"{name}/{listing.part}", len(todo) * picture_bytes)
    telling = shown(f"{name}: decoding {listing.part}", shape[0], unit="pictures")
    with files.partial.open("r+b") as partial, files.progress.open("r+b") as progress, telling as told:
        start = os.fstat(partial.fileno()).st_size - shape[0] * picture_bytes

        def work(index: int) -> DatasetError | None:
            try:
                pixels = decode(listing.folder / listing.names[index])
            except DatasetError as error:
                return error
            _write(partial.fileno(), pixels.tobytes(), start + index * picture_bytes)
            return None

        told.to(shape[0] - len(todo), shape[0])
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for first in range(0, len(todo), BLOCK_PICTURES):
                block = todo[first : first + BLOCK_PICTURES]
                errors = list(pool.map(work, block.tolist()))
                good = block[[error is None for error in errors]]
                done[good] = listing.sizes[good]
                os.fsync(partial.fileno())
                low, high = int(block[0]), int(block[-1]) + 1
                _write(progress.fileno(), done[low:high].tobytes(), low * done.itemsize)
                told.advance(len(block))
                for error in errors:
                    if error is not None:
                        raise error
    files.partial.replace(files.finished)
    files.progress.unlink()


def _resume(files: _Files, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """What the progress file says; where it or the partial file is absent or damaged, both begin anew."""
    if files.progress.is_file() and _map(files.partial, shape) is not None:
        done = np.fromfile(files.progress, np.int64)
        if len(done) == shape[0]:
            return done
    done = np.full(shape[0], _UNDONE, np.int64)
    files.progress.unlink(missing_ok=True)
    np.lib.format.open_memmap(files.partial, "w+", np.uint8, shape)
    files.progress.write_bytes(done.tobytes())
    return done


def _check_room(folder: Path, what: str, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise OutputError(
            f"{folder}: the decoded pictures of {what} take another {needed_bytes / 1e9:.1f} GB and "
            f"{free_bytes / 1e9:.1f} GB are free; make room, or let XDG_CACHE_HOME name a folder on a larger disk"
        )


def _write(handle: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`; unlike a write through a map, a full disk is an `OSError` and no signal."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(handle, rest, offset)
        rest, offset = rest[written:], offset + written
