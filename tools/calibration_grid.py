"""The modules that the cost model is fitted to."""

import random
from collections.abc import Iterator

from rebnet.spec.window import Window
from rebnet.stages.geometry import Converter, Mvtu, WindowUnit, clog2
from rebnet.stages.memories import ram_style, rom_style
from rebnet.stages.parameters import Module, converter_parameters, window_parameters

GAINS = {1: (1,), 2: (170, 85), 3: (145, 73, 37), 8: (128, 64, 32, 16, 8, 4, 2, 1)}
_LAYERS = 64
_WINDOWS = 5
_POOLS = 4


def fitted() -> list[Module]:
    """Random modules of the sizes that accelerators have, the same in every call."""
    parts = (_converters, _windows, _pools, _ends, _buffers, _elements, _encoders, _layers)
    return [module for number, part in enumerate(parts) for module in part(random.Random(number))]


def _layers(draw: random.Random) -> Iterator[Module]:
    number = 0
    while number < _LAYERS:
        levels = draw.choice((1, 1, 2, 2, 3))
        pixels = draw.random() < 0.15
        sets = draw.choice((1, levels))
        levels_in = 8 if pixels else levels
        last = draw.random() < 0.1
        layer = Mvtu(
            "layer",
            rows=draw.choice((10, 32, 48, 64, 100, 128, 256)),
            cols=draw.choice((27, 72, 100, 128, 144, 256, 288, 576, 1152)),
            pe=draw.choice((1, 2, 4, 6, 8, 13, 16, 20, 32, 40)),
            simd=draw.choice((1, 2, 3, 4, 8, 9, 12, 16, 24, 32, 36, 48, 64, 96)),
            level_lanes=draw.choice((levels_in, 1 if not pixels else 8, draw.randint(1, levels_in))),
            levels_in=levels_in,
            levels_out=0 if last else levels,
            pixels=pixels,
            weight_style=draw.choice(("auto", "block", "distributed")),
        )
        lanes = layer.pe * layer.simd * layer.level_lanes
        if layer.simd > layer.cols or not 8 <= lanes <= 2048 or layer.pe > layer.rows:
            continue
        if layer.weight_style == "distributed" and layer.rows * layer.cols > 20_000:
            continue
        number += 1
        gains = GAINS[levels_in]
        slots = layer.groups_max * layer.level_lanes
        per_set = [
            [gains[slot] if slot < (levels_in if pixels else levels - sets + 1 + s) and slot < len(gains) else 0
             for slot in range(slots)]
            for s in range(sets)
        ]  # fmt: skip
        width = clog2(max(gains) + 1)
        value = sum(gain << (width * place) for place, gain in enumerate(gain for own in per_set for gain in own))
        bits = clog2(layer.cols * sum(gains) + 1) + 1
        buffer = draw.randint(layer.chunks, 2 * layer.chunks)
        thresholds = layer.drain * layer.levels_out * bits, sets * layer.folds * layer.drain_words
        yield Module(
            "mvtu",
            {
                "ROWS": layer.rows,
                "COLS": layer.cols,
                "PE": layer.pe,
                "SIMD": layer.simd,
                "LEVELS_IN": layer.levels_in,
                "LEVELS_OUT": layer.levels_out,
                "LEVEL_LANES": layer.level_lanes,
                "SETS": sets,
                "THRESHOLD_SETS": sets,
                "PIXELS": int(pixels),
                "DRAIN": layer.drain,
                "LEVEL_WIDTH": clog2(levels + 1),
                "GAIN_WIDTH": width,
                "MULTIPLY": int(layer.multiplies),
                "ACC_WIDTH": clog2(layer.cols * sum(gains) + 1),
                "THRESHOLD_WIDTH": bits,
                "BUFFER_DEPTH": buffer,
                "OUT_DEPTH": draw.randint(layer.drain_words, 2 * layer.drain_words + 8),
                "POPCOUNT_STAGES": layer.popcount_stages,
                "WEIGHT_STYLE": f'"{layer.weights_in}"',
                "WEIGHT_COLUMN": layer.weight_column,
                "THRESHOLD_STYLE": f'"{rom_style(*thresholds)}"',
                "BUFFER_STYLE": f'"{ram_style(layer.levels_in * layer.simd, buffer)}"',
                "GAINS": f"{width * slots * sets}'h{value:x}",
            },
            f"layer_{number}",
        )


