"""Generation: a lowered network becomes SystemVerilog with its folding, or C without one."""

from pathlib import Path
from typing import get_args

from rebnet.build_folder import check_build
from rebnet.choices import GenerateTarget as Target
from rebnet.errors import OptionError
from rebnet.generate.axi import write_axi
from rebnet.generate.c import NAME, write_c
from rebnet.generate.deploy import write_deploy
from rebnet.generate.litex import write_litex
from rebnet.generate.load import write_weights
from rebnet.generate.rtl import TOP_NAME, write_rtl
from rebnet.generate.zynq import write_zynq
from rebnet.records import Ports, Weights
from rebnet.records.generated import Deployed, GeneratedC, ZynqProject
from rebnet.records.shell import ShellBuild


def generate(
    build: Path,
    *,
    target: Target = "rtl",
    output: Path | None = None,
    name: str | None = None,
    board: str | None = None,
    memory: str = "mem",
    runtime_weights: bool = False,
    network: Path | None = None,
    named: str | None = None,
) -> Ports | GeneratedC | ShellBuild | Weights | Deployed | ZynqProject:
    """Write the network in `build` as SystemVerilog into `build`, or as C into `output`; or what goes with its RTL.

    Args:
        build: folder with network.json and tensors.safetensors; for SystemVerilog with folding.json too.
        target: "rtl", "c", "axi", the shell between the build's RTL and a processor with a DMA, "weights", the words
            that make RTL with `runtime_weights` another network, "deploy", what PYNQ needs of the shell, "litex", the
            build's RTL for a LiteX SoC, or "zynq", a project of Vivado that makes a board's bitstream, with "deploy".
        output: folder of the C, the words or the files for a board; BUILD/c, BUILD/weights, BUILD/deploy or
            BUILD/litex if None.
        name: name of the top module, or what the C's files and functions are named after; "accelerator" or "network".
        board: board whose ports the shell must fit, any will do if None; the board of the project, which has one.
        memory: folder of the memory images of the RTL, relative to where the simulator runs.
        runtime_weights: the constants of the RTL can be written at run time, through the AXI shell.
        network: build of the network whose words are written; `build` itself if None.
        named: what sentences call that network; its folder if None.

    Returns:
        What was written: the record of ports.json, of shell.json or of weights.json, the files of C and their bytes
        (`rebnet.generate.c.write_c`), those for a board, or where its project is.

    Raises:
        OptionError: a target or name that there is not, or an option that the target does not have.
        RebnetError: see `write_rtl`, `write_axi`, `write_weights`, `write_deploy`, `write_litex`, `write_zynq` and
            `write_c`.
    """
    if target not in get_args(Target):
        raise OptionError(f"target={target!r}: use {' or '.join(get_args(Target))}")
    if board is not None and target not in ("axi", "zynq"):
        raise OptionError(f"board={board}: is what the shell must fit, with --target axi or zynq; leave --board out")
    if runtime_weights and target != "rtl":
        raise OptionError(
            f"runtime_weights: is of RTL, with --target rtl, and not of {target}; a shell follows its RTL. Leave "
            "--runtime-weights out"
        )
    if network is not None and target != "weights":
        raise OptionError(f"network={network}: is whose words are written, with --target weights; leave --network out")
    check_build(build)
    if target == "c":
        return write_c(build, output, name or NAME)
    if target == "weights":
        if name is not None:
            raise OptionError(f"name={name}: words have no name; leave --name out")
        return write_weights(build, network or build, output, named)
    if target in ("deploy", "litex", "zynq"):
        if name is not None:
            raise OptionError(f"name={name}: the files for a board have names of their own; leave --name out")
        return _for_a_board(build, target, board, output)
    if output is not None:
        raise OptionError(f"output={output}: the RTL stays in its build, beside its records; leave --output out")
    if target == "axi":
        if name is not None:
            raise OptionError(f"name={name}: the shell is named after its accelerator; leave --name out")
        return write_axi(build, board)
    return write_rtl(build, name or TOP_NAME, memory, runtime_weights=runtime_weights)


def _for_a_board(build: Path, target: Target, board: str | None, output: Path | None) -> Deployed | ZynqProject:
    if target == "zynq":
        return write_zynq(build, board, output)
    return write_deploy(build, output) if target == "deploy" else write_litex(build, output)
