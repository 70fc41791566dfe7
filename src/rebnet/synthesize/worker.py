"""The child process: Yosys as a library, so that whatever ends it does not end rebnet.

    python -P worker.py SCRIPT

runs the commands of SCRIPT, one a line; Yosys' log goes to stdout, its and its helpers' temporary files to the current
folder, whose name they never see (they cannot stand a space in it).
"""

import os
import sys
from pathlib import Path


def main(script: Path) -> None:
    """Run the script."""
    os.putenv("TMPDIR", ".")
    from pyosys import libyosys

    design = libyosys.Design()
    for command in script.read_text(encoding="utf-8").splitlines():
        libyosys.run_pass(command, design)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
