"""The command line: one file per verb; each parses, calls the function of the same name in `rebnet.flow`, prints.

Figures go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the RTL or an engine and the integer
network differ, a count breaks the limit that was asked for or a point of a sweep broke, 2 bad
input (one sentence, no traceback), 130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP.

This file imports nothing that takes time, so that all that follows happens where signals and errors are heeded.
"""

import errno
import sys

from rebnet.cli import signals, streams
from rebnet.errors import RebnetError

_BAD_INPUT = 2
_READER_GONE = 141
"""128 and SIGPIPE, as a shell says it."""


def main() -> None:
    """Run the command line; turn errors and signals into one sentence and an exit code."""
    signals.heed()
    try:
        code = _answer()
        signals.leave()
    except KeyboardInterrupt as ended:
        signals.end(ended)
    sys.exit(code)


def _answer() -> int:
    streams.prepare()
    try:
        from rebnet.cli.app import run

        code = run(sys.argv[1:])
        streams.flush()
    except BrokenPipeError:
        streams.give_up_stdout()
        return _READER_GONE
    except SystemExit as end:  # the help's printer ends so where its reader has gone
        return _READER_GONE if end.code == 1 else 0
    except RebnetError as error:
        streams.complain(str(error))
        return _BAD_INPUT
    except MemoryError:
        streams.complain("memory ran out; nothing half-made was kept; use a smaller network, data set or batch")
        return _BAD_INPUT
    except OSError as error:
        streams.complain(_sentence(error))
        streams.give_up_stdout()
        return _BAD_INPUT
    return code


def _sentence(error: OSError) -> str:
    """What a verb has not turned into a sentence of its own; without a file's name it was stdout."""
    if error.errno == errno.ENOSPC:
        return f"{error.filename or 'stdout'}: the disk is full; free some space and run it again"
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename or 'stdout'}: could not be used ({reason}); name another place"
