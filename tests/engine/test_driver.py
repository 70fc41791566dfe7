"""The engine in C++ without Python: under sanitizers, between guard pages, and for AArch64 in an emulator.

CMake builds `tests/engine/native/driver.cpp` with the engine's sources; it reads what `driver_file.py` writes.
"""

import fcntl
import os
import pickle
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.engine.driver_file import case, file_of, graph_case, refusals
from tests.engine.test_native import drawn
from tests.generate.test_c_branches import everything
from tests.ir.graphs import random_graph
from tests.ir.networks import finer, from_text

from rebnet.lower import lower

ROOT = Path(__file__).parents[2]
CHAINS, GRAPHS = 80, 24
WIDE = ((33, 1, 5), (70, 65, 3))
NETWORKS = CHAINS + GRAPHS + len(WIDE)
IMAGES = 9
MUTATIONS = 800
BRANCHED = (69,)
"""A small random network with branches that has steps of all kinds."""
SMALL = ("5x5x1 - C2:3x3+same - MP2 - C3:2x2 - D2", "6x6x3 - C65:2x2 - C2:3x3 - D2", "7x7x1 - C1:3x3 - MP3/1 - D3 - D1")
CROSS = "aarch64-linux-gnu"
X86 = ("avx2", "avx512", "amx")

pytestmark = pytest.mark.skipif(not shutil.which("c++"), reason="there is no C++ compiler, c++")


