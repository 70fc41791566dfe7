"""The child process: a tool that comes as WebAssembly in a Python package.

    python -P wasm.py PACKAGE FUNCTION SCRATCH ARGUMENTS...

The tool sees the current folder and the root's folders, but an empty one as /tmp: name files relative to the current
folder. Its temporary files go to SCRATCH.
"""

import importlib
import sys
import tempfile


def main(package: str, function: str, scratch: str, arguments: list[str]) -> int:
    """Run the tool; its exit code."""
    tempfile.tempdir = scratch
    return int(getattr(importlib.import_module(package), function)(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
