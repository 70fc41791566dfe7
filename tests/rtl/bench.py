"""pytest's side of a bench: all cases of a module in one simulator, built once and played once in a session.

A bench is one file, read twice. pytest reads its cases, and the simulator its cocotb tests (`streams`).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import cocotb_tools.config
import find_libpython
import pytest
from filelock import FileLock

from rebnet.errors import ToolError
from rebnet.rtl import MODULES, source
from rebnet.simulate import cache
from rebnet.simulate.build import PREFIX, Tools, compile_units, find_tools, verilate

from .streams import CASES, FILES, SEED

Parameters = Mapping[str, int | str]

_COCOTB = Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"
_VERILATE = ("-sv", "-Wall", "--x-assign", "unique", "--x-initial", "unique", "--vpi", "--timescale", "1ns/1ps")
_ROOT = Path(__file__).parents[2]


def simulate(
    folder: Path,
    kept: Path | None,
    module: str,
    cases: Mapping[str, Parameters],
    case: str,
    files: Callable[[str], Mapping[str, str]] = lambda case: {},
    *,
    sources: Sequence[Path] = (),
    defines: Sequence[str] = (),
    bench: str | None = None,
) -> None:
    """Play the cocotb tests of a module's bench on its cases; what fails on this one fails the pytest test.

    All cases stand in one simulator, side by side, each an instance without wires of its own: the first test of a
    session builds it and plays them all, and the others look at what came of theirs. A case drives its own instance;
    the clocks of the others rest.

    Args:
        folder: of the session; a simulator lies in a folder of its own there.
        kept: folder of what has passed before, with all that it depended on; None to play in any case.
        module: the module; its bench is the file `test_{module}.py` beside this one.
        cases: the parameters of each; text is written as a string literal, unless it is a sized number.
        case: the one to tell of; what `case_name` returns inside the simulation.
        files: the memory images of a case by name. A parameter that begins such a name is put where it lies.
        sources: SystemVerilog files beside the library's.
        defines: macros to define.
        bench: Python module of the bench, where it does not stand beside this one.
    """
    place = folder / "-".join([module, *defines])
    place.mkdir(exist_ok=True)
    with FileLock(place / "lock"):
        if not (place / "said.json").exists():
            text, images = bundle(module, cases, files)
            instances = {name: f"case_{number}" for number, name in enumerate(cases)}
            texts = {"bundle.sv": text, **images}
            said = play(
                place,
                kept,
                module,
                instances,
                texts,
                bench or f"{__package__}.test_{module}",
                sources=sources,
                defines=defines,
            )
            (place / "said.json").write_text(json.dumps(said))
        said = json.loads((place / "said.json").read_text())
    if said[case]:
        pytest.fail(f"{module}, case {case!r}:\n{said[case]}", pytrace=False)


def bundle(
    module: str, cases: Mapping[str, Parameters], files: Callable[[str], Mapping[str, str]]
) -> tuple[str, dict[str, str]]:
    """A top level with an instance of each case, and their memory images by the names that these know."""
    lines, images = [], {}
    for number, (case, parameters) in enumerate(cases.items()):
        own = files(case)
        images |= {f"case_{number}/{name}": text for name, text in own.items()}
        values = {
            key: f"case_{number}/{value}" if value and any(name.startswith(str(value)) for name in own) else value
            for key, value in parameters.items()
        }
        given = ", ".join(f".{key}({literal(value)})" for key, value in values.items())
        lines.append(f"  {module} #({given}) case_{number} ();")
    return "\n".join(["// verilator lint_off PINMISSING", "module bundle;", *lines, "endmodule", ""]), images


def play(
    place: Path,
    kept: Path | None,
    module: str,
    instances: Mapping[str, str],
    texts: Mapping[str, str],
    bench: str,
    *,
    sources: Sequence[Path] = (),
    defines: Sequence[str] = (),
) -> dict[str, str]:
    """What each case has to say, nothing if all its tests pass: those of `bench` in a simulator of the library.

    Args:
        place: folder of the simulator and of its memory images.
        kept: as in `simulate`.
        module: whose signals the bench may read and write; of others only those that say so themselves.
        instances: of each case, in the module `bundle`.
        texts: files by name, memory images and what else the bench reads; `bundle.sv` is among them.
        bench: Python module of the tests.
        sources: SystemVerilog files beside the library's.
        defines: macros to define.
    """
    tools = find_tools()
    verilog = {path.name: path.read_text() for path in (*(source(name) for name in MODULES), *sources)}
    verilog |= {name: text for name, text in texts.items() if name.endswith(".sv")}
    parts = [part for file in sorted({**verilog, **texts}.items()) for part in file]
    versions = (tools.version, version("cocotb"), version("numpy"), sys.version)
    key = cache.key(*versions, module, bench, *defines, json.dumps(instances), *_VERILATE, *parts)
    if kept is not None and _unchanged(kept / f"{key}.json"):
        return dict.fromkeys(instances, "")
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    try:
        _build(tools, place, module, verilog, defines)
        said = _run(place, instances, bench)
    except ToolError as error:
        return dict.fromkeys(instances, str(error))
    if kept is not None and not any(said.values()):
        read = {name: _hash(Path(name)) for name in json.loads((place / "files.json").read_text())}
        kept.mkdir(parents=True, exist_ok=True)
        (place / "read.json").write_text(json.dumps(read))
        shutil.copyfile(place / "read.json", temporary := kept / f".{key}-{os.getpid()}")
        temporary.replace(kept / f"{key}.json")
    return said


def _unchanged(record: Path) -> bool:
    """Whether all Python files that a passed simulation has read are as they were."""
    if not record.is_file():
        return False
    os.utime(record)
    return all(
        Path(name).is_file() and _hash(Path(name)) == value for name, value in json.loads(record.read_text()).items()
    )


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _build(tools: Tools, place: Path, module: str, verilog: Mapping[str, str], defines: Sequence[str]) -> None:
    """The program `simulator` in `place`, with cocotb's harness."""
    public = f'`verilator_config\npublic_flat_rw -module "{module}" -var "*"\n'
    (place / "Vtop.h").write_text(f'#include "{PREFIX}.h"\n')
    (place / "harness.cpp").write_text(f'#define Vtop {PREFIX}\n#include "{_COCOTB}"\n')
    verilate(
        tools, place, [*_VERILATE, *(f"-D{name}" for name in defines)], "bundle", {"public.vlt": public, **verilog}
    )
    libraries = [
        f"-Wl,-rpath,{cocotb_tools.config.libs_dir}",
        f"-L{cocotb_tools.config.libs_dir}",
        "-lcocotbvpi_verilator",
    ]
    compile_units(tools, cache.open_folder(cache.default_folder()), place, "-O0", libraries=libraries)


