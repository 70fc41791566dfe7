"""The folder of a build: what it may hold, what may be replaced by a new one, and replacing it in one step."""

from pathlib import Path

from rebnet.errors import OutputError
from rebnet.files import file_hash, write_record
from rebnet.ir import storage
from rebnet.plain import check_plain
from rebnet.records import Compile
from rebnet.records.request import Request
from rebnet.stages.folding import FOLDING_FILE
from rebnet.swap import put, tidy

EXPORTED = "exported"
TRAINING_FILE = "training.json"
IMPORT_FILE = "import.json"
MODEL_FILE = "model.onnx"
"""What a module of another framework was exported to."""
COMPILE_FILE = "compile.json"

_FILES = (
    *(storage.NETWORK_FILE, storage.TENSOR_FILE, TRAINING_FILE, "folding.json", "ports.json", "accelerator.core"),
    *(IMPORT_FILE, MODEL_FILE, COMPILE_FILE, "evaluation.png"),
    *("evaluation.json", "adaptive.json", "online.json", "simulation.json", "synthesis.json", "model.safetensors"),
)
_FOLDERS = (EXPORTED, "rtl", "mem", "axi", "weights", "deploy", "litex", "zynq", "c", "vivado", "device", "synthesis")


def check_build(build: Path) -> None:
    """Refuse a build, or a run, in which something that rebnet reads or replaces leads out of it or is no plain file.

    One that a killed command had moved away comes back first.

    Raises:
        FileFormatError: names it.
    """
    if not build.exists():
        tidy(build.parent)
    check_plain(build, _FILES, _FOLDERS)


def check_output(output: Path) -> None:
    """Refuse to replace anything that is no build.

    Raises:
        OutputError: a file stands there, the current folder, or a folder with other things.
    """
    if output.is_file():
        raise OutputError(f"{output}: a file stands where a folder is needed; name another --output")
    if output.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise OutputError(f"{output}: is the current folder or holds it, and would be replaced; name another --output")
    is_build = (output / storage.NETWORK_FILE).is_file() and (output / EXPORTED).is_dir()
    is_build = is_build and any((output / name).is_file() for name in (TRAINING_FILE, IMPORT_FILE, COMPILE_FILE))
    if output.is_dir() and any(output.iterdir()) and not is_build:
        raise OutputError(f"{output}: holds files but no build, and would be replaced; name another --output")


def keep_request(build: Path, request: Request) -> None:
    """Write compile.json: what a compile was asked for, and the hashes of the network and the folding that it made."""
    made = {"network": build / storage.NETWORK_FILE, "folding": build / FOLDING_FILE}
    inputs = {name: file_hash(path) for name, path in made.items() if path.is_file()}
    write_record(build / COMPILE_FILE, Compile(inputs=inputs, request=request))


def replace_build(build: Path, output: Path) -> None:
    """Put `build`, in a workplace beside `output` and of its name, in its place in one step."""
    put([build], output.parent)
