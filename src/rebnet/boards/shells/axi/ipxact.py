"""The AXI shell as a packaged IP: `component.xml`, IP-XACT (IEEE 1685-2009) with the names that Vivado reads.

Buses, their types and parameters: AMD UG1118 (creating and packaging custom IP), UG994 (clocks and resets of buses).
"""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from rebnet.boards.shells.axi.registers import LOAD_REGISTERS, REGISTERS, Access, Register
from rebnet.records.shell import ShellBuild

FILE = "component.xml"
VENDOR, LIBRARY, VERSION = "rebnet", "accelerators", "1.0"
BLOCK = "registers"
"""Name of the block of addresses; Vivado's segment is NAME/s_axi/registers."""

_SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_XILINX = "http://www.xilinx.com"
_FAMILIES = ("zynq", "zynquplus")
_ACCESS: dict[Access, str] = {
    "read": "read-only",
    "read, write": "read-write",
    "read, write 1 to clear": "read-write",
    "read, write 1 to do": "read-write",
}
_WRITE_ONE: dict[Access, str] = {"read, write 1 to clear": "oneToClear"}
_LITE = {
    "aw": (("addr", "in"), ("valid", "in"), ("ready", "out")),
    "w": (("data", "in"), ("strb", "in"), ("valid", "in"), ("ready", "out")),
    "b": (("resp", "out"), ("valid", "out"), ("ready", "in")),
    "ar": (("addr", "in"), ("valid", "in"), ("ready", "out")),
    "r": (("data", "out"), ("resp", "out"), ("valid", "out"), ("ready", "in")),
}
_STREAM = ("tdata", "tkeep", "tvalid", "tready", "tlast")


def vlnv(top: str) -> str:
    """Vendor, library, name and version of the IP whose top module is `top`; a block of that type is the shell."""
    return f"{VENDOR}:{LIBRARY}:{top}:{VERSION}"


