"""The forms of a graph: how each says an image, weights of few bits, and codes.

* chain: the paper's own definition, level by level: s_i = BipolarQuant(x - t); e += g_i·s_i; x -= δ_i·s_i. Where
  float32 would change a code of that, every turn of it is a BipolarQuant: e = e_0 + Σ_j step_j/2·BipolarQuant(x - T_j).
* multithreshold: what FINN calls an activation, the number of turns that are passed; e = e_0 + Σ step·(those of that
  step), a MultiThreshold for each size of step: one where γ are 2:1.
* single: the same with one MultiThreshold in any case, in which a turn stands as often as its step is larger than the
  unit of all; Σ g thresholds at most, and codes of as many bits as those take. FINN counts them in whole numbers.
* plain: ONNX alone, a comparison for every turn.

A turn T counts the graph's own whole numbers: a layer's sums v, or features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import gcd
from typing import Protocol

import numpy as np

from rebnet.errors import ModelError
from rebnet.exporting.codes import Integers, Steps, values_of
from rebnet.exporting.draft import Draft, Tensor
from rebnet.ir.ops import PixelInput
from rebnet.ir.values import Shape
from rebnet.spec.pixels import pixel_gains


@dataclass(frozen=True)
class Encoder:
    """A code that is made of whole numbers.

    Attributes:
        name: of what it gives.
        turns: shape (rows or 1, 2^m - 1): from where on a number has at least the codes 1, 2, …
        gains: what its levels count.
        steps: the same in float32 and level by level, where that has every code.
    """

    name: str
    turns: Integers
    gains: Sequence[int]
    steps: Steps | None = None

    @property
    def values(self) -> tuple[int, ...]:
        """What each code is worth."""
        return values_of(self.gains)

    @property
    def turning(self) -> list[tuple[int, int]]:
        """The places of the turns where a value changes, and by how much."""
        steps = (after - before for before, after in pairwise(self.values))
        return [(place, step) for place, step in enumerate(steps) if step]

    @property
    def groups(self) -> dict[int, list[int]]:
        """The places of the turns by how much a value changes there."""
        found: dict[int, list[int]] = {}
        for place, step in self.turning:
            found.setdefault(step, []).append(place)
        return found

    @property
    def single(self) -> dict[int, list[int]]:
        """The same as one group, in which a place stands as often as it takes; `groups` where a value falls."""
        unit = gcd(*(step for _, step in self.turning))
        if any(step < 0 for _, step in self.turning):
            return self.groups
        return {unit: [place for place, step in self.turning for _ in range(step // unit)]}


class Form(Protocol):
    """How a form says what others say otherwise."""

    quantized: bool
    """Whether weights and images say their bits in operations of QONNX."""
    batch: int | None
    """Images that the graph takes at a time; None for any number."""

    def image(self, draft: Draft, pixels: PixelInput) -> Tensor:
        """The values of an image's codes, from its bytes."""
        ...

    def code(self, draft: Draft, source: Tensor, encoder: Encoder) -> Tensor:
        """The values of the codes of whole numbers."""
        ...


class Chain:
    """Level by level."""

    quantized = True
    batch: int | None = 1

    def image(self, draft: Draft, pixels: PixelInput) -> Tensor:
        """Quant of the bytes, whose scale is 2^(8-k)."""
        image = draft.image(Shape(pixels.height, pixels.width, pixels.channels))
        if pixels.table is not None:
            return _table_by_thresholds(draft, image, pixels)
        size, peak = 1 << (8 - pixels.bits), (1 << pixels.bits) - 1
        if pixels.bits == 1:
            image = draft.each("Sub", "pixels_from", image, draft.number(128))
            return draft.each("BipolarQuant", "pixels", image, draft.number(1))
        if size > 1:
            image = draft.each("Sub", "pixels_from", image, draft.number((size - 1) / 2))
        numbers = (draft.number(size), draft.number(0), draft.number(pixels.bits))
        image = draft.each("Quant", "pixels_quant", image, *numbers, signed=0, narrow=0, rounding_mode="ROUND")
        return draft.affine("pixels", image, 2 / size, -peak)

    def code(self, draft: Draft, source: Tensor, encoder: Encoder) -> Tensor:
        """Algorithm 1, or a sign for every turn."""
        if encoder.steps is None:
            return _by_turns(draft, source, encoder)
        return _by_steps(draft, source, encoder, encoder.steps)


@dataclass
class Thresholds:
    """A MultiThreshold for each size of step, or a `single` one wherever values rise with codes."""

    single: bool = False
    quantized: bool = True
    batch: int | None = 1

    def image(self, draft: Draft, pixels: PixelInput) -> Tensor:
        """The bytes themselves, or a MultiThreshold of them."""
        image = draft.image(Shape(pixels.height, pixels.width, pixels.channels))
        if pixels.table is not None:
            return _table_by_thresholds(draft, image, pixels)
        if pixels.bits == 8:
            return draft.affine("pixels", image, 2, -255)
        turns = np.arange(1, 1 << pixels.bits)[None] << (8 - pixels.bits)
        encoder = Encoder("pixels", turns, pixel_gains(pixels.bits))
        return _by_thresholds(draft, image, encoder.groups, encoder)

    def code(self, draft: Draft, source: Tensor, encoder: Encoder) -> Tensor:
        """One MultiThreshold, or a sum of some."""
        return _by_thresholds(draft, source, encoder.single if self.single else encoder.groups, encoder)


