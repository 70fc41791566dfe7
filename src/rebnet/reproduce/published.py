"""Published numbers: the paper's Table III, the authors' own logs, and the networks of the paper's Table I.

Accuracies are percent, throughputs images/s at 200 MHz. They are data: nothing here is computed.
"""

from dataclasses import dataclass

CLOCK_MHZ = 200
"""Clock of the paper's Table III."""

DATASETS = {"mnist": "MNIST", "cifar10": "CIFAR-10", "svhn": "SVHN", "imagenet": "ImageNet"}
"""Data sets of the paper's Table III, in its order, with their printed names."""

NETWORKS = {
    "mnist": ("arch-1", "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"),
    "cifar10": (
        "arch-2",
        "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) "
        "- D512(1,4) - D512(1,8) - D10(4,1)",
    ),
    "svhn": (
        "arch-2",
        "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) "
        "- D512(1,4) - D512(1,8) - D10(4,1)",
    ),
    "imagenet": (
        "arch-3",
        "224x224x3 - C96(32,33):11x11/4 - MP3/2 - C256(64,25):5x5 - MP3/2 - C384(64,54):3x3+same "
        "- C384(64,36):3x3+same - C256(64,36):3x3+same - MP3/2 - D4096(128,64) - D4096(128,64) - D1000(40,50)",
    ),
}
"""The paper's network of each data set: its name, and the text with the paper's folding (Table I).

`rebnet.nn.networks` holds the same texts and says what of them the table leaves open; that room needs torch.
"""

FINN = "FINN"
PAPER = "ReBNet paper"
LOGS = "ReBNet logs"
SOURCES = (FINN, PAPER, LOGS)

_TABLE_3 = "Ghasemzadeh, Samragh, Koushanfar, FCCM 2018 (arXiv:1711.01243), Table III"
_HISTORIES = "best epoch in history_{levels}_residuals.pkl of github.com/mohaghasemzadeh/ReBNet"


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        dataset: a key of `DATASETS`.
        source: one of `SOURCES`.
        levels: M; None for FINN, which has no levels.
        accuracy: percent.
        images_per_second: throughput at `CLOCK_MHZ`; None where there is none.
        origin: where both numbers are printed.
    """

    dataset: str
    source: str
    levels: int | None
    accuracy: float
    images_per_second: float | None
    origin: str


def _table_3(dataset: str, finn: tuple[float, float], *levels: tuple[float, float]) -> tuple[Published, ...]:
    return (
        Published(dataset, FINN, None, *finn, _TABLE_3),
        *(Published(dataset, PAPER, m, *figures, _TABLE_3) for m, figures in enumerate(levels, start=1)),
    )


def _logs(dataset: str, *accuracies: float) -> tuple[Published, ...]:
    return tuple(
        Published(dataset, LOGS, m, accuracy, None, _HISTORIES.format(levels=m))
        for m, accuracy in enumerate(accuracies, start=1)
    )


RESULTS: tuple[Published, ...] = (
    *_table_3("mnist", (95.83, 6.3e5), (97.87, 6.4e5), (98.29, 3.3e5), (98.25, 2.3e5)),
    *_logs("mnist", 98.04, 98.34, 98.40),
    *_table_3("cifar10", (80.1, 6e3), (80.59, 6e3), (85.94, 3e3), (86.98, 2e3)),
    *_logs("cifar10", 78.70, 84.57, 85.19),
    *_table_3("svhn", (94.9, 6e3), (95.46, 6e3), (96.82, 3e3), (97.00, 2e3)),
    *_table_3("imagenet", (27.9, 520), (40.89, 530), (41.37, 260), (41.43, 170)),
)
"""Every published result, by data set, then source, then levels."""


def of(dataset: str) -> tuple[Published, ...]:
    """What is published of a data set; nothing of one that the paper does not have."""
    return tuple(result for result in RESULTS if result.dataset == dataset)
