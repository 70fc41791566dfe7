"""Boards whose oscillator is the accelerator's clock: there is nothing to set, and nothing to give way."""

from rebnet.boards.shells import Placement
from rebnet.errors import OptionError


def target(shell: Placement, name: str, wish_mhz: float | None) -> float:
    """The clock that nextpnr aims at, MHz: the wish, or the oscillator's.

    Raises:
        OptionError: the wish is below the oscillator of the board `name`.
    """
    clock = shell.oscillator_mhz
    if wish_mhz is not None and wish_mhz < clock:
        raise OptionError(
            f"clock of {wish_mhz:g} MHz: board {name!r} runs at its oscillator's {clock:g} MHz; leave target-mhz out, "
            "or aim higher"
        )
    return clock if wish_mhz is None else wish_mhz


def settle(shell: Placement, fmax_mhz: float) -> float:
    """The oscillator's clock, MHz.

    Raises:
        OptionError: it is faster than what was reached.
    """
    clock = shell.oscillator_mhz
    if fmax_mhz < clock:
        raise OptionError(
            f"the accelerator reaches {fmax_mhz:g} MHz and the board's oscillator gives {clock:g} MHz, so the "
            "bitstream would fail; try another seed, aim higher, or fold it to fewer elements"
        )
    return clock


def settings(shell: Placement) -> str:
    """Arguments of Yosys' `hierarchy` for the top module's parameters."""
    parameters = shell.parameters(shell.oscillator_mhz)
    return " ".join(f"-chparam {name} {value}" for name, value in parameters.items())
