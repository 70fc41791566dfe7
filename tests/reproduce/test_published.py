"""Published numbers: complete, and the networks are those that train here."""

from rebnet.nn.networks import NETWORKS as TRAINED
from rebnet.reproduce.published import DATASETS, FINN, LOGS, NETWORKS, PAPER, RESULTS, of


def test_networks_are_those_that_train():
    assert {name: TRAINED[name] for name, _ in NETWORKS.values()} == dict(NETWORKS.values())
    assert list(NETWORKS) == list(DATASETS)


def test_table_3():
    finn = {result.dataset: (result.accuracy, result.images_per_second) for result in RESULTS if result.source == FINN}
    assert finn == {"mnist": (95.83, 6.3e5), "cifar10": (80.1, 6e3), "svhn": (94.9, 6e3), "imagenet": (27.9, 520)}
    paper = [(r.accuracy, r.images_per_second) for r in RESULTS if r.source == PAPER]
    assert paper == [
        (97.87, 6.4e5), (98.29, 3.3e5), (98.25, 2.3e5),
        (80.59, 6e3), (85.94, 3e3), (86.98, 2e3),
        (95.46, 6e3), (96.82, 3e3), (97.00, 2e3),
        (40.89, 530), (41.37, 260), (41.43, 170),
    ]  # fmt: skip
    assert [(r.dataset, r.levels, r.accuracy) for r in RESULTS if r.source == LOGS] == [
        ("mnist", 1, 98.04), ("mnist", 2, 98.34), ("mnist", 3, 98.40),
        ("cifar10", 1, 78.70), ("cifar10", 2, 84.57), ("cifar10", 3, 85.19),
    ]  # fmt: skip


def test_by_data_set():
    assert {result.dataset for name in DATASETS for result in of(name)} == set(DATASETS)
    assert of("digits") == ()
