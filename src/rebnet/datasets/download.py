"""Downloads: once, from the first mirror that has the right bytes, checked before they are kept.

pooch does the work: it writes to a temporary file in the cache folder and renames it only after the
hash has matched, so a broken download leaves nothing behind.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rebnet.errors import DatasetError, MissingExtraError, OutputError
from rebnet.files import write_bytes
from rebnet.progress import Shown, shown

_TIMEOUT_S = (10, 30)
"""Seconds to wait for a connection and for the next bytes."""

_CHUNK_BYTES = 1 << 16


class _WrongHashError(Exception):
    """A complete download with other bytes than the published ones; carries the hash found."""


def cache_folder(name: str, cache: Path | None = None) -> Path:
    """Return the folder of data set `name` in the cache; it need not exist.

    Args:
        name: data set, and its folder in the cache.
        cache: cache folder; None takes the user's (`~/.cache/rebnet` on Linux).

    Raises:
        MissingExtraError: pooch, which knows where the user's is, is not installed.
    """
    if cache is not None:
        return cache / name
    try:
        import pooch
    except ImportError:
        raise MissingExtraError(
            f"data set {name} is kept in the cache folder and pooch, which knows where that is, is not installed; "
            "run pip install 'rebnet[data]'"
        ) from None
    return Path(pooch.os_cache("rebnet")) / name


def fetch(
    name: str, file: str, md5: str, mirrors: tuple[str, ...], cache: Path | None = None, layout: str | None = None
) -> Path:
    """Return the path of a cached file, downloading it first if it is absent or damaged.

    Args:
        name: data set, and its folder in the cache.
        file: file name, appended to each mirror.
        md5: hash of the published file, in hex.
        mirrors: addresses that end in a slash, tried in this order.
        cache: cache folder; None takes the user's (`~/.cache/rebnet` on Linux).
        layout: the data set's folder in a data folder; None where that is `name`.

    Raises:
        DatasetError: no mirror could be reached, or all sent something else.
        MissingExtraError: pooch is not installed.
        OutputError: the cache folder cannot be written, or the disk is full.
    """
    try:
        import pooch
        import requests
    except ImportError:
        raise MissingExtraError(
            f"data set {name} has to be downloaded and pooch is not installed; "
            "run pip install 'rebnet[data]', or name a folder that holds the data set with --data-dir"
        ) from None

    folder = cache_folder(name, cache)
    failures = []
    for mirror in mirrors:
        try:
            with _quiet(pooch.get_logger()):
                found = pooch.retrieve(
                    mirror + file, f"md5:{md5}", file, folder, downloader=_Downloader(f"{name}: {file}", md5)
                )
        except _WrongHashError as error:
            failures.append(f"{mirror} sent md5 {error}, expected {md5}")
        except requests.HTTPError as error:
            failures.append(f"{mirror} answered {error.response.status_code if error.response is not None else error}")
        except (requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            timeout = isinstance(error, requests.Timeout)
            failures.append(f"{mirror} {'did not answer in time' if timeout else 'broke off'}")
        except requests.RequestException:
            failures.append(f"{mirror} could not be reached")
        except OSError as error:
            raise OutputError(_unwritable(folder, file, error)) from error
        else:
            return Path(found)
    raise DatasetError(
        f"{file} of {name} could not be downloaded ({'; '.join(failures)}); "
        f"try again later, or put the files of {name} into DIR/{layout or name} and name DIR with --data-dir"
    )


def keep(folder: Path, file: str, data: bytes) -> None:
    """Write `data` to `folder/file` in the cache, in one step.

    Raises:
        OutputError: the cache folder cannot be written, or the disk is full.
    """
    try:
        write_bytes(folder / file, data)
    except OutputError as error:
        raise OutputError(_unwritable(folder, file, error.__cause__)) from error


def _unwritable(folder: Path, file: str, error: BaseException | None) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return (
        f"{folder}: {file} cannot be written to the cache ({reason.lower()}); "
        "make room or change its permissions, or name a folder that holds the data set with --data-dir"
    )


class _Downloader:
    """pooch's HTTP download with a progress bar on stderr, and a hash check that keeps the found hash."""

    def __init__(self, title: str, md5: str) -> None:
        self._title = title
        self._md5 = md5

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        from pooch import HTTPDownloader

        with _progress(self._title) as bar:
            download = HTTPDownloader(
                progressbar=bar,
                chunk_size=_CHUNK_BYTES,
                timeout=_TIMEOUT_S,
                headers={"Accept-Encoding": "identity"},  # a server must not unpack the .gz on its way
            )
            download(url, output_file, pooch)
        with Path(output_file).open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != self._md5:
            raise _WrongHashError(found)


class _Bar:
    """What pooch wants of a progress bar; counts in MB."""

    def __init__(self, progress: Shown) -> None:
        self._progress = progress
        self._done = 0
        self.total = 0

    def update(self, step: int) -> None:
        self._done += step
        self._progress.to(round(self._done / 1e6, 1), round(self.total / 1e6, 1) or None)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


@contextmanager
def _progress(title: str) -> Iterator[_Bar]:
    with shown(f"downloading {title}", unit="MB") as progress:
        yield _Bar(progress)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Hide pooch's log lines: the progress bar already says what is downloaded."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
