"""Accelerators whose constants are written at run time: encoders by their boundaries, shapes that no weight changes."""

import re

import numpy as np
import pytest
from tests.ir.networks import exported, from_text

from networks.draw import draw_accelerator, draw_chain, draw_graph, draw_grouped_network, draw_unrolled
from rebnet.errors import OptionError
from rebnet.generate.images import memory_words
from rebnet.ir.notation import Folding
from rebnet.ir.ops import Threshold
from rebnet.lower import lower
from rebnet.spec.residual import code, encode_integer, steps_of
from rebnet.spec.threshold import step_tree
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.features import EncoderUnit, RescaleUnit
from rebnet.stages.runtime_weights import GAIN_BITS, boundaries_at, boundary_form, for_any_weights, gain_bits_of


def random_encoder(rng, levels, served, rows, reach, tree):
    """An encoder of any constants: thresholds beyond both ends, steps of 0, finer units."""
    shift = 0 if tree else int(rng.integers(0, 3))
    if tree:
        boundaries = np.sort(rng.integers(0, reach + 2, (len(served), rows, (1 << levels) - 1)), axis=-1)
        both = [[step_tree(row.tolist()) for row in own] for own in boundaries]
        thresholds = np.array([[t for t, _ in own] for own in both])
        steps = np.array([[s for _, s in own] for own in both]).reshape(len(served), rows, -1)
    else:
        thresholds = rng.integers(-reach, 2 * reach + 2, (len(served), rows)) << shift
        steps = rng.integers(0, reach + 2, (len(served), rows, steps_of(levels, tree=False)))
    return Threshold(thresholds, steps, shift, tree)


@pytest.mark.parametrize("seed", range(40))
def test_boundaries_are_what_an_encoder_computes(seed):
    rng = np.random.default_rng(seed)
    levels, rows = int(rng.integers(1, 5)), int(rng.integers(1, 7))
    served = tuple(range(1, levels + 1)) if rng.random() < 0.7 else (levels,)
    reaches = tuple(int(reach) for reach in rng.integers(1, 60, len(served)))
    op = random_encoder(rng, levels, served, rows, max(reaches), bool(rng.random() < 0.5) and levels > 1)
    form = boundary_form(op, served, reaches)
    assert (form.shift, form.tree, form.levels) == (0, levels > 1, levels)
    width = 1 + (max(reaches) + 1).bit_length()
    for index, (m, reach) in enumerate(zip(served, reaches, strict=True)):
        accumulators = np.repeat(np.arange(reach + 1)[:, None], rows, axis=1)
        law = encode_integer(accumulators, op.thresholds[index], op.steps[index], op.shift, tree=op.tree)[:m]
        found = encode_integer(accumulators, form.thresholds[index], form.steps[index], tree=form.tree)[:m]
        assert np.array_equal(found, law)
        boundaries = boundaries_at(op, index, m, reach)
        for row in range(rows):  # slowly
            codes = code(law)[:, row].tolist()
            wanted = [next((a for a, c in enumerate(codes) if c >= number), reach + 1) for number in range(1, 1 << m)]
            assert boundaries[row].tolist() == wanted
    numbers = np.concatenate([form.thresholds.ravel(), form.steps.ravel()])
    assert numbers.min() >= 0
    assert max(numbers.max(), max(reaches) + 1) < 1 << width - 1


SHAPES = {
    "dense": lambda seed, levels: exported(seed, levels, 8, (3, 3, 1), (6, 5), 4),
    "convolutions": lambda seed, levels: from_text("7x5x3 - C4:3x3 - MP2 - D9 - D5", seed, levels),
    "dead channels": lambda seed, levels: exported(seed, levels, 3, (2, 3, 1), (9, 8), 2, dead=0.5),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_nothing_of_it_follows_from_the_weights(shape, levels):
    """Neither widths nor what stands in memories; without this option the widths do."""
    made, plain = [], []
    for seed in range(4):
        network = lower(SHAPES[shape](seed, levels))
        accelerator = accelerator_of(network, tuple(chosen(network)), 1)
        wide = for_any_weights(accelerator, network, GAIN_BITS)
        words = memory_words(network, wide, runtime_weights=True)
        depths = {buffer.name: 64 for buffer in wide.buffers}
        modules = [(m.name, m.of, m.parameters) for m in wide.modules(depths)]
        for layer, (_, _, parameters) in zip(wide.layers, (m for m in modules if m[0] == "mvtu"), strict=True):
            if layer.multiplies:
                del parameters["GAINS"]
        made.append((modules, {name: own.shape for name, own in words.items()}))
        plain.append([layer.numbers for layer in accelerator.layers])
        numbers = [
            (narrow.numbers, layer.numbers) for narrow, layer in zip(accelerator.layers, wide.layers, strict=True)
        ]
        assert all(narrow.gain_width <= own.gain_width for narrow, own in numbers)
        assert all(narrow.acc_width <= own.acc_width for narrow, own in numbers)
    assert all(own == made[0] for own in made)
    assert levels == 1 or any(own != plain[0] for own in plain)


def chosen(network):
    return [Folding(2, 3, None) for _ in network.layers]


def test_branches_and_wires_are_refused():
    rng = np.random.default_rng(5)
    seen = set()
    for number in range(30):
        network = (draw_graph, draw_unrolled)[number % 2](rng, number)
        accelerator, _ = draw_accelerator(rng, network, bool(number % 2))
        of_branches = [s for s in accelerator.stages if isinstance(s, EncoderUnit | RescaleUnit)]
        if not of_branches and not any(layer.unrolled for layer in accelerator.layers):
            continue
        with pytest.raises(OptionError, match=r"runtime_weights: .*leave --runtime-weights out$") as caught:
            for_any_weights(accelerator, network, 99)
        seen.add("wires" if "are wires" in str(caught.value) else "branches")
    assert seen == {"wires", "branches"}


def test_gains_of_more_bits_are_refused():
    rng = np.random.default_rng(8)
    for number in range(20):
        network = (draw_chain, draw_grouped_network)[number % 2](rng, number)
        accelerator, _ = draw_accelerator(rng, network)
        least = gain_bits_of(accelerator)
        assert least >= GAIN_BITS
        for_any_weights(accelerator, network, least)
        with pytest.raises(OptionError, match=re.escape(f"and the accelerator takes {least - 1};")):
            for_any_weights(accelerator, network, least - 1)
