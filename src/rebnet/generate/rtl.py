"""A lowered network and its folding as SystemVerilog and memory images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import OptionError
from rebnet.files import file_hash, make_folder, write_record, write_text
from rebnet.generate.fusesoc import CORE_FILE, core_text
from rebnet.generate.memory import (
    columns,
    encoder_words,
    rescale_words,
    score_words,
    threshold_words,
    to_hex,
    two_slope_words,
    weight_words,
)
from rebnet.generate.top import Top, plan_text, top_text
from rebnet.ir import storage
from rebnet.ir.features import Rescale, TwoSlope
from rebnet.ir.network import Network
from rebnet.ir.ops import Scores
from rebnet.plain import NAME
from rebnet.records import ABSENT
from rebnet.records.ports import InputStream, OutputStream, Ports
from rebnet.rtl import BRANCHES, MODULES, UNROLLED, source
from rebnet.rtl.ports import CLOCK, MEMORY_FOLDER, PORTS_FILE
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.branches import encoder_constants, rescale_constants
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import USER_BITS
from rebnet.stages.features import EncoderUnit, RescaleUnit
from rebnet.stages.folding import FOLDING_FILE, read_accelerator, read_depths
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.ranges import ranges_of
from rebnet.stages.thresholds import layer_constants
from rebnet.stages.two_slope import TwoSlopeUnit
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


def generated(build: Path, name: str = TOP_NAME, memory: str = MEMORY_FOLDER) -> Generated:
    """The SystemVerilog and the memory images of the network and folding in `build`, made anew; nothing is written.

    Args:
        build: folder with network.json, tensors.safetensors and folding.json.
        name: name of the top module.
        memory: folder of the memory images, relative to where the simulator runs.

    Raises:
        FileFormatError: a record is missing or damaged.
        FoldingError: the folding does not fit the network.
        OptionError: a name that is none in SystemVerilog.
    """
    for key, value in (("name", name), ("memory", memory)):
        if NAME.fullmatch(value) is None:
            raise OptionError(f"{key}={value!r}: use letters, digits and '_', at most 64, not a digit first")
    network = storage.load(build)
    folding = build / FOLDING_FILE
    accelerator = read_accelerator(folding, network)
    depths = read_depths(folding, accelerator)
    plan = Top(network, accelerator, depths, name, memory)
    modules = _modules(accelerator, depths)
    sources = {f"rtl/{module}.sv": source(module).read_text() for module in modules}
    sources[f"rtl/{name}.sv"] = top_text(plan)
    images = _memories(network, accelerator)
    memories = {f"{memory}/{file}": text for file, text in images.items()}
    record = _ports(build, name, network, accelerator, list(sources), tuple(memories))
    return Generated(sources, memories, record, core_text(record, plan_text(plan)))


def write_rtl(build: Path, name: str = TOP_NAME, memory: str = MEMORY_FOLDER) -> Ports:
    """Write `rtl/`, `mem/`, `ports.json` and a FuseSoC core for the network and folding in `build`.

    Arguments and errors as in `generated`.

    Returns:
        The record of ports.json.
    """
    made = generated(build, name, memory)
    with workplace(build, "rtl") as work:
        for file, text in (made.sources | made.memories).items():
            write_text(work / file, text)
        make_folder(work / memory)  # of an unrolled network there is nothing in it
        write_text(work / CORE_FILE, made.core)
        write_record(work / PORTS_FILE, made.ports)
        put([work / name for name in ("rtl", memory, CORE_FILE, PORTS_FILE)], build)  # what the others hang on last
    return made.ports


def _modules(accelerator: Accelerator, depths: Depths) -> list[str]:
    """The modules of an accelerator, in the order that data meets them; a chain has none of those of branches."""
    own = {module.name for module in accelerator.modules(depths)}
    some = {*BRANCHES, *(module for modules in UNROLLED.values() for module in modules)}
    own |= {module for unit in own for module in UNROLLED.get(unit, ())}
    return [module for module in MODULES if module not in some or module in own]


def _memories(network: Network, accelerator: Accelerator) -> dict[str, str]:
    """The memory images by file name, in the order that data meets them."""
    scores, ranges = network.answers[0], ranges_of(network)
    assert isinstance(scores.op, Scores)
    memories: dict[str, str] = {}
    for unit in accelerator.stages:
        node = network.by_name[accelerator.computes.get(unit.instance, (scores.name,))[0]]
        match unit:
            case Mvtu() if unit.unrolled:
                pass  # its constants are parameters
            case Mvtu():
                weights = weight_words(network.layer(node.name), unit)
                memories |= columns(f"{unit.name}_weights.hex", weights, unit.weight_column)
                constants = layer_constants(network, node.name)
                if constants is not None:
                    words = threshold_words(constants.threshold, unit, constants.bits)
                    memories[f"{unit.name}_thresholds.hex"] = to_hex(words)
            case RescaleUnit():
                layer = network.layer_of(node)
                assert layer is not None
                assert isinstance(node.op, Rescale)
                numbers = rescale_constants(node.op, layer.op.reaches, ranges[node.name].offset)
                memories[f"{unit.name}_constants.hex"] = to_hex(rescale_words(*numbers, unit))
            case TwoSlopeUnit():
                assert isinstance(node.op, TwoSlope)
                (source,) = network.sources(node)
                own = two_slope_words(node.op, ranges[source], ranges[node.name], unit)
                memories[f"{unit.name}_constants.hex"] = to_hex(own)
            case EncoderUnit():
                threshold = encoder_constants(network, node, ranges).threshold
                memories[f"{unit.name}_thresholds.hex"] = to_hex(encoder_words(threshold, unit))
    last = network.layer_of(scores)
    assert last is not None
    if accelerator.scores.at_once:
        return memories
    memories["scores.hex"] = to_hex(score_words(scores.op, last.op, accelerator.scores.score_width))
    return memories


def _ports(
    build: Path,
    name: str,
    network: Network,
    accelerator: Accelerator,
    sources: Sequence[str],
    memories: tuple[str, ...],
) -> Ports:
    p = accelerator.samples_per_beat
    image = network.input
    return Ports(
        inputs={"network": file_hash(build / storage.NETWORK_FILE), "folding": file_hash(build / FOLDING_FILE)},
        top=name,
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
    )