def _converters(draw: random.Random) -> Iterator[Module]:
    for number, (planes, elements_in, elements_out, vector) in enumerate(
        (
            (1, 1, 32, 576), (1, 4, 16, 64), (1, 32, 4, 288), (2, 6, 16, 96), (1, 16, 27, 144), (3, 2, 9, 72),
            (1, 27, 16, 108), (2, 8, 36, 576), (8, 1, 3, 27),
        )
    ):  # fmt: skip
        stage = Converter("convert", planes, elements_in, elements_out, vector)
        yield Module("width_converter", converter_parameters(stage, draw.choice((1, 2))), f"converter_{number}")


def _windows(draw: random.Random) -> Iterator[Module]:
    for number in range(_WINDOWS):
        size = draw.choice((5, 10, 12, 14, 28, 32))
        channels = draw.choice((3, 8, 16, 32))
        word = draw.choice([d for d in range(1, channels + 1) if channels % d == 0])
        reads = draw.choice((1, 1, 2, 3, 9)) if word == channels and channels <= 64 else 1
        writes = draw.choice((1, 1, 2, 4)) if word == channels and channels <= 16 else 1
        window = Window(3, 1, draw.choice((False, False, True)))
        planes = draw.choice((1, 2, 3, 8))
        stage = WindowUnit(f"w{number}", window, size, size, channels, planes, False, word, reads, writes)
        depth = round(draw.uniform(1, 1.5) * stage.min_depth / writes) * writes
        yield Module(
            "sliding_window", window_parameters(stage, draw.choice((1, 2)), max(depth, stage.min_depth)), stage.name
        )


def _pools(draw: random.Random) -> Iterator[Module]:
    for number in range(_POOLS):
        size = draw.choice((8, 10, 14, 28))
        channels = draw.choice((16, 32))
        word = draw.choice((1, 2, 4, 8, channels))
        reads = draw.choice((1, 2, 4)) if word == channels else 1
        stage = WindowUnit(f"p{number}", Window(2, 2), size, size, channels, draw.choice((1, 2, 3)), True, word, reads)
        depth = round(draw.uniform(1, 1.5) * stage.min_depth)
        yield Module("max_pool", window_parameters(stage, draw.choice((1, 2)), depth), stage.name)


def _ends(draw: random.Random) -> Iterator[Module]:
    for number in range(2):
        yield Module(
            "scores",
            {
                "ROWS": draw.choice((10, 10, 43, 100)),
                "LANES": draw.choice((1, 1, 2, 4)),
                "SETS": draw.choice((1, 2, 3)),
                "LEVEL_WIDTH": 2,
                "ACC_WIDTH": draw.choice((9, 10, 12, 16, 18)),
                "SCORE_WIDTH": 41,
            },
            f"scores_{number}",
        )
    for number in range(2):
        yield Module(
            "pixel_input",
            {
                "SAMPLES": draw.choice((784, 3072, 64, 150528)),
                "P": 4**number,
                "BITS": draw.choice((8, 8, 1, 4)),
                "LEVELS": 2,
                "LEVEL_WIDTH": 2,
                "USER_WIDTH": 4,
                "RUNTIME_LEVELS": draw.choice((0, 1)),
            },
            f"pixels_{number}",
        )


def _buffers(draw: random.Random) -> Iterator[Module]:
    for number, (width, depth) in enumerate(((2, 4), (9, 32), (25, 24), (17, 60), (5, 300), (3, 1))):
        yield Module("fifo", {"WIDTH": width, "DEPTH": depth}, f"fifo_{number}")
    for number, (width, chunks, depth) in enumerate(
        ((3, 9, 18), (24, 9, 12), (64, 36, 63), (8, 32, 64), (32, 36, 150))
    ):
        parameters = {"WIDTH": width, "LEVEL_WIDTH": draw.choice((1, 2)), "CHUNKS": chunks, "DEPTH": depth}
        yield Module("vector_buffer", parameters, f"buffer_{number}")


def _elements(draw: random.Random) -> Iterator[Module]:
    for number, simd in enumerate((1, 3, 4, 8, 16, 27, 32, 36, 64)):
        lanes = draw.choice((1, 1, 2, 3))
        layer = Mvtu("", 64, simd * draw.choice((4, 9, 18)), 1, simd, lanes, lanes, lanes, False)
        parameters = {
            "SIMD": simd,
            "LEVEL_LANES": lanes,
            "SUM_WIDTH": clog2(layer.chunks * simd + 1),
            "POPCOUNT_STAGES": layer.popcount_stages,
        }
        yield Module("processing_element", parameters, f"element_{number}")


def _encoders(draw: random.Random) -> Iterator[Module]:
    for number, levels in enumerate((1, 1, 2, 3)):
        parameters = {"LEVELS": levels, "THRESHOLD_WIDTH": draw.choice((16, 24)), "ACC_WIDTH": draw.randint(8, 15)}
        yield Module("residual_encoder", parameters, f"encoder_{number}")
