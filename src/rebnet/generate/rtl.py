"""A lowered network and its folding as SystemVerilog and memory images."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import OptionError
from rebnet.files import file_hash, make_folder, write_record, write_text
from rebnet.generate.bus import address_bits, bus_bits, latency_cycles, windows_of, words_of
from rebnet.generate.fusesoc import CORE_FILE, core_text
from rebnet.generate.images import memory_files, memory_words, roms_of
from rebnet.generate.top import Top, plan_text, top_text
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.plain import NAME
from rebnet.records import ABSENT
from rebnet.records.ports import InputStream, OutputStream, Ports, RuntimeWeights
from rebnet.records.record import Absent
from rebnet.rtl import BRANCHES, HELD, MODULES, WRITABLE, source
from rebnet.rtl import writable as runtime
from rebnet.rtl.ports import CLOCK, MEMORY_FOLDER, PORTS_FILE
from rebnet.spec.residual import Bits
from rebnet.stages.ends import USER_BITS
from rebnet.stages.folding import FOLDING_FILE, read_accelerator, read_depths
from rebnet.stages.runtime_weights import for_any_weights, gain_bits_of
from rebnet.swap import put, workplace

TOP_NAME = "accelerator"


@dataclass(frozen=True)
class Generated:
    """What follows from a network and its folding: every file by its name, relative to the build, and its text.

    Attributes:
        sources: SystemVerilog, in the order that data meets the modules, the top one last.
        memories: memory images.
        ports: record of ports.json.
        core: text of the FuseSoC core.
        edited: files of a build that were taken though they say something else; see `rebnet.generate.check`.
    """

    sources: dict[str, str]
    memories: dict[str, str]
    ports: Ports
    core: str
    edited: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write sources and memory images into a folder for a tool, which need not outlive the machine."""
        for file, text in (self.sources | self.memories).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")


def generated(
    build: Path, name: str = TOP_NAME, memory: str = MEMORY_FOLDER, *, runtime_weights: bool = False
) -> Generated:
    """The SystemVerilog and the memory images of the network and folding in `build`, made anew; nothing is written.

    Args:
        build: folder with network.json, tensors.safetensors and folding.json.
        name: name of the top module.
        memory: folder of the memory images, relative to where the simulator runs.
        runtime_weights: constants can be written at run time.

    Raises:
        FileFormatError: a record is missing or damaged.
        FoldingError: the folding does not fit the network.
        OptionError: a name that is none in SystemVerilog, or a network whose constants cannot be written at run time.
    """
    for key, value in (("name", name), ("memory", memory)):
        if NAME.fullmatch(value) is None:
            raise OptionError(f"{key}={value!r}: use letters, digits and '_', at most 64, not a digit first")
    plan, words = planned(build, storage.load(build), name, memory, runtime_weights=runtime_weights)
    accelerator = plan.accelerator
    sources = {f"rtl/{module}.sv": _text(module, runtime_weights) for module in _modules(plan)}
    sources[f"rtl/{name}.sv"] = top_text(plan)
    images = memory_files(words, accelerator, runtime_weights=runtime_weights)
    memories = {f"{memory}/{file}": text for file, text in images.items()}
    record = _ports(build, plan, list(sources), tuple(memories))
    return Generated(sources, memories, record, core_text(record, plan_text(plan)))


def planned(
    build: Path, network: Network, name: str, memory: str, *, runtime_weights: bool, gain_bits: int | None = None
) -> tuple[Top, Mapping[str, Bits]]:
    """The top level of a network at the folding in `build`, and the words of its memories; see `generated`.

    `gain_bits` is that of an accelerator which is there already.
    """
    folding = build / FOLDING_FILE
    accelerator = read_accelerator(folding, network)
    depths = read_depths(folding, accelerator)
    gain_bits = gain_bits or gain_bits_of(accelerator)
    if runtime_weights:
        accelerator = for_any_weights(accelerator, network, gain_bits)
    words = memory_words(network, accelerator, runtime_weights=runtime_weights)
    windows = windows_of(words, roms_of(accelerator)) if runtime_weights else None
    return Top(network, accelerator, depths, name, memory, windows, gain_bits), words


