"""Networks with branches: balanced foldings keep their pace; what knows chains alone refuses, and says a way out."""

import pytest
from tests.ir.graphs import random_graph

from rebnet.boards import find
from rebnet.errors import FoldingError, OptionError
from rebnet.evaluate.online import evaluate_online
from rebnet.fold import samples_per_beat
from rebnet.fold.cost.model import predict, read_costs
from rebnet.fold.search.choose import choose
from rebnet.fold.search.fit import resources_record
from rebnet.fold.timing.depths import predict as predicted
from rebnet.fold.timing.depths import size_fifos
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.rtl import HELD, MODULES
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.features import RescaleUnit, Skip
from rebnet.stages.module import Module

FORKED = next(seed for seed in range(100) if any(len(u) > 1 for u in random_graph(seed, levels=2).users.values()))


def built(network):
    foldings = choose(network, "balanced", None)
    return accelerator_of(network, foldings, samples_per_beat(accelerator_of(network, foldings, 1)))


def test_balanced_foldings_keep_the_pace():
    for seed in (3, FORKED, 18, 14, 23):  # in the last two a join is slower than every layer
        network = lower(random_graph(seed, levels=2))
        accelerator = built(network)
        depths = size_fifos(accelerator)
        prediction = predicted(accelerator, 2, depths)
        assert prediction.cycles_per_image == accelerator.bound_cycles(2)
        assert prediction.limits == ()
        assert all(depths[stage.words.name] >= 2 for stage in accelerator.stages if isinstance(stage, Skip))


def test_a_module_without_prices():
    with pytest.raises(FoldingError, match=r"^module nothing: has no prices for the family xc7; leave the board out"):
        predict(Module("nothing", {}), find("pynq-z2").part.family)


def test_every_module_has_a_price():
    unpriced = {module for modules in HELD.values() for module in modules}  # `predict` refuses them
    assert {"popcount", "rom", "window_buffer", "writable_memory"} == set(MODULES) - set(
        read_costs("xc7")
    ) - unpriced  # parts of others
    accelerator = built(lower(random_graph(FORKED, levels=2)))
    depths = size_fifos(accelerator)
    record = resources_record(accelerator, depths, find("pynq-z2"))
    assert [module.name for module in record.modules] == [module.of for module in accelerator.modules(depths)]
    assert all(module.LUT + module.FF > 0 for module in record.modules)


def test_memories_and_multipliers_of_branches():
    """By the synthesizer's rules: a multiplier a lane, and deep words in blocks."""
    rescale = RescaleUnit("a", 64, 4, 16, 1, 2, 12, 10, 14, 24)
    assert predict(rescale.module({}), "xc7").dsp == 4
    skip = Skip("a", 0, 1, 40, 2, 1)
    small, large = (predict(skip.module({skip.words.name: depth}), "xc7") for depth in (64, 512))
    assert (small.bram_36k, small.bram_18k) == (0, 0)
    assert (large.bram_36k, large.bram_18k) == (1, 0)
    assert large.lut < small.lut


def test_factors_of_an_images_own(tmp_path, monkeypatch):
    network = random_graph(FORKED, levels=2)
    storage.save(network, tmp_path / "exported")
    storage.save(lower(network), tmp_path)
    monkeypatch.setattr("rebnet.evaluate.online.check_origin", lambda build: None)
    with pytest.raises(OptionError, match=r"has branches, .*; evaluate without --online$"):
        evaluate_online(tmp_path, tmp_path / "exported", None)