def ports(shell: ShellBuild) -> dict[str, tuple[str, int]]:
    """The ports of the top in their order: "in" or "out", and how many bits."""
    widths = {"addr": shell.address_bits, "data": 32, "strb": 4, "resp": 2}
    found = {shell.clock: ("in", 1), "aresetn": ("in", 1)}
    for channel in ("aw", "w", "b", "ar", "r"):
        found |= {f"s_axi_{channel}{name}": (way, widths.get(name, 1)) for name, way in _LITE[channel]}
    images, answers = shell.s_axis.tdata_bits, shell.m_axis.tdata_bits
    found |= {"s_axis_tdata": ("in", images), "s_axis_tvalid": ("in", 1)}
    found |= {"s_axis_tready": ("out", 1), "s_axis_tlast": ("in", 1)}
    found |= {"m_axis_tdata": ("out", answers), "m_axis_tkeep": ("out", answers // 8), "m_axis_tvalid": ("out", 1)}
    return found | {"m_axis_tready": ("in", 1), "m_axis_tlast": ("out", 1), shell.irq: ("out", 1)}


def component_text(shell: ShellBuild, sources: Sequence[str], memories: Iterable[str] = ()) -> str:
    """`component.xml` of a shell.

    Args:
        shell: the record of shell.json.
        sources: its files in the order that tools read them, relative to the folder of component.xml; the top last.
        memories: images that the sources read.
    """
    root = Element("spirit:component", {"xmlns:spirit": _SPIRIT, "xmlns:xilinx": _XILINX})
    _texts(root, vendor=VENDOR, library=LIBRARY, name=shell.top, version=VERSION)
    root.extend((_buses(shell), _memory_map(shell), _model(shell), _file_sets(sources, memories)))
    _texts(root, description=f"Binarized network {shell.network[:12]} with registers, for a DMA; made by rebnet.")
    _parameters(root, "PARAM_VALUE", {"Component_Name": f"{shell.top}_v1_0"})
    root.append(_xilinx(shell))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _buses(shell: ShellBuild) -> Element:
    every = ports(shell)
    found = Element("spirit:busInterfaces")
    lite = {name.removeprefix("s_axi_").upper(): name for name in every if name.startswith("s_axi_")}
    slave = _bus(found, "s_axi", "interface", "aximm", "slave", lite, {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32"})
    ElementTree.SubElement(slave, "spirit:memoryMapRef", {"spirit:memoryMapRef": "s_axi"})
    for bus, mode, bits in (
        ("s_axis", "slave", shell.s_axis.tdata_bits),
        ("m_axis", "master", shell.m_axis.tdata_bits),
    ):
        wires = {name.upper(): f"{bus}_{name}" for name in _STREAM if f"{bus}_{name}" in every}
        facts = {"TDATA_NUM_BYTES": str(bits // 8), "HAS_TREADY": "1", "HAS_TLAST": "1"}
        _bus(found, bus, "interface", "axis", mode, wires, facts | {"HAS_TKEEP": str(int("TKEEP" in wires))})
    clock = {"ASSOCIATED_BUSIF": "s_axi:s_axis:m_axis", "ASSOCIATED_RESET": "aresetn", "FREQ_TOLERANCE_HZ": "-1"}
    _bus(found, shell.clock, "signal", "clock", "slave", {"CLK": shell.clock}, clock)
    _bus(found, "aresetn", "signal", "reset", "slave", {"RST": "aresetn"}, {"POLARITY": "ACTIVE_LOW"})
    level = {"SENSITIVITY": "LEVEL_HIGH"}
    _bus(found, shell.irq, "signal", "interrupt", "master", {"INTERRUPT": shell.irq}, level)
    return found


def _bus(
    parent: Element, name: str, library: str, kind: str, mode: str, wires: dict[str, str], parameters: dict[str, str]
) -> Element:
    """One bus; returns the element of its mode."""
    bus = ElementTree.SubElement(parent, "spirit:busInterface")
    _texts(bus, name=name)
    for element, suffix in (("busType", ""), ("abstractionType", "_rtl")):
        facts = {"vendor": "xilinx.com", "library": library, "name": kind + suffix, "version": "1.0"}
        ElementTree.SubElement(bus, f"spirit:{element}", {f"spirit:{key}": value for key, value in facts.items()})
    way = ElementTree.SubElement(bus, f"spirit:{mode}")
    maps = ElementTree.SubElement(bus, "spirit:portMaps")
    for logical, physical in wires.items():
        pair = ElementTree.SubElement(maps, "spirit:portMap")
        _texts(ElementTree.SubElement(pair, "spirit:logicalPort"), name=logical)
        _texts(ElementTree.SubElement(pair, "spirit:physicalPort"), name=physical)
    _parameters(bus, f"BUSIFPARAM_VALUE.{name.upper()}", parameters)
    return way


def _memory_map(shell: ShellBuild) -> Element:
    maps = Element("spirit:memoryMaps")
    one = ElementTree.SubElement(maps, "spirit:memoryMap")
    _texts(one, name="s_axi")
    block = ElementTree.SubElement(one, "spirit:addressBlock")
    _texts(block, name=BLOCK, baseAddress="0", range=str(1 << shell.address_bits), width="32")
    _texts(block, usage="register", access="read-write")
    for register in (*REGISTERS, *LOAD_REGISTERS):
        if register.name in shell.registers:
            _register(block, register)
    return maps


def _register(block: Element, register: Register) -> None:
    element = ElementTree.SubElement(block, "spirit:register")
    _texts(element, name=register.name, description=register.text)
    if register.words > 1:
        _texts(element, dim=str(register.words))
    _texts(element, addressOffset=f"0x{register.address:X}", size="32")
    _texts(element, volatile=str(not register.fact).lower(), access=_ACCESS[register.access])
    for field in register.fields:
        bits = ElementTree.SubElement(element, "spirit:field")
        _texts(bits, name=field.name, description=field.text, bitOffset=str(field.low), bitWidth=str(field.width))
        _texts(bits, access=_ACCESS[register.access])
        if register.access in _WRITE_ONE:
            _texts(bits, modifiedWriteValue=_WRITE_ONE[register.access])


def _model(shell: ShellBuild) -> Element:
    model = Element("spirit:model")
    views = ElementTree.SubElement(model, "spirit:views")
    for name, use in _VIEWS.items():
        view = ElementTree.SubElement(views, "spirit:view")
        _texts(view, name=name, envIdentifier=f":vivado.xilinx.com:{use}", language="Verilog", modelName=shell.top)
        _texts(ElementTree.SubElement(view, "spirit:fileSetRef"), localName=name)
    every = ElementTree.SubElement(model, "spirit:ports")
    for port, (way, bits) in ports(shell).items():
        element = ElementTree.SubElement(every, "spirit:port")
        _texts(element, name=port)
        wire = ElementTree.SubElement(element, "spirit:wire")
        _texts(wire, direction=way)
        if bits > 1 or port.endswith(("tdata", "tkeep")):
            vector = ElementTree.SubElement(wire, "spirit:vector")
            _texts(vector, left=str(bits - 1), right="0")
    return model


_VIEWS = {"xilinx_anylanguagesynthesis": "synthesis", "xilinx_anylanguagebehavioralsimulation": "simulation"}


def _file_sets(sources: Sequence[str], memories: Iterable[str]) -> Element:
    sets = Element("spirit:fileSets")
    images = tuple(memories)
    for name in _VIEWS:
        one = ElementTree.SubElement(sets, "spirit:fileSet")
        _texts(one, name=name)
        for file in (*images, *sources):
            kind = {"sv": "systemVerilogSource", "v": "verilogSource"}.get(file.rpartition(".")[2], "unknown")
            _texts(ElementTree.SubElement(one, "spirit:file"), name=file, fileType=kind)
    return sets


def _xilinx(shell: ShellBuild) -> Element:
    extensions = Element("spirit:vendorExtensions")
    core = ElementTree.SubElement(extensions, "xilinx:coreExtensions")
    families = ElementTree.SubElement(core, "xilinx:supportedFamilies")
    for family in _FAMILIES:
        ElementTree.SubElement(families, "xilinx:family", {"xilinx:lifeCycle": "Production"}).text = family
    taxonomies = ElementTree.SubElement(core, "xilinx:taxonomies")
    ElementTree.SubElement(taxonomies, "xilinx:taxonomy").text = "/UserIP"
    ElementTree.SubElement(core, "xilinx:displayName").text = shell.top
    ElementTree.SubElement(core, "xilinx:coreRevision").text = "1"
    return extensions


def _parameters(parent: Element, prefix: str, values: dict[str, str]) -> None:
    found = ElementTree.SubElement(parent, "spirit:parameters")
    for name, value in values.items():
        parameter = ElementTree.SubElement(found, "spirit:parameter")
        _texts(parameter, name=name)
        ElementTree.SubElement(parameter, "spirit:value", {"spirit:id": f"{prefix}.{name.upper()}"}).text = value


def _texts(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, f"spirit:{name}").text = text
