"""Several runs of outside tools at once, of which the first that fails ends all."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


def together(
    jobs: Mapping[Key, Callable[[], Found]],
    processes: int,
    stop: Event,
    done: Callable[[Key, int, int], None] = lambda key, number, total: None,
) -> dict[Key, Found]:
    """What each job found, in the order in which they ended.

    Args:
        jobs: by what `done` calls them; started in this order.
        processes: how many run at once.
        stop: set where one fails or this is interrupted; the others end when they see it.
        done: called after each job with its key, how many are done and how many there are.

    Raises:
        Exception: what a job raised.
    """
    found: dict[Key, Found] = {}
    with ThreadPoolExecutor(processes) as pool:
        try:
            waiting = {pool.submit(job): key for key, job in jobs.items()}
            for future in as_completed(waiting):
                key = waiting[future]
                found[key] = future.result()
                done(key, len(found), len(jobs))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return found
