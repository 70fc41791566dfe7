"""Points to steps: what is shared, what has the same name again, and what is refused before anything starts."""

from collections import Counter

import numpy as np
import pytest
from tests.simulate.builds import save_run
from tests.sweep.studies import NETWORK, study

from rebnet.errors import OptionError
from rebnet.flow import dataset_of
from rebnet.flow.points import _check, _memory, takes
from rebnet.methods import METHODS
from rebnet.sweep.plan import Step, plan

TRAINED = f'[axes]\nnetwork = "{NETWORK}"\ndataset = "digits"\n'


def planned(folder, text):
    return plan(study(folder, text), takes(), _check, dataset_of)


def count(found):
    return Counter(step.verb for step in found.steps.values())


def test_a_training_serves_foldings_and_boards_and_an_evaluation_too(tmp_path):
    text = TRAINED + 'levels = [1, 2]\nfolding = ["paper", "balanced"]\npart = ["xc7s50", "xc7z020"]\n'
    found = planned(tmp_path, text)
    assert len(found.points) == 8
    assert count(found) == {"train": 2, "evaluate": 2, "compile": 4, "simulate": 4, "synthesize": 8}
    first = next(iter(found.steps.values()))
    assert (first.verb, found.users(first.name)) == ("train", 4)


def test_a_folding_that_is_searched_is_searched_for_each_device(tmp_path):
    found = planned(tmp_path, TRAINED + 'folding = "search"\npart = ["xc7s50", "xc7z020"]\n')
    assert count(found)["compile"] == 2
    unsaid = planned(tmp_path, TRAINED + 'part = ["xc7s50", "xc7z020"]\n')
    assert unsaid.steps.keys() == found.steps.keys()


def test_names_stay_for_as_long_as_what_is_asked_for_is_the_same(tmp_path):
    one = planned(tmp_path, TRAINED + 'part = "xc7s50"\nseed = [0, 1]')
    more = planned(tmp_path, f'name = "x"\n[axes]\npart = "xc7s50"\nseed = [1, 0, 2]\n{TRAINED[7:]}')
    assert one.steps.keys() < more.steps.keys()
    other = planned(tmp_path, TRAINED + 'part = "xc7s50"\nseed = [0, 1]\nepochs = 3')
    assert not one.steps.keys() & other.steps.keys()


def test_files_count_by_what_they_hold(tmp_path):
    source = save_run(tmp_path / "run")
    text = f'[axes]\nsource = "{source}"\npart = "xc7s50"\n'
    before = planned(tmp_path, text)
    assert count(before) == {"compile": 1, "evaluate": 1, "simulate": 1, "synthesize": 1}
    source.rename(tmp_path / "moved")
    moved = planned(tmp_path, text.replace(str(source), str(tmp_path / "moved")))
    assert moved.steps.keys() == before.steps.keys()
    training = tmp_path / "moved" / "training.json"
    training.write_text(training.read_text() + "\n")
    assert not planned(tmp_path, text.replace(str(source), str(tmp_path / "moved"))).steps.keys() & before.steps.keys()


def test_memory_counts_the_network_its_batch_and_its_images(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((1000, 8, 8, 1), np.uint8))
    options = {"network": "8x8x1 - D16 - D10", "levels": 1}
    least = _memory(Step("a", "train", {**options, "dataset": "digits"}))
    own = _memory(Step("a", "train", {**options, "dataset": f"npz:{tmp_path / 'a.npz'}", "recipe": "digits"}))
    assert 128_000 <= own - least < 130_000
    assert _memory(Step("a", "train", {**options, "dataset": "digits", "width": 99})) > least
    assert _memory(Step("a", "evaluate", {"dataset": "cifar10"})) > 300 * 2**20
    assert _memory(Step("a", "evaluate", {"dataset": "npz:nowhere"})) == 500 * 2**20


def test_methods_are_an_axis(tmp_path):
    text = 'stages = ["train"]\n' + TRAINED.replace("(8,16)", "") + "method = {}\n"
    assert len(planned(tmp_path, text.format(list(METHODS)[:3])).points) == 3
    with pytest.raises(OptionError, match=r"^study 'study', point with the only point: method='nobody'"):
        planned(tmp_path, text.format('"nobody"'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRAINED + 'levels = [2, 9]\nseed = [4, 5]\npart = "xc7s50"',
         "point with levels 9, seed 4: levels=9: a network has 1 to 8 residual levels; use 1 to 8 (1 more points are "
         "not legal)"),
        (TRAINED, "point with the only point: names neither a board nor a part, which synthesize needs; name one, or "
         "leave it out of stages"),
        ('[axes]\nnetwork = "a"',
         "point with the only point: names no dataset, which a training needs; "
         "name one below [axes]"),
        ('stages = ["compile"]\n' + TRAINED, "point with the only point: nothing is trained here and no source is "
         "named; add 'train' to stages, or name a source"),
        ('[axes]\nsource = "zoo:mnist-arch-1-m1"\nseed = [1, 2]', "point with seed 1: seed belongs to a training, and "
         "source zoo:mnist-arch-1-m1 is trained; leave one of them out (1 more points are not legal)"),
        ('stages = ["train", "compile"]\n' + TRAINED + 'folding = ["papers", "paper"]', "point with folding papers: "
         "folding 'papers': use paper, balanced, unrolled, search, or a folding.json that exists"),
        ('stages = ["train", "compile"]\n[axes]\nnetwork = ["8x8x1 - D10"]\ndataset = "digits"\nfolding = "paper"',
         "point with the only point: folding 'paper': layer D10 has no (PE,SIMD); write them into the text, "
         "or use another"),
        ('stages = ["train", "compile"]\n' + TRAINED + 'folding = "search"',
         "point with the only point: folding search needs a device; name a board or a part"),
        (TRAINED.replace("digits", "digit") + 'part = "xc7s50"', "point with the only point: dataset='digit': no "
         "such data set; use digits, mnist, fashion-mnist, cifar10, svhn, imagenet, npz:FILE"),
        (TRAINED + 'part = "xc7s50"\nboard = "zc702"', "point with the only point: board zc702 and part xc7s50: "
         "name one of them"),
        (TRAINED + 'part = "xc7s50"\nimages = 0', "point with the only point: images=0: use 1 or more, or 'all'"),
        (TRAINED + 'part = "xc7s50"\nteacher = "nowhere"', "point with the only point: teacher=nowhere: holds no "
         "finished training; name a run"),
    ],
)  # fmt: skip
def test_what_it_refuses_with_its_coordinates(tmp_path, text, message):
    with pytest.raises(OptionError) as refused:
        planned(tmp_path, text)
    assert str(refused.value) == f"study 'study', {message}"
