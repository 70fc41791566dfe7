"""Networks with branches: balanced foldings keep their pace; what knows chains alone refuses, and says a way out."""

import pytest
from tests.ir.graphs import random_graph

from rebnet.boards import find
from rebnet.errors import FoldingError, OptionError
from rebnet.evaluate.online import evaluate_online
from rebnet.fold import samples_per_beat
from rebnet.fold.cost.model import predict
from rebnet.fold.search.choose import choose
from rebnet.fold.search.fit import Constraints, fold_for_board
from rebnet.fold.timing.depths import predict as predicted
from rebnet.fold.timing.depths import size_fifos
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.features import Skip

FORKED = next(seed for seed in range(100) if any(len(u) > 1 for u in random_graph(seed, levels=2).users.values()))


def built(network):
    foldings = choose(network, "balanced", None)
    return accelerator_of(network, foldings, samples_per_beat(accelerator_of(network, foldings, 1)))


def test_balanced_foldings_keep_the_pace():
    for seed in (3, FORKED, 14):
        network = lower(random_graph(seed, levels=2))
        accelerator = built(network)
        depths = size_fifos(accelerator)
        prediction = predicted(accelerator, 2, depths)
        assert prediction.cycles_per_image == accelerator.bound_cycles(2)
        assert prediction.limits == ()


def test_boards():
    network = lower(random_graph(FORKED, levels=2))
    with pytest.raises(
        FoldingError, match=r"has branches, and foldings are searched for chains alone; leave the board"
    ):
        fold_for_board(network, Constraints("pynq-z2").goal(), {}, lambda name: None)
    skip = next(stage for stage in built(network).stages if isinstance(stage, Skip))
    with pytest.raises(FoldingError, match=r"^module skip_buffer: has no prices yet, .* then synthesize$"):
        predict(skip.module({skip.words.name: 4}), find("pynq-z2").part.family)


def test_factors_of_an_images_own(tmp_path, monkeypatch):
    network = random_graph(FORKED, levels=2)
    storage.save(network, tmp_path / "exported")
    storage.save(lower(network), tmp_path)
    monkeypatch.setattr("rebnet.evaluate.online.check_origin", lambda build: None)
    with pytest.raises(OptionError, match=r"has branches, .*; evaluate without --online$"):
        evaluate_online(tmp_path, tmp_path / "exported", None)
