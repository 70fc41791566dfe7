"""The bitstream of a Zynq project: its script, run where Vivado is installed."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

from rebnet.boards.shells.axi.zynq import SCRIPT
from rebnet.errors import ToolError
from rebnet.records.generated import ZynqProject
from rebnet.synthesize import child
from rebnet.synthesize.vivado import CONSOLE, run_script

TIMEOUT_S = 12 * 3600.0
_WROTE = re.compile(r"^wrote (\w+\.bit) and ", re.MULTILINE)


def run_zynq(project: ZynqProject, *, timeout_s: float = TIMEOUT_S, say: child.Say = lambda stage: None) -> ZynqProject:
    """Run the project's script in Vivado.

    Args:
        project: what `rebnet.generate.zynq.write_zynq` wrote.
        timeout_s: most seconds that Vivado may take.
        say: called with the name of each stage.

    Returns:
        The project with its bitstream.

    Raises:
        ToolError: Vivado is not on PATH, or failed, or timing is not met; says what to type, or where the log is.
    """
    found = shutil.which("vivado")
    if found is None:
        raise ToolError(
            f"vivado is not on PATH, so no bitstream was made; wrote the project {project.project}, run it where "
            f"Vivado is installed: {project.command}"
        )
    folder = Path(project.project)
    log = folder / CONSOLE
    say("running Vivado")
    try:
        run_script(found, SCRIPT, folder, timeout_s=timeout_s, say=say)
    except child.ChildFailedError as error:
        raise ToolError(f"vivado failed on {project.board}: {error}; the log is {log}") from None
    wrote = _WROTE.search(log.read_text(encoding="utf-8", errors="replace"))
    if wrote is None:
        raise ToolError(f"vivado ended without a bitstream for {project.board}; the log is {log}")
    return replace(project, bitstream=str(Path(project.deploy) / wrote[1]))
