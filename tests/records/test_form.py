"""Every kind of value: what it lets through, and its refusals whole."""

import re
from typing import Annotated

import pytest

from rebnet.records.form import FLAG, NULL, each, many, number, one_of, text, whole
from rebnet.records.record import Record, form, object_of

LEVELS = whole(1, 8)
PERCENT = number(0, 100)


@form
class Rung(Record):
    """A level count, and what it gives."""

    levels: Annotated[int, LEVELS]
    accuracy: Annotated[float, PERCENT] | None = None


RUNG = object_of(Rung)
MAYBE = one_of(LEVELS, NULL)
EITHER = one_of(many(LEVELS), each(LEVELS))
NESTED = one_of(LEVELS, many(LEVELS))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (LEVELS, 1), (LEVELS, 8), (whole(), 0), (whole(), 2**53), (PERCENT, 0), (PERCENT, 100.0), (number(), -1.5),
        (text(3), "abc"), (text(choices=("a", "b")), "b"), (FLAG, False),
        (MAYBE, None), (MAYBE, 3), (many(LEVELS), []), (many(LEVELS, 1, 2), [1, 2]),
        (each(LEVELS), {"a": 1}), (EITHER, [1]),
        (EITHER, {"a": 2}), (NESTED, 2), (NESTED, [2, 3]),
        (RUNG, {"levels": 1}), (RUNG, {"levels": 1, "accuracy": 3, "more": None}),
    ],
)  # fmt: skip
def test_legal(kind, value):
    read = kind.read("key", value)
    assert read == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (LEVELS, 0, "key 'x' holds 0, it must hold a whole number from 1 to 8"),
        (LEVELS, 9, "key 'x' holds 9, it must hold a whole number from 1 to 8"),
        (LEVELS, True, "key 'x' holds True, it must hold a whole number from 1 to 8"),
        (LEVELS, 1.0, "key 'x' holds 1.0, it must hold a whole number from 1 to 8"),
        (whole(1), 2**53 + 1, "key 'x' holds 9007199254740993, it must hold a whole number of at least 1"),
        (PERCENT, 256, "key 'x' holds 256, it must hold a number from 0 to 100"),
        (PERCENT, -1e-9, "key 'x' holds -1e-09, it must hold a number from 0 to 100"),
        (PERCENT, False, "key 'x' holds False, it must hold a number from 0 to 100"),
        (number(), float("nan"), "key 'x' holds nan, it must hold a number"),
        (number(), float("inf"), "key 'x' holds inf, it must hold a number"),
        (number(), 10**400, f"key 'x' holds 1{'0' * 59}…, it must hold a number"),
        (number(0, above=True), 0, "key 'x' holds 0, it must hold a number above 0"),
        (text(3), "", "key 'x' holds '', it must hold a text of 1 to 3 characters"),
        (text(3), "abcd", "key 'x' holds 'abcd', it must hold a text of 1 to 3 characters"),
        (text(3), "a" * 1000, f"key 'x' holds '{'a' * 60}…', it must hold a text of 1 to 3 characters"),
        (text(choices=("a", "b", "c")), "d", "key 'x' holds 'd', it must hold a, b or c"),
        (FLAG, 1, "key 'x' holds 1, it must hold true or false"),
        (MAYBE, "1", "key 'x' holds '1', it must hold a whole number from 1 to 8, or null"),
        (one_of(RUNG, NULL), {}, "key 'x.levels' is missing, it must hold a whole number from 1 to 8"),
        (many(LEVELS, 1, 2), [], "key 'x' holds [], it must hold a list of 1 to 2 entries"),
        (many(LEVELS, 1, 2), {}, "key 'x' holds {}, it must hold a list of 1 to 2 entries"),
        (many(LEVELS), [1, None], "key 'x[1]' holds None, it must hold a whole number from 1 to 8"),
        (each(LEVELS), [], "key 'x' holds [], it must hold an object"),
        (each(LEVELS), {"a": 0}, "key 'x.a' holds 0, it must hold a whole number from 1 to 8"),
        (EITHER, 1, "key 'x' holds 1, it must hold a list of 0 to 100,000 entries, or an object"),
        (NESTED, [[1]], "key 'x[0]' holds [1], it must hold a whole number from 1 to 8"),
        (RUNG, 3, "key 'x' holds 3, it must hold an object"),
        (many(RUNG), [{"levels": 1, "accuracy": "?"}], "key 'x[0].accuracy' holds '?', it must hold a number from 0 to "
         "100"),
    ],
)  # fmt: skip
def test_refused(kind, value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind.read("x", value)
