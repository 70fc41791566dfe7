"""The accelerator of a build for LiteX: a module, a SoC that uses it, its host's side, RTL and memory images."""

from pathlib import Path

from rebnet.boards.shells import litex
from rebnet.boards.shells.beats import check_beats
from rebnet.errors import OptionError
from rebnet.generate.check import checked
from rebnet.generate.deploy import put_texts
from rebnet.records.generated import Deployed
from rebnet.rtl.ports import PORTS_FILE

FOLDER = "litex"


def write_litex(build: Path, output: Path | None = None) -> Deployed:
    """Write what a LiteX SoC takes: rebnet_litex.py, target.py, host.py, README.md, ports.json, rtl/ and mem/.

    A file that is there already and says anything else is left as it is, and nothing is written.

    Args:
        build: folder with RTL.
        output: folder of the files; BUILD/litex if None.

    Returns:
        The folder, its files and the network that they are for.

    Raises:
        FileFormatError: the build's RTL is not there, or not what its network and folding generate.
        OptionError: scores that leave in one beat, or weights that are written at run time.
        OutputError: a file is there that says something else, or the folder cannot be written.
    """
    made = checked(build)
    check_beats(made.ports)
    if made.ports.runtime_weights:
        raise OptionError(
            "the accelerator's weights are written at run time through the AXI shell, which a LiteX SoC does not have; "
            "generate the RTL again without --runtime-weights"
        )
    texts = {name: litex.text(name) for name in litex.FILES}
    texts |= {PORTS_FILE: (build / PORTS_FILE).read_text(encoding="utf-8")} | made.sources | made.memories
    folder = build / FOLDER if output is None else output
    put_texts(folder, texts)
    return Deployed(folder=str(folder), files=tuple(texts), network=made.ports.inputs["network"])
