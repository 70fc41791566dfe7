"""Copies of libraries that believe the system keeps no registers of AVX-512, so that they take their AVX2 kernels.

    python -m cpu_peers.below_avx512 FOLDER onnxruntime ai_edge_litert
    PYTHONPATH=FOLDER python benchmarks/cpu_engine.py --instruction-set avx2 …

For libraries without a variable of the environment that says so (`cpu_engine.MASKS`). Whoever looks for AVX-512 asks
the processor by CPUID what it can and by XGETBV what the system keeps; in the copies every XGETBV is replaced by two
instructions of the same length that say: registers up to AVX. Results stay what they were, and are checked.
"""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

XGETBV = bytes.fromhex("0f01d0")
PUSH_7_POP_RAX = bytes.fromhex("6a0758")  # the states of x87, SSE and AVX


def sites(library: Path) -> list[int]:
    """Where the file has the instruction XGETBV, by its bytes and by objdump's reading of them."""
    headers = subprocess.run(["objdump", "-h", library], capture_output=True, text=True, check=True).stdout
    found = []
    for size, address, offset in re.findall(r"^ +\d+ \.text\S* +(\w+) +(\w+) +\w+ +(\w+)", headers, re.MULTILINE):
        text = library.read_bytes()[int(offset, 16) : int(offset, 16) + int(size, 16)]
        for match in re.finditer(re.escape(XGETBV), text):
            at = int(address, 16) + match.start()
            command: list[str | Path] = [
                "objdump",
                "-d",
                f"--start-address={at - 64}",
                f"--stop-address={at + 3}",
                library,
            ]
            read = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            if re.search(rf"^ *{at:x}:.*xgetbv", read, re.MULTILINE):
                found.append(int(offset, 16) + match.start())
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    for name in sys.argv[2:]:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"{name}: no such package here")
        copy = folder / name
        shutil.copytree(spec.submodule_search_locations[0], copy)
        for library in sorted(path for path in copy.rglob("*.so*") if not path.is_symlink()):
            content = bytearray(library.read_bytes())
            for site in sites(library):
                content[site : site + 3] = PUSH_7_POP_RAX
                print(f"{library.relative_to(folder)}: {site:#x}")
            library.write_bytes(content)


if __name__ == "__main__":
    main()
