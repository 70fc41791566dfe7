"""Memory images in the order that the hardware reads them, as $readmemh text."""

import math
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rebnet.ir.features import TwoSlope
from rebnet.ir.ops import Dense, Scores, Threshold
from rebnet.spec.padding import weight_tiles
from rebnet.spec.residual import Bits
from rebnet.spec.scores import SCALE_BITS
from rebnet.stages.features import EncoderUnit, RescaleUnit
from rebnet.stages.mvtu import Mvtu
from rebnet.stages.ranges import Range
from rebnet.stages.two_slope import TwoSlopeUnit

Number = TypeVar("Number", np.int64, np.bool_)


def to_hex(words: Bits) -> str:
    """One line of hex per word; words has shape (depth, width), bit 0 first."""
    packed = np.packbits(words, axis=1, bitorder="little")[:, ::-1]
    return "".join(f"{word.tobytes().hex()}\n" for word in packed)


def piece_files(file: str, width: int, depth: int, column: int, bank: int) -> list[str]:
    """File names of a memory's columns of `column` bits in banks of `bank` words, as `rom.sv` has them.

    Bank by bank, in each the columns from the lowest bits.
    """
    pieces = -(-width // column) * -(-depth // bank)
    return [file] if pieces == 1 else [f"{file}.{number:03}" for number in range(pieces)]


def pieces(file: str, words: Bits, column: int, bank: int | None = None) -> dict[str, str]:
    """The images of a memory by file name: of each column of `column` bits in each bank of `bank` words its own."""
    depth, width = words.shape
    bank = bank or depth
    names = piece_files(file, width, depth, column, bank)
    places = product(range(0, depth, bank), range(0, width, column))
    return {
        name: to_hex(words[row : row + bank, bit : bit + column])
        for name, (row, bit) in zip(names, places, strict=True)
    }


def to_bits(values: NDArray[np.int64], width: int) -> Bits:
    """Two's complement of `values`, bit 0 first, as a new last axis."""
    return ((values[..., None] >> np.arange(width)) & 1).astype(np.bool_)


def weight_words(dense: Dense, layer: Mvtu) -> Bits:
    """One word of PE·PLANE_LANES·SIMD bits per fold, group of planes and chunk.

    Those of PE p and plane lane j are at [(p*PLANE_LANES + j)*SIMD +: SIMD]; planes that are none are filled with 1.
    """
    tiles = np.stack([weight_tiles(plane, layer.pe, layer.simd) for plane in dense.weights.planes])
    missing = -layer.weight_planes % layer.plane_lanes
    tiles = np.pad(tiles, [(0, missing), *[(0, 0)] * 4], constant_values=True)
    tiles = tiles.reshape(layer.plane_groups, layer.plane_lanes, *tiles.shape[1:])
    return tiles.transpose(2, 0, 3, 4, 1, 5).reshape(layer.weight_depth, layer.weight_bits)


def gain_words(layer: Mvtu) -> Bits:
    """One word per set and group, of LANES_ROW gains, as `mvtu.sv` has them in GAINS."""
    bits, value = layer.gains_word
    flat = np.array([value >> place & 1 for place in range(bits)], dtype=np.bool_)
    return flat.reshape(-1, layer.lanes * layer.numbers.gain_width)


def threshold_words(op: Threshold, layer: Mvtu, threshold_bits: int) -> Bits:
    """One word per set, fold and drained word: for each of DRAIN rows t and its steps, T bits each."""
    constants = encoder_constants(op)
    return _in_words(to_bits(_padded(constants, layer.pe), threshold_bits), layer.drain)


def encoder_constants(op: Threshold) -> NDArray[np.int64]:
    """Thresholds and steps, shape (sets, rows, numbers), as `residual_encoder.sv` reads them from the lowest bits."""
    steps = op.steps[..., _branch(2, 0, op.levels) + _branch(2, 1, op.levels)] if op.tree else op.steps
    return np.concatenate([op.thresholds[..., None], steps], axis=-1)


def _branch(codes: int, code: int, levels: int) -> list[int]:
    """Places of the steps behind a code, itself first, among those of a tree; `codes` are as long as this one."""
    if codes == 1 << levels:
        return []
    longer = [_branch(2 * codes, 2 * code + bit, levels) for bit in (0, 1)]
    return [codes - 2 + code, *longer[0], *longer[1]]


def encoder_words(op: Threshold, unit: EncoderUnit) -> Bits:
    """One word per set and word of the vector: t and steps of each of LANES channels, of one where all are alike."""
    constants = encoder_constants(op)
    constants = np.broadcast_to(constants, (unit.sets, *constants.shape[1:]))
    lanes = 1 if unit.uniform else unit.lanes
    return _in_words(to_bits(constants[:, :1] if unit.uniform else constants, unit.threshold_width), lanes)


def rescale_words(constants: NDArray[np.int64], scale: NDArray[np.int64], unit: RescaleUnit) -> Bits:
    """One word per set and word of the vector: for each of LANES channels A_c, and above it what is added."""
    both = (to_bits(scale, SCALE_BITS), to_bits(constants, unit.constant_width))
    return _in_words(np.concatenate(both, axis=-1), unit.lanes)


def two_slope_words(op: TwoSlope, come: Range, leave: Range, unit: TwoSlopeUnit) -> Bits:
    """One word per word of the vector: for each of LANES channels slope, before and after, of features as they travel.

    Args:
        op: the law's constants.
        come: how the features travel that come.
        leave: how those travel that leave.
        unit: the widths.
    """
    fields = (
        to_bits(op.slope, unit.slope_width),
        to_bits(op.before + come.offset, unit.sum_width),
        to_bits(op.after - leave.offset, unit.planes_out),
    )
    return _in_words(np.concatenate(fields, axis=-1)[None], unit.lanes)


def _in_words(bits: Bits, rows: int) -> Bits:
    """Bits of shape (sets, rows, …), those of so many rows a word."""
    padded = _padded(bits, rows)
    return padded.reshape(-1, rows * math.prod(padded.shape[2:]))


def _padded(values: NDArray[Number], multiple: int) -> NDArray[Number]:
    """Arrays of shape (sets, rows, …) with rows of 0 behind, up to a multiple."""
    return np.pad(values, [(0, 0), (0, -values.shape[1] % multiple), *[(0, 0)] * (values.ndim - 2)])


def score_words(op: Scores, dense: Dense, score_width: int) -> Bits:
    """One word per set and row, {offset, scale}: score = 2·A_j·accumulator + (B_j - A_j·R)."""
    reach = np.asarray(dense.reaches, dtype=np.int64)[:, None]
    scale = to_bits(op.scale, SCALE_BITS)
    offset = to_bits(op.bias - op.scale * reach, score_width)
    return np.concatenate([scale, offset], axis=-1).reshape(-1, SCALE_BITS + score_width)