class Plain:
    """Without operations of QONNX."""

    quantized = False
    batch: int | None = None

    def image(self, draft: Draft, pixels: PixelInput) -> Tensor:
        """The whole part of a byte's 2^(8-k)th, or a table's number for it."""
        image = draft.image(Shape(pixels.height, pixels.width, pixels.channels))
        peak = (1 << pixels.bits) - 1
        if pixels.table is not None:
            table = draft.constant("pixel_table", 2 * np.asarray(pixels.table) - peak)
            place = draft.cast("pixel_place", image, "INT64")
            made = Tensor("pixels", image.shape, flat=False)
            return draft.put("Gather", made, table, place.name, axis=0)
        if pixels.bits < 8:
            part = draft.number(1 / (1 << (8 - pixels.bits)))
            image = draft.each("Floor", "pixels_top", draft.each("Mul", "pixels_part", image, part))
        return draft.affine("pixels", image, 2, -peak)

    def code(self, draft: Draft, source: Tensor, encoder: Encoder) -> Tensor:
        """What each turn adds, where it is passed."""
        name, low = encoder.name, encoder.values[0]
        parts = []
        for place, step in encoder.turning:
            turn = draft.rows(f"{name}_turn", source, encoder.turns[:, place])
            passed = replace(source, name=f"{name}_passed", element="BOOL")
            passed = draft.put("GreaterOrEqual", passed, source.name, turn)
            numbers = (draft.number(low + step), draft.number(low))
            parts.append(draft.put("Where", replace(source, name=f"{name}_part"), passed.name, *numbers))
            low = 0
        return _sum(draft, name, parts)


FORMS: dict[str, Form] = {
    "chain": Chain(),
    "multithreshold": Thresholds(),
    "single": Thresholds(single=True),
    "plain": Plain(),
}
"""By name; the last is ONNX without QONNX."""


def _by_steps(draft: Draft, source: Tensor, encoder: Encoder, numbers: Steps) -> Tensor:
    """Algorithm 1 of the paper."""
    name, one = encoder.name, draft.number(1)
    rest = source
    parts: list[Tensor] = []
    levels = numbers.steps.shape[1] + 1
    for level, gain in enumerate(encoder.gains[:levels]):
        # read by its sign alone: hls4ml joins both
        moved = draft.by_channel("Add", f"{name}_moved_{level + 1}", rest, numbers.offset)
        sign = draft.each("BipolarQuant", f"{name}_sign_{level + 1}", moved, one)
        parts.append(draft.times(f"{name}_level_{level + 1}", sign, gain))
        if level + 1 < levels:
            step = draft.by_channel("Mul", f"{name}_taken_{level + 1}", sign, numbers.steps[:, level]).name
            rest = draft.each("Sub", f"{name}_rest_{level + 2}", rest, step)
    return _sum(draft, name, parts)


def _by_turns(draft: Draft, source: Tensor, encoder: Encoder) -> Tensor:
    """A sign for every turn."""
    name, one, values = encoder.name, draft.number(1), encoder.values
    parts = []
    for place, step in encoder.turning:
        turn = draft.rows(f"{name}_turn", source, encoder.turns[:, place])
        sign = draft.each("BipolarQuant", f"{name}_sign", draft.each("Sub", f"{name}_from", source, turn), one)
        parts.append(draft.times(f"{name}_part", sign, step / 2))
    return draft.affine(name, _sum(draft, f"{name}_signs", parts), 1, (values[0] + values[-1]) / 2)


def _by_thresholds(draft: Draft, source: Tensor, groups: Mapping[int, list[int]], encoder: Encoder) -> Tensor:
    """A MultiThreshold for each group of turns, of which each is worth the same."""
    name, least = encoder.name, encoder.values[0]
    bipolar = encoder.turning == [(0, -2 * least)]
    groups = encoder.groups if bipolar else groups
    counted: list[tuple[Tensor, float]] = []
    for step, places in groups.items():
        turns = draft.constant(f"{name}_thresholds", encoder.turns[:, places])
        kind, scale, bias = (f"UINT{len(places).bit_length()}", 1.0, 0.0) if not bipolar else ("BIPOLAR", 2.0, -1.0)
        part = draft.each(
            "MultiThreshold", f"{name}_codes", source, turns,
            out_dtype=kind, out_scale=scale, out_bias=bias, data_layout="NC" if source.flat else "NCHW",
        )  # fmt: skip
        counted.append((part, step / 2 if bipolar else step))
    offset = 0 if bipolar else least
    if len(counted) == 1:
        return draft.affine(name, *counted[0], offset)
    parts = [draft.times(f"{name}_part", part, step) for part, step in counted]
    return draft.affine(name, _sum(draft, f"{name}_steps", parts), 1, offset)


def _table_by_thresholds(draft: Draft, image: Tensor, pixels: PixelInput) -> Tensor:
    """A table from bytes to codes, as a MultiThreshold."""
    table = np.asarray(pixels.table)
    if (np.diff(table) < 0).any():
        raise ModelError(
            "its image's table of bytes falls somewhere, which no threshold says; export it as plain ONNX, --to onnx"
        )
    turns = np.searchsorted(table, np.arange(1, 1 << pixels.bits))[None]
    encoder = Encoder("pixels", turns.astype(np.int64), pixel_gains(pixels.bits))
    return _by_thresholds(draft, image, encoder.groups, encoder)


def _sum(draft: Draft, name: str, parts: Sequence[Tensor]) -> Tensor:
    total, *others = parts
    for part in others:
        total = draft.each("Add", name, total, part.name)
    return total
