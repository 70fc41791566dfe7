"""Networks written as C, compiled as strictly as a compiler can, and run on images."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rebnet.engine import reference
from rebnet.generate import generate
from rebnet.ir import storage

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Wundef")
_SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
DRIVER = Path(__file__).parent / "driver.c"
BARE = ("-DBARE", "-nostartfiles", "-Wl,-Ttext-segment=0x100000")
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb")


def tool(*names: str) -> list[str]:
    """The first of these programs that is here; skips where none is."""
    for name in names:
        if shutil.which(name):
            return [name]
    pytest.skip(f"there is no {' or '.join(names)} here")


def host() -> list[str]:
    return tool("cc", "gcc", "clang")


@cache
def _sanitizes() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = [*host(), *_SANITIZED, "-x", "c", "-", "-o", f"{folder}/a"]
        return subprocess.run(command, check=False, input=b"int main(void) { return 0; }").returncode == 0


def sanitized() -> tuple[str, ...]:
    """Options that stop a program at the first byte or number it should not have; skips where they do not link."""
    if not _sanitizes():
        pytest.skip("the compiler here has no sanitizers")
    return _SANITIZED


def written(network, folder):
    """network.c and network.h of a lowered network in `folder`, and their record."""
    storage.save(network, folder)
    return generate(folder, target="c", output=folder)


def run_tool(command: Sequence[object]) -> str:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled(folder: Path, compiler: Sequence[str], *options: str) -> Path:
    """The object of network.c without one warning."""
    run_tool([*compiler, *STRICT, *options, "-c", folder / "network.c", "-o", folder / "network.o"])
    return folder / "network.o"


def linked(folder: Path, compiler: Sequence[str], *options: str, driver: Sequence[str] = ()) -> Path:
    """The program of `folder`: the driver around network.c."""
    network = compiled(folder, compiler, *options)
    options = (*options, *driver, f"-I{folder}")
    run_tool([*compiler, *options, DRIVER, network, "-o", folder / "program"])
    return folder / "program"


MANY = """
#include <string.h>
#include <unistd.h>
%(includes)s
%(functions)s
int main(void) {
  static uint8_t image[%(most)d];
  static int64_t wide[%(classes)d];
  uint8_t which[2];
  while (read(0, which, 2) == 2) {
    long count = 0, size = 0, have = 0;
    switch (which[0]) { %(sizes)s }
    while (have < size) have += (long)read(0, image + have, (size_t)(size - have));
    switch (which[0]) { %(calls)s }
    if (write(1, wide, (size_t)count * sizeof *wide) != count * (long)sizeof *wide) return 1;
  }
  return 0;
}
"""
_ONE = """
static long run_{name}(const uint8_t *image, int levels, int64_t *wide) {{
  static {name}_memory memory;
  {name}_score scores[{scores}];
  memset(&memory, 0xa5, sizeof memory);
  {name}_scores(image, levels, &memory, scores);
  for (int i = 0; i < {scores}; i++) wide[i] = scores[i];
  for (int i = 0; i < {scores} / {NAME}_CLASSES; i++) wide[{scores} + i] = {name}_label(scores + i * {NAME}_CLASSES);
  return {scores} + {scores} / {NAME}_CLASSES;
}}
"""


def scores_of(answer, name):
    """How many scores the header says that an image has."""
    return f"{name.upper()}_{'CLASSES' if answer.positions == 1 else 'SCORES'}"


def answered(found):
    """Scores of each image, and the labels of its places behind them."""
    labels = found.argmax(axis=-1)
    return np.concatenate([values.reshape(len(found), -1) for values in (found, labels)], axis=1).reshape(-1)


def check_together(networks, images, folder: Path, compiler: Sequence[str], *options: str):
    """What `check` asks for, of several networks in one program: starting programs is what takes time.

    Returns what `generate` says of each.
    """
    names = [f"net{number}" for number in range(len(networks))]
    records = []
    for network, name in zip(networks, names, strict=True):
        storage.save(network, folder)
        records.append(generate(folder, target="c", output=folder, name=name))
    text = MANY % {
        "includes": "".join(f'#include "{name}.h"\n' for name in names),
        "functions": "".join(
            _ONE.format(name=name, NAME=name.upper(), scores=scores_of(network.answer, name))
            for network, name in zip(networks, names, strict=True)
        ),
        "most": max(network.input.samples for network in networks),
        "classes": 2 * max(network.answer.elements for network in networks),
        "sizes": " ".join(f"case {i}: size = {network.input.samples}; break;" for i, network in enumerate(networks)),
        "calls": " ".join(
            f"case {i}: count = run_{name}(image, which[1], wide); break;" for i, name in enumerate(names)
        ),
    }
    (folder / "many.c").write_text(text)
    sources = [folder / f"{name}.c" for name in ("many", *names)]
    run_tool([*compiler, *STRICT, *options, f"-I{folder}", *sources, "-o", folder / "program"])
    data, expected = [], []
    for number, (network, several) in enumerate(zip(networks, images, strict=True)):
        scored = {m: reference.run(network, several, m) for m in network.served}
        for m in range(network.levels + 2):
            found = scored[m if m in network.served else network.levels]
            data += [bytes([number, m]) + image.tobytes() for image in several]
            expected.append(answered(found))
    done = subprocess.run([folder / "program"], check=False, input=b"".join(data), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert np.array_equal(np.frombuffer(done.stdout, dtype="<i8"), np.concatenate(expected))
    return records


def scores(command: Sequence[object], network, images, levels):
    """What the program gives for every image at levels[n], and its labels."""
    data = b"".join(bytes([m]) + image.tobytes() for m, image in zip(levels, images, strict=True))
    done = subprocess.run([str(word) for word in command], check=False, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    results = np.frombuffer(done.stdout, dtype="<i8").reshape(len(images), network.classes + 1)
    return results[:, :-1], results[:, -1]


def check(command, network, images, levels=None):
    """Every score equals the reference's: at each m, and at M for 0 and for what is above M; labels too."""
    most = network.levels
    for m in range(most + 2) if levels is None else levels:
        served = m if m in network.served else most
        expected = reference.run(network, images, served)
        found, labels = scores(command, network, images, [m] * len(images))
        assert np.array_equal(found, expected), f"m={m}"
        assert np.array_equal(labels, expected.argmax(axis=1))
