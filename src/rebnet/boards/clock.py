"""The ECP5's phase-locked loop: dividers that make one clock of another.

    compared = oscillator / input         the loop compares this with its fed-back clock and makes them equal
    fed back = compared · feedback        10 to 400 MHz
    loop     = fed back · primary         400 to 800 MHz
    clock    = loop / output

Limits: Lattice FPGA-DS-02012 (ECP5), table of the sysCLOCK PLL's timing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rebnet.errors import OptionError

COMPARED_MHZ = (10.0, 400.0)
LOOP_MHZ = (400.0, 800.0)
CLOCK_MHZ = (10.0, 400.0)
INPUT, FEEDBACK, PRIMARY, OUTPUT = range(1, 129), range(1, 81), range(1, 129), range(1, 129)


@dataclass(frozen=True)
class Dividers:
    """A setting of the loop.

    Attributes:
        clock_mhz: what comes out, MHz.
        input: divides the oscillator.
        feedback: divides the clock that is fed back.
        primary: divides the loop's oscillator into the clock that is fed back.
        output: divides the loop's oscillator into `clock_mhz`.
    """

    clock_mhz: float
    input: int
    feedback: int
    primary: int
    output: int


def dividers(oscillator_mhz: float, clock_mhz: float) -> Dividers:
    """The setting whose clock is the fastest that is not above `clock_mhz`.

    Raises:
        OptionError: `clock_mhz` is outside of what the loop can make.
    """
    low, high = CLOCK_MHZ
    if not low <= clock_mhz <= high:
        raise OptionError(f"clock of {clock_mhz:g} MHz: the PLL makes {low:g} to {high:g} MHz; use one of these")
    # of all that make the same clock, the one that compares most often: least jitter
    return max(_settings(oscillator_mhz, clock_mhz), key=lambda found: (found.clock_mhz, -found.input, found.feedback))


def _settings(oscillator_mhz: float, clock_mhz: float) -> Iterator[Dividers]:
    """Settings whose clock is at most `clock_mhz`, for each loop the fastest."""
    for divide in INPUT:
        compared = oscillator_mhz / divide
        if not COMPARED_MHZ[0] <= compared <= COMPARED_MHZ[1]:
            continue
        for feedback in FEEDBACK:
            fed_back = compared * feedback
            if not CLOCK_MHZ[0] <= fed_back <= CLOCK_MHZ[1]:
                continue
            for primary in PRIMARY:
                loop = fed_back * primary
                output = next((n for n in OUTPUT if loop / n <= clock_mhz), None)
                if LOOP_MHZ[0] <= loop <= LOOP_MHZ[1] and output is not None:
                    yield Dividers(loop / output, divide, feedback, primary, output)
