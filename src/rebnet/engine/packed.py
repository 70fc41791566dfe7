"""The integer network on packed bits: 64 inputs of a plane to a word, compared by xor and counted by popcount.

Feature maps stay packed along their channels from layer to layer, so a window is a row of words and no bit is
moved to build it. Everything else is the law of `rebnet.spec`; the scores equal the reference engine's.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rebnet.engine.laws import laws_of
from rebnet.engine.reference import batch_size, check_images, run_batch, served_index
from rebnet.ir.network import Network, Node
from rebnet.ir.ops import Conv, Dense
from rebnet.spec.groups import split_groups
from rebnet.spec.residual import Bits
from rebnet.spec.window import windows
from rebnet.spec.xnor import pack_words

Words = NDArray[np.uint64]
_BLOCK_BYTES = 1 << 18  # of the outer product: stays in a core's second-level cache


@dataclass(frozen=True)
class _Packed:
    """A layer's weights in words, inputs padded with equal bits so that padding never differs."""

    words: tuple[Words, ...]  # of each plane of the weights, (words, rows); in groups of each of these instead
    gains: tuple[int, ...]  # of the planes
    columns: int
    by_channel: bool  # every window position starts a new word, as the maps are packed
    groups: int  # of rows that see channels of their own


def _pack(op: Dense, channels: int) -> _Packed:
    rows, groups = op.weights.rows, op.group_count
    if groups > 1:
        cut = pack_words(op.weights.bits, padding=False).reshape(groups, rows // groups, -1)
        words = tuple(np.ascontiguousarray(one.T) for one in cut)
        return _Packed(words, op.weights.gains, op.weights.columns, False, groups)
    by_channel = isinstance(op, Conv) and channels % 64 == 0
    planes = []
    for plane in op.weights.planes:
        bits = plane.reshape(rows, -1, channels) if by_channel else plane
        planes.append(np.ascontiguousarray(pack_words(bits, padding=False).reshape(rows, -1).T))
    return _Packed(tuple(planes), op.weights.gains, op.weights.columns, by_channel, 1)


class PackedEngine:
    """A lowered network, packed once; `run` classifies images.

    Args:
        network: a lowered network.
        threads: batches at a time; numpy releases the interpreter while it counts.
    """

    def __init__(self, network: Network, threads: int = 1) -> None:
        self.network = network
        self.threads = threads
        self._laws = laws_of(network)
        self._layers = {layer.name: _pack(layer.op, network.read(layer).shape.channels) for layer in network.layers}

    def run(
        self,
        images: NDArray[np.uint8],
        levels: int | None = None,
        progress: Callable[[int], None] = lambda images_done: None,
    ) -> NDArray[np.int64]:
        """Integer scores of every image; shape, arguments and errors as in `reference.run`."""
        index = served_index(self.network, levels)
        check_images(self.network, images)
        size = max(1, batch_size(self.network) // 4)
        batches = [images[start : start + size] for start in range(0, len(images), size)]

        def work(batch: NDArray[np.uint8]) -> NDArray[np.int64]:
            result = run_batch(self.network, self._laws, batch, index, self._accumulate)
            progress(len(batch))
            return result

        none = np.zeros((0, *self.network.scores_shape), dtype=np.int64)
        if self.threads == 1:
            return np.concatenate([none, *map(work, batches)])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate([none, *pool.map(work, batches)])

    def _accumulate(self, node: Node[Dense], planes: Bits, gains: Sequence[int]) -> NDArray[np.int64]:
        """A = Σ_i Σ_j g_i·h_j·p_ij of every window and row: (images, out height, out width, rows)."""
        op, layer = node.op, self._layers[node.name]
        used = [(gain, level) for level, gain in enumerate(gains) if gain > 0]
        planes = planes[: 1 + max((level for _, level in used), default=0)]
        if isinstance(op, Conv) and layer.groups > 1:
            return _grouped(layer, windows(planes, op.window), used, op.window.area)
        if not isinstance(op, Conv):
            vectors = pack_words(planes.reshape(*planes.shape[:2], 1, 1, -1), padding=False)
        elif layer.by_channel:
            vectors = windows(pack_words(planes, padding=False), op.window)  # the lowest code is the word 0
        else:
            vectors = pack_words(windows(planes, op.window), padding=False)
        place = vectors.shape[1:4]
        total = np.zeros((math.prod(place), op.weights.rows), dtype=np.int64)
        for gain, level in used:
            for weight_gain, words in zip(layer.gains, layer.words, strict=True):
                differing = _differing(vectors[level].reshape(-1, vectors.shape[-1]), words)
                total += gain * weight_gain * (layer.columns - differing.astype(np.int64))
        return total.reshape(*place, -1)


def _grouped(layer: _Packed, vectors: Bits, used: list[tuple[int, int]], area: int) -> NDArray[np.int64]:
    """The same of a convolution in groups, of which each is one by itself."""
    place, groups = vectors.shape[1:4], layer.groups
    cut = pack_words(split_groups(vectors, area, groups), padding=False).reshape(
        groups, len(vectors), math.prod(place), -1
    )
    total = np.zeros((groups, math.prod(place), layer.words[0].shape[1]), dtype=np.int64)
    for group, words in enumerate(layer.words):
        for gain, level in used:
            total[group] += gain * (layer.columns - _differing(cut[group, level], words).astype(np.int64))
    return total.transpose(1, 0, 2).reshape(*place, -1)


def _differing(vectors: Words, weights: Words) -> NDArray[np.uint32]:
    """Differing bits of every vector and row: (vectors, words) and (words, rows) to (vectors, rows)."""
    count, rows = len(vectors), weights.shape[1]
    result = np.zeros((count, rows), dtype=np.uint32)
    block = max(1, _BLOCK_BYTES // (8 * rows))
    different = np.empty((block, rows), dtype=np.uint64)
    ones = np.empty((block, rows), dtype=np.uint8)
    for start in range(0, count, block):
        part = vectors[start : start + block]
        n = len(part)
        for word in range(weights.shape[0]):
            np.bitwise_xor(part[:, word, None], weights[word], out=different[:n])
            np.bitwise_count(different[:n], out=ones[:n])
            result[start : start + n] += ones[:n]
    return result
