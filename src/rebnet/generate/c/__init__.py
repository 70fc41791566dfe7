"""A lowered network as one C file and its header: C99, no allocation, no floating point, memory that the caller gives.

For processors without an FPGA beside them, down to microcontrollers. Scores equal the reference engine's.
"""

import re
from pathlib import Path

from rebnet.errors import OptionError
from rebnet.files import file_hash, make_folder, write_text
from rebnet.generate.c.branches import branches_program
from rebnet.generate.c.chain import chain_program
from rebnet.generate.c.graph import graph
from rebnet.generate.c.plan import plan
from rebnet.generate.c.program import Program
from rebnet.generate.c.source import header_text, source_text
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.ops import Conv
from rebnet.records.generated import GeneratedC
from rebnet.swap import put, workplace

FOLDER = "c"
NAME = "network"
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HEADERS = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|"
    "stdbit|stdbool|stdckdint|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|threads|time|uchar|wchar|wctype",
    re.IGNORECASE,
)
"""Headers of the standard library, from C89 to C23: a file of that name would stand in front of the library's own."""


def write_c(build: Path, output: Path | None = None, name: str = NAME) -> GeneratedC:
    """Write NAME.h and NAME.c for the network in `build`.

    Args:
        build: folder with network.json and tensors.safetensors; a folding is not needed.
        output: folder of the two files; BUILD/c if None.
        name: name of the files, and what every name in the header begins with.

    Returns:
        The files and the bytes of constants and of working memory.

    Raises:
        FileFormatError: the network is missing or damaged.
        OptionError: `name` is none in C, or that of a header of C's library.
    """
    if _IDENTIFIER.fullmatch(name) is None:
        raise OptionError(f"name={name!r}: names in C are made from it; use letters, digits and '_', a letter first")
    if _HEADERS.fullmatch(name):
        raise OptionError(
            f"name={name!r}: {name}.h would hide the header <{name.lower()}.h> of C's library; use another name"
        )
    made = program(storage.load(build), name)
    digest = file_hash(build / storage.NETWORK_FILE)
    folder = make_folder(build / FOLDER if output is None else output)
    header, source = folder / f"{name}.h", folder / f"{name}.c"
    with workplace(folder, name) as work:
        write_text(work / header.name, header_text(made, name, digest))
        write_text(work / source.name, source_text(made, name, digest))
        put([work / header.name, work / source.name], folder)
    return GeneratedC(
        header=str(header),
        source=str(source),
        constant_bytes=made.constant_bytes,
        memory_bytes=made.memory_bytes,
    )


def program(network: Network, name: str) -> Program:
    """The pieces of C of a lowered network; `name` is what its names begin with.

    Raises:
        OptionError: the network is not lowered, or adds numbers that C has no type for.
    """
    chain = network.is_chain and not isinstance(network.layers[-1].op, Conv)  # whose last function alone has scores
    return chain_program(plan(network), name) if chain else branches_program(graph(network), name)
