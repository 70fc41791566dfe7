"""Arithmetic of counts that takes whole numbers and arrays of them alike: what the build and the search both price."""

from functools import cache
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Count = TypeVar("Count", int, Integers)
"""A number, or an array of one for each choice."""


def ceil_div(a: Any, b: Any) -> Any:
    """The least whole number that is not less than a/b; of floats too, which hold whole numbers below 2^53."""
    if isinstance(a, int) and isinstance(b, int):
        return -(-a // b)
    quotient: Any = np.ceil(np.true_divide(a, b))
    return quotient


@overload
def clog2(value: int) -> int: ...
@overload
def clog2(value: NDArray[Any]) -> Integers: ...
def clog2(value: Any) -> Any:
    """Bits that tell `value` things apart, as SystemVerilog's $clog2; 0 for none."""
    if isinstance(value, int):
        return max(value - 1, 0).bit_length()
    return np.frexp(np.maximum(np.asarray(value, np.float64) - 1, 0))[1].astype(np.int64)


def divisors(number: int) -> list[int]:
    """The divisors of a number, rising."""
    return [d for d in range(1, number + 1) if number % d == 0]


@cache
def _divisors(number: int) -> Integers:
    return np.array(divisors(number), dtype=np.int64)


def largest_divisor(number: Count, most: Count) -> Count:
    """The largest divisor of each number that is at most `most`, which is 1 or more."""
    if isinstance(number, int):
        own = _divisors(number)
        return int(own[np.searchsorted(own, most, side="right") - 1])
    found = np.empty_like(number)
    order = np.argsort(number, kind="stable")
    numbers, starts = np.unique(number[order], return_index=True)
    for each, places in zip(numbers, np.split(order, starts)[1:], strict=True):
        own = _divisors(int(each))
        found[places] = own[np.searchsorted(own, most[places], side="right") - 1]
    return found