def shape_of(plan: Top) -> str:
    """What all networks share that can be written into an accelerator: 32 bits of its top level's hash, in hex."""
    return hashlib.sha256(top_text(plan).encode()).hexdigest()[:8]


def write_rtl(
    build: Path, name: str = TOP_NAME, memory: str = MEMORY_FOLDER, *, runtime_weights: bool = False
) -> Ports:
    """Write `rtl/`, `mem/`, `ports.json` and a FuseSoC core for the network and folding in `build`.

    Arguments and errors as in `generated`.

    Returns:
        The record of ports.json.
    """
    made = generated(build, name, memory, runtime_weights=runtime_weights)
    with workplace(build, "rtl") as work:
        for file, text in (made.sources | made.memories).items():
            write_text(work / file, text)
        make_folder(work / memory)  # of an unrolled network there is nothing in it
        write_text(work / CORE_FILE, made.core)
        write_record(work / PORTS_FILE, made.ports)
        put([work / name for name in ("rtl", memory, CORE_FILE, PORTS_FILE)], build)  # what the others hang on last
    return made.ports


def _modules(plan: Top) -> list[str]:
    """The modules of an accelerator, in the order that data meets them; a chain has none of those of branches."""
    own = {module.name for module in plan.accelerator.modules(plan.depths)}
    some = {*BRANCHES, *(module for modules in HELD.values() for module in modules)}
    some.add(WRITABLE if plan.windows is None else "rom")
    own |= {module for unit in own for module in HELD.get(unit, ())}
    return [module for module in MODULES if module not in some or module in own]


def _text(module: str, runtime_weights: bool) -> str:
    """A module's text: the library's, or where its constants are written at run time that with other memories."""
    if runtime_weights and module in runtime.MODULES:
        return runtime.writable(module)
    return source(module).read_text()


def _ports(build: Path, plan: Top, sources: Sequence[str], memories: tuple[str, ...]) -> Ports:
    network, accelerator = plan.network, plan.accelerator
    p = accelerator.samples_per_beat
    image = network.input
    return Ports(
        inputs={"network": file_hash(build / storage.NETWORK_FILE), "folding": file_hash(build / FOLDING_FILE)},
        top=plan.name,
        files=tuple(sources),
        clock=CLOCK,
        reset="aresetn (active low, synchronous)",
        s_axis=InputStream(
            tdata_bits=8 * p,
            tuser_bits=USER_BITS,
            samples_per_beat=p,
            beats_per_image=accelerator.beats_in,
            image=(image.height, image.width, image.channels),
            order="height, width, channel",
        ),
        m_axis=OutputStream(
            tdata_bits=8 * accelerator.scores.beat_bytes,
            tuser_bits=USER_BITS,
            score_bits=accelerator.scores.score_width,
            score_units=network.score_units or None,
            beats_per_image=accelerator.beats_out,
            scores_per_beat=accelerator.scores.per_beat if accelerator.scores.at_once else ABSENT,
        ),
        error="error_tlast (high until the reset once s_axis_tlast disagreed with the count of beats)",
        levels=network.served,
        memories=memories,
        runtime_weights=runtime_weights_of(plan),
    )


def runtime_weights_of(plan: Top) -> RuntimeWeights | Absent:
    """The configuration bus as ports.json tells it, where there is one."""
    if plan.windows is None:
        return ABSENT
    return RuntimeWeights(
        shape=shape_of(plan),
        gain_bits=plan.gain_bits,
        address_bits=address_bits(plan.windows),
        bus_bits=bus_bits(plan.windows),
        latency_cycles=latency_cycles(plan.windows, roms_of(plan.accelerator)),
        words=words_of(plan.windows),
        memories=plan.windows,
    )
