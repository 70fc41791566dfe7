"""The greedy code on rational numbers: what the integer encoder is measured against."""

from fractions import Fraction
from itertools import product


def real_code(z, gammas, ties=True):
    """The greedy code of a rational number; without `ties` that of a number just below it."""
    result = 0
    for gamma in gammas:
        bit = z >= 0 if ties else z > 0
        result = 2 * result + bit
        z -= Fraction(gamma) if bit else -Fraction(gamma)
    return result


def boundaries(gammas):
    """Every z where the greedy code changes."""
    candidates = [Fraction(0)]
    for length in range(1, len(gammas)):
        for signs in product((1, -1), repeat=length):
            candidates.append(sum(sign * Fraction(gamma) for sign, gamma in zip(signs, gammas, strict=False)))
    return [z for z in candidates if real_code(z, gammas) != real_code(z, gammas, ties=False)]


def margin(a, levels):
    """The law's distance from a boundary in units of z: M/2 + 1 accumulator units of 2a each; 0 for one level."""
    return (Fraction(levels, 2) + 1) * 2 * abs(Fraction(a)) if levels > 1 else Fraction(-1)
