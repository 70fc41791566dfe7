"""The child process: Yosys as a library, so that whatever ends it does not end rebnet.

    python -P worker.py SCRIPT SCRATCH

runs the commands of SCRIPT, one a line; Yosys' log goes to stdout, temporary files of it and its helpers to SCRATCH.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(script: Path, scratch: Path) -> None:
    """Run the script."""
    with contextlib.suppress(OSError, AttributeError):  # Linux: end where rebnet ends, even if it was killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.putenv("TMPDIR", str(scratch))
    from pyosys import libyosys

    design = libyosys.Design()
    for command in script.read_text(encoding="utf-8").splitlines():
        libyosys.run_pass(command, design)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
