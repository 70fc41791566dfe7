"""What the numbers of one record imply of each other; nothing is computed again for it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_ROUNDED = 5.1e-5
"""Accuracies are rounded to four digits behind the point."""


def check_consistent(file: str, record: Mapping[str, Any]) -> None:
    """Raise `ValueError` where the record of that file contradicts itself."""
    if file in _CHECKS:
        _CHECKS[file](record)


def _share(place: str, percent: float, images: int) -> None:
    """A percentage of images is that of a whole number of them."""
    nearest = 100 * round(percent * images / 100) / images
    if abs(percent - nearest) > _ROUNDED:
        raise ValueError(
            f"key {place!r} holds {percent}, which is not the share of a whole number of {images:,} images; the "
            f"nearest is {nearest:.4f}"
        )


def _at_most(place: str, value: float, most: float, what: str) -> None:
    if value > most:
        raise ValueError(f"key {place!r} holds {value:,}, it must hold at most {most:,}, {what}")


def _evaluation(record: Mapping[str, Any]) -> None:
    images = record["images"]
    for key in ("accuracy", "float_accuracy"):
        _share(key, record[key], images)
    for key in ("labels_differing", "mismatches"):
        _at_most(key, record.get(key, 0), images, "the images")
    if "classes" in record:
        _classes(record)


_OF_CLASSES = ("class_names", "class_images", "class_correct", "confusions", "confusions_left_out", "wrong")


def _classes(record: Mapping[str, Any]) -> None:
    """Counts class by class are all there, of as many classes, and add up to the accuracy."""
    count, images = record["classes"], record["images"]
    for key in _OF_CLASSES:
        if key not in record:
            raise ValueError(f"key {key!r} is missing though key 'classes' is there")
    for key, lengths in (("class_images", (count,)), ("class_correct", (count,)), ("class_names", (0, count))):
        if len(record[key]) not in lengths:
            entries = f"{len(record[key])} entries"
            raise ValueError(f"key {key!r} holds {entries}, it must hold one for each of {count} classes")
    for place, (right, all_) in enumerate(zip(record["class_correct"], record["class_images"], strict=True)):
        _at_most(f"class_correct[{place}]", right, all_, "the images of the class")
    for key in ("confusions", "wrong"):
        for place, entry in enumerate(record[key]):
            for end in ("label", "prediction"):
                _at_most(f"{key}[{place}].{end}", entry[end], count - 1, "the last class")
    wrong = sum(pair["images"] for pair in record["confusions"]) + record["confusions_left_out"]
    right = sum(record["class_correct"])
    if sum(record["class_images"]) != images or wrong + right != images:
        raise ValueError(f"key 'class_images' and the others of classes do not add up to the {images:,} images")
    if round(100 * right / images, 4) != record["accuracy"]:
        raise ValueError(
            f"key 'accuracy' holds {record['accuracy']}, key 'class_correct' {right:,} of {images:,} images"
        )


def _simulation(record: Mapping[str, Any]) -> None:
    _share("accuracy", record["accuracy"], record["images"])
    _at_most("mismatches", record["mismatches"], record["images"], "the images")
    if record["stalls"] is not None and record["cycles_per_image"] is not None:
        raise ValueError(
            f"key 'cycles_per_image' holds {record['cycles_per_image']} though key 'stalls' holds {record['stalls']}; "
            "under stalls it must hold null"
        )


def _online(record: Mapping[str, Any]) -> None:
    for key in ("trained_accuracy", "online_accuracy"):
        _share(key, record[key], record["images"])


def _adaptive(record: Mapping[str, Any]) -> None:
    ladder = record["ladder"]
    if [rung["levels"] for rung in record["rungs"]] != ladder:
        raise ValueError(f"key 'rungs' is not of the levels {ladder} that key 'ladder' holds")
    points = [("operating_point", record["operating_point"])]
    points += [(f"curve[{number}]", point) for number, point in enumerate(record["curve"])]
    for place, point in points:
        _share(f"{place}.test_accuracy", point["test_accuracy"], record["test_images"])
        for key, length in (("thresholds", len(ladder) - 1), ("test_answered", len(ladder))):
            if len(point[key]) != length:
                raise ValueError(
                    f"key '{place}.{key}' holds {len(point[key])} entries; a ladder of {len(ladder)} has {length}"
                )


def _training(record: Mapping[str, Any]) -> None:
    epochs = [entry["epoch"] for entry in record.get("curve", [])]
    if epochs != list(range(1, len(epochs) + 1)):
        raise ValueError("key 'curve' does not count its epochs 1, 2, 3 and so on")
    if "epochs" in record and len(epochs) > record["epochs"]:
        raise ValueError(f"key 'curve' holds {len(epochs)} entries, key 'epochs' {record['epochs']}")
    for key in ("test_accuracies", "validation_accuracies"):
        if key in record and len(record[key]) != record["levels"]:
            raise ValueError(
                f"key {key!r} holds {len(record[key])} entries, it must hold one for each of {record['levels']} levels"
            )


def _network(record: Mapping[str, Any]) -> None:
    _levels("served", record["served"], record["levels"])


def _levels(place: str, served: Iterable[int], levels: int) -> None:
    for m in served:
        _at_most(place, m, levels, "the levels of the network")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "evaluation.json": _evaluation,
    "simulation.json": _simulation,
    "online.json": _online,
    "adaptive.json": _adaptive,
    "training.json": _training,
    "network.json": _network,
}