def _run(place: Path, instances: Mapping[str, str], bench: str) -> dict[str, str]:
    """Play the tests on all cases; what is said of each that fails, or has no result."""
    results, log = place / "results.xml", place / "run.log"
    environment = {
        **os.environ,
        CASES: json.dumps(dict(instances)),
        FILES: str(place / "files.json"),
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_RANDOM_SEED": str(SEED),
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_TEST_MODULES": bench,
        "COCOTB_TOPLEVEL": "bundle",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "GPI_USERS": f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "tests"), *sys.path]),
        "TOPLEVEL_LANG": "verilog",
    }
    command = [place / "simulator", "+verilator+rand+reset+2", f"+verilator+seed+{1 + len(bench)}"]
    with log.open("w") as file:
        status = subprocess.run(command, cwd=place, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False)
    text = log.read_text()
    found = ElementTree.parse(results).getroot().iter("testcase") if results.exists() else ()
    said: dict[str, list[str]] = {case: [] for case in instances}
    passed = dict.fromkeys(instances, 0)
    for test in found:
        case = list(instances)[int(test.attrib["name"].rpartition("number=")[2])]
        if {part.tag for part in test} & {"failure", "error", "skipped"}:
            name = f"{test.attrib['classname']}.{test.attrib['name']}"
            lines = text.partition(f"running {name} ")[2].partition(" running ")[0].splitlines()
            said[case].append("\n".join([name, *lines[-60:]]))
        passed[case] += 1
    if status.returncode or len({*passed.values()}) != 1 or not all(passed.values()):
        tail = "\n".join([f"the simulator ended with {status.returncode}", *text.splitlines()[-60:]])
        return {case: "\n".join(lines) or tail for case, lines in said.items()}
    return {case: "\n".join(lines) for case, lines in said.items()}


def literal(value: int | str) -> int | str:
    """A parameter's value as the simulator's command line wants it."""
    return value if isinstance(value, int) or "'" in value else f'"{value}"'
