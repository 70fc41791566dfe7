"""Runs a command, and ends it with all that it has started as soon as rebnet is gone, however that was ended.

    python -I -S supervise.py PARENT PROGRAM ARGUMENTS...

A signal to rebnet alone, SIGKILL above all, would leave a compiler or a simulator running. This process, whose parent
is PARENT, waits for the command and looks whether PARENT still is there. It ends as the command ended, and on SIGTERM
it ends the command. It stands alone: it imports nothing of rebnet, and starts in a few milliseconds.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1
_WAITED = {signal.SIGCHLD, signal.SIGTERM}


def main(parent: int, command: list[str]) -> int:
    """Run the command; its exit code, or minus the signal that ended it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started this may ignore it
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, supervisor)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != parent or _told_to_stop():
            _kill(child)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _told_to_stop() -> bool:
    """Wait for news of the command, or for the next look at the parent."""
    news = signal.sigtimedwait(_WAITED, _LOOK_S)
    return news is not None and news.si_signo == signal.SIGTERM


def _become(command: list[str], supervisor: int) -> None:
    """Turn this process into the command, first of a group of its own, which ends where the supervisor does."""
    try:
        os.setpgid(0, 0)
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == supervisor:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED)
            os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    os._exit(126)


def _kill(child: int) -> None:
    for kill in (os.killpg, os.kill):  # its group may not be there yet
        with suppress(ProcessLookupError):
            kill(child, signal.SIGKILL)


def _end(code: int) -> None:
    """End as the command did."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    _end(main(int(sys.argv[1]), sys.argv[2:]))
