"""Who speaks: nine speakers told apart by two vowels, recorded, as signals in an npz data set.

    pip download --no-deps sktime
    python examples/spoken_vowels.py sktime-*.whl vowels.npz
    rebnet train --network "1x29x12 - C64:1x5+same - ..." --dataset npz:vowels.npz --levels 2 --output run

The recordings are Japanese Vowels (M. Kudo, J. Toyama, M. Shimbo, Pattern Recognition Letters 20, 1999; UCI archive):
12 coefficients of linear prediction at 7 to 29 moments, 270 utterances to train on, 370 to test. The wheel of sktime
(8 MB, BSD-3-Clause) holds them; it is read, not installed. The guide "Signals" goes on.
"""

import argparse
from pathlib import Path
from zipfile import ZipFile

import numpy as np

FOLDER = "sktime/datasets/data/JapaneseVowels/JapaneseVowels_"
LENGTH = 29
"""Moments of the longest utterance; shorter ones go on as they end."""
COPIES, MOST, NOISE = 8, 4, 0.02
"""Copies of an utterance to train on, how many moments they are moved at most, and noise in shares of the range."""


def utterances(wheel: ZipFile, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, float N×29×12, and speakers, N."""
    signals, speakers = [], []
    for line in wheel.read(f"{FOLDER}{part}.ts").decode().splitlines():
        if not line or line[0] in "#@":
            continue
        *channels, speaker = line.split(":")
        signal = np.array([channel.split(",") for channel in channels], dtype=np.float64).T
        signals.append(np.pad(signal, ((0, LENGTH - len(signal)), (0, 0)), mode="edge"))
        speakers.append(int(speaker) - 1)
    return np.stack(signals), np.array(speakers)


def moved(signals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The signals, each begun some moments earlier or later."""
    places = np.arange(LENGTH) + rng.integers(-MOST, MOST + 1, (len(signals), 1))
    return np.take_along_axis(signals, places.clip(0, LENGTH - 1)[..., None], axis=1)


def main() -> None:
    """Write the data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="the wheel of sktime")
    parser.add_argument("output", type=Path, help="the .npz file to write")
    given = parser.parse_args()
    with ZipFile(given.wheel) as wheel:
        (signals, speakers), (test_signals, test_speakers) = (utterances(wheel, part) for part in ("TRAIN", "TEST"))
    low, high = signals.min(axis=(0, 1)), signals.max(axis=(0, 1))
    rng = np.random.default_rng(0)
    copies = np.concatenate([signals, *(moved(signals, rng) for _ in range(COPIES - 1))])
    copies[len(signals) :] += rng.normal(0, NOISE, copies[len(signals) :].shape) * (high - low)

    def pixels(values: np.ndarray) -> np.ndarray:
        """Bytes, each coefficient over its own range."""
        return np.rint(255 * ((values - low) / (high - low)).clip(0, 1)).astype(np.uint8)

    np.savez_compressed(
        given.output,
        images=pixels(copies),
        labels=np.tile(speakers, COPIES),
        test_images=pixels(test_signals),
        test_labels=test_speakers,
        class_names=np.array([f"speaker {number}" for number in range(1, 10)]),
    )


if __name__ == "__main__":
    main()
