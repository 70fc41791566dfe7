"""A generated accelerator in its AXI shell: SystemVerilog, a top in plain Verilog, and what a driver reads."""

from collections.abc import Mapping
from pathlib import Path

from rebnet.boards import Board, find
from rebnet.boards.shells import widest_beat_bits
from rebnet.boards.shells.axi import ANSWER_BITS, AxiParameters, AxiShell, sources
from rebnet.boards.shells.axi.registers import ADDRESS_BITS
from rebnet.files import file_hash, write_record, write_text
from rebnet.ir import storage
from rebnet.records.shell import Answers, Images, ShellBuild
from rebnet.rtl.ports import CLOCK, PORTS_FILE, read_ports
from rebnet.stages.folding import FOLDING_FILE, read_accelerator
from rebnet.swap import put, workplace

FOLDER = "axi"


def write_axi(build: Path, board: str | None = None) -> ShellBuild:
    """Write `axi/` for the accelerator in `build`.

    Args:
        build: folder that `generate` has filled.
        board: a board or a part whose ports the shell must fit; any will do if None.

    Returns:
        The record of axi/shell.json.

    Raises:
        FileFormatError: the build is damaged, or its network or folding is another than that of its RTL.
        OptionError: the board has another shell or none, or narrower ports; or a score does not fit a beat.
    """
    record, texts = shell_of(build, board)
    put_shell(build, record, texts)
    return record


def put_shell(build: Path, record: ShellBuild, texts: Mapping[str, str]) -> None:
    """Write axi/ as `shell_of` has it; `OutputError` where that cannot be."""
    with workplace(build, FOLDER) as work:
        for name, text in texts.items():
            write_text(work / FOLDER / name, text)
        write_record(work / FOLDER / ShellBuild.FILE, record)
        put([work / FOLDER], build)


def shell_of(build: Path, board: str | None = None) -> tuple[ShellBuild, dict[str, str]]:
    """The record of axi/shell.json and the files beside it by name, as `write_axi`, with its errors; writes nothing."""
    made_from = {"network": storage.NETWORK_FILE, "folding": FOLDING_FILE}
    ports = read_ports(build, made_from)
    accelerator = read_accelerator(build / FOLDING_FILE, storage.load(build))
    parameters = AxiParameters.of(ports, accelerator.scores.places)
    on = None if board is None else find(board)
    if on is not None:
        parameters.check(on, widest_beat_bits(AxiShell.name, on))
    texts = sources(parameters)
    record = _record(build, parameters, on, tuple(f"{FOLDER}/{name}" for name in texts), ports.levels)
    return record, texts


def _record(
    build: Path, shell: AxiParameters, board: Board | None, names: tuple[str, ...], levels: tuple[int, ...]
) -> ShellBuild:
    bits = {f"{r.name}.{field.name}": field.mask for r in shell.registers for field in r.fields}
    return ShellBuild(
        inputs={"ports": file_hash(build / PORTS_FILE)},
        shell=AxiShell.name,
        board=None if board is None else board.name,
        top=shell.top,
        files=names,
        clock=CLOCK,
        reset="aresetn (active low, synchronous)",
        irq="irq",
        levels=levels,
        s_axis=Images(
            tdata_bits=shell.beat_bits,
            samples_per_beat=shell.samples_per_beat,
            beats_per_image=shell.beats,
            bytes_per_image=shell.image_bytes,
            image=shell.image,
        ),
        m_axis=Answers(tdata_bits=ANSWER_BITS, score_bits=shell.score_bits, classes=shell.classes, places=shell.places),
        address_bits=ADDRESS_BITS,
        registers={register.name: register.address for register in shell.registers},
        bits=bits,
        facts={name: value for name, value in shell.facts.items() if name != "NETWORK"},
        network=shell.network,
    )
