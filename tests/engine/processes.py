"""Run as a program: a predictor of this process in others, forked while its threads are at work, and spawned.

Prints what each of them found; `python processes.py FOLDER INSTRUCTION_SET [torch]`.
"""

import gc
import multiprocessing
import os
import sys
import threading

import numpy as np

import rebnet

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 5, 4, 1), dtype=np.uint8)


def right(predictor, expected):
    """On two threads at once, as the first calls of a process; exits with 0 where all scores are as expected."""
    found = [None, None]

    def predict(place):
        found[place] = predictor.predict(IMAGES)

    threads = [threading.Thread(target=predict, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(np.array_equal(one, expected) for one in found):
        os._exit(3)


def collected(predictor):
    """A predictor that the child never calls is collected there; so is one that it calls."""
    predictor.pop()
    gc.collect()
    predictor[0].predict(IMAGES)
    predictor.pop()
    gc.collect()


def grandchild(predictor, expected):
    right(predictor, expected)
    run("fork", right, predictor, expected)


def run(method, target, *arguments):
    child = multiprocessing.get_context(method).Process(target=target, args=arguments)
    child.start()
    child.join()
    if child.exitcode != 0:
        sys.exit(f"{method}, {target.__name__}: exit code {child.exitcode}")


def load(folder, instruction_set):
    return rebnet.load(folder, 3, instruction_set)


class Scores:
    """A data set as torch's DataLoader takes them, whose items are scores."""

    def __init__(self, predictor):
        self.predictor = predictor

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        return self.predictor.predict(IMAGES[[index, 0]])[0]


def main():
    folder, instruction_set, *rest = sys.argv[1:]
    predictor = load(folder, instruction_set)
    expected = rebnet.load(folder, 1, "numpy").predict(IMAGES)
    run("fork", right, predictor, expected)  # before it had threads
    predictor.predict(IMAGES)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            predictor.predict(IMAGES)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        run("fork", right, predictor, expected)
    run("fork", grandchild, predictor, expected)
    stop.set()
    for thread in threads:
        thread.join()
    unused = load(folder, instruction_set)
    unused.predict(IMAGES)
    run("fork", collected, [predictor, unused])
    run("spawn", right, predictor, expected)
    if rest:
        from torch.utils.data import DataLoader

        for method, workers in (("fork", 2), ("spawn", 1)):
            items = DataLoader(Scores(predictor), batch_size=8, num_workers=workers, multiprocessing_context=method)
            if not np.array_equal(np.concatenate([part.numpy() for part in items]), expected):
                sys.exit(f"DataLoader, {method}")
    right(predictor, expected)
    print("all right")


if __name__ == "__main__":
    main()
