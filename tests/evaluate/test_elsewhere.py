"""What answers elsewhere, beside the integer network: label by label, and what is refused before it is reached."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.cli.conftest import files_in
from tests.connections.test_answers import Script, cpu, script
from tests.simulate.builds import build, compiled, ready, run_folder, shared, simulated

from rebnet import datasets, flow
from rebnet.engine.predictor import Predictor
from rebnet.errors import BoardError, DatasetError, OptionError
from rebnet.evaluate.elsewhere import evaluate_elsewhere
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.spec.scores import labels as labels_of

__all__ = ["build", "compiled", "cpu", "ready", "run_folder", "script", "shared", "simulated"]


class Wrong(Predictor):
    """A connection whose answers are changed at some images, and which remembers how it was asked."""

    def __init__(self, network, places=()):
        super().__init__(network)
        self.places, self.calls = np.array(places, dtype=np.int64), []

    def _scores(self, images, levels):
        scores = super()._scores(images, levels)
        self.calls.append((len(images), levels))
        start = sum(count for count, _ in self.calls[1:-1])  # the first call is the start
        hit = self.places[(self.places >= start) & (self.places < start + len(images))] - start
        scores[hit, (labels_of(scores)[hit] + 1) % scores.shape[-1]] = scores.max() + 1
        return scores


def accuracy_of(network, data, count, levels=None):
    found = labels_of(Predictor(network).predict(data.test_images[:count], levels))
    return round(100 * int((found == data.test_labels[:count]).sum()) / count, 4)


@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("images", [None, 1, 7, 360])
def test_this_processor(compiled, levels, images):
    data = datasets.load("digits")
    record = flow.evaluate(compiled, "digits", where=compiled, images=images, levels=levels)
    network, count = storage.load(compiled), images or 360
    assert (record.images, record.levels, record.labels_differing, record.differing) == (count, levels or 3, 0, 0)
    assert record.accuracy == accuracy_of(network, data, count, levels)
    assert record.images_per_second > 0
    assert record.where == str(compiled)
    assert "error" not in record
    assert "labels" not in record


def test_simulator_and_nothing_is_written(ready):
    before, told = files_in(ready), []
    for where in (f"simulator:{ready}", f"simulator:{ready}?stalls=7"):
        record = flow.evaluate(ready, "digits", where=where, images=20, levels=2, progress=told.append)
        assert (record.where, record.images, record.labels_differing) == (where, 20, 0)
        assert record.accuracy == accuracy_of(storage.load(ready), datasets.load("digits"), 20, 2)
    assert sum(told) == 40
    assert files_in(ready) == before


def test_a_serial_line(script: Script, compiled):
    """The build goes along; a board without scores has labels."""
    where = f"serial:{script.port}?baud=1000000&timeout=2"
    assert flow.evaluate(compiled, "digits", where=where, images=5).labels_differing == 0
    script.identity = replace(script.identity, scores=False)
    assert flow.evaluate(compiled, "digits", where=where, images=5).labels_differing == 0
    script.change = lambda answer: bytes([(answer[0] + 1) % 10])
    record = flow.evaluate(compiled, "digits", where=where, images=5)
    assert (record.labels_differing, record.differing) == (5, 5)
    script.change = lambda answer: b"\x0a"
    with pytest.raises(BoardError, match="an answer's label is 10"):
        flow.evaluate(compiled, "digits", where=where, images=5)


@pytest.mark.parametrize("places", [(), (0,), (3, 999, 1000, 2100)])
def test_labels_that_differ_are_counted_across_calls(compiled, places):
    digits = datasets.load("digits")
    data = replace(
        digits, test_images=np.tile(digits.test_images, (7, 1, 1, 1)), test_labels=np.tile(digits.test_labels, 7)
    )
    there, told = Wrong(storage.load(compiled), places), []
    record = evaluate_elsewhere(there, "there", data, 2101, 2, told.append)
    assert record.labels_differing == len(places)
    assert there.calls == [(1, 2), (1000, 2), (1000, 2), (101, 2)]
    assert told == [1000, 1000, 101]


def test_another_network_is_refused(compiled, tmp_path):
    network = lower(storage.load(compiled / "exported"), threshold_bits=23)
    storage.save(network, tmp_path / "other")
    with pytest.raises(OptionError, match=rf"another network is there than in {re.escape(str(compiled))}; name"):
        flow.evaluate(compiled, "digits", where=tmp_path / "other")


def test_what_cannot_be(compiled, tmp_path):
    for options, sentence in (
        ({"images": 5}, r"^images=5: evaluation.json is of all test images; name a --where, or leave --images out$"),
        ({"where": compiled, "images": 361}, r"^images=361: the data set has 360 test images; use 1 to 360 or all$"),
        ({"where": compiled, "images": 0}, r"^images=0: the data set has 360"),
        ({"where": compiled, "levels": 4}, r"^levels=4: this network serves 1, 2, 3"),
        ({"where": compiled, "engine": "both"}, r"^engine='both': what answers elsewhere is compared with the packed"),
        ({"where": compiled, "online": True}, r"integer network's; leave --online out$"),
        ({"where": compiled, "no_float": True}, r"integer network's; leave --no-float out$"),
        ({"where": compiled, "adaptive": (1, 3)}, r"integer network's; leave --adaptive out$"),
        ({"where": "usb:x"}, r"^where='usb:x': nothing is reached by 'usb:'"),
        ({"where": "simulator:"}, r"nothing stands behind the colon"),
    ):
        with pytest.raises(OptionError, match=sentence):
            flow.evaluate(compiled, "digits", **options)
    np.savez(tmp_path / "own.npz", images=np.zeros((5, 4, 4, 1), np.uint8), labels=np.zeros(5, np.int64))
    with pytest.raises(DatasetError, match=r"images are uint8 of shape \(4, 4, 1\)"):
        flow.evaluate(compiled, f"npz:{tmp_path / 'own.npz'}", where="serial:none")


def test_a_network_of_the_zoo_is_no_build():
    sentence = (
        "zoo:mnist-arch-1-m1: is a trained network, and what is evaluated is a build; run 'rebnet compile "
        "zoo:mnist-arch-1-m1 --output build/mnist-arch-1-m1', with --until lower where no RTL is wanted, and evaluate "
        "build/mnist-arch-1-m1"
    )
    for where in (None, "simulator:x"):
        with pytest.raises(OptionError, match=f"^{re.escape(sentence)}$"):
            flow.evaluate("zoo:mnist-arch-1-m1", "mnist", where=where)