def build(folder: Path, **options: str) -> Path:
    """The driver, built with CMake; what CMake and the compiler say is shown where they fail."""
    cmake = pytest.importorskip("cmake").CMAKE_BIN_DIR
    ninja = pytest.importorskip("ninja").BIN_DIR
    options = {"CMAKE_MAKE_PROGRAM": f"{ninja}/ninja", "REBNET_DRIVER": "ON", **options}
    command = [f"{cmake}/cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, *(f"-D{k}={v}" for k, v in options.items())]
    for step in (command, [f"{cmake}/cmake", "--build", folder]):
        done = subprocess.run(step, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
    return folder / "driver"


def output(*command: str | Path) -> str:
    own = os.environ | {"TSAN_OPTIONS": "die_after_fork=0"}  # children make threads of their own
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=own)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Random networks for all drivers, drawn once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "driver-networks.pickle"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(pickle.dumps(draw_networks()))
    return pickle.loads(path.read_bytes())


def draw_networks() -> list[bytes]:
    found = []
    for seed in range(CHAINS):
        rng = np.random.default_rng([seed, 1])
        levels, bits = (int(number) for number in rng.integers(1, 9, 2))
        found.append(case(drawn(seed, levels, bits, bool(rng.integers(2))), seed, IMAGES))
    found += [case(everything(seed, 2, rows), seed, IMAGES) for seed, rows in enumerate(WIDE)]
    return [*found, *(graph_case(seed, IMAGES) for seed in range(GRAPHS))]


def check_driver(good: list[bytes], folder: Path, *command: str | Path) -> list[str]:
    """Random networks, refusals and damaged files through the driver; the instruction sets that ran."""
    bad = refusals()
    path = folder / "networks.bin"
    path.write_bytes(file_of(good[:3]))
    if len(command) == 1:  # an emulator's own locks do not outlive a fork while its threads are at work
        assert re.fullmatch(r"children: [1-9]\d* right, 0 wrong\n", output(*command, "forked", path))
    path.write_bytes(file_of([*good, *bad]))
    said = output(*command, "run", path)
    ran = dict(re.findall(r"^(\w+): (\d+) networks, [1-9]\d* scores, 0 different$", said, re.MULTILINE))
    assert set(ran.values()) == {str(NETWORKS)}, said
    assert f"refused: {len(bad)}\n" in said
    small = [finer(lower(from_text(text, number, levels=2, bits=3)), number) for number, text in enumerate(SMALL)]
    for number, network in enumerate([*small, *(lower(random_graph(seed, most=5)) for seed in BRANCHED)]):
        path.write_bytes(file_of([case(network, number, 2)]))
        if number == 0:
            assert output(*command, "truncated", path) == f"refused: {path.stat().st_size}\n"
        counts = re.findall(r": (\d+)$", output(*command, "mutated", path, str(MUTATIONS)), re.MULTILINE)
        assert sum(map(int, counts)) == MUTATIONS
        assert all(int(number) > 0 for number in counts[:2])  # some are refused, and some run
    return list(ran)


@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_nothing_for_sanitizers_to_report(sanitizers: str, networks: list[bytes], tmp_path: Path) -> None:
    probe = tmp_path / "probe.cpp"
    probe.write_text("int main() {}\n")
    flags = [f"-fsanitize={sanitizers}", "-o", tmp_path / "probe"]
    if subprocess.run(["c++", *flags, probe], check=False, capture_output=True).returncode:
        pytest.skip(f"the C++ compiler has no -fsanitize={sanitizers}")
    if subprocess.run([tmp_path / "probe"], check=False, capture_output=True).returncode:
        pytest.skip(f"a program built with -fsanitize={sanitizers} does not start here")
    assert "generic" in check_driver(networks, tmp_path, build(tmp_path, REBNET_SANITIZE=sanitizers))


def test_nothing_behind_the_end_of_memory(networks: list[bytes], tmp_path: Path) -> None:
    """Optimized as it ships, every allocation followed by a page that may not be touched."""
    assert "generic" in check_driver(networks, tmp_path, build(tmp_path, CMAKE_COMPILE_WARNING_AS_ERROR="ON"))
    for path in tmp_path.glob("CMakeFiles/native_*.dir/**/*.o"):
        check_symbols(path)
    if any(tmp_path.glob("CMakeFiles/native_avx2.dir")):
        check_instructions(tmp_path / "driver")
        check_processors(networks[:20], tmp_path)


def check_symbols(path: Path) -> None:
    """An instruction set defines nothing but its own: a template in AVX could be taken for all of the program."""
    name = re.search(r"native_(\w+)\.dir", str(path)).group(1)
    defined = output("nm", "--demangle", "--defined-only", "--extern-only", path).splitlines()
    assert defined
    for line in defined:
        assert re.match(rf"[0-9a-f]+ T rebnet::{name}::", line), line


def check_instructions(program: Path) -> None:
    """In the linked program only the functions of instruction sets with wide vectors have instructions of theirs."""
    found: dict[str, int] = {}
    function = ""
    disassembly = output("objdump", "--disassemble", "--demangle", "--no-show-raw-insn", program)
    for line in disassembly.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            function = start.group(1)
        elif re.search(r"\t(v[a-z0-9]+ |tile|k(mov|or|and|not|test|shift)[a-z]+ )", line):
            found[function] = found.get(function, 0) + 1
    own = re.compile(rf"(void |bool |.* )?rebnet::({'|'.join(X86)})::")
    assert [name for name in found if not own.match(name)] == []
    assert {own.match(name).group(2) for name in found} == set(X86)


def check_processors(good: list[bytes], folder: Path) -> None:
    """An emulated processor gets the instruction sets that it has, and meets no instruction of the others."""
    emulator = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if emulator is None:
        return
    path = folder / "networks.bin"
    path.write_bytes(file_of(good))
    for processor, expected in {"qemu64": ["generic"], "Haswell": ["avx2", "generic"]}.items():
        said = output(emulator, "-cpu", processor, folder / "driver", "run", path)
        assert re.findall(r"^(\w+): 20 networks, [1-9]\d* scores, 0 different$", said, re.MULTILINE) == expected, said


def test_aarch64_in_an_emulator(networks: list[bytes], tmp_path: Path) -> None:
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if not shutil.which(f"{CROSS}-g++") or not emulator:
        pytest.skip(f"needs {CROSS}-g++ and qemu-aarch64-static")
    driver = build(
        tmp_path,
        CMAKE_COMPILE_WARNING_AS_ERROR="ON",
        CMAKE_CXX_COMPILER=f"{CROSS}-g++",
        CMAKE_SYSTEM_NAME="Linux",
        CMAKE_SYSTEM_PROCESSOR="aarch64",
        CMAKE_EXE_LINKER_FLAGS="-static",
    )
    assert check_driver(networks, tmp_path, emulator, driver) == ["neon", "generic"]
