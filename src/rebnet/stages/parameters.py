"""Parameters of every module of an accelerator, as its top level gives them: one place for generator and cost model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rebnet.ir.network import Network
from rebnet.stages.accelerator import Accelerator, Depths
from rebnet.stages.geometry import Converter, Mvtu, WindowUnit
from rebnet.stages.memories import ram_style, rom_style
from rebnet.stages.thresholds import layer_constants
from rebnet.stages.widths import USER_BITS, Widths, widths_of

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Module:
    """An instance of a module of the library.

    Attributes:
        name: of the module.
        parameters: by the names of the RTL; memory images left out.
        of: name of the instance.
    """

    name: str
    parameters: Parameters
    of: str = ""


def modules_of(network: Network, accelerator: Accelerator, depths: Depths) -> Iterator[Module]:
    """Every module below the top level, in the order that data meets them."""
    widths = widths_of(network)
    yield Module("pixel_input", pixel_parameters(network, accelerator, widths), "pixels")
    for stage in accelerator.stages:
        match stage:
            case Converter():
                yield Module("width_converter", converter_parameters(stage, widths.level), stage.name)
            case WindowUnit():
                name = "max_pool" if stage.pool else "sliding_window"
                yield Module(
                    name, window_parameters(stage, widths.level, depths[stage.channels[0].name]), stage.instance
                )
            case Mvtu():
                yield Module("mvtu", mvtu_parameters(network, stage, widths, depths), stage.name)
    yield Module("scores", scores_parameters(network, accelerator, widths), "classes")


def pixel_parameters(network: Network, accelerator: Accelerator, widths: Widths) -> Parameters:
    """Parameters of the accelerator's door."""
    return {
        "SAMPLES": accelerator.samples,
        "P": accelerator.samples_per_beat,
        "BITS": network.input.bits,
        "LEVELS": network.levels,
        "LEVEL_WIDTH": widths.level,
        "USER_WIDTH": USER_BITS,
        "RUNTIME_LEVELS": int(len(network.served) > 1),
    }


def converter_parameters(stage: Converter, level_width: int) -> Parameters:
    """Parameters of a width converter."""
    return {
        "IN": stage.elements_in,
        "OUT": stage.elements_out,
        "PLANES": stage.planes,
        "VECTOR": stage.vector,
        "LEVEL_WIDTH": level_width,
    }


def window_parameters(stage: WindowUnit, level_width: int, depth: int) -> Parameters:
    """Parameters of a sliding window or a max-pool."""
    pads = {} if stage.pool else {"PAD_Y": stage.pad[0], "PAD_X": stage.pad[1]}
    return {
        "PLANES": stage.planes,
        "LEVEL_WIDTH": level_width,
        "KERNEL": stage.window.kernel,
        "STRIDE": stage.window.stride,
        **pads,
        "HEIGHT": stage.height,
        "WIDTH": stage.width,
        "OUT_HEIGHT": stage.out_shape[0],
        "OUT_WIDTH": stage.out_shape[1],
        "CHANNELS": stage.channels_in,
        "WORD": stage.word,
        "READS": stage.reads,
        "WRITES": stage.writes,
        "DEPTH": depth,
        "STYLE": _quoted(ram_style(stage.planes * stage.writes * stage.word, depth // stage.writes)),
    }


def mvtu_parameters(network: Network, layer: Mvtu, widths: Widths, depths: Depths) -> Parameters:
    """Parameters of a matrix-vector unit, its memory images left out."""
    buffer, out = (depths[channel.name] for channel in layer.channels)
    sets, bits = 1, widths.threshold
    if layer.levels_out:
        constants = layer_constants(network)[layer.name]
        sets, bits = constants.sets, constants.bits
    thresholds = layer.drain * layer.levels_out * bits, sets * layer.folds * layer.drain_words
    return {
        "ROWS": layer.rows,
        "COLS": layer.cols,
        "PE": layer.pe,
        "SIMD": layer.simd,
        "LEVELS_IN": layer.levels_in,
        "LEVELS_OUT": layer.levels_out,
        "LEVEL_LANES": layer.level_lanes,
        "SETS": len(network.served),
        "THRESHOLD_SETS": sets,
        "PIXELS": int(layer.pixels),
        "DRAIN": layer.drain,
        "LEVEL_WIDTH": widths.level,
        "GAIN_WIDTH": widths.gains[layer.name],
        "MULTIPLY": int(layer.multiplies),
        "ACC_WIDTH": widths.accumulators[layer.name],
        "THRESHOLD_WIDTH": bits,
        "BUFFER_DEPTH": buffer,
        "OUT_DEPTH": out,
        "POPCOUNT_STAGES": layer.popcount_stages,
        "WEIGHT_STYLE": _quoted(layer.weights_in),
        "WEIGHT_COLUMN": layer.weight_column,
        "THRESHOLD_STYLE": _quoted(rom_style(*thresholds)),
        "BUFFER_STYLE": _quoted(ram_style(layer.levels_in * layer.simd, buffer)),
        "GAINS": gains_constant(network, layer, widths.gains[layer.name]),
    }


def _quoted(text: str) -> str:
    return f'"{text}"'


def gains_constant(network: Network, layer: Mvtu, width: int) -> str:
    """The gains of all sets as one constant, level lanes padded with gain 0."""
    slots = layer.groups_max * layer.level_lanes
    value, position = 0, 0
    for gains in network.layer(layer.name).gains or ():
        for slot in range(slots):
            value |= (gains[slot] if slot < len(gains) else 0) << position
            position += width
    return f"{position}'h{value:x}"


def scores_parameters(network: Network, accelerator: Accelerator, widths: Widths) -> Parameters:
    """Parameters of the last layer's scores, their memory image left out."""
    return {
        "ROWS": accelerator.beats_out,
        "LANES": accelerator.last.drain,
        "SETS": len(network.served),
        "LEVEL_WIDTH": widths.level,
        "ACC_WIDTH": widths.accumulators[accelerator.last.name],
        "SCORE_WIDTH": widths.score,
    }
