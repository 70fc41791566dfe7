"""The modules that the cost model is fitted to."""

import random
from collections.abc import Iterator
from dataclasses import replace

from rebnet.spec.upsample import Factors
from rebnet.spec.window import Window
from rebnet.stages.arithmetic import Arithmetic
from rebnet.stages.converter import Converter
from rebnet.stages.depth_to_space import DepthToSpaceUnit
from rebnet.stages.features import EncoderUnit, Fork, GlobalSum, JoinUnit, RescaleUnit, Skip
from rebnet.stages.memories import ram_style
from rebnet.stages.module import Module, quoted
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.numbers import clog2
from rebnet.stages.two_slope import TwoSlopeUnit
from rebnet.stages.upsample import UpsampleUnit
from rebnet.stages.window import WindowUnit

GAINS = {1: (1,), 2: (170, 85), 3: (145, 73, 37), 8: (128, 64, 32, 16, 8, 4, 2, 1)}
_LAYERS = 64
_WINDOWS = 5
_POOLS = 4


def fitted() -> list[Module]:
    """Random modules of the sizes that accelerators have, the same in every call."""
    parts = (
        _converters,
        _windows,
        _pools,
        _ends,
        _buffers,
        _elements,
        _encoders,
        _layers,
        _features,
        _joins,
        _sums,
        _bends,
        _larger,
        _blocks,
    )
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
        per_set = [
            tuple(gain for slot, gain in enumerate(gains) if slot < (levels_in if pixels else levels - sets + 1 + s))
            for s in range(sets)
        ]
        reach = layer.cols * sum(gains)
        numbers = Arithmetic(
            level_width=clog2(levels + 1),
            gains=tuple(per_set),
            gain_width=clog2(max(gains) + 1),
            acc_width=clog2(reach + 1),
            threshold_sets=sets,
            threshold_width=clog2(reach + 1) + 1,
        )
        depths = {
            layer.input.name: draw.randint(layer.chunks, 2 * layer.chunks),
            f"{layer.name}.output": draw.randint(layer.drain_words, 2 * layer.drain_words + 8),
        }
        yield replace(replace(layer, arithmetic=numbers).module(depths), of=f"layer_{number}")


def _converters(draw: random.Random) -> Iterator[Module]:
    for number, (planes, elements_in, elements_out, vector) in enumerate(
        (
            (1, 1, 32, 576), (1, 4, 16, 64), (1, 32, 4, 288), (2, 6, 16, 96), (1, 16, 27, 144), (3, 2, 9, 72),
            (1, 27, 16, 108), (2, 8, 36, 576), (8, 1, 3, 27),
        )
    ):  # fmt: skip
        name = f"converter_{number}"
        yield Converter(name, planes, elements_in, elements_out, vector, draw.choice((1, 2))).module({})


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
        yield _at(replace(stage, level_width=draw.choice((1, 2))), max(depth, stage.min_depth))


def _pools(draw: random.Random) -> Iterator[Module]:
    for number in range(_POOLS):
        size = draw.choice((8, 10, 14, 28))
        channels = draw.choice((16, 32))
        word = draw.choice((1, 2, 4, 8, channels))
        reads = draw.choice((1, 2, 4)) if word == channels else 1
        stage = WindowUnit(f"p{number}", Window(2, 2), size, size, channels, draw.choice((1, 2, 3)), True, word, reads)
        depth = round(draw.uniform(1, 1.5) * stage.min_depth)
        yield _at(replace(stage, level_width=draw.choice((1, 2))), depth)


def _at(unit: WindowUnit, depth: int) -> Module:
    return replace(unit.module({unit.lines.name: depth}), of=unit.name)


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
    shapes = (
        (2, 4),
        (9, 32),
        (25, 24),
        (17, 60),
        (5, 300),
        (3, 1),
        (48, 2),
        (40, 8),
        (16, 16),
        (96, 12),
        (64, 32),
        (12, 100),
    )
    for number, (width, depth) in enumerate(shapes):
        yield Module("fifo", {"WIDTH": width, "DEPTH": depth}, f"fifo_{number}")
    buffers = (
        (3, 9, 18),
        (24, 9, 12),
        (64, 36, 63),
        (8, 32, 64),
        (32, 36, 150),
        (16, 4, 8),
        (96, 8, 16),
        (48, 12, 24),
        (4, 64, 128),
        (128, 2, 4),
        (36, 50, 400),
    )
    for number, (width, chunks, depth) in enumerate(buffers):
        parameters: dict[str, int | str] = {"WIDTH": width, "LEVEL_WIDTH": draw.choice((1, 2)), "CHUNKS": chunks}
        parameters |= {"DEPTH": depth, "STYLE": quoted(ram_style(width, depth))}
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
    for levels in (2, 3, 4):
        parameters = {"LEVELS": levels, "THRESHOLD_WIDTH": draw.choice((12, 16)), "ACC_WIDTH": 10, "STEP_TREE": 1}
        yield Module("residual_encoder", parameters, f"tree_{levels}")


