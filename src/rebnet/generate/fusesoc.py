"""A FuseSoC core (CAPI2): the accelerator as a package that other flows take in.

`fusesoc --cores-root BUILD run --target lint rebnet:accelerators:accelerator` builds it; a design of one's own names it
under `depend`. Memory images are copied to where the tool runs, under the names that the sources have for them.
"""

from rebnet.records import Ports

CORE_FILE = "accelerator.core"
VENDOR, LIBRARY, VERSION = "rebnet", "accelerators", "1.0.0"


def core_text(ports: Ports, description: str) -> str:
    """The core file of the build that `ports` (ports.json) describes; file names are relative to the build."""
    sources = "".join(f"      - {file}\n" for file in ports.files)
    memories = "".join(f"      - {file}: {{copyto: {file}}}\n" for file in ports.memories)
    if memories:
        memories = f"  memories:\n    files:\n{memories}    file_type: user\n"
    return _CORE.format(
        name=f"{VENDOR}:{LIBRARY}:{ports.top}:{VERSION}",
        description=description.replace("'", "''"),
        sources=sources,
        memories=memories,
        filesets="rtl, memories" if memories else "rtl",
        top=ports.top,
    )


_CORE = """\
CAPI=2:
name: {name}
description: '{description}'

filesets:
  rtl:
    files:
{sources}    file_type: systemVerilogSource
{memories}
targets:
  default: &default
    filesets: [{filesets}]
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
    toplevel: {top}
  synth:
    <<: *default
    default_tool: vivado
    toplevel: {top}
"""
