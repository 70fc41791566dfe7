"""What the classes of a data set are called, and what a training says of them."""

from collections.abc import Mapping
from pathlib import Path

from rebnet.errors import FileFormatError
from rebnet.records import Training, read_if_there

TRAINING_FILE = "training.json"
_DIGITS = tuple("0123456789")
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "digits": _DIGITS,
    "mnist": _DIGITS,
    "svhn": _DIGITS,
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
"""Names that their authors gave, in the order of the labels."""


def trained_on(folder: Path, classes: int) -> tuple[str, ...] | None:
    """What the training.json in `folder` calls the classes of a network with so many; None where it does not say.

    Raises:
        FileFormatError: it is damaged, or has another number of names.
    """
    path = folder / TRAINING_FILE
    record = read_if_there(path, Training)
    if record is None:
        return None
    if record.class_names is None:  # of a data set without names, or older than they are
        names = PUBLISHED.get(record.dataset, ())
        return names if len(names) == classes else None
    own = record.class_names
    if len(own) != classes:
        raise FileFormatError(
            f"{path}: key 'class_names' holds {len(own)} names, the network has {classes} outputs; compile it again "
            "from its run"
        )
    return own
