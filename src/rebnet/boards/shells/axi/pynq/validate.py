"""Accuracy and speed of the accelerator on this board: python3 validate.py images.npz.

The file holds `images`, uint8 (N, height, width, channels), and `labels`, whole numbers (N,).
"""

import argparse
import sys
import zipfile
import zlib

import numpy as np


def main() -> int:
    """Print what was measured; the exit code."""
    from driver import Accelerator, DriverError, InputError  # the file beside this one

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="NAME.npz with images and labels")
    parser.add_argument("--folder", default=".", help="where shell.json and the bitstream are")
    parser.add_argument("--levels", type=int, help="m; M if not given")
    parser.add_argument("--weights", help="weights.bin to load first")
    options = parser.parse_args()
    try:
        with np.load(options.file, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except (
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        print(f"{options.file}: no .npz with images and labels ({error})", file=sys.stderr)
        return 2
    if not images.ndim or not len(images) or labels.shape[:1] != images.shape[:1]:
        print(f"{options.file}: {images.shape} images and {labels.shape} labels do not fit", file=sys.stderr)
        return 2
    try:
        with Accelerator(options.folder, weights=options.weights) as accelerator:
            found = accelerator.labels(images, options.levels)
            right = float(np.mean(found == labels.reshape(found.shape)))
            print(f"network             {accelerator.network}")
            print(f"images              {len(images)}")
            print(f"accuracy            {100 * right:.2f} %")
            for name, value in accelerator.throughput(max(1000, len(images)), options.levels).items():
                print(f"{name:19s} {value:.6g}")
            for rail, watts in accelerator.power().items():
                print(f"power of {rail:10s} {watts:.3f} W")
    except (DriverError, InputError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
