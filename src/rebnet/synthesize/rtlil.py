"""Yosys' text of an elaborated design, cut into units: one module each, its submodules as black boxes.

A unit's text depends on what the module does and on nothing else. Names that Yosys numbers through the whole design are
numbered through the unit, places in source files are left out, and a memory that will be a block RAM
holds any bits with the same constant columns, as its contents do not change what it takes. So the hash of
the text names the result of its synthesis, and equal modules of different accelerators have equal texts.
"""

import random
import re
from dataclasses import dataclass

import numpy as np

_MODULE = re.compile(r"^module (\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_TOP = re.compile(r"^attribute \\top 1\n(?:attribute .*\n)*module (\S+)$", re.MULTILINE)
_PORT = re.compile(r"^  wire (?=.*\b(?:input|output|inout) \d+ ).*$", re.MULTILINE)
_SOURCE = re.compile(r"^ *attribute \\(?:src|hdlname|dynports|module_not_derived) .*\n|^  parameter .*\n", re.MULTILINE)
_CELL = re.compile(r"^  cell (\S+) (\S+)$", re.MULTILINE)
_NUMBERED = re.compile(r"(?<!\S)\$(?!paramod)[^\s$\\]*[$\\]\S*")
_PRIORITY = re.compile(r"^(    parameter \\PRIORITY )(-?\d+)$", re.MULTILINE)
_BLOCK_MEMORY = re.compile(
    r"^  attribute \\(?:ram_style|rom_style) \"block\"\n(?:  attribute .*\n)*  memory .*(\\\S+)$", re.MULTILINE
)
_CONTENTS = re.compile(
    r"^  cell \$meminit_v2 .*\n    parameter \\WORDS (\d+)\n    parameter \\MEMID \"\\(\S+)\"\n(?:    parameter .*\n)*?"
    r"    parameter \\WIDTH (\d+)\n(?:    .*\n)*?    connect \\DATA \d+'([01xz]+)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Unit:
    """A module with its parameters, ready for synthesis.

    Attributes:
        module: its name in the library, `mvtu`.
        text: RTLIL of the module and of a black box for each kind of submodule.
        kinds: for each black box, by its name in the text, the module with parameters that it stands for.
        instances: name of each submodule's instance, and its module with parameters.
    """

    module: str
    text: str
    kinds: dict[str, str]
    instances: dict[str, str]


@dataclass(frozen=True)
class Design:
    """An elaborated hierarchy.

    Attributes:
        top: Yosys' name of the top module.
        units: by Yosys' name of the module with its parameters.
    """

    top: str
    units: dict[str, Unit]


def parse(text: str) -> Design:
    """Read what `write_rtlil` wrote after `hierarchy -top`."""
    bodies = dict(_MODULE.findall(text))
    top = _TOP.search(text)
    assert top is not None, "hierarchy marks the top module"
    return Design(top[1], {name: _unit(name, body, bodies) for name, body in bodies.items()})


def _unit(name: str, body: str, bodies: dict[str, str]) -> Unit:
    instances = {instance: kind for kind, instance in _CELL.findall(body) if kind in bodies}
    boxes = {kind: f"\\box_{index}" for index, kind in enumerate(dict.fromkeys(instances.values()))}
    body = _SOURCE.sub("", body)
    body = _CELL.sub(lambda found: f"  cell {boxes.get(found[1], found[1])} {found[2]}", body)
    body = _number(_forget_contents(body))
    parts = [_black_box(box, bodies[kind]) for kind, box in boxes.items()]
    text = "".join([*parts, f"module \\{library_name(name)}\n{body}end\n"])
    kinds = {box.removeprefix("\\"): kind for kind, box in boxes.items()}
    return Unit(library_name(name), text, kinds, {key.removeprefix("\\"): kind for key, kind in instances.items()})


def library_name(name: str) -> str:
    r"""`mvtu` for `\mvtu`, `$paramod$0123456789\mvtu` and `$paramod\mvtu\PE=s32'...`."""
    if name.startswith("\\"):
        return name[1:]
    return name.split("\\")[1]


def _black_box(name: str, body: str) -> str:
    ports = "".join(f"{port}\n" for port in _PORT.findall(body))
    return f"attribute \\blackbox 1\nmodule {name}\n{ports}end\n"


def _number(body: str) -> str:
    """Names that Yosys made get numbers in the order in which they come, and so do priorities."""
    names: dict[str, str] = {}
    body = _NUMBERED.sub(lambda found: names.setdefault(found[0], f"$n{len(names)}"), body)
    ranks = {number: rank for rank, number in enumerate(sorted({int(n) for _, n in _PRIORITY.findall(body)}))}
    return _PRIORITY.sub(lambda found: f"{found[1]}{ranks[int(found[2])]}", body)


def _forget_contents(body: str) -> str:
    """Memories in block RAM hold other bits; columns that never change keep theirs, as synthesis uses that."""
    block = set(_BLOCK_MEMORY.findall(body))

    def contents(found: re.Match[str]) -> str:
        words, memory, width, bits = int(found[1]), found[2], int(found[3]), found[4]
        if memory not in block or "x" in bits or "z" in bits or words < 2:
            return found[0]
        start, end = found.start(4) - found.start(), found.end(4) - found.start()
        return found[0][:start] + _other_bits(bits, words, width) + found[0][end:]

    return _CONTENTS.sub(contents, body)


def _other_bits(bits: str, words: int, width: int) -> str:
    table = np.frombuffer(bits.encode(), dtype=np.uint8).reshape(words, width) == ord("1")
    changing = table.any(axis=0) & ~table.all(axis=0)
    stream = random.Random(0)  # the same bits with every version of Python
    drawn = np.array(np.frombuffer(stream.randbytes(words * width), dtype=np.uint8)).reshape(words, width) % 2
    drawn[0], drawn[1] = 0, 1
    return "".join(map(str, np.where(changing, drawn, table).astype(np.uint8).ravel()))