def _features(draw: random.Random) -> Iterator[Module]:
    for number in range(16):
        rows, lanes = draw.choice((10, 16, 32, 64, 128, 512)), draw.choice((1, 1, 2, 4, 8))
        sets = draw.choice((1, 1, 2, 3))
        planes, shift = draw.randint(6, 14), draw.randint(6, 14)
        unit = RescaleUnit(
            f"rescale_{number}", rows, lanes, rows, sets, 2, draw.randint(9, 18), planes, shift, shift + planes
        )
        yield unit.module({})
    for number in range(20):
        rows, lanes = draw.choice((16, 32, 64, 128, 512)), draw.choice((1, 1, 2, 4, 8))
        levels = draw.choice((1, 1, 2, 2, 3))
        planes, shift = draw.randint(6, 14), draw.randint(0, 3)
        unit_of = EncoderUnit(
            f"features_{number}", rows, lanes, rows, draw.choice((1, levels)), 2, planes, levels, planes + shift + 1,
            shift, draw.random() < 0.3,
        )  # fmt: skip
        yield unit_of.module({})


def _bends(draw: random.Random) -> Iterator[Module]:
    for number in range(16):
        rows, lanes = draw.choice((10, 16, 32, 64, 128, 512)), draw.choice((1, 1, 2, 4, 8))
        planes, shift = draw.randint(6, 14), draw.choice((8, 12, 14, 15, 15))
        widths = planes, planes + draw.randint(-1, 2), planes + draw.randint(1, 2), draw.choice((9, 13, 16, 16))
        yield TwoSlopeUnit(f"bend_{number}", rows, lanes, rows, 2, *widths, shift).module({})


def _larger(draw: random.Random) -> Iterator[Module]:
    for number in range(10):
        factors, side = (
            draw.choice((Factors(2, 2), Factors(2, 1), Factors(1, 2), Factors(4, 4))),
            draw.choice((4, 7, 16)),
        )
        lanes, planes, words = draw.choice((1, 2, 4, 16)), draw.choice((1, 2, 8, 11)), draw.choice((1, 2, 8, 16))
        unit = UpsampleUnit(f"larger_{number}", factors, side, side, words, lanes, planes, 2, draw.choice((1, 2)))
        yield unit.module({unit.words.name: round(unit.words.least * draw.uniform(1, 1.5))})


def _blocks(draw: random.Random) -> Iterator[Module]:
    for number in range(12):
        block, side = draw.choice((2, 2, 2, 3, 4)), draw.choice((2, 4, 7, 16))
        lanes, planes, words = draw.choice((1, 2, 4, 8)), draw.choice((1, 2, 3, 9)), draw.choice((1, 2, 8, 16))
        unit = DepthToSpaceUnit(f"blocks_{number}", block, side, side, words, lanes, planes, 2, draw.choice((1, 2)))
        yield unit.module({unit.words.name: round(unit.words.least * draw.uniform(1, 1.5))})


def _joins(draw: random.Random) -> Iterator[Module]:
    for number, (bits, depth) in enumerate(
        ((8, 2), (10, 33), (1, 96), (40, 64), (12, 200), (40, 512), (80, 1100), (24, 1), (9, 700), (64, 18))
    ):
        skip = Skip(f"skip_{number}", 0, 1, bits, 2, draw.choice((1, 2)))
        yield skip.module({skip.words.name: depth})
    for outs in (2, 3, 5):
        yield Fork(f"outs_{outs}", outs, 1, 8, 2).module({})
    for number in range(9):
        sources, lanes, planes = draw.choice((2, 2, 3, 4)), draw.choice((1, 2, 4, 8, 16)), draw.randint(6, 12)
        one = (planes,) * sources, ((0, 0),) * sources
        add = JoinUnit("join_add", f"add_{number}", lanes, *one, planes + 1, (9,) * sources, (), (), 2)
        yield add.module({})
        turn = tuple(draw.randint(1, 16) for _ in range(sources))
        offsets = tuple(draw.choice((0, draw.randint(0, 2**planes - 1))) for _ in range(sources))
        yield JoinUnit("join_channels", f"join_{number}", lanes, *one, planes, turn, turn, offsets, 2).module({})
        if number < 4:
            planes = draw.choice((1, 2))
            of = (planes,) * sources, ((0, 0),) * sources
            codes = JoinUnit("stack", f"stack_{number}", lanes, *of, sources * planes, (9,) * sources, (), (), 2)
            yield codes.module({})


def _sums(draw: random.Random) -> Iterator[Module]:
    for number in range(8):
        channels = draw.choice((16, 32, 64, 512))
        lanes, side, planes = draw.choice((1, 2, 4, 16)), draw.choice((4, 7, 8)), draw.randint(6, 12)
        unit = GlobalSum(f"sum_{number}", side**2, channels, lanes, planes, planes + clog2(side**2), 2)
        yield unit.module({})
    for number in range(8):
        size, channels = draw.choice((8, 10, 14)), draw.choice((16, 32))
        word, planes = draw.choice((1, 2, 4)), draw.randint(6, 12)
        stage = WindowUnit(f"a{number}", Window(2, 2), size, size, channels, planes, True, word, sum_planes=planes + 2)
        yield _at(replace(stage, level_width=2), round(draw.uniform(1, 1.5) * stage.min_depth))
