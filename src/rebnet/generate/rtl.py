"""A lowered network and its folding as SystemVerilog and memory images."""

import shutil
from pathlib import Path
from typing import Any

from rebnet.files import file_hash, make_folder, write_record, write_text
from rebnet.generate.fusesoc import CORE_FILE, core_text
from rebnet.generate.memory import columns, score_words, threshold_words, to_hex, weight_words
from rebnet.generate.top import Plan, plan_text, top_text
from rebnet.ir import storage
from rebnet.ir.ops import Network, Scores
from rebnet.rtl import MODULES, source
from rebnet.rtl.accelerator import Accelerator
from rebnet.rtl.folding import FOLDING_FILE, read_accelerator, read_depths
from rebnet.rtl.ports import PORTS_FILE
from rebnet.rtl.thresholds import layer_constants
from rebnet.rtl.widths import USER_BITS, Widths, widths_of

TOP_NAME = "accelerator"


def write_rtl(build: Path, name: str = TOP_NAME, memory: str = "mem") -> dict[str, Any]:
    """Write `rtl/`, `mem/`, `ports.json` and a FuseSoC core for the network and folding in `build`.

    Args:
        build: folder with network.json, tensors.safetensors and folding.json.
        name: name of the top module.
        memory: folder of the memory images, relative to where the simulator runs.

    Returns:
        The record of ports.json.

    Raises:
        FileFormatError: a record is missing or damaged.
        FoldingError: the folding does not fit the network.
    """
    network = storage.load(build)
    folding = build / FOLDING_FILE
    accelerator = read_accelerator(folding, network)
    depths = read_depths(folding, accelerator)
    widths = widths_of(network)
    for folder in (build / "rtl", build / memory):
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
    for module in MODULES:
        write_text(build / "rtl" / f"{module}.sv", source(module).read_text())
    plan = Plan(network, accelerator, depths, widths, name, memory)
    write_text(build / "rtl" / f"{name}.sv", top_text(plan))
    memories = _memories(network, accelerator, widths)
    for file, text in memories.items():
        write_text(build / memory / file, text)
    record = _ports(build, name, network, accelerator, widths)
    record = {**record, "memories": [f"{memory}/{file}" for file in memories]}
    write_record(build / PORTS_FILE, record)
    write_text(build / CORE_FILE, core_text(record, plan_text(plan)))
    return record


def _memories(network: Network, accelerator: Accelerator, widths: Widths) -> dict[str, str]:
    """The memory images by file name, in the order that data meets them."""
    last = network.ops[-1]
    assert isinstance(last, Scores)
    constants = layer_constants(network)
    memories: dict[str, str] = {}
    for index, (dense, layer) in enumerate(zip(network.dense, accelerator.layers, strict=True)):
        memories |= columns(f"{layer.name}_weights.hex", weight_words(dense, layer), layer.weight_column)
        if layer.levels_out:
            words = threshold_words(constants[index].threshold, layer, constants[index].bits)
            memories[f"{layer.name}_thresholds.hex"] = to_hex(words)
    memories["scores.hex"] = to_hex(score_words(last, network.dense[-1], widths.score))
    return memories


def _ports(build: Path, name: str, network: Network, accelerator: Accelerator, widths: Widths) -> dict[str, Any]:
    p = accelerator.samples_per_beat
    image = network.input
    return {
        "inputs": {"network": file_hash(build / storage.NETWORK_FILE), "folding": file_hash(build / FOLDING_FILE)},
        "top": name,
        "files": [f"rtl/{module}.sv" for module in (*MODULES, name)],
        "clock": "aclk",
        "reset": "aresetn (active low, synchronous)",
        "s_axis": {
            "tdata_bits": 8 * p,
            "tuser_bits": USER_BITS,
            "samples_per_beat": p,
            "beats_per_image": accelerator.beats_in,
            "image": [image.height, image.width, image.channels],
            "order": "height, width, channel",
        },
        "m_axis": {
            "tdata_bits": 8 * widths.score_bytes,
            "tuser_bits": USER_BITS,
            "score_bits": widths.score,
            "beats_per_image": accelerator.beats_out,
        },
        "levels": list(network.served),
    }
