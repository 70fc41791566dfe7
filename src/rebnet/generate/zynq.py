"""A project of Vivado for a board with a Zynq: a packaged IP, the script that makes the bitstream, the files beside it.

zynq/   ip/component.xml     the shell with its accelerator as an IP (IP-XACT)
        ip/src/              its sources and memory images
        design.tcl           block design, synthesis, implementation, timing, bitstream
        memories.tcl         what synthesis runs first
        project/, *.rpt      what a run leaves
"""

import shlex
from pathlib import Path

from rebnet import boards
from rebnet.boards.shells.axi import ipxact, zynq
from rebnet.errors import OptionError
from rebnet.files import record_text, write_text
from rebnet.generate.axi import put_shell, shell_of
from rebnet.generate.check import checked
from rebnet.generate.deploy import FOLDER as DEPLOY_FOLDER
from rebnet.generate.deploy import check_texts, texts_beside, write_deploy
from rebnet.records.generated import ZynqProject
from rebnet.rtl.ports import memory_folder
from rebnet.swap import put, workplace

FOLDER = "zynq"
_SOURCES = "src"


def write_zynq(build: Path, board: str | None, output: Path | None = None) -> ZynqProject:
    """Write `zynq/` for the accelerator in `build`, its AXI shell for the board, and what PYNQ needs of it.

    Args:
        build: folder that `generate` has filled; its shell is made again.
        board: one of `rebnet.boards.shells.axi.zynq.able`.
        output: folder of the files for the board, to which the script copies the bitstream; BUILD/deploy if None.

    Returns:
        Where all is, and the command that makes the bitstream.

    Raises:
        FileFormatError: the build is damaged or edited.
        OptionError: no board, one that there is no project for, or one that the accelerator's beats do not fit.
        OutputError: a file of the user's or of another board is in the way, see `write_deploy`; nothing is written.
    """
    able = ", ".join(zynq.able())
    if board is None:
        raise OptionError(f"zynq: is the project of a board; use --board with {able}")
    on = boards.find(board)
    if on.processor is None:
        raise OptionError(f"board {on.name!r} has no project for Vivado; use {able}")
    made = checked(build)
    memory = memory_folder(made.ports) if made.memories else None
    folder = build / DEPLOY_FOLDER if output is None else output
    shell, around = shell_of(build, on.name)
    check_texts(folder, texts_beside(record_text(shell)))  # before axi/ is of another board
    put_shell(build, shell, around)
    deploy = f"../{DEPLOY_FOLDER}" if output is None else str(output.resolve())
    script = zynq.script_text(shell, on, name=made.ports.top, deploy=deploy, memories=memory)
    deployed = write_deploy(build, output)
    sources = {Path(file).name: text for file, text in made.sources.items()}
    sources |= {Path(file).name: (build / file).read_text(encoding="utf-8") for file in shell.files}
    with workplace(build, FOLDER) as place:
        work = place / FOLDER
        inner = work / zynq.IP_FOLDER
        for name, text in (*made.memories.items(), *sources.items()):
            write_text(inner / _SOURCES / name, text)
        names = [f"{_SOURCES}/{name}" for name in sources]
        images = [f"{_SOURCES}/{name}" for name in made.memories]
        write_text(inner / ipxact.FILE, ipxact.component_text(shell, names, images))
        write_text(work / zynq.SCRIPT, script)
        if memory is not None:
            write_text(work / zynq.HOOK, zynq.hook_text(memory))
        put([work], build)
    project = build / FOLDER
    return ZynqProject(
        project=str(project),
        board=on.name,
        part=on.part.order_code,
        clock_mhz=on.clock_mhz,
        ip=ipxact.vlnv(shell.top),
        deploy=deployed.folder,
        command=f"cd {shlex.quote(str(project))} && vivado -mode batch -source {zynq.SCRIPT}",
    )
