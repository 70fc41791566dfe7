"""A stand-in for Vivado: a real Tcl interpreter in which the commands of a script keep a model of the block design.

What Vivado would refuse is an error here: a command, an IP, a setting or a pin that there is not; and what it would
let pass with a warning, an error too: inputs left open, streams of unequal width, two drivers, two clocks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
OPTIONAL = {"reset/dcm_locked", "reset/aux_reset_in", "reset/mb_debug_sys_rst"}
PLL_MHZ = {"processing_system7": 1000.0, "zynq_ultra_ps_e": 1500.0}
ASKED = {
    "processing_system7": ("PCW_FPGA0_PERIPHERAL_FREQMHZ", "PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ"),
    "zynq_ultra_ps_e": ("PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ", "PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ"),
}
SETTINGS = {
    "processing_system7": {
        "PCW_USE_M_AXI_GP0", "PCW_USE_S_AXI_HP0", "PCW_S_AXI_HP0_DATA_WIDTH", "PCW_USE_FABRIC_INTERRUPT",
        "PCW_IRQ_F2P_INTR", "PCW_FPGA_FCLK0_ENABLE", "PCW_FPGA0_PERIPHERAL_FREQMHZ", "PCW_CRYSTAL_PERIPHERAL_FREQMHZ",
        "PCW_APU_PERIPHERAL_FREQMHZ", "PCW_PRESET_BANK1_VOLTAGE", "PCW_ENET0_PERIPHERAL_ENABLE",
        "PCW_ENET0_ENET0_IO", "PCW_ENET0_GRP_MDIO_ENABLE", "PCW_ENET0_GRP_MDIO_IO", "PCW_UIPARAM_DDR_PARTNO",
        "PCW_UIPARAM_DDR_BUS_WIDTH", "PCW_UIPARAM_DDR_FREQ_MHZ",
    },
    "zynq_ultra_ps_e": {
        "PSU__USE__M_AXI_GP0", "PSU__USE__M_AXI_GP1", "PSU__USE__M_AXI_GP2", "PSU__USE__S_AXI_GP2",
        "PSU__SAXIGP2__DATA_WIDTH", "PSU__USE__IRQ0", "PSU__FPGA_PL0_ENABLE",
        "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ",
    },
    "axi_dma": {
        "c_include_sg", "c_sg_include_stscntrl_strm", "c_sg_length_width", "c_addr_width", "c_include_mm2s",
        "c_include_s2mm", "c_m_axi_mm2s_data_width", "c_m_axis_mm2s_tdata_width", "c_mm2s_burst_size",
        "c_m_axi_s2mm_data_width", "c_s2mm_burst_size",
    },
    "smartconnect": {"NUM_SI", "NUM_MI"},
    "xlconcat": {"NUM_PORTS"},
    "clk_wiz": {"PRIM_SOURCE", "PRIM_IN_FREQ", "CLKOUT1_REQUESTED_OUT_FREQ", "RESET_TYPE"},
    "proc_sys_reset": set(),
}  # fmt: skip


class RefusedError(Exception):
    """What the script asks for cannot be; `failed` where the script itself said so."""


@dataclass
class Cell:
    """An instance: its IP's name and full name, and its settings."""

    ip: str
    vlnv: str
    settings: dict[str, str] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return self.settings.get(name, "0") == "1"


