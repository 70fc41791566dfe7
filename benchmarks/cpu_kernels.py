"""How AVX2 computes layers: what the engine chooses beside each way of its own, in one run.

    python benchmarks/cpu_kernels.py [--layers 100] [--seed 0] [--only NAME]

The networks of the zoo, and random layers, each behind an encoder of a pixel and before two scores. A network's way is
"" (the engine's choice), "planes" or "sums" wherever they can be (`NativeEngine.kernels`). Ways take turns; a figure is
the least of the rounds, in seconds on the core, since others may use it too. What the choice loses is its time over
that of the best way, less one.
"""

import argparse
import statistics
import time

import numpy as np

import rebnet
from cpu_branches import drawn
from rebnet.engine.native import NativeEngine
from rebnet.ir.network import Network
from rebnet.zoo import NAMES

WAYS = ("", "planes", "sums")
ROUNDS, SECONDS, IMAGES = 7, 0.004, 8


def layer(rng: np.random.Generator) -> tuple[str, int]:
    """A text with one layer of codes that takes most of the time, or one of pixels, and a number of levels."""
    rows, levels = int(rng.choice([8, 32, 48, 64, 96, 128, 256, 512])), int(rng.integers(1, 5))
    channels, kernel = int(rng.choice([3, 16, 32, 48, 64, 128, 256])), int(rng.choice([1, 3, 3, 3, 5]))
    size = kernel + int(rng.integers(0, 12))
    if rng.random() < 0.25:
        channels = int(rng.choice([1, 3]))
        own = f"D{rows}" if rng.random() < 0.5 else f"C{rows}:{kernel}x{kernel}"
        return f"{size}x{size}x{channels} - {own} - D2", levels
    own = f"D{rows}" if rng.random() < 0.25 else f"C{rows}:{kernel}x{kernel}"
    return f"{size}x{size}x1 - C{channels}:1x1 - {own} - D2", levels


def times(network: Network) -> tuple[dict[str, float], tuple[str, ...]]:
    """Seconds for an image by way, and what each layer takes by the engine's own choice."""
    image = network.input
    shape = (IMAGES, image.height, image.width, image.channels)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    engines = {way: NativeEngine(network, 1, "avx2", way) for way in WAYS}
    index = len(network.served) - 1
    found = dict.fromkeys(WAYS, float("inf"))
    for number in range(ROUNDS):
        for way in WAYS[number % 3 :] + WAYS[: number % 3]:
            start, calls = time.process_time(), 0
            while calls < 2 or time.process_time() - start < SECONDS:
                engines[way].run(images, index)
                calls += 1
            found[way] = min(found[way], (time.process_time() - start) / calls / IMAGES)
    return found, engines[""].kernels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=100, help="random layers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="networks of the zoo whose names have this in them")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    cases = [(name, rebnet.load(f"zoo:{name}").network) for name in NAMES if options.only in name]
    for _ in range(options.layers):
        text, levels = layer(rng)
        cases.append((f"{text}, M={levels}", drawn(text, levels)))
    losses: list[float] = []
    print(f"{'µs per image':<44}{'chosen':>9}{'planes':>9}{'sums':>9}{'lost, %':>9}")
    for name, network in cases:
        found, kernels = times(network)
        losses.append(100 * (found[""] / min(found.values()) - 1))
        figures = "".join(f"{1e6 * found[way]:9.2f}" for way in WAYS)
        print(f"{name:<44}{figures}{losses[-1]:9.1f}  {' '.join(kernels)}", flush=True)
    most = sorted(losses)[-max(1, len(losses) // 10)]
    mean = statistics.mean(losses)
    print(f"lost: {mean:.1f} % on average, more than {most:.1f} % by a tenth, {max(losses):.1f} % at most")


if __name__ == "__main__":
    main()
