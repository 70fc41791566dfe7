"""stdout and stderr as they may be: closed, full, a pipe whose reader has gone, or unable to show every character."""

import codecs
import io
import os
import sys
from contextlib import suppress

_ASCII = {"×": "x", "–": "-", "…": "...", "γ": "gamma", "→": "->", "≤": "<=", "·": "*"}


def prepare() -> None:
    """Open what is closed, so that no file takes its number, and let every character through in some form."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
    codecs.register_error("rebnet", _show)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="rebnet")


def _show(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a file name as they are; what the stream cannot encode as plain characters, or as its code."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    with suppress(UnicodeEncodeError):
        return part.encode("utf-8" if part.isascii() else "ascii", "surrogateescape"), error.end
    shown = "".join(_ASCII.get(letter, letter) for letter in part)
    return shown.encode("ascii", "backslashreplace"), error.end


def flush() -> None:
    """Write what is still held back; raise the `OSError` of a stdout that does not take it."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_stdout() -> None:
    """Drop what stdout did not take, so that the interpreter does not try once more on its way out."""
    with suppress(OSError, ValueError, AttributeError):
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, sys.stdout.fileno())
        os.close(handle)


def complain(sentence: str) -> None:
    """One sentence on stderr, if that takes it."""
    with suppress(OSError, ValueError):
        print(f"rebnet: {sentence}", file=sys.stderr, flush=True)
