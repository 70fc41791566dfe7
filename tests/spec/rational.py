"""The greedy code on rational numbers: what the integer encoder is measured against."""

from fractions import Fraction


def real_code(z, gammas, ties=True):
    """The greedy code of a rational number; without `ties` that of a number just below it."""
    result = 0
    for gamma in gammas:
        bit = z >= 0 if ties else z > 0
        result = 2 * result + bit
        z -= Fraction(gamma) if bit else -Fraction(gamma)
    return result
