"""Downloads: once, from the first mirror that has the right bytes, checked before they are kept.

pooch writes to a temporary file in the cache folder and renames it only after the hash has matched, so a broken
download leaves nothing behind. No more bytes are taken than the published file has.

The hashes are the published md5 sums. md5 is weak where somebody makes two files of one sum; nobody can make a second
file for the sum of a published one, and that is what would be needed here.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from rebnet.errors import DatasetError, MissingExtraError, OutputError
from rebnet.files import write_bytes
from rebnet.progress import shown

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

_TIMEOUT_S = (10, 30)
"""Seconds to wait for a connection and for the next bytes."""

_CHUNK_BYTES = 1 << 16
_MOST_REDIRECTS = 5


class _RefusedError(Exception):
    """An answer that is not taken; carries what the mirror did."""


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
    name: str,
    file: str,
    md5: str,
    size: int,
    mirrors: tuple[str, ...],
    cache: Path | None = None,
    layout: str | None = None,
) -> Path:
    """Return the path of a cached file, downloading it first if it is absent or damaged.

    Args:
        name: data set, and its folder in the cache.
        file: file name, appended to each mirror.
        md5: hash of the published file, in hex.
        size: bytes of the published file; nothing larger is taken.
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
                    mirror + file, f"md5:{md5}", file, folder, downloader=_Downloader(f"{name}: {file}", md5, size)
                )
        except _RefusedError as error:
            failures.append(f"{mirror} {error}")
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
    """A download with its progress on stderr that takes no more bytes than there should be, and keeps the found hash.

    Redirects are followed to https, and from http to http. Proxies of the environment are used, and the user's .netrc
    is not: no data set needs a password.
    """

    def __init__(self, title: str, md5: str, size: int) -> None:
        self._title = title
        self._md5 = md5
        self._size = size

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        import requests

        digest, received = hashlib.md5(usedforsecurity=False), 0
        with requests.Session() as session, shown(f"downloading {self._title}", unit="MB") as progress:
            session.auth = _no_password
            with _answer(session, url) as response, Path(output_file).open("wb") as file:
                length = _length(response.headers.get("Content-Length"))
                self._check(length or 0)
                for chunk in response.iter_content(_CHUNK_BYTES):
                    received += len(chunk)
                    self._check(received)
                    digest.update(chunk)
                    file.write(chunk)
                    progress.to(round(received / 1e6, 1), round(self._size / 1e6, 1))
        if digest.hexdigest() != self._md5:
            raise _WrongHashError(digest.hexdigest())

    def _check(self, size: int) -> None:
        if size > self._size:
            raise _RefusedError(f"sends more than the {self._size} bytes of the published file")


def _no_password(request: "PreparedRequest") -> "PreparedRequest":
    return request


def _answer(session: "Session", url: str) -> "Response":
    """The answer to a request for `url`, after redirects."""
    for _ in range(_MOST_REDIRECTS + 1):
        response = session.get(
            url,
            stream=True,
            timeout=_TIMEOUT_S,
            allow_redirects=False,
            headers={"Accept-Encoding": "identity"},  # a server must not unpack the .gz on its way
        )
        if not response.is_redirect:
            try:
                response.raise_for_status()
            except BaseException:
                response.close()
                raise
            return response
        response.close()
        target = urljoin(url, response.headers["Location"])
        if urlsplit(target).scheme not in ("https", urlsplit(url).scheme):
            raise _RefusedError(f"redirects to {target[:200]!r}, which is not https")
        url = target
    raise _RefusedError(f"redirects more than {_MOST_REDIRECTS} times")


def _length(text: str | None) -> int | None:
    """Content-Length as a number."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise _RefusedError(f"answered with Content-Length {text[:60]!r}, which is no number")
    return int(text[:20])


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Hide pooch's log lines: the progress bar already says what is downloaded."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