class Vivado:
    """One run of a script.

    Args:
        boards: names of the board files that are installed.
        slack: worst slacks of setup and hold, ns.
        progress: how far the implementation comes.
    """

    def __init__(
        self, *, boards: tuple[str, ...] = (), slack: tuple[float, float] = (0.1, 0.05), progress: str = "100%"
    ) -> None:
        import tkinter

        self.boards, self.slack, self.progress = boards, slack, progress
        self.cells: dict[str, Cell] = {}
        self.nets: list[set[str]] = []
        self.buses: dict[str, str] = {}
        self.external: set[str] = set()
        self.segments: dict[str, tuple[int, int]] = {}
        self.properties: dict[tuple[str, str], str] = {}
        self.said: list[str] = []
        self.steps: list[str] = []
        self.repository: dict[str, ElementTree.Element] = {}
        self.mapped = self.valid = self.automated = self.opened = False
        self.problem: Exception | None = None
        self.tcl = tkinter.Tcl()
        self.project = Path()
        self.hook: str | None = None
        for name in dir(self):
            if name.startswith("do_"):
                self.tcl.createcommand(name[3:], self._guarded(getattr(self, name)))
        self.tcl.createcommand("exit", self._guarded(self._exit))
        self.tcl.createcommand("puts", self._guarded(self._puts))
        self.tcl.createcommand("unknown", self._guarded(self._unknown))

    def run(self, script: Path, *arguments: str) -> None:
        """Run a script.

        Raises:
            RefusedError: with the sentence.
        """
        self.tcl.call("set", "argv", arguments)
        try:
            self.tcl.call("source", str(script))
        except Exception as error:
            raise RefusedError(str(self.problem or error)) from error

    def _guarded(self, function: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object) -> object:
            try:
                found = function(*(str(word) for word in words))
            except Exception as error:
                self.problem = error
                raise
            return "" if found is None else found

        return call

    def _unknown(self, name: str, *words: str) -> None:
        raise RefusedError(f"invalid command name {name!r}")

    def _exit(self, code: str) -> None:
        raise RefusedError(self.said[-1])

    def _puts(self, text: str) -> None:
        self.said.append(text)

    def _list(self, text: str) -> tuple[str, ...]:
        return tuple(str(part) for part in self.tcl.splitlist(text))

    # projects and files

    def do_create_project(self, force: str, name: str, place: str, part: str, code: str) -> None:
        assert (force, part) == ("-force", "-part")
        self.project = Path(place)
        self.project.mkdir(parents=True, exist_ok=True)
        self.name, self.part = name, code

    def do_current_project(self) -> str:
        return "PROJECT"

    def do_current_fileset(self) -> str:
        return "sources_1"

    def do_get_board_parts(self, quiet: str, pattern: str) -> tuple[str, ...]:
        wanted = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        return tuple(name for name in self.boards if wanted.fullmatch(name))

    def do_update_ip_catalog(self) -> None:
        for folder in self._list(self.properties["PROJECT", "ip_repo_paths"]):
            root = ElementTree.parse(Path(folder) / "component.xml").getroot()
            full = ":".join(root.findtext(SPIRIT + key, "") for key in ("vendor", "library", "name", "version"))
            for file in root.iter(f"{SPIRIT}file"):
                if not (Path(folder) / file.findtext(f"{SPIRIT}name", "")).is_file():
                    raise RefusedError(f"{file.findtext(f'{SPIRIT}name')} of the IP is not there")
            self.repository[full] = root
            self.folder = Path(folder)

    def do_get_ipdefs(self, pattern: str) -> tuple[str, ...]:
        name = pattern.removeprefix("xilinx.com:ip:").removesuffix(":*")
        if name in SETTINGS:
            return f"xilinx.com:ip:{name}:1.9", f"xilinx.com:ip:{name}:1.10"
        return tuple(full for full in self.repository if full == pattern)

    # properties

    def do_set_property(self, *words: str) -> None:
        pairs = self._list(words[1]) if words[0] == "-dict" else words[:2]
        if not words[-1]:
            raise RefusedError(f"set_property {words[0]}: of nothing")
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            self._set(words[-1], name, value)

    def _set(self, thing: str, name: str, value: str) -> None:
        if not thing.startswith("/"):
            self.properties[thing, name] = value
            if name == "STEPS.SYNTH_DESIGN.TCL.PRE":
                self.hook = value
            return
        cell, key = self.cells[thing[1:]], name.removeprefix("CONFIG.")
        if not name.startswith("CONFIG.") or key not in SETTINGS.get(cell.ip, set()):
            raise RefusedError(f"{cell.ip} has no setting {name}")
        cell.settings[key] = value
        asked, actual = ASKED.get(cell.ip, ("", ""))
        if key == asked:
            cell.settings[actual] = str(_divided(PLL_MHZ[cell.ip], float(value)))

    def do_get_property(self, name: str, thing: str) -> str:
        if name == "VLNV":
            return thing
        if name == "SLACK":
            return thing
        if name == "PROGRESS":
            return self.progress
        if name == "STATUS":
            return "route_design Complete!" if self.progress == "100%" else "synth_design ERROR"
        return self.cells[thing[1:]].settings[name.removeprefix("CONFIG.")]

    # block design

    def do_create_bd_design(self, name: str) -> None:
        self.steps.append(name)

    def do_create_bd_cell(self, kind: str, ip: str, flag: str, vlnv: str, name: str) -> str:
        assert (kind, ip, flag) == ("-type", "ip", "-vlnv")
        if self.steps != ["design"]:
            raise RefusedError("no block design is open")
        if name in self.cells:
            raise RefusedError(f"cell {name} is there already")
        self.cells[name] = Cell(vlnv.split(":")[2], vlnv)
        if vlnv not in self.repository and not vlnv.endswith(":1.10"):
            raise RefusedError(f"{vlnv} is not the newest")
        return f"/{name}"

    def do_apply_bd_automation(self, rule: str, name: str, flag: str, config: str, cell: str) -> None:
        words = self._list(config)
        asked = dict(zip(words[::2], words[1::2], strict=True))
        assert name == f"xilinx.com:bd_rule:{self.cells[cell[1:]].ip}"
        if asked["apply_board_preset"] not in ("0", "1") or (asked["apply_board_preset"] == "1") != bool(
            self.properties.get(("PROJECT", "board_part"))
        ):
            raise RefusedError("a preset of a board without its file, or none with it")
        self.automated = True
        self.external |= {f"{cell[1:]}/{part}" for part in asked.get("make_external", "").split(", ") if part}

    def pins(self, name: str) -> dict[str, str]:
        """Pins of a cell: "in" or "out", and what kind."""
        cell = self.cells[name]
        on = cell.on
        if cell.ip == "processing_system7":
            found = {"FCLK_CLK0": "out clock", "FCLK_RESET0_N": "out reset"} if on("PCW_FPGA_FCLK0_ENABLE") else {}
            found |= {"M_AXI_GP0_ACLK": "in clock"} if on("PCW_USE_M_AXI_GP0") else {}
            found |= {"S_AXI_HP0_ACLK": "in clock"} if on("PCW_USE_S_AXI_HP0") else {}
            irq = on("PCW_USE_FABRIC_INTERRUPT") and on("PCW_IRQ_F2P_INTR")
            return found | ({"IRQ_F2P": "in interrupt"} if irq else {})
        if cell.ip == "zynq_ultra_ps_e":
            found = {"pl_clk0": "out clock", "pl_resetn0": "out reset"} if on("PSU__FPGA_PL0_ENABLE") else {}
            for number, pin in enumerate(("maxihpm0_fpd_aclk", "maxihpm1_fpd_aclk", "maxihpm0_lpd_aclk")):
                default = "1" if number < 2 else "0"
                if cell.settings.get(f"PSU__USE__M_AXI_GP{number}", default) == "1":
                    found[pin] = "in clock"
            found |= {"saxihp0_fpd_aclk": "in clock"} if on("PSU__USE__S_AXI_GP2") else {}
            return found | ({"pl_ps_irq0": "in interrupt"} if on("PSU__USE__IRQ0") else {})
        if cell.ip == "axi_dma":
            clocks = ("s_axi_lite_aclk", "m_axi_mm2s_aclk", "m_axi_s2mm_aclk")
            found = dict.fromkeys(clocks, "in clock") | {"axi_resetn": "in reset"}
            return found | {"mm2s_introut": "out interrupt", "s2mm_introut": "out interrupt"}
        if cell.ip == "smartconnect":
            return {"aclk": "in clock", "aresetn": "in reset"}
        if cell.ip == "xlconcat":
            ports = int(cell.settings.get("NUM_PORTS", "2"))
            return {f"In{number}": "in interrupt" for number in range(ports)} | {"dout": "out interrupt"}
        if cell.ip == "proc_sys_reset":
            found = {"slowest_sync_clk": "in clock", "ext_reset_in": "in reset", "dcm_locked": "in locked"}
            return found | {"peripheral_aresetn": "out reset", "interconnect_aresetn": "out reset"}
        if cell.ip == "clk_wiz":
            low = cell.settings.get("RESET_TYPE") == "ACTIVE_LOW"
            found = {"clk_in1": "in clock", "resetn" if low else "reset": "in reset"}
            return found | {"clk_out1": "out clock", "locked": "out locked"}
        kinds = {"clock": "in clock", "reset": "in reset", "interrupt": "out interrupt"}
        return {
            bus.findtext(f".//{SPIRIT}physicalPort/{SPIRIT}name", ""): kinds[kind]
            for bus, kind in self._packaged(cell)
            if kind in kinds
        }

    def interfaces(self, name: str) -> dict[str, tuple[str, str, int]]:
        """Interfaces of a cell: master or slave, protocol, and bits of a stream, 0 where they follow the other side."""
        cell = self.cells[name]
        settings = cell.settings
        if cell.ip == "processing_system7":
            found = {"M_AXI_GP0": ("master", "aximm", 0)} if cell.on("PCW_USE_M_AXI_GP0") else {}
            found |= {"S_AXI_HP0": ("slave", "aximm", 0)} if cell.on("PCW_USE_S_AXI_HP0") else {}
            return found | {"DDR": ("master", "ddr", 0), "FIXED_IO": ("master", "io", 0)}
        if cell.ip == "zynq_ultra_ps_e":
            found = {"S_AXI_HP0_FPD": ("slave", "aximm", 0)} if cell.on("PSU__USE__S_AXI_GP2") else {}
            for number, port in enumerate(("M_AXI_HPM0_FPD", "M_AXI_HPM1_FPD", "M_AXI_HPM0_LPD")):
                if settings.get(f"PSU__USE__M_AXI_GP{number}", "1" if number < 2 else "0") == "1":
                    found[port] = ("master", "aximm", 0)
            return found
        if cell.ip == "axi_dma":
            bits = int(settings["c_m_axis_mm2s_tdata_width"]) if "c_m_axis_mm2s_tdata_width" in settings else 32
            return {
                "S_AXI_LITE": ("slave", "aximm", 0), "M_AXI_MM2S": ("master", "aximm", 0),
                "M_AXI_S2MM": ("master", "aximm", 0), "M_AXIS_MM2S": ("master", "axis", bits),
                "S_AXIS_S2MM": ("slave", "axis", 0),
            }  # fmt: skip
        if cell.ip == "smartconnect":
            slaves, masters = int(settings.get("NUM_SI", "0")), int(settings.get("NUM_MI", "0"))
            found = {f"S{number:02}_AXI": ("slave", "aximm", 0) for number in range(slaves)}
            return found | {f"M{number:02}_AXI": ("master", "aximm", 0) for number in range(masters)}
        if cell.vlnv not in self.repository:
            return {}
        found = {}
        for bus, kind in self._packaged(cell):
            if kind in ("aximm", "axis"):
                mode = "slave" if bus.find(f"{SPIRIT}slave") is not None else "master"
                facts = {
                    one.findtext(f"{SPIRIT}name"): one.findtext(f"{SPIRIT}value", "0")
                    for one in bus.iter(f"{SPIRIT}parameter")
                }
                found[bus.findtext(f"{SPIRIT}name", "")] = (mode, kind, 8 * int(facts.get("TDATA_NUM_BYTES", "0")))
        return found

    def _packaged(self, cell: Cell) -> list[tuple[ElementTree.Element, str]]:
        buses = self.repository[cell.vlnv].iter(f"{SPIRIT}busInterface")
        return [(bus, bus.find(f"{SPIRIT}busType").get(f"{SPIRIT}name")) for bus in buses]

    def _find(self, path: str, inside: Callable[[str], object]) -> str:
        cell, _, pin = path.removeprefix("/").partition("/")
        if cell not in self.cells or pin not in inside(cell):
            raise RefusedError(f"{path}: there is no such pin")
        return f"/{cell}/{pin}"

    def do_get_bd_pins(self, path: str) -> str:
        return self._find(path, self.pins)

    def do_get_bd_intf_pins(self, path: str) -> str:
        return self._find(path, self.interfaces)

    def kind_of(self, pin: str) -> str:
        _, cell, name = pin.split("/")
        return self.pins(cell)[name]

    def do_connect_bd_net(self, *pins: str) -> None:
        joined = set(pins).union(*(net for net in self.nets if net & set(pins)))
        self.nets = [net for net in self.nets if not net & joined] + [joined]
        drivers = [pin for pin in joined if self.kind_of(pin).startswith("out ")]
        if len(drivers) > 1:
            raise RefusedError(f"{' and '.join(sorted(drivers))} drive one net")
        if len({self.kind_of(pin).split()[1] for pin in joined}) > 1:
            raise RefusedError(f"a net of several kinds: {' '.join(sorted(joined))}")

    def do_connect_bd_intf_net(self, *pins: str) -> None:
        ends = [self.interfaces(pin.split("/")[1])[pin.split("/")[2]] for pin in pins]
        for pin in pins:
            if pin in self.buses:
                raise RefusedError(f"{pin} is connected already")
        if {end[0] for end in ends} != {"master", "slave"} or ends[0][1] != ends[1][1]:
            raise RefusedError(f"{' and '.join(pins)}: do not fit")
        if ends[0][2] and ends[1][2] and ends[0][2] != ends[1][2]:
            raise RefusedError(f"{' and '.join(pins)}: {ends[0][2]} and {ends[1][2]} bits")
        self.buses |= {pins[0]: pins[1], pins[1]: pins[0]}

    def do_get_bd_addr_spaces(self, path: str) -> str:
        if path != "ps/Data":
            raise RefusedError(f"{path}: there is no such space")
        return path

    def do_get_bd_addr_segs(self, path: str) -> str:
        cell, bus, block = path.split("/")
        blocks = {"Reg"}
        if self.cells[cell].vlnv in self.repository:
            every = self.repository[self.cells[cell].vlnv].iter(f"{SPIRIT}addressBlock")
            blocks = {one.findtext(f"{SPIRIT}name", "") for one in every}
        if bus not in self.interfaces(cell) or block not in blocks:
            raise RefusedError(f"{path}: there is no such segment")
        return path

    def do_assign_bd_address(self, *words: str) -> None:
        if not words:
            self.mapped = True
            return
        assert (words[0], words[2], words[4], words[5], words[7]) == (
            "-offset", "-range", "-target_address_space", "ps/Data", "-force",
        )  # fmt: skip
        base, size = int(words[1], 0), int(words[3], 0)
        low, high = (
            (0x4000_0000, 0x7FFF_FFFF) if self.cells["ps"].ip == "processing_system7" else (0xA000_0000, 0xAFFF_FFFF)
        )
        if not low <= base <= high or base % size:
            raise RefusedError(f"{words[1]}: is no address of this master")
        if any(base < other + room and other < base + size for other, room in self.segments.values()):
            raise RefusedError(f"{words[1]}: two segments lie there")
        self.segments[words[6]] = base, size

    def do_validate_bd_design(self) -> None:
        if not self.automated:
            raise RefusedError("ps: nothing says which of its ports leave the chip")
        joined = set().union(*self.nets)
        for cell in self.cells:
            for pin, kind in self.pins(cell).items():
                path = f"{cell}/{pin}"
                if kind.startswith("in ") and f"/{path}" not in joined and path not in OPTIONAL:
                    raise RefusedError(f"{path}: is connected to nothing")
            for bus in self.interfaces(cell):
                if f"/{cell}/{bus}" not in self.buses and f"{cell}/{bus}" not in self.external:
                    raise RefusedError(f"{cell}/{bus}: is connected to nothing")
        for net in self.nets:
            if not any(self.kind_of(pin).startswith("out ") for pin in net):
                raise RefusedError(f"{' '.join(sorted(net))}: no driver")
        if "clock" in self.cells and not any("/reset/dcm_locked" in net for net in self.nets):
            raise RefusedError("reset/dcm_locked: the reset does not wait for the PLL")
        before = {f"/ps/{pin}" for pin in ("FCLK_CLK0", "pl_clk0")}
        clocks = [net for net in self.nets if {self.kind_of(pin) for pin in net} == {"in clock", "out clock"}]
        if len([net for net in clocks if not ("/clock/clk_in1" in net and net - before == {"/clock/clk_in1"})]) != 1:
            raise RefusedError("more than one clock")
        if self.segments.keys() != {"accelerator/s_axi/registers", "dma/S_AXI_LITE/Reg"} or not self.mapped:
            raise RefusedError("something has no address")
        self._check_dma(self.cells["dma"].settings)
        self.valid = True

    def _check_dma(self, dma: dict[str, str]) -> None:
        bits = int(dma.get("c_m_axis_mm2s_tdata_width", "32"))
        if int(dma.get("c_m_axi_mm2s_data_width", "0")) < max(32, bits):
            raise RefusedError("the DMA reads less than it sends")
        if dma.get("c_m_axi_s2mm_data_width") != "64":
            raise RefusedError("the DMA writes less than it receives")
        if (dma.get("c_include_sg"), dma.get("c_sg_length_width")) != ("0", "26"):
            raise RefusedError("the DMA is none that the driver drives")

    def do_save_bd_design(self) -> None:
        assert self.valid

    # runs

    def do_get_files(self, name: str) -> str:
        assert name == "design.bd"
        return "design.bd"

    def do_generate_target(self, what: str, file: str) -> None:
        assert (what, file, self.valid) == ("all", "design.bd", True)
        if self.properties.get(("design.bd", "synth_checkpoint_mode")) != "None":
            raise RefusedError("each IP would be synthesized where its images are not")
        place = self.project / f"{self.name}.gen/sources_1/bd/design/hw_handoff"
        place.mkdir(parents=True, exist_ok=True)
        root = ElementTree.Element("EDKSYSTEM")
        modules = ElementTree.SubElement(root, "MODULES")
        for name, cell in self.cells.items():
            module = ElementTree.SubElement(modules, "MODULE", FULLNAME=f"/{name}", VLNV=cell.vlnv)
            for key, value in cell.settings.items():
                ElementTree.SubElement(module, "PARAMETER", NAME=key.upper(), VALUE=value)
        for segment, (base, _) in self.segments.items():
            ElementTree.SubElement(root, "MEMRANGE", INSTANCE=segment.split("/")[0], BASEVALUE=f"0x{base:08X}")
        ElementTree.ElementTree(root).write(place / "design.hwh")

    def do_make_wrapper(self, files: str, file: str, top: str) -> str:
        assert (files, file, top) == ("-files", "design.bd", "-top")
        return "design_wrapper.v"

    def do_add_files(self, flag: str, file: str) -> None:
        self.steps.append(file)

    def do_update_compile_order(self, flag: str, fileset: str) -> None:
        assert (flag, fileset) == ("-fileset", "sources_1")

    def do_get_runs(self, name: str) -> str:
        return name

    def do_launch_runs(self, name: str, flag: str, jobs: str) -> None:
        top = self.properties.get(("sources_1", "top"))
        if top != "design_wrapper" or self.steps != ["design", "design_wrapper.v"]:
            raise RefusedError("the top is not the wrapper")
        place = self.project / "runs" / "synth_1"
        place.mkdir(parents=True, exist_ok=True)
        if self.hook is not None:
            here = self.tcl.call("pwd")
            self.tcl.call("cd", str(place))
            try:
                self.tcl.call("source", self.hook)
            finally:
                self.tcl.call("cd", here)
        for source in (self.folder / "src").glob("*.sv"):
            for image in re.findall(r'"(\w+/\w+\.hex)"', source.read_text()):
                if not any(
                    place.glob(f"{image}*")
                ):  # rows of a memory that is written at run time have files of their own
                    raise RefusedError(f"{image}: is not where synthesis runs")
        self.steps.append("launched")

    def do_wait_on_run(self, name: str) -> None:
        self.steps.append("waited")

    def do_open_run(self, name: str) -> None:
        if self.steps[-2:] != ["launched", "waited"]:
            raise RefusedError("a run is opened that has not ended")
        self.opened = True

    def do_report_utilization(self, flag: str, file: str) -> None:
        if not self.opened:
            raise RefusedError("a report of no design")
        Path(file).write_text("")

    do_report_timing_summary = do_report_utilization

    def do_get_timing_paths(self, flag: str, kind: str, most: str, count: str) -> str:
        self.steps.append(f"timed {kind}")
        return str(self.slack[("max", "min").index(kind)])

    def do_write_bitstream(self, force: str, file: str) -> None:
        if {"timed max", "timed min"} - set(self.steps):
            raise RefusedError("a bitstream whose timing was not looked at")
        Path(file).write_text("bits")


def _divided(pll: float, wish: float) -> float:
    """The nearest clock that two dividers of 1 to 63 make of a PLL, MHz."""
    every = {pll / (one * two) for one in range(1, 64) for two in range(1, 64)}
    return min(every, key=lambda clock: abs(clock - wish))
